# Checks of a restore, before anything of the old cluster is stopped.

# All that could forbid the restore and that is known at this time. Preflight asks, when nothing is changed yet; phase
# `restore`, when the snapshot is there; and bootstrap, right before it stops the member, because days may have passed.
check_restore() {
  check_abandoned
  is_to_be_restored || return 0
  [ -z "$(restore_step)" ] || return 0
  ! is_restored_already || return 0
  check_source
  check_snapshot_version
  check_restore_room
  check_replaced_cluster
  check_left_behind
  check_newer_backups
}

# Without `restore` in the program, nothing would let the clients in again. The file that keeps them out may be that of
# an earlier attempt.
check_abandoned() {
  local quarantine=
  if [ -n "$RESTORE" ]; then return; fi
  [ ! -e "$QUARANTINE" ] || quarantine=quarantine
  case $quarantine$(entry_of "$RESTORING" step) in
    quarantine* | placing | placed | compared)
      refusal "restore" \
        "the restore of $(entry_of "$RESTORING" id) is not finished: no client is let in on this host" \
        "put restore back into the program as it was, and apply again; or, to give it up, see docs/restore.md#how-to-go-back"
      ;;
  esac
}

check_source() {
  local path changeable
  describe_source
  if ! has_source; then return; fi
  if [ -n "$RESTORE_PATH" ]; then
    [ -f "$RESTORE_PATH" ] || {
      refusal "restore" "there is no file $RESTORE_PATH on this host" \
        "correct the path, or restore another snapshot; if the restore is done, remove it from the program"
      return
    }
    for path in "$RESTORE_PATH" "$RESTORE_PATH.json"; do
      changeable=$(untrusted "$path")
      [ -n "$changeable" ] || continue
      refusal "restore" \
        "$changeable can be changed by users other than root ($(whose "$changeable")), so it is unknown who wrote $path" \
        "if you know where it comes from, copy it to a directory that only root can change, and give that path"
      break
    done
    # The later phases verify the copy that they work with.
    if [ "$PHASE" != preflight ]; then
      :
    elif verify_digest "$RESTORE_PATH"; then
      check_description
    else
      refusal "restore" "$RESTORE_PATH: $reason" \
        "if it is still being copied, wait, and apply again; otherwise restore another snapshot"
    fi
  elif [ -e "$QUARANTINE" ] && ! is_quarantine_of_own_data; then
    refusal "restore" \
      "what $MEMBER has in $DATA_DIR is from the restore of $(entry_of "$RESTORING" id); its own data are in $DATA_DIR.aside-*" \
      "bring its own data back first (docs/restore.md#how-to-go-back)"
  elif ! has_wal && [ ! -e "$SAVED" ]; then
    refusal "restore" "$MEMBER has no data in $DATA_DIR" \
      "restore the data of another member, or a backup; if the restore is done, remove it from the program"
  fi
}

# The description beside the snapshot must be that of the snapshot with the digest `sha256`: what is compared with other
# backups is the description.
check_description() {
  case $(described sha256) in
    '' | "$sha256") ;;
    *) refusal "restore" \
      "$RESTORE_PATH.json describes another snapshot, with the SHA-256 $(described sha256); that of $RESTORE_PATH is $sha256" \
      "put the description of this snapshot in its place, or remove it, and apply again" ;;
  esac
}

# An earlier attempt to restore what this same member has.
is_quarantine_of_own_data() {
  case $(entry_of "$RESTORING" id) in "the data of $MEMBER" | "the data of $MEMBER, attempt "*) ;; *) return 1 ;; esac
}

check_snapshot_version() {
  local version
  version=$(described version)
  [ -z "$version" ] || may_upgrade_from "$version" ||
    refusal "restore" "the snapshot is of etcd $version, and etcd $VERSION may not be able to read it" \
      "restore it with version $version, and change the version after that; if the restore is done, remove it from the program"
}

# The snapshot, the database that is made from it, a copy if it must be moved to another file system, and the
# write-ahead log.
check_restore_room() {
  local bytes=${RESTORE_BYTES:-$(described_bytes)}
  if has_source && [ -z "$RESTORE_PATH" ]; then
    bytes=$(stat -c %s "$DATA_DIR/member/snap/db" 2>/dev/null || true)
    [ -z "$bytes" ] || check_room "$STATE_DIR" "$((bytes / 1048576 + 16))" "move something off that file system"
  elif has_source && [ -f "$RESTORE_PATH" ]; then
    bytes=$(stat -c %s "$RESTORE_PATH")
  fi
  [ -z "$bytes" ] || check_room "$DATA_DIR" "$((bytes * 3 / 1048576 + MIN_FREE_DATA_MB))" "restore on other hosts"
}

# Whatever was written to the old cluster after the snapshot will be lost, so as long as it has a quorum, only the
# operator can decide that.
check_replaced_cluster() {
  local status endpoint id
  [ -x "$CURRENT/etcdctl" ] || return 0
  status=$(status_with_leader) || return 0
  id=$(printf '%s\n' "$status" | hex_cluster_id)
  if [ "$id" = "$REPLACES_CLUSTER" ]; then return; fi
  endpoint=$(any_live_endpoint || true)
  if [ -n "$endpoint" ] && is_made_by_this_restore "$endpoint"; then return; fi
  refusal "restore" \
    "the cluster $id has a quorum (${status%% *} knows its leader), and all that was written to it after the snapshot would be lost" \
    "remove restore from the program; or, if that is what you want, set replacesCluster: \"$id\" in it"
}

# status_with_leader: the status of a member that knows a leader. Members that have lost their quorum know none a moment
# later, or do not answer at all. While a cluster elects a leader, its members know none either, so they are asked again
# for longer than that takes. Those that leave the program in the same edit are asked, too.
ELECTION_SECONDS=10
status_with_leader() {
  local status=
  wait_until "$ELECTION_SECONDS" is_leader_known_or_silence || true
  [ -n "$status" ] && printf '%s\n' "$status"
}

# Also succeeds if no member accepts connections. Sets `status`.
is_leader_known_or_silence() {
  local endpoint listens=
  # shellcheck disable=SC2046 # one argument for each endpoint
  for endpoint in $(reachable $({ own_url && other_endpoints && former_endpoints; } | awk '!seen[$0]++') | tr , ' '); do
    listens=yes
    status=$(endpoint_status "$endpoint" | awk '$4 != "-" && $4 != 0')
    [ -z "$status" ] || return 0
  done
  [ -z "$listens" ]
}

# A restore stops only members that are in the program. Others would go on: as the old cluster, if they are a quorum of
# it, beside the new one and with clients that still know them.
check_left_behind() {
  local entry left=
  for entry in $(former_members); do
    if desired_peer_urls | grep -qxF -e "${entry#*=}" || ! accepts_connections "${entry#*=}"; then continue; fi
    left="$left${left:+, }${entry%%=*} (${entry#*=})"
  done
  [ -z "$left" ] || refusal "restore" \
    "no longer in the program, but still running: $left; the old cluster would go on there, beside the new one" \
    "stop etcd on those hosts (supervisorctl stop MEMBER), and apply again; or name these members in the program until the restore is done, and remove them in the next deploy"
}

# A backup is newer if it has a higher revision of the same cluster, or if it was taken later from another one. Of a
# snapshot without a description nobody knows that, so every backup counts as newer.
check_newer_backups() {
  local file bytes newer=
  [ -n "$is_described" ] || return 0
  # The default directory may have backups of a life of this member that was destroyed, together with its records.
  # shellcheck disable=SC2046 # a pattern for each directory
  for file in $({ backup_directories && echo "$DATA_DIR-backups"; } | awk '!seen[$0]++ { print $0 "/*-[0-9]*T[0-9]*Z.db.json" }'); do
    if [ ! -e "${file%.json}" ] || ! is_newer_than_snapshot "$file" || is_discarded "${file%.json}"; then continue; fi
    # One of another size was written to after it was verified, and is no backup any more.
    bytes=$(json_value bytes <"$file")
    [ "${bytes:-any}" = any ] || [ "$(stat -c %s "${file%.json}")" = "$bytes" ] || continue
    if [ -z "$newer" ] || [ "$(stamp_of "${file%.json}")" \> "$(stamp_of "$newer")" ]; then newer=${file%.json}; fi
  done
  [ -z "$newer" ] || refusal "restore" \
    "$newer on this host is newer than the snapshot: revision $(json_value revision <"$newer.json") of $(json_value time <"$newer.json"), the snapshot has revision $(described revision | grep . || echo unknown) of $(described time | grep . || echo "an unknown time")" \
    "restore that one; or, if you want the older one, set discardsBackup: \"${newer##*/}\"; if the restore is done, remove it from the program"
}

is_newer_than_snapshot() {
  local key=unix_time ours theirs
  if [ "$(json_value cluster_id <"$1")" = "$(described cluster_id)" ]; then key=revision; fi
  # A description that is damaged says nothing.
  ours=$(described "$key" | grep -xE '[0-9]+') theirs=$(json_value "$key" <"$1" | grep -xE '[0-9]+')
  [ "${theirs:-0}" -gt "${ours:-0}" ]
}

is_discarded() { [ -n "$DISCARDS_BACKUP" ] && ! [ "$(stamp_of "$1")" \> "$(stamp_of "$DISCARDS_BACKUP")" ]; }

# stamp_of FILE: the time in the name of a backup.
stamp_of() { printf '%s\n' "$1" | sed 's/.*-\([0-9]*T[0-9]*Z\)\.db$/\1/'; }
