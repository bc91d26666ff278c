# The record of what on this host belongs to which member of which cluster, and of what this package has created. It is
# in /var/lib/cdktf-etcd/MEMBER, which only root can enter. `claim` and `released` contain KEY=value lines; `made`
# contains one path per line. `released` is the claim of a member that was removed from this host and whose data were
# kept.

CLAIM=$STATE_DIR/claim
MADE=$STATE_DIR/made

# entry_of FILE KEY: the value of KEY, or nothing.
entry_of() {
  look_for_entry "$@"
  [ -z "$entry_value" ] || printf '%s\n' "$entry_value"
}

# look_for_entry FILE KEY: sets `entry_value` to the value of KEY, or to nothing. It starts no process.
look_for_entry() {
  local line
  entry_value=
  [ -f "$1" ] || return 0
  while IFS= read -r line || [ -n "$line" ]; do
    case $line in "$2="*) entry_value=${line#*=} && return 0 ;; esac
  done 2>/dev/null <"$1" || true
}

# look_at_line FILE [DEFAULT]: sets `first_line` to the first line of FILE; if there is no such file, to DEFAULT or to
# nothing. It starts no process.
look_at_line() {
  first_line=${2:-}
  [ -f "$1" ] || return 0
  { IFS= read -r first_line <"$1"; } 2>/dev/null || true
}

# json_value KEY: a value of the description of a backup on standard input, which has one key per line.
json_value() { sed -n "s/^  \"$1\": \"\{0,1\}\([^\",]*\)\"\{0,1\},\{0,1\}$/\1/p"; }

# remember_made PATH: records PATH before it is created, so that a phase that is killed in between leaves nothing
# unrecorded. A record only permits deleting PATH later if it is empty, or if it is a version, a log or a copy of the
# data that this package has made.
remember_made() {
  ! has_made "$1" || return 0
  private_directory "$STATE_DIR"
  put_line "$MADE" "$1"
}

has_made() { grep -qxF -e "$1" "$MADE" 2>/dev/null; }

# is_others PATH: true if another member has by now claimed PATH (a version, a log or a data directory), the directory
# that contains it, or a directory below it.
is_others() {
  local claim theirs
  for claim in "${STATE_DIR%/*}"/*/claim; do
    [ "$claim" != "$CLAIM" ] || continue
    ! grep -qxF -e "install_root=${1%/*}" -e "log_dir=${1%/*}" -e "data_dir=$1" "$claim" 2>/dev/null || return 0
    for theirs in "$(entry_of "$claim" install_root)" "$(entry_of "$claim" data_dir)" "$(entry_of "$claim" log_dir)" \
      "$(entry_of "$claim" backup_dir)"; do
      case $theirs in "$1"/*) return 0 ;; esac
    done
  done
  return 1
}

# An older version of this package wrote neither file; on its hosts, the `started` mark takes the place of both.
has_registry() { [ -e "$CLAIM" ] || [ -e "$STATE_DIR/released" ]; }

# A version directory that this package has unpacked contains the digest of its archive.
is_our_version() { [ -f "$1/.sha256" ] && [ ! -L "$1" ]; }

# delete_own DIRECTORY: deletes that of a version, or this record. The files by which a phase that runs again after a
# kill knows what is ours go last.
delete_own() {
  find "$1" -mindepth 1 -maxdepth 1 ! -name .sha256 ! -name started ! -name claim ! -name released \
    ! -name made -exec rm -rf {} +
  rm -rf "$1"
}

# The directories in which this member has taken backups, one per line, the one in use first.
backup_directories() {
  {
    printf 'backup_dir=%s\n' "${BACKUP_DIR-}"
    cat "$CLAIM" "$STATE_DIR/released" 2>/dev/null || true
  } | awk '/^(former_)?backup_dir=./ { sub(/^[^=]*=/, ""); if (!seen[$0]++) print }'
}

# drop_unfinished_snapshot PART: deletes what a backup that was killed has left in the directory of backups: PART, the
# files beside it, and the snapshot that PART.name names, if it has no description yet. Another snapshot without one may
# be what an operator has brought there. If another user can change the directory, nothing is deleted; if that was so
# before, that user may have named a file that is elsewhere.
drop_unfinished_snapshot() {
  local left directory=${1%/*}
  is_trusted "$directory" || return 0
  left=$(cat "$1.name" 2>/dev/null || true)
  left=${left##*/}
  [ -z "$left" ] || [ -e "$directory/$left.json" ] || rm -f "$directory/$left"
  rm -f "$1" "$1".*
}
