# A restore makes a new cluster of all members from one snapshot, in three phases with a barrier after each. `restore`
# makes the data on every host, beside those in use, and stops nothing. `bootstrap` puts them in place and starts etcd,
# without clients. `admit` lets the clients in when all members have the same data.

# A program that restores nothing has none of these facts.
RESTORE=${RESTORE-} RESTORE_MEMBER=${RESTORE_MEMBER-} RESTORE_PATH=${RESTORE_PATH-} RESTORE_PORT=${RESTORE_PORT-}
RESTORE_BYTES=${RESTORE_BYTES-} RESTORE_JSON_BASE64=${RESTORE_JSON_BASE64-}
REPLACES_CLUSTER=${REPLACES_CLUSTER-} DISCARDS_BACKUP=${DISCARDS_BACKUP-}

# How far the restore has come on this host, so that a killed one goes on: lines of KEY=value with its id, its token and
# the step.
RESTORING=$STATE_DIR/restore

# While this file exists, the startup script keeps clients out: etcd listens at the URL in it, which no client knows. It
# is not part of a version, because an upgrade must not let the clients in.
QUARANTINE=$CURRENT.quarantine

# The key in etcd that says what the cluster was restored from.
RESTORED=cdktf-etcd/restored

# Prints the step that this restore has reached on this host:
#   ready     the data are made, beside those in use
#   placing   the old data are aside, and the new ones are being moved in
#   placed    etcd may start with the new data, without clients
#   compared  all members have the same data, so clients may be let in
#   done      clients are let in, or this member came later
restore_step() {
  if [ -n "$RESTORE" ] && [ "$(entry_of "$RESTORING" id)" = "$RESTORE" ]; then entry_of "$RESTORING" step; fi
}

set_restore_step() {
  private_directory "$STATE_DIR"
  put_file "$RESTORING" 600 root:root "id=$RESTORE${LINE_END}token=${CLUSTER_TOKEN-}${LINE_END}step=$1"
  # After a power cut, this host must not take another step for the last one.
  sync
}

is_to_be_restored() { [ -n "$RESTORE" ] && [ "$(restore_step)" != "done" ]; }

# The cluster that lives is the one that this restore has made, and this host has come since, or has lost what it knew.
is_restored_already() {
  local endpoint
  [ -x "$CURRENT/etcdctl" ] && endpoint=$(any_live_endpoint) && is_made_by_this_restore "$endpoint"
}

is_made_by_this_restore() {
  [ "$(etcdctl_at "$1" get "$RESTORED" --print-value-only 2>/dev/null)" = "$RESTORE" ]
}

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

# A restore that was given up before anything was stopped leaves nothing.
forget_abandoned_restore() {
  [ -z "$RESTORE" ] && has_begun_restore || return 0
  case $(entry_of "$RESTORING" step) in
    '' | ready)
      drop_restore
      rm -f "$RESTORING" "$RESTORING.json"
      ;;
  esac
}

has_begun_restore() {
  local path
  for path in "$RESTORING" "$OFFER" "$SAVED" "$DATA_DIR".aside-offer "$DATA_DIR/aside-offer"; do
    [ ! -e "$path" ] || return 0
  done
  return 1
}

# Deletes what a restore needs on the way.
drop_restore() {
  end_offer
  drop_directory_beside_data "$(offer_directory)"
  drop_directory_beside_data "$(new_data)"
  rm -f "$SAVED" "$SAVED".*
}

# Sets `description` to what is known about the snapshot, which a backup has beside it, and `is_described` to whether
# this host can know more.
describe_source() {
  description='' is_described=yes
  if [ -z "$RESTORE_MEMBER" ]; then
    description=$(decode "$RESTORE_JSON_BASE64")
  elif has_source && { [ -n "$RESTORE_PATH" ] || is_saved_for_this; }; then
    description=$(cat "${RESTORE_PATH:-$SAVED}.json" 2>/dev/null || true)
  else
    is_described=
  fi
}

described() { printf '%s\n' "$description" | json_value "$1"; }

has_source() { [ "$RESTORE_MEMBER" = "$MEMBER" ]; }

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
  local bytes=${RESTORE_BYTES:-$(described bytes)}
  # Another host may have sent it. The shell cannot count with `089`, which is octal to it, or with more than 63 bits.
  case $bytes in *[!0-9]* | 0?* | ????????????????*) bytes= ;; esac
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

# directory_beside_data NAME: a directory for the time of the restore, on the file system of the data. The names of data
# that were moved aside begin in the same way, so nothing takes it for data in use.
directory_beside_data() {
  if [ -z "$(mounts_in "$DATA_DIR")" ]; then echo "$DATA_DIR.aside-$1"; else echo "$DATA_DIR/aside-$1"; fi
}

# make_directory_beside_data PATH: makes it empty. It belongs to etcd's user.
make_directory_beside_data() {
  drop_directory_beside_data "$1"
  half_made=$1
  if [ "$1" = "$DATA_DIR/${1##*/}" ]; then
    as_etcd mkdir -m 700 "$1"
  else
    remember_made "$1"
    put_directory "$1" 700
  fi
}

# The directory in which the data are made: moving them in is a rename.
new_data() { directory_beside_data restore; }

# make_data: makes this member's data from the snapshot. All of it is done as etcd's user, who can write there.
make_data() {
  local new tool snapshot
  new=$(new_data)
  make_directory_beside_data "$new"
  bring_snapshot "$new/snapshot.db"
  set_restore_tool
  set_restore_options
  # shellcheck disable=SC2086 # words, or none
  answer=$(as_etcd env ETCDCTL_API=3 "$tool" snapshot restore "$snapshot" --data-dir "$new/data" \
    --name "$MEMBER" --initial-advertise-peer-urls "$PEER_URL" --initial-cluster "$FOUNDERS" \
    --initial-cluster-token "$CLUSTER_TOKEN" $restore_options 2>&1) || {
    case $answer in
      *"expected sha256"*) refuse_damaged "it does not have the SHA-256 $sha256, which etcd has appended to it" ;;
    esac
    refuse "restore" "etcd's own tool makes no data from the snapshot: $(last_line "$answer")" \
      "make room if that is missing, or restore another snapshot"
  }
  as_etcd rm -f "$new/snapshot.db"
  half_made=
}

# Sets `tool` to that of the version in the program, which may not be in use yet.
set_restore_tool() {
  tool=$VERSIONED/etcdutl
  [ -x "$tool" ] || tool=$VERSIONED/etcdctl
}

# write_as_etcd FILE: standard input goes there, where etcd's user can write.
# shellcheck disable=SC2016 # the inner shell expands it
write_as_etcd() { as_etcd sh -c 'cat >"$1"' sh "$1"; }

# bring_snapshot FILE: sets `snapshot` to the snapshot, which is put to FILE unless this host offers it, and `sha256` to
# the digest that etcd has appended. The tool that makes the data from it compares that digest with what it has written,
# and refuses the snapshot if they differ. A copied database has none, so its digest is compared here.
bring_snapshot() {
  snapshot=$1
  if has_source; then
    snapshot=$(offered_snapshot)
    [ -e "$snapshot" ] || refuse "restore" "this host does not have the snapshot any more" "$(replacing "$OFFER_RESOURCE")"
  elif [ -n "$RESTORE_MEMBER" ]; then
    fetch_snapshot "$1"
  else
    answer=$(write_as_etcd "$1" 2>&1 <"$INBOX/snapshot.db") ||
      refuse "restore" "the snapshot cannot be copied to $1: $(last_line "$answer")" "make room, and apply again"
  fi
  if is_copied; then verify_snapshot_copy "$snapshot"; else read_digest "$snapshot" as_etcd || refuse_damaged "$reason"; fi
  # The file may have changed since the program was synthesized.
  [ -n "$RESTORE_MEMBER" ] || case $RESTORE in
    *"$sha256"*) ;;
    *) refuse "restore" "the snapshot that was uploaded has the SHA-256 $sha256, but the plan is for $RESTORE" \
      "synthesize again, and apply again" ;;
  esac
}

# verify_snapshot_copy FILE: a copied database has no digest of its own, so its description has one. The file is where
# etcd's user can put a link in its place.
verify_snapshot_copy() {
  if is_copied; then
    sha256=$(as_etcd cat "$1" | sha256_of_input)
    reason="it has the SHA-256 $sha256, but $RESTORE_MEMBER has sent $(described sha256)"
    [ "$sha256" = "$(described sha256)" ]
  else
    verify_digest "$1" as_etcd
  fi || refuse_damaged "$reason"
}

# refuse_damaged REASON
refuse_damaged() {
  refuse "restore" "the snapshot is not whole: $1" "apply again; if that does not help, restore another snapshot"
}

is_copied() { [ "$(described copied)" = true ]; }

# A client that watches must not be told the changes of another history under a revision that it has already seen. The
# revisions of the new cluster are therefore above all that the old one, or a cluster from an earlier restore, can have
# reached, and the ones in between are compacted. They are raised by 100,000 for each second since 2026, more than etcd
# can write in that time: by a number that is the same on all hosts, because Terraform has recorded the time, and that
# grows from restore to restore.
set_restore_options() {
  restore_options=
  ! is_copied || restore_options=--skip-hash-check
  if can_bump; then
    restore_options="$restore_options --mark-compacted --bump-revision $(revisions_to_skip)"
  else
    say "warning: the tool of etcd $VERSION cannot raise the revisions, so clients that watch must be restarted: they could take new revisions for old ones"
  fi
}

revisions_to_skip() {
  date -u -d "$RESTORED_AT" +%s | awk '{
    seconds = $1 - 1767225600 # 2026-01-01
    printf "%.0f", 1000000000 + (seconds > 0 ? seconds * 100000 : 0)
  }'
}

# Before 3.4.27 and 3.5.10, and in 3.1 to 3.3, etcd's tool cannot do that.
can_bump() { as_etcd env ETCDCTL_API=3 "$tool" snapshot restore --help 2>&1 | grep -q -- --bump-revision; }

# Stops etcd, moves its data aside, and moves the new ones in. It may be killed anywhere and run again. From the first
# step on, no client gets in, even if the host boots in the middle and etcd starts with the old data.
place_data() {
  local new
  new=$(new_data)
  if [ "$(restore_step)" = ready ]; then
    [ -e "$new/data" ] || refuse "restore" "$new, the restored data, are gone" "$(replacing "$RESTORE_RESOURCE")"
    write_quarantine
    sync
    if has_content; then set_aside; else stop_program; fi
    activate
    # After a power cut, the old data must not be back without this host knowing.
    sync
    set_restore_step placing
  fi
  stop_program
  move_in "$new"
  mark_started
  sync
  set_restore_step placed
}

# move_in NEW: the write-ahead log comes last, so if there is one, all is there.
move_in() {
  if [ ! -e "$1/data" ] || has_wal; then return; fi
  if [ -z "$(mounts_in "$DATA_DIR")" ] && { rmdir "$DATA_DIR" 2>/dev/null || [ ! -e "$DATA_DIR" ]; }; then
    mv -T "$1/data" "$DATA_DIR"
    # etcd's user could have put a link there.
    [ ! -L "$DATA_DIR" ] || fail "$DATA_DIR is a symbolic link" "find out who has put it there, and remove it"
    return
  fi
  # shellcheck disable=SC2016 # the inner shell expands it
  as_etcd sh -c '
    set -e
    mkdir -p "$2/member/snap" "$2/member/wal"
    for file in "$1"/member/snap/* "$1"/member/wal/*; do
      [ -e "$file" ] || continue
      part=${file#"$1"/}
      cp "$file" "$2/${part%/*}/.restored"
      sync "$2/${part%/*}/.restored"
      mv -f "$2/${part%/*}/.restored" "$2/$part"
    done' sh "$1/data" "$DATA_DIR" ||
    fail "the restored data cannot be copied from $1/data to $DATA_DIR" "make room, and apply again"
}

# Another port of the address at which this member listens. If that address has changed since, it is written again.
write_quarantine() {
  local port
  case $(cat "$QUARANTINE" 2>/dev/null) in "https://$(listen_authority "")"?*) return 0 ;; esac
  port=$((${CLIENT_URL##*:} + 10000))
  [ "$port" -lt 65000 ] || port=$((port - 20000))
  while ss -ltn | grep -q ":$port "; do port=$((port + 1)); done
  put_file "$QUARANTINE" 644 root:root "https://$(listen_authority "$port")"
}

# The founders that are still in the program, one per line: NAME=PEER_URL
restored_members() { printf '%s\n' "$FOUNDERS" | tr , '\n' | grep -xF -e "$(printf '%s\n' "$INITIAL_CLUSTER" | tr , '\n')"; }

# have_same_data: whether all restored members have the same keys, at the revision that this one has reached. They are
# asked at their peer ports, because no client port is open.
have_same_data() {
  local revision hashes own other entry
  differs=''
  revision=$(revision_of "$url")
  reason="this member does not say its revision"
  [ -n "$revision" ] || return 1
  ask_for_hashes
  own=$(hash_from "$MEMBER=$PEER_URL")
  # Older releases do not tell it for a revision that is compacted, and nothing was written after it.
  [ -n "$own" ] || { revision=0 && ask_for_hashes && own=$(hash_from "$MEMBER=$PEER_URL"); }
  reason="$PEER_URL does not say the hash of its keys"
  [ -n "$own" ] || return 1
  for entry in $(restored_members); do
    other=$(hash_from "$entry")
    reason="${entry%%=*} does not say the hash of its keys"
    [ -n "$other" ] || return 1
    reason="${entry%%=*} has other keys than this member"
    [ "$other" = "$own" ] || { differs=yes && return 1; }
  done
}

# Sets `hashes` to lines of NAME=PEER_URL and what hash_of_keys prints. All members are asked at the same time, because
# each has to read all of its keys.
ask_for_hashes() {
  local entry
  hashes=$(
    for entry in $({ echo "$MEMBER=$PEER_URL" && restored_members; } | awk '!seen[$0]++'); do
      printf '%s %s\n' "$entry" "$(hash_of_keys "${entry#*=}")" &
    done
    wait
  )
}

# hash_from NAME=PEER_URL
hash_from() { printf '%s\n' "$hashes" | awk -v entry="$1" '$1 == entry && NF > 1 { print $2, $3, $4 }'; }

# hash_of_keys PEER_URL: HASH COMPACT_REVISION CLUSTER_ID; nothing if that member is not as far as `revision` yet. All
# keys of a large database must be read for it.
hash_of_keys() {
  tls_seconds=120 https_get "$1" /members/hashkv "{\"revision\":$revision}" | tr -d '\r' |
    sed -nE -e 's/^X-Etcd-Cluster-Id: (.*)/\1/ip' -e 's/.*"hash":([0-9]+).*"compact_revision":(-?[0-9]+).*/\1 \2/p' |
    awk 'NR == 1 { id = $0 } NR == 2 { print $0, id }'
}

# What the snapshot carries of deploys that were under way when it was taken, and of what had failed in the old cluster,
# which the health table would warn of for days.
forget_old_deploys() {
  wait_until 30 has_forgotten_old_deploys ||
    fail "etcd does not forget the deploys that were under way when the snapshot was taken: $(last_line "$key_answer")" \
      "see $LOG_DIR/etcd.log, and apply again"
}

# The leader has just been elected, and may not stay. A key that is left would make each later deploy fail, or wait.
has_forgotten_old_deploys() {
  local key
  for key in "$TURN" cdktf-etcd/backup/slot; do change_key "$url" del "$key" || return; done
  for key in "$DUE/" "$JOINS/" cdktf-etcd/backup/failed/ cdktf-etcd/defragmentation/; do
    change_key "$url" del --prefix "$key" || return
  done
  change_key "$url" put "$RESTORED" "$RESTORE"
}

# The alarm CORRUPT was about the members of the old cluster. While it is raised, etcd serves nobody; these members are
# compared right after this.
clear_old_alarm() {
  case $(alarms "$url" || true) in
    *CORRUPT*)
      etcdctl_at "$url" alarm disarm >/dev/null 2>&1 || true
      say "the snapshot carries the alarm CORRUPT of the old cluster: cleared, and all members are compared"
      ;;
  esac
}

# What else comes back with a snapshot, and may surprise.
tell_what_came_back() {
  local raised
  raised=$(alarms "$url" || true)
  [ -z "$raised" ] || say "warning: the snapshot carries an alarm: $raised; see docs/alarms.md"
  case $(etcdctl_at "$url" auth status 2>/dev/null) in
    *"Status: true"*) say "authentication is on, with the users and passwords of the snapshot" ;;
  esac
}
