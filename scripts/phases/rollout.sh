# rollout: one member at a time, brings what runs to what is staged, then gates on health. It never starts a cluster as new.

phase_rollout() {
  take_lock
  if ! has_wal; then refuse_without_data; fi
  mark_started
  if ! is_running; then
    say "etcd is not running, starting it"
    start_etcd
  elif is_staged || [ -e "$RESTART_PENDING" ]; then
    others_allow_restart
    move_leadership_away
    restart_etcd
    say "restarted"
  fi
  gate
  sweep_uploads
  say "healthy"
}

# What Terraform uploaded for this member and could not run or empty, because it was killed. Nothing of the kind can be under way here now.
# A file of another's that vanishes meanwhile makes find fail: no reason to stop the deploy of a member that is healthy.
sweep_uploads() {
  find /tmp -maxdepth 1 -type f -name 'terraform_*.sh' -size +0 ! -newermt '5 seconds ago' -exec grep -qxF "MEMBER='$MEMBER'" {} \; -delete 2>/dev/null || true
}

# No data here: the next deploys will join or replace such a member; until then it is refused, never guessed.
refuse_without_data() {
  live=$(live_endpoint) || refuse "no data and no cluster" "$DATA_DIR is empty and no other member has a quorum" \
    "bring a quorum of the other members back, or restore a snapshot; if this cluster never formed because its first deploy was killed, terraform apply -replace the bootstrap resource of this member"
  entry=$(own_entry "$live")
  if [ -n "$entry" ]; then
    refuse "data lost" "the cluster knows this member, but $DATA_DIR is empty; replacing a member is not supported yet" \
      "on another member: etcdctl member remove ${entry%%,*}; see docs/lost-data.md"
  fi
  refuse "not a member" "the cluster runs without $PEER_URL; joining a running cluster is not supported yet" "take the member out of the program"
}

# A restart is one member less for a moment: everything else must be whole.
others_allow_restart() {
  # Alarms first: etcdctl calls a member with an alarm unhealthy.
  raised=$(alarms "$CLIENT_URL")
  [ -z "$raised" ] || refuse "restart" "an alarm is raised: $raised" "see docs/alarms.md, clear the alarm, and apply again"
  for endpoint in $(unhealthy_of "$(other_endpoints)"); do
    refuse "restart" "$endpoint is not healthy, and a restart here would cost another member" \
      "bring that member back, and apply again; this one still runs with its old configuration"
  done
}

# Handing leadership over takes a few messages; losing it takes an election time-out. Each move has a price, though: what a follower forwards
# to the leader in that moment is dropped by raft, and its client waits in vain. So: to the member before this one, which has had its turn.
move_leadership_away() {
  is_leader || return 0
  target=$(etcdctl_at "$CLIENT_URL" member list | awk -F', ' -v url="$(peer_url_before)" -v own="$PEER_URL" '$4 == url && $4 != own { print $1 }')
  [ -n "$target" ] || return 0
  # Until 3.2 etcdctl cannot; etcd then hands it over when it is asked to stop.
  etcdctl_at "$CLIENT_URL" move-leader "$target" >/dev/null 2>&1 || return 0
  if wait_until 5 is_follower; then say "moved leadership to member $target"; fi
}

# The peer URL of the member before this one in the order of names; the last one's for the first.
peer_url_before() {
  printf '%s\n' "$INITIAL_CLUSTER" | tr , '\n' | awk -F= -v own="$MEMBER" '$1 == own { before = last } { last = $2 } END { print before ? before : last }'
}

is_leader() { [ "$(endpoint_status "$CLIENT_URL" | awk '{ print $3 "" == $4 "" }')" = 1 ]; }
is_follower() { [ "$(endpoint_status "$CLIENT_URL" | awk '{ print $3 "" != $4 "" && $4 != "-" }')" = 1 ]; }
