# Only one member of a cluster is disturbed at a time, whoever deploys. The turn is a key in etcd itself, under a lease,
# so that it ends even if its holder is killed. A lock on one host is not visible to the other hosts, and two deploys
# with two states do not know of each other at all.

TURN=cdktf-etcd/turn
TURN_SECONDS=300 # longer than a restart and its gate
TURN_LEASE=$STATE_DIR/turn

# take_turn ENDPOINT: waits until this phase has the turn. A turn that it already has is kept, unless its lease has
# expired in the meantime.
take_turn() {
  if [ -n "${turn:-}" ]; then
    ! etcdctl_at "$1" lease keep-alive --once "$turn" >/dev/null 2>&1 || return 0
    turn=
  fi
  has_turn "$1" && return
  ! is_forbidden "$turn_answer" || refuse "turn" "$turn_reason" "$(how_to_allow)"
  say "waiting for the turn: $turn_reason"
  wait_until 120 has_turn_anywhere "$1" && return
  case $turn_answer in
    *FAILURE*)
      refuse "turn" "not obtained within two minutes: $turn_reason" \
        "wait for the other deploy, or the defragmentation, to end (a turn that is not renewed expires within $TURN_SECONDS s), and apply again; if the key stays longer, it was not written by a deploy, so delete it: $(etcdctl_here "del $TURN")"
      ;;
    *)
      refuse "turn" "not obtained within two minutes: $turn_reason" \
        "correct the error that etcd reports, and apply again"
      ;;
  esac
}

# has_turn_anywhere ENDPOINT: whoever has the turn may be removing the member at ENDPOINT; another one is asked then.
has_turn_anywhere() {
  has_turn "$1" && return
  [ -z "$lease" ] && endpoint=$(live_endpoint) && has_turn "$endpoint"
}

has_turn() {
  if create_under_lease "$1" "$TURN" "$TURN_SECONDS"; then
    turn=$lease
    # Where there is no room for this, the turn of a killed phase ends by itself.
    { private_directory "$STATE_DIR" && printf '%s\n' "$turn" >"$TURN_LEASE"; } 2>/dev/null || true
    return 0
  fi
  turn_answer=$lease_answer
  holder=$(last_line "$turn_answer")
  if [ -z "$lease" ]; then
    turn_reason="etcd does not grant a lease: $holder"
    return 1
  fi
  case $turn_answer in
    *FAILURE*) ;;
    *) turn_reason="etcd does not let the key $TURN be written: $holder" && return 1 ;;
  esac
  # The key was deleted between the comparison and the read.
  [ "$holder" != FAILURE ] || holder="another member"
  turn_reason="$holder is being changed"
  return 1
}

# keep_turn ENDPOINT: renews the lease, for work that may take longer than the lease lasts. Before 3.3, etcdctl cannot
# do that, so the key gets another lease.
keep_turn() {
  [ -z "${turn:-}" ] || etcdctl_at "$1" lease keep-alive --once "$turn" >/dev/null 2>&1 || has_turn "$1" || true
}

# end_turn [SECONDS]: tries for so long, or for 10 s: the next member would wait for the turn until its lease expires.
# A turn that could not be given back stays on record here, and the next phase of this member gives it back.
end_turn() {
  [ -n "${turn:-}" ] || return 0
  ! wait_until "${1:-10}" gives_turn_back || rm -f "$TURN_LEASE"
  turn=
}

# The endpoints are asked one by one, this member's own first: another member may be down, or may run on the data of
# another cluster, which does not know the lease.
gives_turn_back() {
  local endpoint answer is_unknown=
  set_own_url
  for endpoint in "$own_url" $(other_endpoints); do
    accepts_connections "$endpoint" || continue
    answer=$(etcdctl_at "$endpoint" lease revoke "$turn" 2>&1) && return 0
    case $answer in *"lease not found"*) is_unknown=yes ;; esac
  done
  [ -n "$is_unknown" ]
}

# Ends the turn that a killed phase of this member may have left. This phase holds the member's lock, so no other phase
# is using that turn, and the next member would have to wait for it.
end_turn_left_behind() {
  [ -e "$TURN_LEASE" ] || return 0
  turn=$(cat "$TURN_LEASE" 2>/dev/null || true)
  end_turn
}
