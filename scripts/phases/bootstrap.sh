# bootstrap: runs once in a member's life, and is the only place that may ever start a cluster as new.

phase_bootstrap() {
  take_lock
  is_installed || fail "this member was not staged, though Terraform has recorded it: it was killed in the middle" \
    "$(replacing "$STAGE_RESOURCE")"
  require_own_stage
  include_program
  # By what is there now nobody can tell what the member has.
  refuse_any check_mounted
  if has_wal; then
    if ! is_running; then
      if was_taken_out; then
        say "the cluster has taken this member out: left to rollout"
        return
      fi
      # Stopped members with data are started together: one alone could not reach a quorum.
      start_etcd
    fi
    mark_started
    rm -f "$FIRST_START"
    say "has data of its own, nothing to found"
    return
  fi
  # What a killed run left: supervisor could start it as new while this run finds that it may not.
  rm -f "$FIRST_START"
  if has_mark; then
    say "had a life before and its data are gone, it may not found anything: left to rollout"
    return
  fi
  why_not=$(not_the_founding)
  if [ -n "$why_not" ]; then
    say "$why_not: left to rollout"
    return
  fi
  wait_until 20 ask_founders ||
    refuse "founding" "$obstacle, so nobody knows whether the cluster lives there already" \
      "see that the host runs, and that the members reach each other at the ports ${PEER_URL##*:} and ${CLIENT_URL##*:} (firewall, routing, certificates), and apply again"
  if [ -n "$founded" ]; then
    say "the cluster lives without this member: left to rollout"
    return
  fi
  rm -f "$IDENTITY"
  # A database without its log: a new member that starts on it skips the first entries of the new log, and differs from the others for ever.
  if has_content; then set_aside; else put_directory "$DATA_DIR" 700; fi
  permit_first_start "initial_cluster=$FOUNDERS" "initial_cluster_state=new" "initial_cluster_token=$CLUSTER_TOKEN"
  start_etcd
  wait_while_moving 30 true has_wal || fail "etcd wrote no data: $(last_words)" "see $LOG_DIR/etcd.log, correct the cause, and apply again"
  mark_started
  end_permission
  say "started as a founder of the new cluster $CLUSTER_TOKEN"
}

is_installed() { [ -x "$CURRENT/etcd" ] && [ -e "$CURRENT/certs/etcd-peer-key.pem" ] && { [ -e "$STARTUP" ] || [ -e "$STARTUP.next" ]; }; }
