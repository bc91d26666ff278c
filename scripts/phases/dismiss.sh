# dismiss: takes another member out of the cluster before Terraform destroys that member's machine. It runs on the host
# of a member that stays, because the other machine may be dead. If it refuses, Terraform keeps the machine.

phase_dismiss() {
  take_lock
  end_turn_left_behind
  if is_shut_down; then
    say "the cluster is stopped, nothing to do for $LEAVER"
    return
  fi
  live=$(any_live_endpoint) || refuse "dismissal" \
    "no member that stays answers a linearizable read, so $LEAVER cannot be removed from the cluster, and with its machine its data would be gone" \
    "bring the members back, and apply again; if the quorum is lost for good, see docs/provisioned-hosts.md#no-quorum"
  require_list "$live"
  if [ -z "$(leaver_entry)" ]; then
    say "$LEAVER ($LEAVER_URL) is not in the cluster"
    return
  fi
  refuse_alarm "dismissal"
  take_turn "$live"
  # Another dismissal may have removed members in the meantime, also this host's own.
  live=$(any_live_endpoint) || fail "no member that stays answers any more" "apply again"
  require_list "$live"
  # A member that is dead already takes nothing from the others. Whether they keep their quorum is checked when it is
  # removed.
  [ -n "$(leaver_entry | unhealthy)" ] || wait_until 15 all_but_leaver_are_healthy || refuse "dismissal" \
    "$(ailing), and $LEAVER is given up only while all other members are" \
    "bring that member back, and apply again"
  refuse_too_many
  # shellcheck disable=SC2046 # split into words on purpose
  set -- $(leaver_entry)
  [ $# -gt 0 ] || return 0
  [ "$4" = - ] || take_leadership_from "$4"
  remove_member "$live" "$1" "$LEAVER" "$3"
  end_turn
}

# After `shutdown`, no etcd of this member is known to supervisor. If a member was never installed on this host, the
# hosts of all members tell: each must say that nothing listens there. One that says nothing may run a member that this
# host cannot reach.
is_shut_down() {
  local endpoint
  ! is_running && ! is_own_program || return 1
  for endpoint in $(own_url) $(other_endpoints) "$LEAVER_URL"; do
    [ "$(port_state "$endpoint")" = closed ] || return 1
  done
}

# By its name, too: a change of its address may have been interrupted, so that it still votes under the old one.
leaver_entry() { printf '%s\n' "$list" | awk -v url="$LEAVER_URL" -v name="$LEAVER" '$3 == url || $2 == name ""' | head -n 1; }
all_but_leaver() { printf '%s\n' "$list" | awk -v entry="$(leaver_entry)" '$0 != entry'; }

all_but_leaver_are_healthy() {
  list=$(members_of "$live")
  not_healthy=$(all_but_leaver | started | voters | unhealthy)
  [ -n "$list" ] && [ -z "$not_healthy" ]
}

# One apply may plan to replace several machines, and Terraform destroys none before all dismissals have succeeded. A
# member that was dismissed is back only when its new machine is. So beyond the first one, a dismissal is refused if the
# remaining members would not be a quorum of those that the program had.
refuse_too_many() {
  local voting remaining meant
  voting=$(printf '%s\n' "$list" | voters | count)
  remaining=$(all_but_leaver | voters | count)
  meant=$(desired_peer_urls | count)
  [ "$remaining" -gt 0 ] || refuse "dismissal" \
    "$LEAVER is the last member, and with its machine the data of the cluster would be gone" \
    "add another member first, and apply; $(giving_up)"
  [ "$voting" -ge "$meant" ] || has_quorum "$meant" "$remaining" || refuse "dismissal" \
    "without $LEAVER, only $remaining of $meant members would be left: others have left and are not back yet" \
    "replace or remove one machine with each apply: set the others back in the program, and apply again"
}

giving_up() { echo "if the cluster is not needed any more, destroy it together with its machines"; }
