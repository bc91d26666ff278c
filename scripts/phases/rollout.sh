# rollout: runs for one member at a time. It puts what is staged into effect, joins a member that has no data, and then
# passes the health gate. It never starts a cluster as new.

phase_rollout() {
  take_lock
  end_turn_left_behind
  require_own_stage
  refuse_half_restored
  include_program
  refuse_stale_members
  refuse_any check_user
  refuse_any check_mounted
  refuse_any check_hidden
  refuse_any check_readable
  # This is asked out here, because refuse_any's subshell would forget the answer.
  if is_silent_with_data; then refuse_any check_cluster_of_data; fi
  if may_remove_members; then remove_dead_members; fi
  if ! has_wal || was_removed_from_cluster; then join_cluster; fi
  mark_started
  # A larger quota is the way out of the alarm NOSPACE, so it is rolled out although the alarm is raised. The gate reads
  # this, too.
  raises_quota=
  if lifts_quota; then raises_quota=yes; fi
  if ! is_running; then
    say "etcd is not running, starting it"
    start_etcd
  elif needs_restart && ! has_come_up; then
    [ -n "$raises_quota" ] || refuse_alarm restart
    live=$(any_live_endpoint) || refuse "restart" "no member answers a linearizable read, so there is no quorum" \
      "bring the members back ($(etcdctl_here "endpoint health") shows which are missing), and apply again; this member still runs as before"
    was=$(installed_version)
    # This comes before the turn is taken and before the other members are checked, because a snapshot of a large
    # database may take longer than either of them stays valid.
    if is_upgrade; then snapshot_before_upgrade "$live"; fi
    if [ -n "$raises_quota" ]; then
      say "the alarm NOSPACE is raised, and etcd grants no turn while it is: restarting with the larger quota, without the turn"
    else
      take_turn "$live"
    fi
    if needs_raft_snapshot; then
      prepare_restart
      take_raft_snapshot
    fi
    ask_for_reread
    prepare_restart
    restart_etcd
    if [ "$was" = "$VERSION" ]; then say "restarted"; else say "restarted with etcd $VERSION, was $was"; fi
  fi
  [ -n "${is_voter:-}" ] || promote_if_learner
  gate
  forget_due ||
    fail "it is healthy, but etcd does not write down that nothing is due here any more: $(last_line "$key_answer")" \
      "bring a quorum of the members back, and apply again"
  end_turn
  remember_membership
  remember_reprovision
  # A member that has come after the restore.
  ! is_to_be_restored || set_restore_step "done"
  say "healthy"
}

# Terraform may have recorded phases of a restore as done that were killed.
refuse_half_restored() {
  case $(restore_step) in
    '' | "done") ;;
    *)
      refuse "restore" "this member lets no client in, although Terraform has recorded that: its restore was interrupted" \
        "$(replacing "$BOOTSTRAP_RESOURCE" "$ADMIT_RESOURCE")"
      ;;
  esac
}

prepare_restart() {
  local held=${turn:-}
  require_others_healthy
  # A voter stays one, so nobody has to be asked for that while this member starts.
  is_voter=$(printf '%s\n' "$list" | own_entry | voters)
  if leads_in "$statuses" "$(own_url)"; then move_leadership_away; fi
  # On a host that stood still, like a virtual machine that is paused, the turn may have expired meanwhile, and another
  # member may be down by now.
  [ -n "$held" ] || return 0
  take_turn "$live"
  [ "$turn" = "$held" ] || require_others_healthy
}

# During a restart one member is missing for a moment, so all others must be healthy. This waits for a member that
# somebody restarts by hand at the same time, because it is back in a moment.
require_others_healthy() {
  wait_until 15 all_others_are_healthy ||
    refuse "restart" "$(ailing), and a restart here would take down another member" \
      "$(way_with_ailing "bring that member back (if its data are lost, see docs/replace-member.md#an-empty-machine-or-a-lost-data-directory), and apply again"); this member still runs as before"
  # A member that runs with data of another cluster is healthy in that cluster, and missing in this one.
  require_one_cluster_of "$list"
}

all_others_are_healthy() {
  list=$(members_of "$live")
  # Learners do not count, because they have no vote.
  not_healthy=$(printf '%s\n' "$list" | others | voters | unhealthy)
  [ -n "$list" ] && [ -z "$not_healthy" ]
}
