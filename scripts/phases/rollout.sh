# rollout: one member at a time, brings what runs to what is staged, joins a member that has no data, then gates on health. It never starts a cluster as new.

phase_rollout() {
  take_lock
  end_turn_left_behind
  require_own_stage
  include_program
  refuse_stale_members
  refuse_any check_user
  refuse_any check_mounted
  refuse_any check_hidden
  refuse_any check_readable
  if may_take_out; then remove_dead_members; fi
  if ! has_wal || was_taken_out; then join_cluster; fi
  mark_started
  lifting=
  if lifts_quota; then lifting=yes; fi
  if ! is_running; then
    say "etcd is not running, starting it"
    start_etcd
  elif needs_restart && ! has_come_up; then
    [ -n "$lifting" ] || refuse_alarm restart
    live=$(any_live_endpoint) || refuse "restart" "no member answers a linearizable read, so there is no quorum" \
      "bring the members back (who is missing: etcdctl endpoint health), and apply again; this one still runs as it was"
    was=$(installed_version)
    # Before the turn and the look at the others: a snapshot of a large database may take longer than either holds.
    if is_upgrade; then snapshot_before_upgrade "$(own_url)"; fi
    if [ -n "$lifting" ]; then say "the alarm NOSPACE is raised, under which etcd takes no turn: restarting with the larger quota without it"; else take_turn "$live"; fi
    if needs_raft_snapshot; then
      prepare_restart
      take_raft_snapshot
    fi
    prepare_restart
    restart_etcd
    if [ "$was" = "$VERSION" ]; then say "restarted"; else say "restarted with etcd $VERSION, was $was"; fi
  fi
  promote_if_learner
  gate
  forget_due
  end_turn
  remember_membership
  remember_reprovision
  say "healthy"
}

prepare_restart() {
  others_allow_restart
  move_leadership_away
}

# A restart is one member less for a moment: everything else must be whole. One that is restarted by hand meanwhile is back in a moment.
others_allow_restart() {
  wait_until 15 all_others_are_healthy ||
    refuse "restart" "$(ailing) is not healthy, and a restart here would cost another member" \
      "bring that member back (if its data are lost, see docs/replace-member.md), and apply again; this one still runs as it was"
  # One that runs with data of another cluster is healthy in that, and missing in this.
  require_one_cluster_of "$list"
}

all_others_are_healthy() {
  list=$(members_of "$live")
  # A learner has no vote that could be missed.
  not_healthy=$(printf '%s\n' "$list" | others | voters | unhealthy)
  [ -n "$list" ] && [ -z "$not_healthy" ]
}

# Handing leadership over takes a few messages; losing it takes an election time-out. Each move has a price, though: what a follower forwards
# to the leader in that moment is dropped by raft, and its client waits in vain. So: to the member before this one, which has had its turn.
move_leadership_away() {
  is_leader "$(own_url)" || return 0
  target=$(printf '%s\n' "$list" | others | awk -v url="$(peer_url_before)" '$3 == url { print $1 }')
  [ -n "$target" ] || return 0
  # Until 3.2 etcdctl cannot; etcd then hands it over when it is asked to stop.
  etcdctl_at "$(own_url)" move-leader "$target" >/dev/null 2>&1 || return 0
  if wait_until 5 is_follower; then say "moved leadership to member $target"; fi
}

# The peer URL of the member before this one in the order of names; the last one's for the first.
peer_url_before() {
  printf '%s\n' "$INITIAL_CLUSTER" | tr , '\n' | awk -F= -v own="$MEMBER" '$1 == own { before = last } { last = $2 } END { print before ? before : last }'
}
