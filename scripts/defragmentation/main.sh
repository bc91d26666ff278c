# The defragmentation of a member. supervisor runs it beside etcd as a program of its own. After a compaction, etcd
# reuses free pages of its database, but never gives them back to the disk, and the size of the file counts for the
# quota. Defragmentation writes the file anew. Meanwhile the member answers nobody, so it happens only where it is
# worthwhile, on one member at a time, on the leader last and not before it has handed leadership over, and never beside
# a deploy or a backup of the same member.
#
# Operators call it on the host, to do it at once:
#
#   sudo sh /var/lib/cdktf-etcd/MEMBER/defragmentation now

PHASE=defragmentation
RECORD=cdktf-etcd/defragmentation/$MEMBER
DEFRAG_SECONDS=3600 # the longest that one defragmentation may take
PAUSE_SECONDS=3600  # from one on this member to the next, also after a failure
IDLE_SECONDS=86400  # the same, if the last one brought little
LEADER_SECONDS=3600 # how long the leader waits for others that cannot be defragmented
LEASE_SECONDS=60    # how often the lease of the turn is renewed

defragmentation_main() {
  leave_side_environment "$@"
  prepare_side_program
  case ${1:-} in
    run) defragmentation_loop ;;
    now) defragment_now ;;
    forget) ;;
    *) refuse "command" "'${1:-}' is not a command" "use now" ;;
  esac
}

defragmentation_loop() {
  # etcd goes on with what it has begun, so the turn is left to expire.
  trap 'exit 0' TERM INT
  log "defragments when $MIN_FREE_PERCENT % and $MIN_FREE_BYTES bytes of the database are free${WINDOW:+, from $WINDOW UTC}"
  look_at=0 looked_at=0 said_reason='' leader_since=''
  while :; do
    now=$(date +%s)
    [ ! -s "$TURN_LEASE" ] || give_old_turn_back
    if is_time_to_look && is_in_window "$(date -u +%H:%M)"; then look_for_free_pages; fi
    looked_at=$now
    sleep "$LOOK_SECONDS"
    ! is_left_behind || exit 0
  done
}

# is_in_window TIME: WINDOW is HH:MM-HH:MM, and may pass midnight; empty is any time.
is_in_window() {
  [ -n "$WINDOW" ] || return 0
  awk -v now="$1" -v from="${WINDOW%-*}" -v to="${WINDOW#*-}" 'BEGIN {
    exit !(from < to ? from <= now && now < to : from <= now || now < to)
  }'
}

# The turn that a killed phase or defragmentation of this member has left, so that nobody waits for its lease to expire.
# etcd goes on with a defragmentation whose client was killed, and answers no read before it has ended.
give_old_turn_back() {
  exec 9>>"$LOCK"
  flock -n 9 || return 0
  know_etcd
  look_for_tools
  if own_state && is_healthy "$url"; then end_turn_left_behind; fi
  flock -u 9
}

look_for_free_pages() {
  look_at=$((now + 2 * LOOK_SECONDS))
  know_etcd
  look_for_tools
  own_state && printf '%s\n' "$state" | worthwhile | grep -q . || {
    said_reason='' leader_since=''
    return 0
  }
  if ! defragment_in_turn && is_news; then log "it is worthwhile, but not done: $reason"; fi
}

# A reason may contain numbers, such as free megabytes, that change all the time.
is_news() {
  local words
  words=$(printf '%s' "$reason" | tr -d 0-9)
  [ "$words" != "$said_reason" ] || return 1
  said_reason=$words
}

# A filter of endpoint_status: keeps the members whose database has enough free pages. Near the quota, a tenth is enough.
worthwhile() {
  awk -v bytes="$MIN_FREE_BYTES" -v percent="$MIN_FREE_PERCENT" -v quota="$(running_quota)" '
    $6 ~ /^[0-9]+$/ && $8 ~ /^[0-9]+$/ {
      free = $6 - $8
      if (free >= bytes && free * 100 >= $6 * percent || $6 * 10 >= quota * 8 && free * 10 >= $6) print
    }'
}

defragment_now() {
  now=$(date +%s)
  know_etcd
  look_for_tools
  said_reason='' leader_since=''
  if ! own_state || ! may_defragment || ! take_both_locks; then
    refuse "now" "$reason" "correct that, and run this again"
  fi
  defragment || fail "$reason" "correct the cause, and run this again"
}

# Fails with `reason` if somebody else is working on the cluster, or if this is not the moment.
defragment_in_turn() { may_defragment && is_leader_last && take_both_locks && defragment; }

# While a member is defragmented, it is missing, so all others must be healthy; nobody may be joining, because a new
# member copies the database of another one.
may_defragment() {
  local list ailing_members raised
  list=$(members_of "$url")
  reason="etcd does not say who the members are"
  [ -n "$list" ] || return 1
  reason="$(printf '%s\n' "$list" | unfinished | named) has not joined yet"
  [ -z "$(printf '%s\n' "$list" | unfinished)" ] || return 1
  reason="etcd does not say whether an alarm is raised"
  raised=$(alarms "$url") || return 1
  [ -z "$raised" ] || { reason="$(alarms_of "$url" "$raised"); see docs/alarms.md" && return 1; }
  ailing_members=$(printf '%s\n' "$list" | unhealthy)
  reason="not healthy: $(printf '%s\n' "$ailing_members" | named)"
  [ -z "$ailing_members" ] || return 1
  endpoints_of_all=$(printf '%s\n' "$list" | awk '{ printf "%s%s", sep, $4; sep = "," }')
  other_voters=$(printf '%s\n' "$list" | others | voters)
  has_room
}

# etcd writes the new file beside the old one.
has_room() {
  local needed free
  needed=$(printf '%s\n' "$state" | awk '{ printf "%d", $8 / 1048576 + 256 }')
  free=$(free_mb "$DATA_DIR/member/snap")
  reason="the disk of $DATA_DIR has ${free:-an unknown number of} MB free, and $needed MB are needed"
  [ "${free:-0}" -ge "$needed" ]
}

# The leader waits until nobody else has anything to do; but not for ever for one that cannot do it.
is_leader_last() {
  local first
  ! is_follower || return 0
  leader_since=${leader_since:-$now}
  [ "$now" -lt "$leader_since" ] || [ $((now - leader_since)) -lt "$LEADER_SECONDS" ] || return 0
  first=$(endpoint_status "$endpoints_of_all" | awk '$3 "" != $4 ""' | worthwhile | awk '{ print $1; exit }')
  reason="this member is the leader, and $first comes first"
  [ -z "$first" ]
}

# The lock of the member's deploys, and that of its backups: a snapshot would keep the old file in use, and all writes
# would wait for it.
take_both_locks() {
  exec 9>>"$LOCK" 7>>"$BACKUP_LOCK"
  reason="a deploy, or another defragmentation, is working on this member"
  flock -n 9 || return 1
  name_lock_holder "its defragmentation"
  reason="a backup is being taken on this host"
  flock -n 7 || { flock -u 9 && return 1; }
  if has_turn "$url"; then
    # Much may have happened since these were asked.
    if may_defragment && give_leadership_away; then return 0; fi
  else
    reason="the turn was not obtained: $turn_reason"
    ! is_forbidden "$turn_answer" || reason="$reason; $(how_to_allow)"
  fi
  release
  return 1
}

release() {
  end_turn
  flock -u 7
  flock -u 9
}

# While the leader is defragmented, all leases of the cluster could run out, because only the leader renews them. A
# cluster with one voter has nobody else.
give_leadership_away() {
  local target
  # One that does not say that it follows another one counts as the leader.
  if [ -z "$other_voters" ] || is_follower; then return 0; fi
  target=$(printf '%s\n' "$other_voters" | awk 'NR == 1 { print $1 }')
  reason="this member is the leader, or does not say who is, and cannot hand leadership over"
  hand_leadership "$url" "$target" is_follower || return 1
  log "moved leadership to member $target"
}

defragment() {
  local before code=0
  before=$(printf '%s\n' "$state" | awk '$6 != "-" { print $6 }')
  began=$(date +%s)
  run_defragmentation || code=$?
  seconds=$(($(date +%s) - began))
  [ "$code" -eq 0 ] || reason="etcd did not do it: $(last_line "$(cat "$DEFRAG_ANSWER")")"
  # etcd may still be at work although etcdctl has given up. Nobody else is to be disturbed before it answers.
  if ! wait_until 600 answers_healthy; then
    [ "$code" -ne 0 ] || reason="since then, this member does not answer"
    code=1
  fi
  look_at=$(($(date +%s) + PAUSE_SECONDS))
  report_defragmentation "$code" "${before:-0}"
  release
  return "$code"
}

DEFRAG_ANSWER=$STATE_DIR/defragmentation-answer

run_defragmentation() {
  local worker waited=0
  etcdctl_at "$url" --command-timeout="${DEFRAG_SECONDS}s" defrag >"$DEFRAG_ANSWER" 2>&1 &
  worker=$!
  while kill -0 "$worker" 2>/dev/null; do
    sleep 1
    waited=$((waited + 1))
    [ $((waited % LEASE_SECONDS)) -ne 0 ] || keep_turn_elsewhere
  done
  wait "$worker"
}

# A member that is being defragmented renews no lease.
keep_turn_elsewhere() {
  local elsewhere
  elsewhere=$(printf '%s\n' "$other_voters" | awk 'NR == 1 { print $4 }')
  [ -z "$elsewhere" ] || keep_turn "$elsewhere"
}

# report_defragmentation CODE SIZE_BEFORE: for the log, and for the health table of the next deploy.
report_defragmentation() {
  local after
  if [ "$1" -ne 0 ]; then
    log "FAILED after $seconds s: $reason"
    is_news || true
    record_defragmentation "at=$now reason=$(printable "$reason")"
    return
  fi
  after=$(endpoint_status "$url" | awk '{ print $6 }')
  log "the database had $2 bytes and has $after bytes; it took $seconds s"
  # Near the quota, this would happen every hour.
  if [ "${after:-0}" -gt $(($2 / 10 * 8)) ]; then
    look_at=$(($(date +%s) + IDLE_SECONDS))
    log "that was little, so the next one is in a day; if the database comes near its quota, raise quotaBackendBytes"
  fi
  record_defragmentation "at=$now before=$2 after=$after seconds=$seconds"
}

record_defragmentation() { etcdctl_at "$url" put "$RECORD" "$1" >/dev/null 2>&1 || true; }
