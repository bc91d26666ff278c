# Checks that must pass on a host before anything changes there: their order, and those of the host itself. Each check
# prints its refusals, and none of them stops the phase, so that all refusals are seen at once.

# A refusal of check_identity is printed alone: whoever followed the other refusals would stop a healthy member and move
# its data away.
all_checks() {
  local identity
  identity=$(check_identity)
  if [ -n "$identity" ]; then
    printf '%s\n' "$identity"
  else
    check_surroundings
    check_places_and_data
  fi
}

# Checks whether this is the right host, who owns the places that a stage writes to, and what is in them. Every stage
# repeats these checks, because another deploy may have come in between.
check_places_and_data() {
  check_address
  check_version
  check_architecture
  check_tools
  check_disk
  check_shape
  check_new_user
  check_user
  check_ports
  check_supervisor
  check_ownership
  check_installation
  check_mounted
  check_hidden
  check_readable
  check_data
  check_certificates
  check_allowed_names
  check_ca
}

# Checks what is around the host: its network, its clock, other programs and the cluster. What goes wrong there after
# the preflight is refused by a rollout, or fails at the health gate.
check_surroundings() {
  check_names
  check_routes
  check_clock
  check_other_etcd
  check_authentication
  check_quota
  check_members
  # A restore moves the data aside.
  is_to_be_restored || check_former_cluster
  check_restore
}

# Repeats checks after the preflight: minutes later, or days later if only this phase is run again.
repeat_checks() {
  ! has_just_been_checked || return 0
  refuse_any check_identity
  refuse_any check_places_and_data
}

# To be called before the checks of a preflight: whichever phase works on this member from now on removes this note.
begin_checks() { { private_directory /run/cdktf-etcd && echo "$$" >"$CHECKED"; } 2>/dev/null || true; }

# Writes down that all checks have passed, unless another phase works on this member at this moment, or has done so
# since the checks began: it may have changed what was checked. If this cannot be written, the stage checks again.
note_checks() {
  set_uptime
  (
    private_directory /run/cdktf-etcd && exec 9>>"$LOCK" && flock -n 9 && look_at_line "$CHECKED" &&
      [ "$first_line" = "$$" ] && printf '%s %s\n' "$uptime" "$CHECKED_SHA256" >"$CHECKED"
  ) || true
}

CHECKED_SECONDS=15 # the other hosts' preflights may take that much longer than this one's

# The preflight of this very deploy has passed some seconds ago, and no other phase has worked on this member since.
has_just_been_checked() {
  local noted=${checked%% *}
  case $noted in '' | *[!0-9]*) return 1 ;; esac
  set_uptime
  [ "${checked#* }" = "$CHECKED_SHA256" ] && [ "$uptime" -ge "$noted" ] &&
    [ "$((uptime - noted))" -le "$CHECKED_SECONDS" ]
}

MIN_FREE_INSTALL_MB=300 # an archive and its contents: 100 MB in 3.6
MIN_FREE_DATA_MB=512    # first WAL segments (64 MB each, two preallocated), snapshots, and room to react
MIN_FREE_MB=16          # where only small files are written
MIN_FREE_RUN_MB=2       # locks, and what the commands of a phase complain of; df rounds up
MIN_FREE_INODES=200     # an archive contains about ten files
MAX_CLOCK_SKEW_S=60     # a leaf certificate is not valid before the time of the operator's clock at its signing

# Every command that these scripts call without checking first whether it exists; a test compares this list with the
# scripts.
TOOLS="awk base64 bash cat chmod chown cmp cp cut date dd df dirname env find findmnt flock getent grep gzip head id install ip ln ls mkdir mkfifo mv od openssl readlink rm rmdir
  sed setpriv sha1sum sha256sum sleep sort ss stat sync systemctl tail tar timeout tr uname useradd"

check_architecture() {
  [ "$(uname -s)" = Linux ] || refusal "operating system" "$(uname -s) is not Linux" "use a Linux host"
  know_archive
  [ -n "$archive_sha256" ] ||
    refusal "architecture" "no sha256 is known for the archive of etcd $VERSION for $known_architecture" \
      "specify the digest of that archive with the release"
  [ "$known_architecture" != arm64 ] || ! older "$VERSION" 3.5.0 ||
    tr '\0' '\n' 2>/dev/null <"$(supervisord_process)/environ" | grep -qxF ETCD_UNSUPPORTED_ARCH=arm64 ||
    refusal "architecture" \
      "etcd before 3.5 starts on arm64 only if supervisord's environment has ETCD_UNSUPPORTED_ARCH=arm64" \
      "set version to 3.5.0 or later; or put Environment=ETCD_UNSUPPORTED_ARCH=arm64 into supervisord's unit, and restart it"
}

check_tools() {
  missing=
  for tool in $TOOLS; do
    command -v "$tool" >/dev/null 2>&1 || missing="$missing $tool"
  done
  [ -z "$missing" ] || refusal "tools" "not on this host:$missing" \
    "install them (packages coreutils, diffutils, gawk, iproute2, openssl, util-linux, …)"
}

# needed_data_mb ENDPOINT: the space that a member without data needs. A member that joins copies the cluster's whole
# database; if ENDPOINT is empty, the size of the database is unknown.
needed_data_mb() {
  local database=0
  if [ -n "$1" ] && look_for_status "$1"; then
    database=$(printf '%s\n' "$found_status" | awk '{ print int($6 / 1048576) + 256 }')
  fi
  if [ "$database" -gt "$MIN_FREE_DATA_MB" ]; then echo "$database"; else echo "$MIN_FREE_DATA_MB"; fi
}

# An endpoint of the cluster, if the cluster is alive and this host has an etcdctl to ask it with.
known_endpoint() { [ ! -x "$CURRENT/etcdctl" ] || live_endpoint || true; }

check_disk() {
  local data=0 binaries=$MIN_FREE_INSTALL_MB include ini
  # Where there are data already, only etcd itself writes, and it has its quota.
  has_wal || data=$(needed_data_mb "$(known_endpoint)")
  ! has_binaries || binaries=$MIN_FREE_MB
  check_room "$INSTALL_ROOT" "$binaries" "set paths.installRoot"
  check_room "$DATA_DIR" "$data" "set paths.dataDir"
  check_room "$LOG_DIR" "$MIN_FREE_MB" "set paths.logDir"
  check_room "$STATE_DIR" "$MIN_FREE_MB" "move something off that file system"
  check_room /run/cdktf-etcd "$MIN_FREE_RUN_MB" "delete something there"
  [ -z "$BACKUP_DIR" ] || check_room "$BACKUP_DIR" "$MIN_FREE_MB" "set backups.directory"
  ! set_program_files || check_room "${include%/*}" "$MIN_FREE_MB" "move something off that file system"
  check_exec "$INSTALL_ROOT"
}

# check_room PATH MB OTHERWISE: files can be created at PATH, and MB megabytes fit there. OTHERWISE is what to do if
# that is not possible. Modes do not tell whether root can write: root cannot write to a file system that is mounted
# read-only, or to a directory that chattr has made immutable.
check_room() {
  local existing fault=
  look_for_existing "$1"
  if [ ! -d "$existing" ]; then
    refusal "directory" "$existing is not a directory, so nothing can be created in $1" "move it away, or $3"
    return
  fi
  # One on a file system that has failed seems not to exist. The data directory is looked at by check_mounted.
  case $1 in "$existing" | "$DATA_DIR") ;; *) fault=$(reading_fault "$1") ;; esac
  if [ -n "$fault" ]; then
    refusal "directory" "what is in $1 cannot be read ($fault)" "correct that, or $3"
  elif [ ! -w "$existing" ]; then
    refusal "read-only" "nothing can be written to $existing: $(why_not_writable "$existing")" "make it writable, or $3"
  elif [ "$2" -gt 0 ]; then
    look_for_room "$existing"
    if [ -z "$free_mb" ]; then
      refusal "free disk" "it is unknown how much room there is for $1: $room_fault" "correct that, or $3"
    elif [ "$free_mb" -lt "$2" ]; then
      refusal "free disk" "$free_mb MB free for $1, $2 MB are needed" "make room, or $3"
    fi
    [ "${inodes:-0}" = 0 ] || [ "$free_inodes" -ge "$MIN_FREE_INODES" ] || refusal "free disk" \
      "$free_inodes inodes free for $1, $MIN_FREE_INODES are needed: there are too many files" "delete some, or $3"
  fi
}

why_not_writable() {
  local mount
  # `--raw` has one blank between the two.
  mount=$(findmnt -n --raw -o FSTYPE,OPTIONS -T "$1") || true
  case ,${mount#* }, in
    *,ro,*) echo "its file system is mounted read-only" ;;
    *)
      if is_elsewhere "${mount%% *}"; then
        echo "it is on ${mount%% *}, which does not let root of this host write there (root_squash)"
      else
        echo "it is immutable (lsattr -d $1)"
      fi
      ;;
  esac
}

# is_elsewhere TYPE: a file system of that type is on another machine, or on that of the hypervisor.
is_elsewhere() { case $1 in nfs* | cifs | smb* | ceph | 9p | virtiofs | vboxsf | fuse.*) ;; *) return 1 ;; esac; }

# Hardened hosts may have made the files of their users immutable.
check_new_user() {
  local file closed=
  know_etcd_uid
  [ -z "$ETCD_UID" ] || return 0
  for file in /etc/passwd /etc/shadow /etc/group /etc/gshadow; do
    if [ -e "$file" ] && [ ! -w "$file" ]; then closed="$closed $file"; fi
  done
  [ -z "$closed" ] || refusal "read-only" \
    "the system user $ETCD_USER cannot be created, because nobody can write to$closed: $(why_not_writable "${closed##* }")" \
    "make it writable until the user is there (chattr -i$closed), or set user to one that exists"
}

# etcd and its startup script are run from this directory.
check_exec() {
  local existing
  look_for_existing "$1"
  case ,$(findmnt -n -o OPTIONS -T "$existing"), in
    *,noexec,*) refusal "noexec" "the file system of $1 is mounted noexec, and etcd is run from there" \
      "remount it with exec, or set paths.installRoot" ;;
  esac
}

# Terraform notes the time before it connects, and tries to connect for up to CONNECT_SECONDS. The host's clock may seem
# to be ahead by that much, but never behind.
check_clock() {
  local ahead
  compare_clocks || return 0
  if [ "$ahead" -lt "-$MAX_CLOCK_SKEW_S" ]; then
    refusal "clock" "this host's clock is ${ahead#-} s behind the operator's; the limit is $MAX_CLOCK_SKEW_S s" \
      "synchronize both clocks (chrony, systemd-timesyncd)"
  elif [ "$ahead" -gt "$((MAX_CLOCK_SKEW_S + CONNECT_SECONDS))" ]; then
    refusal "clock" \
      "this host's clock is at least $((ahead - CONNECT_SECONDS)) s ahead of the operator's; the limit is $MAX_CLOCK_SKEW_S s" \
      "synchronize both clocks (chrony, systemd-timesyncd)"
  fi
}

# Sets `ahead` to the seconds by which this host's clock seems to be ahead of the operator's; negative if it is behind.
compare_clocks() {
  local operator
  operator=$(date -d "$OPERATOR_TIME" +%s) || return
  ahead=$((${STARTED_AT:-$(date +%s)} - operator))
}

# The systemd services that may run an etcd and are enabled or active, one per line: UNIT BINARY. The name of a unit
# proves nothing: a backup of etcd is not an etcd. What counts is what the unit runs, also through a shell, as RHEL's
# own unit does: a path in its command that ends in /etcd, and must be an executable file. Every enabled unit is loaded
# in systemd, because the target that wants it is loaded; listing all unit files would take systemd longer than all the
# rest of a preflight. Even the loaded ones take it a tenth of a second, so they are listed only if there is a file of a
# unit that has etcd in its text or, because of specifiers, in its name.
etcd_units() {
  local paths
  paths=$(systemctl show --property=UnitPath 2>/dev/null) || return 0
  # shellcheck disable=SC2086 # its words are directories
  set -- ${paths#*=}
  [ $# -eq 0 ] || grep -Rqs -D skip etcd "$@" || [ -n "$(find -L "$@" -name '*etcd*' -print -quit 2>/dev/null)" ] ||
    return 0
  systemctl show --all --property=Id,ActiveState,UnitFileState,ExecStart '*.service' 2>/dev/null | awk '
    BEGIN { RS = ""; FS = "\n" }
    /(^|\n)UnitFileState=enabled|(^|\n)ActiveState=(active|activating|reloading|deactivating)/ && /(^|\n)ExecStart=[^\n]*\/etcd[ ";\047]/ {
      id = ""; start = ""
      for (i = 1; i <= NF; i++) {
        if (sub(/^Id=/, "", $i)) id = $i
        else if (sub(/^ExecStart=/, "", $i)) start = start " " $i
      }
      if (seen[id]++) next
      count = split(start, words, /[ "\047;=()]+/)
      for (i = 1; i <= count; i++) if (words[i] ~ /^\/.*\/etcd$/ && !seen[id, words[i]]++) print id, words[i]
    }'
}

# Refuses an etcd of somebody else that uses this member's data directory or ports, or would use them after its next
# start.
check_other_etcd() {
  etcd_units | while read -r unit binary; do
    if [ ! -f "$binary" ] || [ ! -x "$binary" ]; then continue; fi
    refusal "other etcd" "the systemd unit $unit, which is enabled or active on this host, runs $binary" \
      "systemctl disable --now $unit, or use another host"
  done
  look_for_etcd
  for process in /proc/[0-9]*; do
    { is_named_etcd "$process" && [ "${process#/proc/}" != "$found_etcd" ] && is_of_member "$process"; } || continue
    has_argument "$process" "$DATA_DIR" || has_argument "$process" "--data-dir=$DATA_DIR" || continue
    refusal "other etcd" \
      "process ${process#/proc/} is an etcd that uses $DATA_DIR and that this package did not start" \
      "stop it, or set paths.dataDir"
  done
}

# Members are added and removed only while all members that stay are healthy. The refusal comes from the first healthy
# member by name, and from a member that is to be re-provisioned.
check_members() {
  [ -n "$known_members" ] || return 0
  list=$known_members
  staying=$(printf '%s\n' "$list" | desired)
  leaving=$(printf '%s\n' "$list" | undesired)
  joining=$(desired_peer_urls | grep -vxF "$(printf '%s\n' "$staying" | awk '{ print $3 }')" || true)
  rejoining=
  # A member whose data are gone need not be healthy: its etcd ends by itself within half a minute, perhaps just now.
  if is_to_be_provisioned_anew && ! has_wal; then rejoining=yes staying=$(printf '%s\n' "$staying" | others); fi
  [ -n "$leaving$joining$rejoining" ] || return 0
  if [ -n "$joining" ] && ! is_to_be_restored; then check_joining_clusters; fi
  # Members that have never started do not count: an interrupted join continues in this deploy.
  not_healthy=$(printf '%s\n' "$staying" | started | voters | unhealthy_for_long)
  [ -n "$not_healthy" ] || return 0
  first=$(printf '%s\n' "$staying" | grep -vxF "$not_healthy" | sort -k 2 | head -n 1)
  { [ -z "$rejoining" ] && [ "$(printf '%s\n' "$first" | awk '{ print $3 }')" != "$PEER_URL" ]; } ||
    refusal "membership" \
      "$(ailing), and members are added or removed only while all members that stay are healthy" \
      "bring it back, or remove it from the program too"
}

# Members are added only if all that run are of one cluster. After a restore without them, hosts may have come back and
# serve with the old cluster's data; or this member is the one that runs with other data. Nobody here knows which.
check_joining_clusters() {
  local endpoint cluster own='' theirs=
  while read -r endpoint cluster _; do
    own=${own:-$cluster}
    if [ -z "$endpoint" ] || [ "$cluster" = "$own" ]; then continue; fi
    theirs="$theirs, $endpoint in $(printf '%x' "$cluster")"
  done <<LIST
$(endpoint_status "$(own_url),$ENDPOINTS")
LIST
  [ -z "$theirs" ] || refusal "membership" \
    "the program's members run in different clusters: this one in $(printf '%x' "$own")$theirs" \
    "decide which cluster is the right one, see docs/lost-data.md#the-members-are-of-two-clusters, and apply again"
}
