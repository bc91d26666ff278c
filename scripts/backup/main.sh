# The backup program of a member. supervisor runs it beside etcd as a program of its own, and operators call it on the
# host:
#
#   sudo sh /var/lib/cdktf-etcd/MEMBER/backup now|list|latest|verify FILE
#
# The loop never exits by itself: supervisor gives up a program after some failed starts, and then backups would end
# without a word.

PATH=/usr/sbin:/usr/bin:/sbin:/bin:/usr/local/sbin:/usr/local/bin
export PATH LC_ALL=C

# The library has names for these, but nothing here depends on them: the program stays the same through an upgrade.
VERSION='' SUPERVISOR_INI=''
PHASE=backup
BACKUP_LOCK=/run/cdktf-etcd/$MEMBER.backup.lock
LOOK_SECONDS=15 # how often the loop looks at the clock

backup_main() {
  leave_backup_environment "$@"
  umask 077
  private_directory /run/cdktf-etcd
  exec 9>>"$BACKUP_LOCK"
  know_member_uids
  # etcd comes first, at the processor and at the disk.
  renice -n 19 -p $$ >/dev/null 2>&1 || true
  ionice -c 3 -p $$ >/dev/null 2>&1 || true
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

# The environment of supervisord or of a login may contain settings for etcdctl, proxies, and variables that change the
# behavior of other tools.
leave_backup_environment() {
  [ -z "${IN_CLEAN_ENVIRONMENT:-}" ] || return 0
  exec env -i PATH="$PATH" LC_ALL=C HOME=/ IN_CLEAN_ENVIRONMENT=yes sh "$0" "$@"
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
    if is_time_to_look; then look; fi
    run_pending_command
    looked_at=$now
    sleep "$LOOK_SECONDS"
  done
}

# The second condition is for a clock that was set back: without it, the time to look could be far away.
is_time_to_look() { [ "$now" -ge "$look_at" ] || [ "$now" -lt "$looked_at" ]; }

# Takes a backup if one is due, and sets `look_at` to the time of the next look.
look() {
  look_at=$((now + LOOK_SECONDS))
  # These are looked up each time, because an upgrade changes the process and the tools.
  know_etcd
  look_for_tools
  # If an operator is taking a backup, it will soon be complete.
  flock -n 9 || return 0
  take_if_due || true
  flock -u 9
}

# Takes a backup now. All members count the time to the next one from it.
backup_now() {
  flock -w 600 9 || refuse "now" "another backup has been running on this host for ten minutes" "see $BACKUP_LOG"
  now=$(date +%s) looked_at=0
  know_etcd
  look_for_tools
  own_state || refuse "now" "$reason" "run this on the host of another member"
  take_and_report || fail "no backup was taken: $reason" "correct the cause, and run this again"
  run_pending_command
}

# verify_by_hand FILE: whether a snapshot, from wherever, is whole and can be read.
verify_by_hand() {
  local copy=$BACKUP_DIR/.$MEMBER.verify is_good=
  [ -f "$1" ] || refuse "verify" "there is no file '$1'" "give the path of a snapshot"
  know_etcd
  look_for_tools
  # Old releases of etcd's tool open the file for writing.
  if verify_digest "$1"; then
    reason="it cannot be copied to $copy"
    if cat "$1" >"$copy" && verify_pages "$copy"; then is_good=yes; fi
    rm -f "$copy" "$copy".*
  fi
  [ -n "$is_good" ] || refuse "verify" "$1: $reason" "use another backup"
  say "$1 is good: revision $revision, sha256 $sha256"
}

# A line of the log, which is read much later.
log() {
  tell '%s ' "$(date -u +%Y-%m-%dT%H:%M:%SZ)"
  say "$1"
}
