# Changes to the list of the cluster's members, one member at a time.

SILENCE_SECONDS=20

# The lists of members with which this phase has run on this host, as the ids of Terraform's membership resource, the
# newest last.
MEMBERSHIPS=$STATE_DIR/memberships

# With an old copy of the state, a deploy would remove members that a newer deploy has added.
refuse_stale_members() {
  local ids
  ids=$(cat "$MEMBERSHIPS.$PHASE" 2>/dev/null) || true
  # Not by grep, whose arguments every user can read: a name that nobody may know is made of this (offered_path).
  case $LINE_END$ids$LINE_END in *"$LINE_END$MEMBERSHIP$LINE_END"*) ;; *) return 0 ;; esac
  is_new_membership || return 0
  refuse "stale" "another deploy has changed the list of members since the last deploy of this state" \
    "deploy with the newest state and program; if that state is lost, see docs/two-deploys.md#with-an-old-copy-of-the-state"
}

# Only a deploy that changes the list of members removes any: members that were added by hand stay.
is_new_membership() {
  local id newest=
  { while read -r id; do newest=$id; done <"$MEMBERSHIPS.$PHASE"; } 2>/dev/null || true
  [ "$newest" != "$MEMBERSHIP" ]
}

remember_membership() {
  is_new_membership || return 0
  private_directory "$STATE_DIR"
  put_line "$MEMBERSHIPS.$PHASE" "$MEMBERSHIP"
}

# With its first list of members, a state founds the cluster or finds it running. No member is removed then: one that is
# not in this list was never in the program.
may_remove_members() { [ "$MEMBERSHIP" != "$FOUNDING_MEMBERSHIP" ] && is_new_membership; }

# way_with_ailing OTHERWISE: what to do about the members in `not_healthy`. Those that the program does not name must be
# removed by the operator, if no deploy removes them.
way_with_ailing() {
  local unnamed=
  may_remove_members || unnamed=$(printf '%s\n' "$not_healthy" | undesired)
  if [ -z "$unnamed" ]; then
    echo "$1"
  else
    echo "bring it back; or, if it is gone for good, run $(removal_of "$unnamed"), because the program does not name it and no deploy removes it; then apply again"
  fi
}

# removal_of MEMBERS: the command that removes them.
removal_of() {
  local lines=$1 line
  set --
  while next_line; do set -- "$@" "member remove ${line%% *}"; done
  etcdctl_here "$@"
}

# Of the members in `list`, those that the program no longer names, except those that somebody else is adding right now.
leaving() {
  printf '%s\n' "$list" | undesired |
    grep -vxF -e "$(printf '%s\n' "$list" | undesired | joined_by_others "$live")" || true
}

# Removes dead members that the program no longer names. This comes first, because they count towards the quorum, and
# etcd adds no member while one is dead.
remove_dead_members() {
  live=$(any_live_endpoint) || return 0
  require_list "$live"
  [ -n "$(leaving | unhealthy)" ] || return 0
  refuse_alarm "scale in"
  take_turn "$live"
  # Whoever had the turn may have restarted, added or removed one of them.
  live=$(any_live_endpoint) || return 0
  require_list "$live"
  dead=$(leaving | unhealthy_for_long)
  while read -r id name peer_url _; do
    [ -z "$id" ] || remove_member "$live" "$id" "$name" "$peer_url"
  done <<LIST
$dead
LIST
}

# Removes healthy members that the program no longer names. This comes last, when all members that stay have joined and
# are healthy, because until then they help to keep the quorum.
remove_undesired_members() {
  live=$(own_url)
  require_list "$live"
  [ -n "$(leaving)" ] || return 0
  refuse_alarm "scale in"
  take_turn "$live"
  # Whoever had the turn may have added or removed members.
  require_list "$live"
  missing=$(absent_from "$list")
  [ -z "$missing" ] ||
    refuse "scale in" "no member is removed before these have joined: $missing" "apply again: their rollouts come first"
  leaving=$(leaving | sort -k 2)
  # Dead members first: each healthy one that is still in the cluster helps to keep the quorum.
  dead=$(printf '%s\n' "$leaving" | unhealthy)
  while read -r id name peer_url client_url _; do
    [ -n "$id" ] || continue
    require_staying_healthy
    [ "$client_url" = - ] || take_leadership_from "$client_url"
    remove_member "$live" "$id" "$name" "$peer_url"
  done <<LIST
$dead
$(printf '%s\n' "$leaving" | grep -vxF "$dead")
LIST
  end_turn
}

require_staying_healthy() {
  wait_until 30 staying_are_healthy ||
    refuse "scale in" "$(ailing), and no member is removed while one that stays is unhealthy" \
      "bring it back, or remove it from the program too, and apply again"
}
staying_are_healthy() {
  list=$(members_of "$live")
  not_healthy=$(printf '%s\n' "$list" | desired | unhealthy)
  [ -n "$list" ] && [ -z "$not_healthy" ]
}

# take_leadership_from CLIENT_URL: removing a leader costs an election, unless it hands leadership over first to this
# member, which is in `list`.
take_leadership_from() {
  is_leader "$1" || return 0
  target=$(printf '%s\n' "$list" | own_entry | cut -d' ' -f1)
  if hand_leadership "$1" "$target" is_leader "$live"; then say "took over leadership"; fi
}

# Handing leadership over takes a few messages, while losing the leader costs an election timeout. But each move has a
# price: raft drops what a follower forwards to the leader at that moment, and the follower's client waits in vain. So
# leadership goes to the member before this one, which has already been restarted. To be called if this member leads.
move_leadership_away() {
  target=$(printf '%s\n' "$list" | others | awk -v url="$(peer_url_before)" '$3 == url { print $1 }')
  [ -n "$target" ] || return 0
  # Where etcdctl cannot do this, etcd hands leadership over itself when it is asked to stop.
  if hand_leadership "$(own_url)" "$target" is_follower; then say "moved leadership to member $target"; fi
}

# The peer URL of the member before this one in the order of names; for the first member, that of the last one.
peer_url_before() {
  printf '%s\n' "$INITIAL_CLUSTER" | tr , '\n' |
    awk -F= -v own="$MEMBER" '$1 == own "" { before = last } { last = $2 } END { print before ? before : last }'
}

# remove_member ENDPOINT ID NAME PEER_URL
remove_member() {
  # Several removals may take longer than the turn lasts.
  take_turn "$1"
  require_list "$1"
  rest=$(printf '%s\n' "$list" | voters | awk -v id="$2" '$1 != id ""')
  wait_until 15 rest_is_quorum ||
    refuse "scale in" "without $3 ($4) there would be no quorum: $(printf '%s\n' "$silent" | named) does not answer" \
      "bring it back, and apply again"
  leftover=
  case ,$INITIAL_CLUSTER, in
    *"=$4,"*) ;;
    *",$3="*) leftover="its name stays in the program with another address, so its old host is not cleaned up" ;;
    *)
      [ "$3" = - ] || accepts_connections "$4" ||
        leftover="its etcd did not answer; if its host does not answer either, nothing is cleaned up there"
      ;;
  esac
  if [ -n "$(printf '%s\n' "$list" | awk -v id="$2" '$1 == id ""' | unhealthy)" ]; then disconnect "$4"; fi
  # What this member has answered was before the removal.
  answered_at=
  # A member that has just started or restarted counts as not ready for 5 s; etcd answers "unhealthy cluster" meanwhile.
  wait_until 30 has_removed "$1" "$2" ||
    fail "etcd does not remove $3 ($4): $answer" \
      "$(way_to_leader)"
  forget_join "$1" "$4"
  say "removed $3 ($4) from the cluster"
  [ -z "$leftover" ] ||
    say "$leftover, and its etcd refuses to run; to clean up there: supervisorctl stop $(programs_of "$3"), $DATA_DIR, $CURRENT and what it points to"
}

# Whether enough of the members in `rest` are healthy; `silent` are the others.
rest_is_quorum() {
  silent=$(printf '%s\n' "$rest" | unhealthy)
  has_quorum "$(printf '%s\n' "$rest" | count)" \
    "$(($(printf '%s\n' "$rest" | count) - $(printf '%s\n' "$silent" | count)))"
}

# programs_of NAME: for a message: the member's programs under supervisor, and what to do with their files.
programs_of() {
  local side programs=$1 files="remove its supervisor file"
  for side in ${SIDE_PROGRAMS-}; do programs="$programs $1-$side" files="remove their supervisor files"; done
  echo "$programs, $files"
}

# disconnect PEER_URL: before this phase, preflight has closed each host's connections to dead members. If a connection
# from this host holds unacknowledged data, the member has stopped answering since then, and the other hosts have such
# connections as well; those end when their deadlines have passed.
disconnect() {
  has_unacknowledged "$1" || return 0
  close_connections_to "$1"
  say "$1 stopped answering during this deploy: waiting $SILENCE_SECONDS s until the other members have dropped their connections to it"
  sleep "$SILENCE_SECONDS"
}

has_removed() {
  answer=$(etcdctl_at "$1" member remove "$2" 2>&1) && return
  case $answer in *[Nn]"ot found"*) ;; *) return 1 ;; esac
}
