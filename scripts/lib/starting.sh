# Waiting for an etcd that is starting. With a large database or on a slow disk this takes minutes, so what counts is
# whether etcd shows activity, not how long it takes.

STARTING_SECONDS=1500 # a member may first have to copy all of a large database

# wait_while_moving SECONDS GOES_ON COMMAND…: polls COMMAND until it succeeds. Every SECONDS it checks whether to go on.
# It is false if etcd's process has ended or was replaced in that time, if etcd showed no activity, if GOES_ON is false,
# or if STARTING_SECONDS have passed in all.
wait_while_moving() {
  window=$1 goes_on=$2
  shift 2
  # Most often there is nothing to wait for, and no traces are needed.
  "$@" && return
  set_uptime
  gives_up=$((uptime + STARTING_SECONDS))
  while :; do
    process_before=$(etcd_pid)
    traces_before=$(traces)
    wait_until "$window" "$@" && return
    [ -n "$process_before" ] && [ "$(etcd_pid)" = "$process_before" ] && [ "$(traces)" != "$traces_before" ] || return 1
    set_uptime
    [ "$uptime" -lt "$gives_up" ] && "$goes_on" || return 1
    # The turn is renewed, so that no other deploy restarts a member in the meantime.
    if [ -n "${turn:-}" ] && live=$(live_endpoint); then keep_turn "$live"; fi
    say "etcd is still starting: its log, disk or processor shows activity, waiting"
  done
}

# The signs of an etcd at work: the size of its log, the bytes that it has read and written, and its processor time in
# units of 5 s (an idle etcd uses less than one unit in a minute).
traces() {
  stat -c %s "$LOG_DIR/etcd.log" 2>/dev/null || true
  grep -E '^(read|write)_bytes' "/proc/$(etcd_pid)/io" 2>/dev/null || true
  awk '{ print int(($14 + $15) / 500) }' "/proc/$(etcd_pid)/stat" 2>/dev/null || true
}

# True if the other members that answer form a quorum together with this one, so that only this member is still missing.
# Without a quorum, etcd would keep writing to its log forever and never become ready.
others_suffice() {
  ! is_of_another_cluster || return 1
  answering=$(endpoint_status "$(other_endpoints | tr '\n' , | sed 's/,$//')" | count)
  has_quorum "$(desired_peer_urls | count)" "$((answering + 1))"
}

# With the data of another cluster, etcd keeps logging this forever and never becomes ready.
is_of_another_cluster() { recent_log | tail -n 50 | grep -q 'cluster ID mismatch'; }

# The preflight's note that this member was stopped and that there was no quorum. All preflights come before any stage,
# but a stage that is late finds a quorum that the other stages have just made by starting their members.
WITHOUT_QUORUM=/run/cdktf-etcd/$MEMBER.without-quorum
WITHOUT_QUORUM_SECONDS=1800 # archives may be pushed between the preflight and the stage

note_lost_quorum() {
  rm -f "$WITHOUT_QUORUM"
  if is_stopped_with_data && ! live_endpoint >/dev/null; then
    set_uptime
    { private_directory /run/cdktf-etcd && echo "$uptime" >"$WITHOUT_QUORUM"; } || true
  fi
}

had_no_quorum() {
  local noted
  [ -e "$WITHOUT_QUORUM" ] || return 1
  read -r noted <"$WITHOUT_QUORUM" || true
  rm -f "$WITHOUT_QUORUM"
  case $noted in '' | *[!0-9]*) return 1 ;; esac
  set_uptime
  [ "$((uptime - noted))" -le "$WITHOUT_QUORUM_SECONDS" ]
}

is_stopped_with_data() {
  has_wal && is_own_program && ! is_running || return 1
  supervisor status "$MEMBER:$MEMBER" || true
  case $supervisor_answer in *" STOPPED"*) ;; *) return 1 ;; esac
}
