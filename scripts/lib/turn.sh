# One disturbance of a cluster at a time, whoever deploys: the turn is a key in etcd itself, under a lease, so that it ends even if its holder is killed.
# Hosts do not know of each other's locks, and two deploys with two states know nothing of each other at all.

TURN=cdktf-etcd/turn
TURN_SECONDS=300 # longer than a restart and its gate
TURN_LEASE=$STATE_DIR/turn

# take_turn ENDPOINT: one that this phase has is kept, unless its lease has ended meanwhile.
take_turn() {
  if [ -n "${turn:-}" ]; then
    ! etcdctl_at "$1" lease keep-alive --once "$turn" >/dev/null 2>&1 || return 0
    turn=
  fi
  has_turn "$1" && return
  ! is_forbidden "$turn_answer" || refuse "turn" "$turn_reason" "$(how_to_allow)"
  say "waiting for the turn: $turn_reason"
  wait_until 120 has_turn "$1" && return
  case $turn_answer in
    *FAILURE*) refuse "turn" "not obtained within two minutes: $turn_reason" "wait for the other deploy to end (at the latest in $TURN_SECONDS s), and apply again; if it stays, somebody else has written that key: etcdctl del $TURN" ;;
    *) refuse "turn" "not obtained within two minutes: $turn_reason" "correct what etcd says, and apply again" ;;
  esac
}

has_turn() {
  turn_answer=$(etcdctl_at "$1" lease grant "$TURN_SECONDS" 2>&1) || true
  lease=$(printf '%s\n' "$turn_answer" | awk '/^lease .* granted/ { print $2 }')
  turn_reason="etcd grants no lease: $(last_line "$turn_answer")"
  [ -n "$lease" ] || return 1
  turn_answer=$(printf 'create("%s") = "0"\n\nput --lease=%s %s %s\n\nget %s\n\n' "$TURN" "$lease" "$TURN" "$MEMBER" "$TURN" | etcdctl_at "$1" txn 2>&1) || true
  case $turn_answer in
    *SUCCESS*)
      turn=$lease
      private_directory "$STATE_DIR"
      printf '%s\n' "$turn" >"$TURN_LEASE"
      return
      ;;
  esac
  etcdctl_at "$1" lease revoke "$lease" >/dev/null 2>&1 || true
  case $turn_answer in
    *FAILURE*) ;;
    *) turn_reason="etcd does not let the key $TURN be written: $(last_line "$turn_answer")" && return 1 ;;
  esac
  holder=$(last_line "$turn_answer")
  # It was given back between the two questions.
  [ "$holder" != FAILURE ] || holder="another member"
  turn_reason="$holder is being changed"
  # This member's own turn, of a phase that was killed: its lock on this host is ours now, so nobody is at work under it.
  [ "$holder" != "$MEMBER" ] || etcdctl_at "$1" del "$TURN" >/dev/null 2>&1 || true
  return 1
}

# For work that may take longer than the lease.
keep_turn() { [ -z "${turn:-}" ] || etcdctl_at "$1" lease keep-alive --once "$turn" >/dev/null 2>&1 || true; }

end_turn() {
  [ -n "${turn:-}" ] || return 0
  # One by one, its own first: another may be down, or run with data of another cluster, which does not know the lease.
  for endpoint in $(own_url) $(other_endpoints); do
    if accepts_connections "$endpoint" && etcdctl_at "$endpoint" lease revoke "$turn" >/dev/null 2>&1; then break; fi
  done
  rm -f "$TURN_LEASE"
  turn=
}

# What a killed phase of this member left: under the lock nobody is at work with it, and the next member would wait for it.
end_turn_left_behind() {
  turn=$(cat "$TURN_LEASE" 2>/dev/null || true)
  end_turn
}
