# The backup program of a member. supervisor runs it beside etcd as a program of its own, and operators call it on the
# host:
#
#   sudo sh /var/lib/cdktf-etcd/MEMBER/backup now|list|latest|verify FILE

PHASE=backup

backup_main() {
  leave_side_environment "$@"
  prepare_side_program
  exec 9>>"$BACKUP_LOCK"
  case ${1:-} in
    run) backup_loop ;;
    now) backup_now ;;
    list) list_backups ;;
    verify) verify_by_hand "${2:-}" ;;
    forget) forget_metrics ;; # for a deploy that changes or ends the backups
    latest) newest_backup | grep . || refuse "latest" "there is no good backup in $BACKUP_DIR" "run sh $0 now" ;;
    *) refuse "command" "'${1:-}' is not a command" "use now, list, latest or verify FILE" ;;
  esac
}

backup_loop() {
  # supervisor sends the signal to the whole process group, so it also ends `sleep` and etcdctl.
  trap 'stop_command; end_slot; exit 0' TERM INT
  log "a backup every $BACKUP_SECONDS s, in $BACKUP_DIR"
  look_at=0 looked_at=0
  # Before the first backup, so that one that never comes is noticed.
  publish_metrics
  while :; do
    now=$(date +%s)
    correct_last_success
    if is_time_to_look; then look; fi
    follow_command
    looked_at=$now
    pause "$LOOK_SECONDS"
    ! is_left_behind || { stop_command && exit 0; }
  done
}

# Takes a backup if one is due, and sets `look_at` to the time of the next look.
look() {
  look_at=$((now + LOOK_SECONDS))
  # These are looked up each time, because an upgrade changes the process and the tools.
  know_etcd
  look_for_tools
  # Since the last look, somebody may have changed what it has found.
  private_directories=
  # If an operator is taking a backup, it will soon be complete.
  flock -n 9 || return 0
  take_if_due || true
  flock -u 9
}

# Takes a backup now. All members count the time to the next one from it.
backup_now() {
  flock -w 600 9 || refuse "now" "another backup has been running on this host for ten minutes" "see $BACKUP_LOG"
  now=$(date +%s)
  know_etcd
  look_for_tools
  own_state || refuse "now" "$reason" "run this on the host of another member"
  take_and_report || fail "no backup was taken: $reason" "correct the cause, and run this again"
  # While the command runs, the next backup can be taken.
  flock -u 9
  run_pending_command
}

# verify_by_hand FILE: whether a snapshot, from wherever, is whole and can be read. The copy for etcd's tool has the name
# of a snapshot that is being taken, so that the next backup deletes what a killed one has left.
verify_by_hand() {
  local copy=$BACKUP_DIR/.$MEMBER.part is_good=
  [ -f "$1" ] || refuse "verify" "there is no file '$1'" "give the path of a snapshot"
  flock -w 600 9 || refuse "verify" "a backup has been running on this host for ten minutes" "see $BACKUP_LOG"
  has_directory_of_its_own || refuse "verify" "$reason" "correct that, or verify it on another host"
  has_room_for $(($(stat -c %s "$1") / 1048576)) || refuse "verify" "$reason" "make room, or verify it on another host"
  know_etcd
  look_for_tools
  if verify_digest "$1"; then
    # What is there may be a link, from when somebody had opened the directory.
    drop_unfinished_snapshot "$copy"
    reason="it cannot be copied to $copy"
    if copy_for_tool "$1" "$copy" && verify_pages "$copy" && is_unwritten "$1" "$verified"; then is_good=yes; fi
    rm -f "$copy" "$copy".*
  fi
  [ -n "$is_good" ] || refuse "verify" "$1: $reason" "if it is still being copied, wait; otherwise use another backup"
  say "$1 is good: revision $revision, sha256 $sha256"
}
