# Checks of the data directory on a host: what state it is in, and which member its data belong to.

check_installation() {
  [ ! -e "$CURRENT" ] || [ -L "$CURRENT" ] ||
    refusal "installation" "$CURRENT is not a link" "move it away, or set paths.installRoot"
}

# Refuses if this host already runs another member of this cluster: the member was renamed, or two addresses were
# swapped. Members are matched by peer URL, which is how etcd identifies them.
check_identity() {
  local process name peer_url
  for process in /proc/[0-9]*; do
    { is_named_etcd "$process" && is_of_member "$process"; } || continue
    read_arguments "$process"
    look_for_value name
    name=$flag_value
    look_for_value initial-advertise-peer-urls
    peer_url=$flag_value
    if [ "$name" = "$MEMBER" ]; then
      shape "$process" initial-advertise-peer-urls "$PEER_URL" "the cluster identifies the member by its peer URL" \
        "set address and ports.peer back; to move the member, remove it from the program, deploy, and add it again"
    elif [ "$peer_url" = "$PEER_URL" ]; then
      case ,$INITIAL_CLUSTER in
        *",$name="*) refusal "member" \
          "this host runs the member $name of this cluster ($peer_url), but the program has $MEMBER here" \
          "set the addresses of $name and $MEMBER back; to move a member, remove it from the program, deploy, and add it again" ;;
        *) refusal "member" \
          "this host runs the member $name of this cluster ($peer_url), but the program calls it $MEMBER" \
          "set the name back to $name; to rename the member, remove $name from the program, deploy, and add it again as $MEMBER" ;;
      esac
    fi
  done
}

# The data directory of a running member cannot be changed.
check_shape() {
  for pid in $(own_pid); do
    is_data_directory "$(argument_of "/proc/$pid" data-dir)" ||
      shape "/proc/$pid" data-dir "$DATA_DIR" "a deploy does not move a member's data to another directory" \
      "set paths.dataDir back; to move the data, remove the member from the program, deploy, and add it again with the new directory"
  done
}

# shape PROCESS FLAG WANTED WHY TODO
shape() {
  read_arguments "$1"
  look_for_value "$2"
  running=$flag_value
  # This is empty if the process has ended in the meantime, as happens while etcd keeps crashing.
  [ -z "$running" ] || [ "$running" = "$3" ] ||
    refusal "changed $2" "the running member has $running, but the program says $3; $4" "$5"
}

# Refuses if etcd runs as a user other than the configured one. Stage gives the data directory to the configured user,
# and etcd would lose access to its data at that moment. And an etcd that somebody has started as root leaves files that
# etcd's user cannot read, so etcd would not start again.
check_user() {
  local pid owner
  look_for_etcd
  pid=$found_etcd
  if [ -z "$pid" ] || ! has_wal || is_etcds "/proc/$pid"; then return; fi
  owner=$(stat -c %U "/proc/$pid" 2>/dev/null) || return 0
  if is_etcds "$DATA_DIR"; then
    refusal "user" "etcd runs here as $owner (process $pid), not as $ETCD_USER: somebody has started it by hand" \
      "run $(supervisorctl_here stop "$MEMBER") and kill $pid; when it has ended, run $(supervisorctl_here start "$MEMBER"), and apply again"
  else
    refusal "user" \
      "etcd runs here as $owner (process $pid), but the program has the user $ETCD_USER; the user of a running member cannot be changed" \
      "run $(supervisorctl_here stop "$MEMBER"), make sure that process $pid has ended, and apply again, which gives its data to $ETCD_USER; or set user to $owner"
  fi
}

# Refuses if the data directory has files that etcd's user may not be able to read: etcd would not start again, or would
# start without its newest raft snapshot.
# The command in the message gives away no file that has another name elsewhere (give_data_to_user).
check_readable() {
  local file
  # While the disk is not mounted, the files that are visible here are not etcd's.
  has_wal || return 0
  file=$(find "$DATA_DIR/member" -name lost+found -prune -o ! -user "$ETCD_USER" -print -quit 2>/dev/null) || true
  [ -z "$file" ] || ! is_etcds "$DATA_DIR" ||
    refusal "data directory" \
      "$file belongs to $(stat -c %U "$file"), and etcd, which runs as $ETCD_USER, may not be able to read it: somebody has run etcd, or restored data, as another user" \
      "find $DATA_DIR/member ! -user $ETCD_USER \\( -type d -o -links 1 \\) -execdir chown -h $ETCD_USER: {} +, and apply again"
}

# Data that a running etcd has open, but that are no longer in the data directory, are not lost. While that etcd is
# healthy, not even deleted data are lost: the member still votes with them.
check_hidden() {
  local open='' covers
  ! has_wal || return 0
  look_for_etcd
  [ -z "$found_etcd" ] || open=$(open_wal "$found_etcd")
  case $open in
    '')
      # No process has the data open, because etcd ends within half a minute when a mount hides its data.
      { [ -e "$MOUNTS" ] && has_mark; } || return 0
      covers=$(new_mounts | tail -n 1)
      [ -n "$covers" ] || return 0
      refusal "data directory" \
        "$covers was not mounted when this member was last healthy, and it hides what is in that directory" \
        "run umount $covers and $(supervisorctl_here restart "$MEMBER"); if the hidden data are gone for good, run rm -f $MOUNTS $MOUNTS_PUBLISHED, and apply again"
      ;;
    *" (deleted)")
      ! answers_healthy || is_to_be_provisioned_anew ||
        refusal "data directory" \
          "the data in $DATA_DIR were deleted under the running etcd, which is still healthy but would not start again" \
          "to re-provision the member, increase its reprovision by one, and apply again"
      ;;
    "$(readlink -m "$DATA_DIR")"/*)
      refusal "data directory" \
        "etcd runs on data in $DATA_DIR that are hidden: $(covering_mount) was mounted over them" \
        "run umount $(covering_mount); to move the data to that disk, run $(supervisorctl_here stop "$MEMBER"), copy the data to the disk, and move the old data away before you mount the disk again; then run $(replacing "$ROLLOUT_RESOURCE"), which records the mount"
      ;;
    *)
      refusal "data directory" "etcd runs on data that were moved to ${open%/member/wal/*}" \
        "move them back to $DATA_DIR, and apply again"
      ;;
  esac
}

# The mount point on the path of the data directory that was mounted last.
covering_mount() { mount_points | on_data_path | tail -n 1 | grep . || echo "another directory"; }

# open_wal PID: a file of the write-ahead log that the process has open, by the name that the kernel reports.
open_wal() {
  # shellcheck disable=SC2012 # ls is one process; readlink would be one for each of thousands of connections
  ls -l "/proc/$1/fd" 2>/dev/null | sed -n 's|.* -> \(/.*/member/wal/[^/]*\.wal.*\)|\1|p' | tail -n 1
}

# Checks which member the data in the data directory belong to. Data of unknown origin may be all that is left of some
# cluster, so no message here advises deleting them.
check_data() {
  check_former_life
  has_content || return 0
  if ! has_wal; then
    check_log_disk
    # A first start that was killed leaves `member` without a write-ahead log.
    [ -z "$(find "$DATA_DIR" -mindepth 1 -maxdepth 1 ! -name lost+found ! -name member ! -name 'aside-*' \
      ! -name "${DATA_MARK##*/}" 2>/dev/null)" ] ||
      refusal "data directory" "$DATA_DIR is not empty and does not contain etcd data" \
        "move it away, or set paths.dataDir"
    # Without a record of this member, this was not left by a first start of ours: an etcd that has its write-ahead log
    # elsewhere (--wal-dir) leaves its database here.
    has_registry || has_mark || has_own_data_mark ||
      [ -z "$(find "$DATA_DIR/member" -name db -size +0 -o -name '*.snap' 2>/dev/null)" ] ||
      refusal "data directory" \
        "$DATA_DIR/member holds an etcd database without a write-ahead log, and nothing on this host says which member it belongs to" \
        "find its write-ahead log (perhaps the --wal-dir of another etcd), move the database away, or set paths.dataDir"
    return 0
  fi
  look_at_mark "$LOG_MARK"
  if [ -n "$mark_peer_url" ] && [ "$mark_peer_url" != "$PEER_URL" ]; then
    refusal "data directory" \
      "$DATA_DIR/member/wal holds the write-ahead log of the member $mark_member with peer URL $mark_peer_url, not that of $MEMBER with peer URL $PEER_URL: etcd would run as that member here" \
      "run $(supervisorctl_here stop "$MEMBER"), and bring the right disk back"
    return 0
  fi
  if has_mark; then
    look_at_line "$STATE_DIR/started"
    # It may be empty after a power cut (mark_started).
    [ "${first_line:-$PEER_URL}" = "$PEER_URL" ] ||
      refusal "data directory" \
        "the data in $DATA_DIR belong to the member with peer URL $first_line, not $PEER_URL: the cluster identifies a member by its peer URL" \
        "set the member's address and ports.peer back; or, if these data are no longer needed, move them away"
    if has_own_data_mark; then return; fi
    if [ -z "$mark_member" ]; then
      # Version 0.1.0 did not write a mark into the data directory.
      look_for_entry "$CLAIM" data_dir
      [ -z "$entry_value" ] || [ "$entry_value" = "$DATA_DIR" ] ||
        refusal "data directory" \
          "this member's data are in $entry_value, and $DATA_DIR holds other etcd data; nothing on this host says which member those belong to" \
          "set paths.dataDir back to $entry_value"
      return 0
    fi
    # The disk belongs to another host.
    refusal "data directory" \
      "$DATA_DIR holds the data of the member $mark_member with peer URL $mark_peer_url, not those of $MEMBER with peer URL $PEER_URL: etcd would run as that member here" \
      "run $(supervisorctl_here stop "$MEMBER"), and bring the right disk or directory back; if the data of $MEMBER are gone for good, move these data away and increase its reprovision"
    return 0
  fi
  look_at_mark
  if [ -z "$mark_member" ]; then
    refusal "data directory" \
      "$DATA_DIR holds etcd data, and nothing on this host says which member they belong to: this package marks the data that it creates, and the mark is gone if the operating system was reinstalled" \
      "if they are the data of $MEMBER with peer URL $PEER_URL, run $(adoption), and apply again; otherwise set paths.dataDir to another directory"
  elif [ "$mark_member $mark_peer_url" != "$MEMBER $PEER_URL" ]; then
    refusal "data directory" \
      "$DATA_DIR holds the data of the member $mark_member with peer URL $mark_peer_url, not those of $MEMBER with peer URL $PEER_URL" \
      "set the member's name, address and ports.peer to those; or set paths.dataDir to another directory"
  fi
}

# Refuses if a member of the same name was removed from this host earlier and its data were kept in another directory:
# that was a member of another cluster, and what is in the state directory (its `started` mark, its snapshots) is still
# that member's.
check_former_life() {
  local claim
  for claim in "$CLAIM" "$STATE_DIR/released"; do
    [ -s "$claim" ] || continue
    look_for_entry "$claim" peer_url
    [ "$entry_value" != "$PEER_URL" ] || continue
    look_for_entry "$claim" data_dir
    [ "$entry_value" != "$DATA_DIR" ] || continue
    refusal "member" \
      "this host had a member $MEMBER with peer URL $(entry_of "$claim" peer_url) and data in $(entry_of "$claim" data_dir), which were kept" \
      "give this member another name; or, if that member is gone for good, run rm -r $STATE_DIR, and apply again"
  done
}

adoption() { echo "mkdir -p -m 700 $STATE_DIR && echo $PEER_URL >$STATE_DIR/started"; }

# etcd creates its write-ahead log by renaming a directory, which is not possible where a disk is mounted.
check_log_disk() {
  is_log_mounted || return 0
  refusal "data directory" \
    "$DATA_DIR/member/wal is a mount point without a write-ahead log, and etcd cannot create one on a mount point" \
    "if the log is on another disk, mount that disk; for a new member, run umount $DATA_DIR/member/wal, apply, and see docs/lost-data.md#a-disk-of-its-own-for-the-write-ahead-log"
}

# Warns of what works until it hurts: data in memory or on another machine, and a disk that is full long before etcd
# stops accepting writes.
warn_of_data_disk() {
  local existing table bytes
  look_for_existing "$DATA_DIR"
  table=$(df -B1 --output=fstype,size "$existing" 2>/dev/null) || return 0
  table=${table##*"$LINE_END"}
  case $table in
    "tmpfs "* | "ramfs "*)
      say "warning: $DATA_DIR is in memory, so this member's data are gone after a reboot; if that happens to a quorum, all data are"
      ;;
  esac
  ! is_elsewhere "${table%% *}" ||
    say "warning: $DATA_DIR is not on a disk of this host, but on ${table%% *}: etcd waits for it at every write, and after an outage there it may not start, because its files are still locked; use a local disk"
  bytes=${table##* }
  case $QUOTA_BACKEND_BYTES:$bytes in :* | *: | *:*[!0-9]*) return 0 ;; esac
  [ "$bytes" -lt "$QUOTA_BACKEND_BYTES" ] || return 0
  say "warning: the file system of $DATA_DIR has $((bytes / 1048576)) MB in all, and quotaBackendBytes is $((QUOTA_BACKEND_BYTES / 1048576)) MB: it would be full, and etcd would end, before etcd stops accepting writes"
}
