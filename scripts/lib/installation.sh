# Where this member's files are, and what exists there.

CURRENT=$INSTALL_ROOT/etcd                    # the link to the version in use
VERSIONED=$INSTALL_ROOT/etcd-v$VERSION
STATE_DIR=/var/lib/cdktf-etcd/$MEMBER         # what must outlive the data directory
FIRST_START=$CURRENT/first-start.env
RESTART_PENDING=$STATE_DIR/restart-pending

# What the functions of supervisor.sh act on: the program of etcd, or for a moment another one of this member.
PROGRAM=$MEMBER
PROGRAM_FILE=$SUPERVISOR_INI

# permit_first_start NAME=VALUE…: permits etcd to start without data, this once. The permission ends with the phase,
# even if the phase fails: etcd may come up later, and a start without data after that would be a second one.
permit_first_start() {
  permitted=yes
  # A shell reads this file, and the values contain what other members say about themselves, so they are quoted.
  for setting; do
    case $setting in *\'*) setting=$(printf '%s\n' "$setting" | sed "s/'/'\\\\''/g") ;; esac
    printf "%s='%s'\n" "${setting%%=*}" "${setting#*=}"
  done | put_file "$VERSIONED/${FIRST_START##*/}" 644 root:root
}

end_permission() {
  [ -n "${permitted:-}" ] || return 0
  rm -f "$FIRST_START" "$VERSIONED/${FIRST_START##*/}"
  permitted=
}

# A member has data if there are files of the write-ahead log. An empty directory is what is left if the log has a disk
# of its own and that disk is not mounted.
has_wal() {
  for wal_file in "$DATA_DIR"/member/wal/*.wal; do
    [ ! -e "$wal_file" ] || return 0
  done
  return 1
}

# The `started` mark: a member that once had data must never start as new again.
has_mark() { [ -e "$STATE_DIR/started" ]; }

mark_started() {
  mark_data
  # It may be of a life at another address, whose data were moved away by hand. And an older version of this package did
  # not bring it to the disk: after a power cut, it may be empty.
  look_at_line "$STATE_DIR/started"
  [ "$first_line" != "$PEER_URL" ] || return 0
  private_directory "$STATE_DIR"
  put_file "$STATE_DIR/started" 600 root:root "$PEER_URL"
}

# The same mark is also written beside the data, for a disk that outlives the operating system. etcd's user can write to
# this file, so it is only compared, and printed without any characters that could be control codes for a terminal.
DATA_MARK=$DATA_DIR/.cdktf-etcd

# The same mark is also written beside the write-ahead log if that has a disk of its own, because etcd takes its
# identity from the log.
LOG_MARK=$DATA_DIR/member/wal/.cdktf-etcd

own_mark() { printf 'member=%s\npeer_url=%s\n' "$MEMBER" "$PEER_URL"; }

# The mark of another member is not overwritten: it is the only evidence that a disk is in the wrong host.
mark_data() {
  mark_log
  [ -d "$DATA_DIR" ] || return 0
  look_at_mark
  [ -z "$mark_member" ] || return 0
  private_directory "$STATE_DIR"
  own_mark | put_file "$STATE_DIR/data-mark" 644 root:root
  # The file is created where only root can write, and then renamed, so that no link is followed. If that fails, the
  # only loss is that the data may have to be adopted by hand later. On another disk, it is a copy. It is opened again
  # as etcd's user, who could have put a link in its place by now: to open a watchdog or a tape changes something.
  if mv -fT "$STATE_DIR/data-mark" "$DATA_MARK" 2>/dev/null; then
    as_etcd sync "$DATA_MARK" || true
  else
    rm -f "$STATE_DIR/data-mark"
  fi
}

mark_log() {
  if [ -e "$LOG_MARK" ] || ! is_log_mounted; then return; fi
  # The directory belongs to etcd's user, so that user writes the file.
  # shellcheck disable=SC2016 # the inner shell expands it
  own_mark | as_etcd sh -c 'cat >"$1.new" && sync "$1.new" && mv -f "$1.new" "$1"' sh "$LOG_MARK" || true
}

is_log_mounted() {
  [ -d "$DATA_DIR/member/wal" ] && mount_points | grep -qxF -e "$(readlink -m "$DATA_DIR/member/wal")"
}

# look_at_mark [FILE]: sets `mark_member` and `mark_peer_url` to what a mark says. etcd's user may have put anything
# there, so this reads at most one block, follows no link and does not wait.
look_at_mark() {
  local mark=${1:-$DATA_MARK} link
  mark_member='' mark_peer_url=''
  [ -f "$mark" ] || return 0
  look_for_link "$mark"
  [ -z "$link" ] || return 0
  mark=$LINE_END$(dd if="$mark" iflag=nofollow,nonblock bs=4096 count=1 2>/dev/null | tr -d '\000' |
    sed -n -e '/^member=/{s///;'"$HARMLESS"';s/^/member=/p;}' -e '/^peer_url=/{s///;'"$HARMLESS"';s/^/peer_url=/p;}')
  case $mark in *"${LINE_END}member="*) mark_member=${mark#*"${LINE_END}member="} ;; esac
  case $mark in *"${LINE_END}peer_url="*) mark_peer_url=${mark#*"${LINE_END}peer_url="} ;; esac
  mark_member=${mark_member%%"$LINE_END"*} mark_peer_url=${mark_peer_url%%"$LINE_END"*}
}
HARMLESS='s/[^]A-Za-z0-9._:\/[-]//g;s/^\(.\{200\}\).*/\1/' # for sed: what names and URLs consist of, and not too long

has_own_data_mark() {
  look_at_mark
  [ "$mark_member $mark_peer_url" = "$MEMBER $PEER_URL" ]
}

# The data directory contains something worth keeping. Directories, marks, the lost+found of a file system, and data
# that were moved aside do not count.
has_content() {
  [ -n "$(find "$DATA_DIR" -mindepth 1 \( -name lost+found -o -path "$DATA_DIR/aside-*" \) -prune \
    -o ! -type d ! -path "$DATA_MARK" ! -path "$LOG_MARK" -print -quit 2>/dev/null)" ]
}

# Adopts the data if the operating system was reinstalled and the disk with the data was kept.
adopt_data() {
  if has_mark || ! has_own_data_mark; then return; fi
  mark_started
  say "adopted the data in $DATA_DIR, which are this member's own"
}

# Gives the data to etcd's user, whose uid may differ from that of the user who wrote the data; root may also have
# restored them. Only what belongs to the owner of the directory is given away, and no file that has another name
# elsewhere. If the directory already belongs to etcd's user, nothing is given away, because that user may have put
# another user's files there. check_user has made sure that no etcd runs as another user.
give_data_to_user() {
  local owner
  look_for_owner "$DATA_DIR"
  know_etcd_uid
  if [ -z "$owner" ] || [ "$owner" = "$ETCD_UID" ]; then return 0; fi
  find "$DATA_DIR" -mindepth 1 \( -name lost+found -prune \) -o ! -path "$DATA_MARK" -uid "$owner" \
    \( -type d -o -links 1 \) -execdir chown -h "$ETCD_USER:" {} +
}

# The value of the member's `reprovision` that was last rolled out.
REPROVISIONED=$STATE_DIR/reprovision

is_to_be_provisioned_anew() {
  look_at_line "$REPROVISIONED" 0
  [ "$REPROVISION" != "$first_line" ]
}

remember_reprovision() {
  is_to_be_provisioned_anew || return 0
  put_file "$REPROVISIONED" 600 root:root "$REPROVISION"
}

# The directory with the etcdctl and the certificates for questions to etcd: that of the version in use or, if the
# install root is new, that of the running etcd.
client_directory() {
  set_client_directory
  echo "$client"
}

# Sets `client` to the same directory. Every question to etcd needs it, and this starts no process.
set_client_directory() {
  if [ -x "$CURRENT/etcdctl" ]; then client=$CURRENT; else client=$(dirname "$(readlink "/proc/$(own_pid)/exe")"); fi
}

# Sets `link_in_use` to the link to the version in use: CURRENT or, while etcd still runs from another install root, the
# link there.
set_link_in_use() {
  link_in_use=$CURRENT
  if [ -n "$known_link" ] && lives_on "$known_etcd" "$known_start"; then link_in_use=$known_link; fi
}

# X.Y.Z of the version in use; false if there is none.
installed_version() { set_installed_version && echo "$version_in_use"; }

# Sets `version_in_use` to the same.
set_installed_version() {
  set_link_in_use
  version_in_use=${trusted_tools:-}
  [ "$link_in_use" = "$CURRENT" ] || version_in_use=$(readlink -f "$link_in_use")
  [ -n "$version_in_use" ] || version_in_use=$(readlink -f "$(client_directory)" 2>/dev/null) || return 1
  case $version_in_use in */etcd-v*) version_in_use=${version_in_use##*/etcd-v} ;; *) return 1 ;; esac
}

# The architecture under the name that etcd's archives use.
architecture() {
  know_architecture
  echo "$known_architecture"
}

# Sets `known_architecture` to the same. It never changes, so it is looked up once.
know_architecture() {
  [ -z "$known_architecture" ] || return 0
  known_architecture=$(uname -m)
  case $known_architecture in
    x86_64) known_architecture=amd64 ;;
    aarch64) known_architecture=arm64 ;;
  esac
}
known_architecture=

# Sets `archive_sha256` to the digest of the archive for this host's architecture; to nothing if none is known.
know_archive() {
  know_architecture
  case $known_architecture in
    amd64) archive_sha256=$SHA256_AMD64 ;;
    arm64) archive_sha256=$SHA256_ARM64 ;;
    *) archive_sha256= ;;
  esac
}
