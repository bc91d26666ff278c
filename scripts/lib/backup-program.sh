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

# The digest of the program and its file with which supervisor runs it.
BACKUP_LOADED=$STATE_DIR/backup-loaded

install_backups() {
  local program ini digest
  make_directory "$(dirname "$BACKUP_DIR")"
  [ -d "$BACKUP_DIR" ] || remember_made "$BACKUP_DIR"
  private_directory "$BACKUP_DIR" && private_directory "$STATE_DIR" || return
  program=$(decode "$BACKUP_BASE64") ini=$(decode "$BACKUP_INI_BASE64")
  digest=$(printf '%s\n%s\n' "$program" "$ini" | sha256sum)
  if [ "$digest" = "$(cat "$BACKUP_LOADED" 2>/dev/null)" ] && [ -e "$(program_include)" ] && are_backups_running; then
    return
  fi
  forget_old_backup_program
  printf '%s\n' "$program" | put_file "$BACKUP_PROGRAM" 700 root:root || return
  printf '%s\n' "$ini" | register_program || return
  update_program
  # Supervisor has started the program anew only if its file is new or has changed.
  [ -z "$has_taken_over" ] || restart_program ||
    fail "supervisord does not start the program $PROGRAM: $(supervisor_words)" \
      "see $LOG_DIR/etcd-backup.log, correct the cause, and apply again"
  printf '%s\n' "$digest" | put_file "$BACKUP_LOADED" 600 root:root || return
  say "backups go to $BACKUP_DIR"
}

# Also if somebody has stopped them by hand: only that person knows why.
are_backups_running() {
  supervisor status "$PROGRAM:$PROGRAM" || true
  case $supervisor_answer in
    *RUNNING* | *STARTING*) ;;
    *STOPPED*) say "warning: the backups are stopped: to start them, run supervisorctl start $PROGRAM" ;;
    *) return 1 ;;
  esac
}

# Its metrics may be in another directory than those of the new one.
forget_old_backup_program() {
  [ ! -e "$BACKUP_PROGRAM" ] || timeout 10 sh "$BACKUP_PROGRAM" forget >/dev/null 2>&1 || true
}

# Stops the backup program, if there is one. The backups stay.
drop_backups() {
  if has_supervisor && as_backup_program is_own_program; then as_backup_program stop_backups; fi
  rm -f "$BACKUP_PROGRAM" "$BACKUP_LOADED"
}

stop_backups() {
  local directory
  supervisor stop "$PROGRAM:$PROGRAM" || true
  forget_program
  forget_old_backup_program
  # A program without backups, and a removal, know the directory only from the claim.
  directory=${BACKUP_DIR:-$(entry_of "$CLAIM" backup_dir)}
  [ -z "$directory" ] || rm -f "$directory/.$MEMBER.part"*
  say "stopped the backups; those in $directory are kept"
}
