# What must hold of the data that lie on a host, and of whose they are.

check_installation() {
  [ ! -e "$CURRENT" ] || [ -L "$CURRENT" ] ||
    refusal "installation" "$CURRENT is not a link" "move it away, or set paths.installRoot"
}

# This host runs another member of the cluster: this one was renamed, or two addresses were swapped. Matched by the peer URL, as etcd knows members.
check_identity() {
  local process name peer_url
  for process in $(etcd_processes); do
    is_of_member "$process" || continue
    name=$(argument_of "$process" name)
    peer_url=$(argument_of "$process" initial-advertise-peer-urls)
    if [ "$name" = "$MEMBER" ]; then
      shape "$process" initial-advertise-peer-urls "$PEER_URL" "the peer URL is what the cluster knows the member by" \
        "set address and ports.peer back; to move, take the member out of the program, deploy, and add it again"
    elif [ "$peer_url" = "$PEER_URL" ]; then
      case ,$INITIAL_CLUSTER in
        *",$name="*) refusal "member" "this host runs the member $name of this cluster ($peer_url), and the program has $MEMBER here" \
          "set the addresses of $name and $MEMBER back; to move a member, take it out of the program, deploy, and add it again" ;;
        *) refusal "member" "this host runs the member $name of this cluster ($peer_url), and the program calls it $MEMBER" \
          "set the name back to $name; for another name take $name out of the program, deploy, and add it again as $MEMBER" ;;
      esac
    fi
  done
}

# What a member is known by cannot be changed under it.
check_shape() {
  for pid in $(own_pid); do
    is_data_directory "$(argument_of "/proc/$pid" data-dir)" ||
      shape "/proc/$pid" data-dir "$DATA_DIR" "data are not moved from one directory to another under a member" \
      "set paths.dataDir back; to move, take the member out of the program, deploy, and add it again with the new directory"
  done
}

# shape PROCESS FLAG WANTED WHY TODO
shape() {
  running=$(argument_of "$1" "$2")
  # None: it has ended meanwhile, as one does that stops again and again.
  [ -z "$running" ] || [ "$running" = "$3" ] || refusal "changed $2" "the running member has $running, the program says $3; $4" "$5"
}

# A running etcd as another user would lose its data directory the moment that stage gives it to the new one; and one that somebody has started as
# root leaves files that etcd's user cannot read, so it would not come up again.
check_user() {
  local pid owner
  pid=$(etcd_pid)
  if [ -z "$pid" ] || ! has_wal; then return; fi
  owner=$(stat -c %U "/proc/$pid" 2>/dev/null) || return 0
  if [ "$owner" = "$ETCD_USER" ]; then return; fi
  if [ "$(stat -c %U "$DATA_DIR")" = "$ETCD_USER" ]; then
    refusal "user" "etcd runs here as $owner (process $pid), not as $ETCD_USER: somebody has started it by hand" \
      "supervisorctl stop $MEMBER; kill $pid; when it has ended, supervisorctl start $MEMBER; then apply again"
  else
    refusal "user" "etcd runs here as $owner (process $pid), and the program has the user $ETCD_USER; a running member is not given to another user" \
      "supervisorctl stop $MEMBER, see that process $pid ends, and apply again: its data then go to $ETCD_USER; or set user to $owner"
  fi
}

# What etcd's user cannot read is in its directory: it would not start again, or start without its newest raft snapshot.
check_readable() {
  local file
  # Without its disk mounted, what lies there is not etcd's.
  has_wal || return 0
  file=$(find "$DATA_DIR/member" -name lost+found -prune -o ! -user "$ETCD_USER" -print -quit 2>/dev/null || true)
  [ -z "$file" ] || [ "$(stat -c %U "$DATA_DIR" 2>/dev/null)" != "$ETCD_USER" ] ||
    refusal "data directory" "$file belongs to $(stat -c %U "$file"), and $ETCD_USER, as whom etcd runs, may not be able to read it: somebody has run etcd, or restored data, as another user" \
      "chown -hR $ETCD_USER: $DATA_DIR/member, and apply again"
}

# Data that a running etcd has open and that are not where they should be are not lost. Of one that is healthy they are not even lost when they were
# deleted: it still votes by them.
check_hidden() {
  local pid open covers
  ! has_wal || return 0
  pid=$(etcd_pid)
  open=$(open_wal "${pid:-none}")
  case $open in
    '')
      # etcd ends within half a minute when a mount hides its data.
      covers=$(new_mounts | tail -n 1)
      if [ -z "$covers" ] || ! has_mark; then return; fi
      refusal "data directory" "$covers was not mounted when this member was last healthy, and hides what lay there" \
        "umount $covers, and supervisorctl restart $MEMBER; if those data are gone for good: rm -f $MOUNTS $MOUNTS_PUBLISHED, and apply again"
      ;;
    *" (deleted)")
      ! answers_healthy || is_to_be_provisioned_anew ||
        refusal "data directory" "the data in $DATA_DIR were deleted under the running etcd, which is still healthy and would not start again" \
          "to provision the member anew, raise its reprovision by one, and apply again"
      ;;
    "$(readlink -m "$DATA_DIR")"/*)
      refusal "data directory" "etcd runs on data in $DATA_DIR that are hidden: $(covering_mount) was mounted over them" \
        "umount $(covering_mount); to move the data to that disk: supervisorctl stop $MEMBER, copy them there, and move the old ones away before it is mounted; then $(replacing "$ROLLOUT_RESOURCE"), which remembers the mount"
      ;;
    *)
      refusal "data directory" "etcd runs on data that were moved to ${open%/member/wal/*}" "move them back to $DATA_DIR, and apply again"
      ;;
  esac
}

# The newest of the mounts on which the data directory lies.
covering_mount() { mount_points | on_data_path | tail -n 1 | grep . || echo "another directory"; }

# A file of the write-ahead log that the process has open, as the kernel names it.
open_wal() {
  # shellcheck disable=SC2012 # a listing is one process, where readlink would be one for each of thousands of connections
  ls -l "/proc/$1/fd" 2>/dev/null | sed -n 's|.* -> \(/.*/member/wal/[^/]*\.wal.*\)|\1|p' | tail -n 1
}

# Data lie here: whose? What is not known to be this member's may be all that is left of some cluster, so nothing here says to move or delete it.
check_data() {
  local theirs
  check_former_life
  has_content || return 0
  if ! has_wal; then
    check_log_disk
    # A first start that was killed leaves `member` without a write-ahead log.
    [ -z "$(find "$DATA_DIR" -mindepth 1 -maxdepth 1 ! -name lost+found ! -name member ! -name 'aside-*' ! -name "${DATA_MARK##*/}" 2>/dev/null)" ] ||
      refusal "data directory" "$DATA_DIR is not empty and is no data of etcd" "move it away, or set paths.dataDir"
    # Without our claim it is no first start of ours: an etcd with its log elsewhere (--wal-dir) leaves its database here.
    has_registry || has_mark || has_own_data_mark || [ -z "$(find "$DATA_DIR/member" -name db -size +0 -o -name '*.snap' 2>/dev/null)" ] ||
      refusal "data directory" "$DATA_DIR/member holds a database of etcd without a write-ahead log, and nothing here says whose" "find its log (--wal-dir of another etcd?), move it away, or set paths.dataDir"
    return 0
  fi
  theirs=$(data_mark peer_url "$LOG_MARK")
  if [ -n "$theirs" ] && [ "$theirs" != "$PEER_URL" ]; then
    refusal "data directory" "$DATA_DIR/member/wal holds the log of the member $(data_mark member "$LOG_MARK") with peer URL $theirs, not of $MEMBER with $PEER_URL: as that member etcd would run here" \
      "supervisorctl stop $MEMBER, and bring the right disk back"
    return 0
  fi
  if has_mark; then
    theirs=$(cat "$STATE_DIR/started")
    [ "$theirs" = "$PEER_URL" ] ||
      refusal "data directory" "$DATA_DIR belongs to the member with peer URL $theirs, not $PEER_URL: that is what its cluster knows it by" \
        "set the member's address and ports.peer back; or, if these data are no longer needed, move them away"
    if has_own_data_mark; then return; fi
    if [ -z "$(data_mark member)" ]; then
      # 0.1.0 has left no mark there.
      claimed=$(entry_of "$CLAIM" data_dir)
      [ -z "$claimed" ] || [ "$claimed" = "$DATA_DIR" ] ||
        refusal "data directory" "this member's data lie in $claimed, and $DATA_DIR holds data of an etcd of which nothing says whose" "set paths.dataDir back to $claimed"
      return 0
    fi
    # A disk of another host's.
    refusal "data directory" "$DATA_DIR holds the data of the member $(data_mark member) with peer URL $(data_mark peer_url), not of $MEMBER with $PEER_URL: as that member etcd would run here" \
      "supervisorctl stop $MEMBER, and bring the right disk or directory back; if its data are gone for good, move these away and raise its reprovision"
  elif [ -z "$(data_mark member)" ]; then
    refusal "data directory" "$DATA_DIR holds data of an etcd, and nothing here says whose: this package marks what it makes, and after a new installation of the system that mark is gone" \
      "if they are the data of $MEMBER with peer URL $PEER_URL: $(adoption), and apply again; otherwise set paths.dataDir to another directory"
  elif ! has_own_data_mark; then
    refusal "data directory" "$DATA_DIR holds the data of the member $(data_mark member) with peer URL $(data_mark peer_url), not of $MEMBER with $PEER_URL" \
      "set the member's name, address and ports.peer to those; or set paths.dataDir to another directory"
  fi
}

# A member of the same name that was taken off this host and whose data were kept elsewhere: another cluster's. What lies in the state directory
# is that one's, its mark of a life and its snapshots.
check_former_life() {
  local claim
  for claim in "$CLAIM" "$STATE_DIR/released"; do
    if [ ! -e "$claim" ] || [ "$(entry_of "$claim" peer_url)" = "$PEER_URL" ] || [ "$(entry_of "$claim" data_dir)" = "$DATA_DIR" ]; then continue; fi
    refusal "member" "this host had a member $MEMBER with peer URL $(entry_of "$claim" peer_url) and data in $(entry_of "$claim" data_dir), which were kept" \
      "give this member another name; or, if that one is gone for good, rm -r $STATE_DIR, and apply again"
  done
}

adoption() { echo "mkdir -p -m 700 $STATE_DIR && echo $PEER_URL >$STATE_DIR/started"; }

# etcd makes its write-ahead log by renaming a directory, which a mount point does not allow.
check_log_disk() {
  is_log_mounted || return 0
  refusal "data directory" "$DATA_DIR/member/wal is a mount point without a write-ahead log, and etcd cannot create one on a mount point" \
    "if the log is on another disk, mount that; for a new member umount $DATA_DIR/member/wal, apply, and see docs/lost-data.md#a-disk-of-its-own-for-the-write-ahead-log"
}
