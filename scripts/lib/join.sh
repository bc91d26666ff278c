# A member without data comes into a cluster that lives: as a learner, promoted when it has caught up. It never starts a cluster as new.

PROMOTE_SECONDS=1500 # a learner of a large database copies all of it first

join_cluster() {
  refuse_alarm join
  live=$(live_endpoint) || refuse "no data and no cluster" "$DATA_DIR is empty and no other member has a quorum" \
    "bring a quorum of the other members back, or restore a snapshot; if this cluster has never formed, see docs/lost-data.md#the-cluster-never-formed"
  # Of two clusters nobody here knows the right one.
  require_one_cluster "$live"
  refuse_one_elsewhere
  refuse_without_room
  take_turn "$live"
  list=$(members_of "$live")
  [ -n "$list" ] || fail "member list: no answer from $live: $(etcd_error "$live" member list)" "apply again"
  clear_unfinished_joins
  entry=$(printf '%s\n' "$list" | own_entry)
  # One that is listed and never started is what a killed join left, or a founder that never came to start. With the mark of a life it is neither.
  is_to_leave=
  if [ -n "$entry" ] && { has_mark || is_started_entry "$entry"; }; then is_to_leave=yes; fi
  # Before its etcd is stopped: where the log was deleted under it, it still votes, and perhaps no other member can be spared.
  if [ -z "$entry" ] || [ -n "$is_to_leave" ]; then require_rest_healthy; fi
  snapshot_before_upgrade "$live"
  if has_content; then set_aside; else put_directory "$DATA_DIR" 700; fi
  if [ -n "$is_to_leave" ]; then
    say "its data are gone: removing the member, then joining it again"
    remove_member "$live" "${entry%% *}" "$MEMBER" "$PEER_URL"
    rm -f "$STATE_DIR/started"
    entry=
  fi
  if [ -z "$entry" ]; then
    require_rest_healthy
    note_join
    wait_until 30 has_added || fail "etcd does not add this member: $answer" "see the log of the leader, and apply again"
    say "added to the cluster"
  fi
  list=$(members_of "$live")
  remember_identity "$list" "$cluster_id"
  permit_first_start "initial_cluster=$(printf '%s\n' "$list" | initial_cluster_of_list)"
  start_etcd
  wait_while_moving 30 true has_wal || fail "etcd wrote no data: $(last_words)" "see $LOG_DIR/etcd.log, correct the cause, and apply again"
  mark_started
  end_permission
}

# Its entry in the cluster answers, and no etcd runs on this host: this is not the member's host.
refuse_one_elsewhere() {
  local entry
  is_stopped || return 0
  entry=$(members_of "$live" | own_entry | started | voters)
  [ -n "$entry" ] && [ -z "$(printf '%s\n' "$entry" | unhealthy)" ] || return 0
  refuse "join" "$(printf '%s\n' "$entry" | named) is healthy, and no etcd runs on this host: the member lives elsewhere" \
    "correct its host and address, and apply again"
}

# Before anything changes: with a full disk this member would neither join nor go.
refuse_without_room() {
  local needed free
  needed=$(needed_data_mb "$live")
  free=$(free_mb "$DATA_DIR")
  [ "$free" -ge "$needed" ] || refuse "join" "$free MB free for $DATA_DIR, $needed MB are needed: all members' data are copied to it" "make room, and apply again"
}

# A join of another member that was cut short would keep this one out: etcd has one learner at a time. Its own turn comes, and goes on or begins anew.
# One that somebody else is adding to the cluster is theirs: nobody but them knows when it may vote.
clear_unfinished_joins() {
  unfinished=$(members_of "$live" | others | unfinished)
  foreign=$(printf '%s\n' "$unfinished" | undesired | joined_by_others "$live")
  [ -z "$foreign" ] || refuse "join" "the cluster has $(printf '%s\n' "$foreign" | named), which somebody else is adding: the program has never named it" \
    "let them finish, or take it out yourself (etcdctl member remove $(printf '%s\n' "$foreign" | awk '{ printf "%s%s", sep, $1; sep = " and " }')), and apply again"
  while read -r id name peer_url _; do
    [ -n "$id" ] || continue
    etcdctl_at "$live" member promote "$id" >/dev/null 2>&1 || remove_member "$live" "$id" "$name" "$peer_url"
  done <<LIST
$unfinished
LIST
}

is_started_entry() { [ "$(printf '%s\n' "$1" | awk '{ print $4 }')" != - ]; }

require_rest_healthy() {
  wait_until 30 rest_is_healthy || refuse "join" "$(ailing) is not healthy, and a member is added only while all others are" \
    "bring it back, or take it out of the program, and apply again"
}
rest_is_healthy() {
  list=$(members_of "$live")
  not_healthy=$(printf '%s\n' "$list" | others | unhealthy)
  [ -n "$list" ] && [ -z "$not_healthy" ]
}

# Learners exist since 3.4. Not the unhealthy cluster's fault alone: who has just restarted counts as not ready for 5 s.
has_added() {
  case $(installed_version) in 3.[0-3].*) as= ;; *) as=--learner ;; esac
  # shellcheck disable=SC2086 # one word, or none
  answer=$(etcdctl_at "$live" member add "$MEMBER" $as --peer-urls="$PEER_URL" 2>&1) || [ -n "$(members_of "$live" | own_entry)" ]
}

# etcd's --initial-cluster, from lines of members_of; this member has no name in it yet. Two of one name are one member with two URLs to etcd:
# so one that moves, and whose old self is still there under its name, calls that by its ID.
initial_cluster_of_list() {
  awk -v own="$PEER_URL" -v name="$MEMBER" '{ printf "%s%s=%s", sep, $3 == own ? name : $2 == name ? $1 : $2, $3; sep = "," }'
}

# Promoted as soon as it has caught up with the leader; without an effect on a voter.
promote_if_learner() {
  ! answers_healthy || return 0
  live=$(live_endpoint) && is_own_learner || return 0
  say "is a learner, waiting until it has caught up"
  down=0
  wait_until "$PROMOTE_SECONDS" has_been_promoted || fail "not promoted after $PROMOTE_SECONDS s: $answer" "see $LOG_DIR/etcd.log, and apply again"
  ! is_own_learner || fail "etcd keeps crashing: $(last_words)" "see $LOG_DIR/etcd.log, correct the cause, and apply again"
  say "promoted"
}

is_own_learner() { [ -n "$(members_of "$live" | own_entry | learners)" ]; }

# Promoted, or not going to be: seen down too often.
has_been_promoted() {
  is_running || down=$((down + 1))
  [ "$down" -lt 50 ] || return 0
  keep_turn "$live"
  entry=$(members_of "$live" | own_entry)
  answer=$(etcdctl_at "$live" member promote "${entry%% *}" 2>&1) || ! is_own_learner
}

# Data of a member that the cluster has taken out (it left the program and comes back, or was replaced meanwhile) can never start again. Nor when
# somebody has added it anew under another ID: the data have the old one. Data of another cluster are none of that: they may be all that is left of it.
was_taken_out() {
  local own_id own_cluster
  ! answers_healthy && live=$(live_endpoint) || return 1
  list=$(members_of "$live")
  [ -n "$list" ] || return 1
  entry=$(printf '%s\n' "$list" | own_entry)
  own_id=$(entry_of "$IDENTITY" member) own_cluster=$(entry_of "$IDENTITY" cluster)
  [ -z "$own_cluster" ] || [ "$own_cluster" = "$(endpoint_status "$live" | awk '{ print $2 }')" ] || return 1
  [ -z "$entry" ] || { [ -n "$own_id" ] && [ "${entry%% *}" != "$own_id" ]; }
}

# The IDs of this member and its cluster, since it was added or last healthy; the cluster's in decimal, as etcd's JSON has it.
IDENTITY=$STATE_DIR/identity

# remember_identity ENTRIES CLUSTER_ID
remember_identity() {
  local id
  id=$(printf '%s\n' "$1" | own_entry | cut -d' ' -f1)
  if [ -z "$id" ] || [ "$id $2" = "$(entry_of "$IDENTITY" member) $(entry_of "$IDENTITY" cluster)" ]; then return; fi
  private_directory "$STATE_DIR"
  printf 'member=%s\ncluster=%s\n' "$id" "$2" | put_file "$IDENTITY" 600 root:root
}

# Nothing is deleted: what lies in the data directory is moved beside it, or, where a file system is mounted there, into a directory in it.
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
  fi || fail "what lies in $DATA_DIR cannot be moved aside: $answer" "move it away by hand, and apply again"
  put_directory "$DATA_DIR" 700
  rm -f "$STATE_DIR/started" "$DATA_MARK"
  say "moved what lay in $DATA_DIR to $aside; delete it when you do not need it"
}
