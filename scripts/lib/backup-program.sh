# The member's backup program (scripts/backup) under supervisor. It is a program of its own beside etcd's, with a file
# of its own, so that a change of it never restarts etcd.

BACKUP_PROGRAM=$STATE_DIR/backup

# as_backup_program FUNCTION…: calls a function of supervisor.sh for the backup program instead of etcd's.
as_backup_program() {
  local code=0 known=${supervisor_known:-}
  PROGRAM=$MEMBER-backup PROGRAM_FILE=$SUPERVISOR_INI-backup
  # What is known of the included file is known of the file of etcd's program.
  supervisor_known=${known% include}
  "$@" || code=$?
  PROGRAM=$MEMBER PROGRAM_FILE=$SUPERVISOR_INI supervisor_known=$known has_taken_over=''
  return "$code"
}

stage_backups() {
  if [ -n "$BACKUP_BASE64" ]; then as_backup_program install_backups; else drop_backups; fi
}

install_backups() {
  local program ini
  make_directory "$(dirname "$BACKUP_DIR")"
  remember_made "$BACKUP_DIR"
  private_directory "$BACKUP_DIR" && private_directory "$STATE_DIR" || return
  program=$(decode "$BACKUP_BASE64") ini=$(decode "$BACKUP_INI_BASE64")
  if [ "$program" = "$(cat "$BACKUP_PROGRAM" 2>/dev/null)" ] && [ "$ini" = "$(cat "$(program_ini)" 2>/dev/null)" ] &&
    [ -e "$(program_include)" ]; then return; fi
  printf '%s\n' "$program" | put_file "$BACKUP_PROGRAM" 700 root:root || return
  printf '%s\n' "$ini" | register_program || return
  # If its file is new or has changed, supervisor starts the program anew by itself.
  reread_programs
  if program_is_pending; then
    update_program
  else
    restart_program || fail "supervisord does not start the program $PROGRAM: $(supervisor_words)" \
      "see $LOG_DIR/etcd-backup.log, correct the cause, and apply again"
  fi
  say "backups go to $BACKUP_DIR"
}

# Stops the backup program, if there is one. The backups stay.
drop_backups() {
  if has_supervisor && as_backup_program is_own_program; then as_backup_program stop_backups; fi
  rm -f "$BACKUP_PROGRAM"
}

stop_backups() {
  supervisor stop "$PROGRAM:$PROGRAM" || true
  forget_program
  # A program without backups, and a removal, know the directory only from the claim.
  say "stopped the backups; those in ${BACKUP_DIR:-$(entry_of "$CLAIM" backup_dir)} are kept"
}
