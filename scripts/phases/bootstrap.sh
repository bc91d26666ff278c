# bootstrap: runs once in a member's life, and is the only place that may ever start a cluster as new.

phase_bootstrap() {
  take_lock
  is_installed || fail "this member was not staged, though Terraform has recorded it: it was killed in the middle" \
    "terraform apply -replace the stage resource of this member"
  refuse_unmounted
  if has_wal; then
    if ! is_running; then
      if was_taken_out; then
        say "the cluster has taken this member out: rollout decides"
        return
      fi
      # Stopped members with data are started together: one alone could not reach a quorum.
      start_etcd
    fi
    mark_started
    say "has data of its own, nothing to found"
    return
  fi
  if has_mark; then
    say "had a life before and its data are gone, it may not found anything: rollout decides"
    return
  fi
  is_founder || { say "not a founder: rollout decides" && return; }
  live=$(live_endpoint) && ! awaits_this_founder && {
    say "the cluster lives without this member: rollout decides"
    return
  }
  printf 'initial_cluster=%s\ninitial_cluster_state=new\ninitial_cluster_token=%s\n' "$FOUNDERS" "$CLUSTER_TOKEN" |
    put_file "$VERSIONED/first-start.env" 644 "$ETCD_USER:$ETCD_USER"
  start_etcd
  wait_until 30 has_wal || fail "etcd wrote no data: $(last_words)" "see $LOG_DIR/etcd.log, correct the cause, and apply again"
  mark_started
  rm -f "$FIRST_START"
  say "started as a founder of the new cluster $CLUSTER_TOKEN"
}

is_installed() { [ -x "$CURRENT/etcd" ] && [ -e "$CURRENT/certs/etcd-peer-key.pem" ] && { [ -e "$STARTUP" ] || [ -e "$STARTUP.next" ]; }; }

is_founder() {
  case ,$FOUNDERS, in *",$MEMBER=$PEER_URL,"*) ;; *) return 1 ;; esac
}

# The other founders may be quicker and have a quorum already; a member that has never started has no client URLs yet.
awaits_this_founder() {
  entry=$(members_of "$live" | own_entry)
  [ -n "$entry" ] && ! is_started_entry "$entry"
}
