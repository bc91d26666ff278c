# An etcd that is starting: with a large database or on a slow disk that takes minutes. So what counts is that it moves, not a clock.

STARTING_SECONDS=1500 # a member of a large database may copy all of it first

# wait_while_moving SECONDS GOES_ON COMMAND…: polls COMMAND until it succeeds. False when SECONDS have passed in which etcd's process was not the same,
# or left no trace, or after which GOES_ON is false; and in the end after STARTING_SECONDS.
wait_while_moving() {
  window=$1 goes_on=$2
  shift 2
  gives_up=$(($(date +%s) + STARTING_SECONDS))
  while :; do
    process_before=$(etcd_pid)
    traces_before=$(traces)
    wait_until "$window" "$@" && return
    [ -n "$process_before" ] && [ "$(etcd_pid)" = "$process_before" ] && [ "$(traces)" != "$traces_before" ] || return 1
    [ "$(date +%s)" -lt "$gives_up" ] && "$goes_on" || return 1
    # Nobody else restarts a member meanwhile.
    if [ -n "${turn:-}" ] && live=$(live_endpoint); then keep_turn "$live"; fi
    say "etcd is still starting: its log, disk or processor moves, waiting"
  done
}

# What an etcd at work leaves: the size of its log, what it read and wrote, and each 5 s of processor time (an idle one needs less in a minute).
traces() {
  stat -c %s "$LOG_DIR/etcd.log" 2>/dev/null || true
  grep -E '^(read|write)_bytes' "/proc/$(etcd_pid)/io" 2>/dev/null || true
  awk '{ print int(($14 + $15) / 500) }' "/proc/$(etcd_pid)/stat" 2>/dev/null || true
}

# Those that answer are a quorum with this member, so it is this one that the cluster waits for. Else its log moves for ever, and nothing comes of it.
others_suffice() {
  ! is_of_another_cluster || return 1
  answering=$(endpoint_status "$(other_endpoints | tr '\n' , | sed 's/,$//')" | count)
  has_quorum "$(desired_peer_urls | count)" "$((answering + 1))"
}

# With data of another cluster, etcd says so for ever, and never gets ready.
is_of_another_cluster() { recent_log | tail -n 50 | grep -q 'cluster ID mismatch'; }
