# The programs that supervisor runs beside a member's etcd: the backups (scripts/backup) and the defragmentation
# (scripts/defragmentation). Each has a program file of its own, so that a change of it never restarts etcd.

ALL_SIDE_PROGRAMS='backup defragmentation'

# as_side_program SIDE FUNCTION…: calls a function of this file or of supervisor.sh for a side program instead of etcd.
as_side_program() {
  local code=0 known=${supervisor_known:-}
  side=$1
  shift
  PROGRAM=$MEMBER-$side PROGRAM_FILE=$SUPERVISOR_INI-$side
  # What is known of the included file is known of the file of etcd's program.
  supervisor_known=${known% include}
  "$@" || code=$?
  PROGRAM=$MEMBER PROGRAM_FILE=$SUPERVISOR_INI supervisor_known=$known has_taken_over=''
  return "$code"
}

# has_side_program SIDE: whether the cluster's program wants it.
has_side_program() { case " $SIDE_PROGRAMS " in *" $1 "*) ;; *) return 1 ;; esac; }

# The script of the side program; and the digest of that script and of the program file with which supervisor runs it.
side_script() { echo "$STATE_DIR/$side"; }
side_loaded() { echo "$STATE_DIR/$side-loaded"; }

side_log() { echo "$LOG_DIR/etcd-$side.log"; }

stage_side_programs() {
  local name
  for name in $ALL_SIDE_PROGRAMS; do
    if has_side_program "$name"; then as_side_program "$name" install_side_program; else drop_side_program "$name"; fi
  done
}

install_side_program() {
  local script ini digest
  private_directory "$STATE_DIR" || return
  case $side in
    backup)
      make_backup_directory || return
      script=$(decode "$BACKUP_BASE64") ini=$(decode "$BACKUP_INI_BASE64")
      ;;
    defragmentation) script=$(decode "$DEFRAGMENTATION_BASE64") ini=$(decode "$DEFRAGMENTATION_INI_BASE64") ;;
  esac
  digest=$(printf '%s\n%s\n' "$script" "$ini" | sha256sum)
  if [ "$digest" = "$(cat "$(side_loaded)" 2>/dev/null)" ] && [ -e "$(program_include)" ] && is_side_program_running; then
    return
  fi
  # If this fails or is killed half done, and the change is then taken back, the old digest must not count.
  rm -f "$(side_loaded)"
  forget_side_program
  put_file "$(side_script)" 700 root:root "$script" || return
  printf '%s\n' "$ini" | register_program || return
  update_program
  # Supervisor has started the program anew, and said so, only if its file is new or has changed.
  case $LINE_END$supervisor_answer in
    *"$LINE_END$PROGRAM: "*) ;;
    *) restart_program || fail "supervisord does not start the program $PROGRAM: $(supervisor_words)" \
      "see $(side_log), correct the cause, and apply again" ;;
  esac
  put_file "$(side_loaded)" 600 root:root "$digest" || return
  case $side in
    backup) say "backups go to $BACKUP_DIR" ;;
    *) say "$side is on: see $(side_log)" ;;
  esac
}

make_backup_directory() {
  make_directory "$(dirname "$BACKUP_DIR")"
  [ -d "$BACKUP_DIR" ] || remember_made "$BACKUP_DIR"
  private_directory "$BACKUP_DIR"
}

# Also if somebody has stopped it by hand: only that person knows why.
is_side_program_running() {
  supervisor status "$PROGRAM:$PROGRAM" || true
  case $supervisor_answer in
    *RUNNING* | *STARTING*) ;;
    *STOPPED*) say "warning: the $side program is stopped: to start it, run $(supervisorctl_here start "$PROGRAM")" ;;
    *) return 1 ;;
  esac
}

# What the old one has left may be in another place than that of the new one.
forget_side_program() {
  [ ! -e "$(side_script)" ] || timeout 10 sh "$(side_script)" forget >/dev/null 2>&1 || true
}

drop_side_programs() {
  local name
  for name in $ALL_SIDE_PROGRAMS; do drop_side_program "$name"; done
}

# drop_side_program SIDE: stops the program, if there is one. The backups stay.
drop_side_program() {
  if has_supervisor && as_side_program "$1" is_own_program; then as_side_program "$1" stop_side_program; fi
  as_side_program "$1" delete_side_program
}

stop_side_program() {
  local directory
  # If this is killed and the program wants it again, a stage must not take it for one that somebody has stopped.
  rm -f "$(side_loaded)"
  supervisor stop "$PROGRAM:$PROGRAM" || true
  # By its program file, a phase that runs again after a kill knows that there is something to do. So that goes last.
  forget_side_program
  # A program without backups, and a removal, know the directory only from the claim.
  directory=${BACKUP_DIR:-$(entry_of "$CLAIM" backup_dir)}
  if [ "$side" = backup ] && [ -n "$directory" ]; then drop_unfinished_snapshot "$directory/.$MEMBER.part"; fi
  forget_program
  case $side in
    backup) say "stopped the backups; those in $directory are kept" ;;
    *) say "stopped the $side program" ;;
  esac
}

delete_side_program() {
  local script
  script=$(side_script)
  rm -f "$script" "$(side_loaded)" "$script-answer" "$script-status" "$script-command"*
}

# The names of the logs of a member, before supervisor rotates them.
log_names() {
  local name
  echo etcd.log
  for name in $ALL_SIDE_PROGRAMS; do echo "etcd-$name.log"; done
}
