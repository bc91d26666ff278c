# A change of etcd's version on a member that has data.

# older A B: succeeds if version A is older than version B. Both are X.Y.Z.
older() {
  awk -v a="$1" -v b="$2" 'BEGIN { split(a, x, "."); split(b, y, "."); for (i = 1; i <= 3; i++) if (x[i] + 0 != y[i] + 0) exit !(x[i] + 0 < y[i] + 0); exit 1 }'
}

minor_of() { echo "${1%.*}"; }

is_upgrade() { has_wal && [ "$(installed_version)" != "$VERSION" ]; }

# UPGRADE_SOURCES has, for each minor version that can be upgraded to VERSION, the oldest patch version for which that
# holds.
may_upgrade_from() {
  for source in $UPGRADE_SOURCES; do
    [ "$(minor_of "$source")" != "$(minor_of "$1")" ] ||
      { ! older "$1" "$source" && ! older "$VERSION" "$1" && return; }
  done
  return 1
}

# running_versions ENDPOINT: prints the versions that the cluster's members run, one per line. Members that do not
# answer are left out.
running_versions() {
  list_members "$1" || return 0
  look_for_status "$(printf '%s\n' "$list" | awk '$4 != "-" { printf "%s%s", sep, $4; sep = "," }')" || return 0
  printf '%s\n' "$found_status" | awk '{ print $5 }'
}

# is_way_back ENDPOINT: succeeds if a member still runs VERSION. The cluster is then in the middle of an upgrade from
# VERSION, and its data are still in the format of that version.
is_way_back() { running_versions "$1" | grep -qxF "$VERSION"; }

# takes_snapshot ENDPOINT: succeeds on the first member to be upgraded, which takes the snapshot before the upgrade for
# the whole cluster.
takes_snapshot() {
  ! is_way_back "$1" && list_members "$1" || return 1
  [ "$(printf '%s\n' "$list" | desired | started | sort -k 2 | head -n 1 | awk '{ print $3 }')" = "$PEER_URL" ]
}

# For a message: where the snapshot is. It is on this host, or on that of the first member by name, which is upgraded
# first.
place_of_snapshot() {
  local saved first
  for saved in "$STATE_DIR"/snapshots/*.db; do
    [ ! -f "$saved" ] || { echo "$saved on this host" && return; }
  done
  first=${INITIAL_CLUSTER%%,*}
  echo "in $(dirname "$STATE_DIR")/${first%%=*}/snapshots on the host of ${first%%=*}" \
    "($(printf '%s\n' "${first#*://}" | sed 's/:[0-9]*$//'))"
}

check_version() {
  # A restore moves the data aside, and has the snapshot's version to compare with.
  is_upgrade && ! is_to_be_restored || return 0
  from=$(installed_version) || return 0
  # Alarms are checked first, because etcdctl reports a member with an alarm as unhealthy.
  raised='' knows_alarms=yes
  wait_until 10 has_found_alarms || knows_alarms=
  [ -z "$raised" ] || {
    refusal "version" "$(alarms_of "$endpoint" "$raised")" \
      "set version back to $from, and upgrade when no alarm is raised any more: $(way_with_alarms "$raised")"
    return
  }
  url=$(any_live_endpoint) || {
    refusal "version" "this member has data of etcd $from, and no member of its cluster answers" \
      "set version back to $from, bring the cluster back, and upgrade after that"
    return
  }
  if [ -z "$knows_alarms" ] || ! list_members "$url"; then
    refusal "version" "etcd does not say who the members are, or whether an alarm is raised" \
      "set version back to $from, see $LOG_DIR/etcd.log, and upgrade after that"
    return
  fi
  if older "$VERSION" "$from"; then
    is_way_back "$url" ||
      refusal "version" "etcd cannot be downgraded from $from to $VERSION: no member runs $VERSION any more" \
        "set version to $from or later; a snapshot from before the upgrade is $(place_of_snapshot)"
    return
  fi
  may_upgrade_from "$from" || {
    refusal "version" \
      "an upgrade from $from to $VERSION is not possible in one step: it must start from $(echo "$UPGRADE_SOURCES" | sed 's/ / or /g'), or from a later patch of the same minor version" \
      "set version to one in between, deploy, and continue from there"
    return
  }
  not_healthy=$(printf '%s\n' "$list" | desired | unhealthy_for_long)
  [ -z "$not_healthy" ] || refusal "version" "$(ailing), and an upgrade needs all members" \
    "set version back to $from, bring that member back, and upgrade after that"
  [ "$(minor_of "$from")" = "$(minor_of "$VERSION")" ] || wait_until 20 cluster_version_is "$(minor_of "$from")" ||
    if [ -z "$cluster_version" ]; then
      refusal "version" "$url/version, which reports the cluster version, does not answer: $cluster_version_reason" \
        "see $LOG_DIR/etcd.log, and apply again"
    else
      refusal "version" \
        "the cluster version is still $cluster_version, not $(minor_of "$from"): the last upgrade is not finished" \
        "wait a minute, and apply again"
    fi
  check_v2_data
  takes_snapshot "$url" || return 0
  look_for_status "$(own_url)" || true
  needed=$(($(printf '%s\n' "$found_status" | awk '{ print int($6 / 1048576) }') + 64))
  free=$(free_mb "$STATE_DIR")
  [ "${free:-0}" -ge "$needed" ] || refusal "free disk" \
    "${free:-an unknown number of} MB free for the snapshot in $STATE_DIR, $needed MB are needed" "make room"
}

# The cluster version follows some seconds after the last member was upgraded. Only etcd's HTTP endpoint /version
# reports it; etcdctl does not.
cluster_version_is() {
  local answer
  answer=$(https_get "$url" /version) || true
  cluster_version=$(printf '%s\n' "$answer" | sed -n 's/.*"etcdcluster":"\([0-9.]*\)".*/\1/p')
  cluster_version_reason=$(tls_reason "$answer")
  [ "$(minor_of "$cluster_version")" = "$1" ]
}

# etcd 3.6 does not start on data of the v2 API.
check_v2_data() {
  [ "$(minor_of "$VERSION")" = 3.6 ] && [ "$(minor_of "$from")" = 3.5 ] || return 0
  answer=$(as_etcd "$(client_directory)/etcdutl" check v2store --data-dir "$DATA_DIR" 2>&1) || case $answer in
    *"custom content"* | *"custom v2 content"*)
      refusal "version" "there are data of the v2 API in $DATA_DIR, and etcd 3.6 does not start on them" \
        "see docs/upgrade.md#data-of-the-v2-api"
      ;;
    *)
      refusal "version" \
        "etcdutl cannot say whether there are data of the v2 API in $DATA_DIR: $(last_line "$answer")" \
        "correct that, and apply again"
      ;;
  esac
}

# snapshot_before_upgrade ENDPOINT: takes a snapshot before the first member of the cluster runs the new version, even
# if that is a member that joins. etcd's own tool verifies the snapshot, but not its digest.
snapshot_before_upgrade() {
  local versions
  versions=$(running_versions "$1" | sort -V)
  [ -n "$versions" ] ||
    fail "etcd does not say which versions the members run, so it is unknown whether a snapshot has to be taken first" \
      "see $LOG_DIR/etcd.log, and apply again; nothing was changed"
  if printf '%s\n' "$versions" | grep -qxF "$VERSION"; then return; fi
  directory=$STATE_DIR/snapshots
  private_directory "$directory"
  snapshot=$directory/$(printf '%s\n' "$versions" | head -n 1)-before-$VERSION.db
  rm -f "$directory"/*.part "$directory"/*.new
  answer=$(etcdctl_at "$1" --command-timeout=600s snapshot save "$snapshot.new" 2>&1) ||
    fail "no snapshot could be taken: $(printf '%s\n' "$answer" | tail -n 1)" \
      "correct the cause, and apply again; nothing was changed"
  if ! answer=$(snapshot_status "$snapshot.new" 2>&1); then
    reason=$(printf '%s\n' "${answer:-the tool was ended}" | tail -n 1)
  elif verify_digest "$snapshot.new"; then
    reason=
  fi
  [ -z "$reason" ] || {
    rm -f "$snapshot.new"
    fail "the snapshot could not be verified: $reason" "apply again; nothing was changed"
  }
  # Only the newest snapshot is kept.
  rm -f "$directory"/*.db
  mv "$snapshot.new" "$snapshot"
  say "saved a verified snapshot to $snapshot ($(printf '%s\n' "$answer" | tail -n 1))"
}
