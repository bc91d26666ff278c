# Joins a member without data to a cluster that is alive: as a learner, which is promoted when it has caught up. A join
# never starts a cluster as new.

PROMOTE_SECONDS=1500 # a learner of a large database copies all of it first

join_cluster() {
  refuse_alarm join
  live=$(live_endpoint) || {
    refuse_other_client_port join
    refuse "no data and no cluster" "$DATA_DIR is empty and no other member has a quorum" \
      "bring a quorum of the other members back, or restore a snapshot (docs/restore.md#before-you-start); if this cluster has never formed, see docs/lost-data.md#the-cluster-never-formed"
  }
  # If the other members are of two clusters, nothing on this host tells which one is right.
  require_one_cluster "$live"
  refuse_one_elsewhere
  refuse_without_room
  # A snapshot of a large database may take longer than the turn stays valid.
  snapshot_before_upgrade "$live"
  take_turn "$live"
  require_list "$live"
  clear_unfinished_joins
  entry=$(printf '%s\n' "$list" | own_entry)
  # A member that is listed and has never started was left by a join that was killed, or is a founder that never
  # started. If this host has the `started` mark, it is neither.
  is_to_leave=
  if [ -n "$entry" ] && { has_mark || is_started_entry "$entry"; }; then is_to_leave=yes; fi
  # This comes before its etcd is stopped: if the data were deleted while etcd runs, it still votes, and the cluster may
  # have no vote to spare.
  if [ -z "$entry" ] || [ -n "$is_to_leave" ]; then require_rest_healthy; fi
  empty_data_directory
  if [ -n "$is_to_leave" ]; then
    say "its data are gone: removing the member, then joining it again"
    # If the data were deleted under a running etcd, it may be the leader.
    if is_running && is_leader "$(own_url)"; then move_leadership_away; fi
    remove_member "$live" "${entry%% *}" "$MEMBER" "$PEER_URL"
    rm -f "$STATE_DIR/started"
    entry=
  fi
  if [ -z "$entry" ]; then
    require_rest_healthy
    note_join
    wait_until 30 has_added ||
      fail "etcd does not add this member: $answer" \
        "$(way_to_leader)"
    say "added to the cluster"
  fi
  require_list "$live"
  remember_identity "$list" "$cluster_id"
  permit_first_start "initial_cluster=$(printf '%s\n' "$list" | initial_cluster_of_list)"
  start_etcd
  wait_while_moving 30 true has_wal ||
    fail "etcd wrote no data: $(last_words)" "see $LOG_DIR/etcd.log, correct the cause, and apply again"
  mark_started
  end_permission
  has_joined=yes
}

# refuse_other_client_port WHAT: refuses if another member runs and does not listen at its client URL in the program: a
# change of ports.client reaches it later in this deploy, when it restarts.
refuse_other_client_port() {
  local lines line peer_url client_url
  lines=$(program_urls)
  while next_line; do
    peer_url=${line#* } client_url=${line##* }
    peer_url=${peer_url% *}
    if [ "$peer_url" = "$PEER_URL" ] || ! accepts_connections "$peer_url" || accepts_connections "$client_url"; then
      continue
    fi
    refuse "$1" \
      "this member must join, and another one runs ($peer_url) that does not listen at $client_url: ports.client changes in the same deploy" \
      "set ports.client back, apply, and change it after that"
  done
}

# Refuses if this member's entry in the cluster, in `list`, answers while no etcd runs on this host: this is not the
# member's host. One that accepts connections may only be without a leader for a moment.
refuse_one_elsewhere() {
  local entry
  is_stopped || return 0
  entry=$(printf '%s\n' "$list" | own_entry | started | voters)
  [ -n "$entry" ] && accept_connections "$entry" && wait_until 15 are_healthy "$entry" || return 0
  refuse "join" \
    "$(printf '%s\n' "$entry" | named) is healthy, but no etcd runs on this host: the member runs on another host" \
    "correct its ssh.host or address, and apply again"
}

# This comes before anything changes: with a full disk, this member could neither join nor be removed.
refuse_without_room() {
  local needed free
  needed=$(needed_data_mb "$live")
  free=$(free_mb "$DATA_DIR")
  [ "${free:-0}" -ge "$needed" ] || refuse "join" \
    "${free:-an unknown number of} MB free for $DATA_DIR, $needed MB are needed: the whole database is copied to it" \
    "make room, and apply again"
}

# A join of another member that was interrupted would block this one, because etcd allows one learner at a time. So that
# member is promoted or, if that fails, removed; its own rollout continues the join or starts it again. If somebody else
# is adding a member, it is left alone, because only they know when it may vote.
clear_unfinished_joins() {
  unfinished=$(printf '%s\n' "$list" | others | unfinished)
  foreign=$(printf '%s\n' "$unfinished" | undesired | joined_by_others "$live")
  [ -z "$foreign" ] || refuse "join" \
    "the cluster has $(printf '%s\n' "$foreign" | named), which somebody else is adding: the program has never named it" \
    "let them finish, or remove it yourself ($(removal_of "$foreign")), and apply again"
  while read -r id name peer_url _; do
    [ -n "$id" ] || continue
    wait_until 15 has_tried_to_promote "$id" || true
    [ -n "$is_promoted" ] || remove_member "$live" "$id" "$name" "$peer_url"
  done <<LIST
$unfinished
LIST
}

# has_tried_to_promote ID: sets `is_promoted`. If the answer to an earlier try was lost, etcd now says that it is no
# learner; the list tells whether it is a voter that has started, which must not be removed.
has_tried_to_promote() {
  is_promoted=yes
  answer=$(etcdctl_at "$live" member promote "$1" 2>&1) && return
  is_promoted=
  has_listed "$live" || return 1
  if ! printf '%s\n' "$list" | unfinished | grep -q "^$1 "; then is_promoted=yes && return; fi
  # What is said of learners, and of a member that is unknown, will not change for a learner that makes no progress.
  case $answer in *learner* | *"ot found"* | *"unknown command"*) ;; *) return 1 ;; esac
}

is_started_entry() { [ "$(printf '%s\n' "$1" | awk '{ print $4 }')" != - ]; }

require_rest_healthy() {
  wait_until 30 rest_is_healthy ||
    refuse "join" "$(ailing), and a member is added only while all others are" \
      "$(way_with_ailing "bring it back, or remove it from the program, and apply again")"
}
rest_is_healthy() {
  list=$(members_of "$live")
  not_healthy=$(printf '%s\n' "$list" | others | unhealthy)
  [ -n "$list" ] && [ -z "$not_healthy" ]
}

# Learners exist since 3.4. etcd may answer "unhealthy cluster" although all members are healthy: one that has just
# restarted counts as not ready for 5 s.
has_added() {
  case $(installed_version) in 3.[0-3].*) as= ;; *) as=--learner ;; esac
  # shellcheck disable=SC2086 # one word, or none
  answer=$(etcdctl_at "$live" member add "$MEMBER" $as --peer-urls="$PEER_URL" 2>&1) ||
    [ -n "$(members_of "$live" | own_entry)" ]
}

# Makes etcd's --initial-cluster from lines of members_of, in which this member has no name yet. etcd takes two entries
# with the same name for one member with two URLs. If this member moves and its old entry is still there under its name,
# that entry is therefore called by its ID.
initial_cluster_of_list() {
  awk -v own="$PEER_URL" -v name="$MEMBER" '{ printf "%s%s=%s", sep, $3 == own ? name : $2 == name "" ? $1 : $2, $3; sep = "," }'
}

# Promotes this member as soon as it has caught up with the leader. On a voter, it does nothing. A member that has just
# joined is not asked for its health first: a learner that is starting may leave that question unanswered for 5 s.
promote_if_learner() {
  [ -n "${has_joined:-}" ] || ! answers_healthy || return 0
  # The one through which it has joined is asked again if none answers at this moment.
  if endpoint=$(live_endpoint); then live=$endpoint; elif [ -z "${has_joined:-}" ]; then return 0; fi
  require_list "$live"
  is_own_learner || return 0
  say "is a learner, waiting until it has caught up"
  down=0 is_promoted='' answer="$live does not say who the members are"
  wait_until "$PROMOTE_SECONDS" has_been_promoted ||
    fail "not promoted after $PROMOTE_SECONDS s: $answer" "see $LOG_DIR/etcd.log, and apply again"
  [ -n "$is_promoted" ] ||
    fail "etcd keeps crashing: $(last_words)" "see $LOG_DIR/etcd.log, correct the cause, and apply again"
  say "promoted"
}

# By `list`.
is_own_learner() { [ -n "$(printf '%s\n' "$list" | own_entry | learners)" ]; }

# Succeeds when the member has been promoted, and also when etcd was found stopped so often that it will not be.
has_been_promoted() {
  is_running || down=$((down + 1))
  [ "$down" -lt "$MAX_DOWN_POLLS" ] || return 0
  keep_turn "$live"
  has_listed "$live" || {
    # It may be gone for good: a learner of a large database waits here for minutes.
    ! endpoint=$(live_endpoint) || live=$endpoint
    return 1
  }
  # The answer to a promotion may have been lost.
  if is_own_learner; then
    entry=$(printf '%s\n' "$list" | own_entry)
    answer=$(etcdctl_at "$live" member promote "${entry%% *}" 2>&1) || return 1
  fi
  is_promoted=yes
}

# Succeeds if the data are those of a member that the cluster has removed: it left the program and comes back, or was
# replaced in the meantime. Such data can never be used again. The same holds if somebody has added the member again
# under another ID, because the data have the old one. It does not hold for data of another cluster: they may be all
# that is left of it.
was_removed_from_cluster() {
  local own_id own_cluster
  ! answers_healthy && live=$(live_endpoint) || return 1
  list_members "$live" || return 1
  entry=$(printf '%s\n' "$list" | own_entry)
  own_id=$(entry_of "$IDENTITY" member) own_cluster=$(entry_of "$IDENTITY" cluster)
  if [ -n "$own_cluster" ]; then
    look_for_status "$live" || return 1
    [ "$own_cluster" = "$(printf '%s\n' "$found_status" | awk '{ print $2 }')" ] || return 1
  fi
  [ -z "$entry" ] || { [ -n "$own_id" ] && [ "${entry%% *}" != "$own_id" ]; }
}

# Refuses to start data of another cluster than the one that lives, as of hosts that come back after a restore without
# them: two of three such members would be a quorum of the old cluster, and serve clients beside the new one.
check_former_cluster() { ! is_silent_with_data || check_cluster_of_data; }

# This member has data that belong to a cluster, and does not answer in it.
is_silent_with_data() { [ -e "$IDENTITY" ] && has_wal && ! answers_healthy; }

check_cluster_of_data() {
  local endpoint own theirs
  own=$(entry_of "$IDENTITY" cluster)
  [ -n "$own" ] && endpoint=$(live_endpoint) || return 0
  look_for_status "$endpoint" || {
    refusal "data directory" \
      "$endpoint does not say which cluster lives there, and $DATA_DIR may hold data of another one" \
      "see the log of that member, and apply again"
    return
  }
  theirs=$(printf '%s\n' "$found_status" | awk '{ print $2 }')
  if [ "$theirs" = "$own" ]; then return; fi
  refusal "data directory" \
    "$DATA_DIR holds data of the cluster $(printf '%x' "$own"), and the cluster that lives ($endpoint) is $(printf '%x' "$theirs"): etcd would go on here as a member of the other one" \
    "if that cluster is given up, as after a restore, run $(supervisorctl_here stop "$MEMBER"), move what is in $DATA_DIR away, and apply again: this member then joins the one that lives"
}

# The IDs of this member and of its cluster, recorded when it is added and whenever it passes the gate. The cluster's ID
# is decimal, as in etcd's JSON.
IDENTITY=$STATE_DIR/identity

# remember_identity ENTRIES CLUSTER_ID
remember_identity() {
  local id
  id=$(printf '%s\n' "$1" | own_entry)
  id=${id%% *}
  if [ -z "$id" ] || [ "$id $2" = "$(entry_of "$IDENTITY" member) $(entry_of "$IDENTITY" cluster)" ]; then return; fi
  private_directory "$STATE_DIR"
  put_file "$IDENTITY" 600 root:root "member=$id${LINE_END}cluster=$2"
}

# For a member that starts without data. Where nothing is left but a mark, it is that of data which somebody has moved
# away, perhaps of another member's, and etcd would not start beside it.
empty_data_directory() {
  if has_content; then
    set_aside
  else
    put_directory "$DATA_DIR" 700
    rm -f "$DATA_MARK"
  fi
}

# Deletes nothing: the data directory is renamed or, if a file system is mounted at it or in it, its contents are moved
# into a new directory in it.
set_aside() {
  stop_program
  stamp=aside-$(date -u +%Y%m%dT%H%M%SZ)
  if [ -z "$(mounts_in "$DATA_DIR")" ]; then
    aside=$DATA_DIR.$stamp
    remember_made "$aside"
    answer=$(mv -T "$DATA_DIR" "$aside" 2>&1)
  else
    aside=$DATA_DIR/$stamp
    answer=$(move_contents "$DATA_DIR" "$stamp" 2>&1)
  fi || fail "the contents of $DATA_DIR cannot be moved aside: $answer" "move them away by hand, and apply again"
  put_directory "$DATA_DIR" 700
  rm -f "$STATE_DIR/started" "$DATA_MARK"
  say "moved the contents of $DATA_DIR to $aside; delete them when you no longer need them"
}
