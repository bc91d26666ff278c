# What belongs to which member of which cluster on this host, and what we have made: in /var/lib/cdktf-etcd/MEMBER, which only root can enter.
# `claim` and `released` have KEY=value lines; `made` has a path a line. `released` is the claim of a member that was taken off, and whose data were kept.

CLAIM=$STATE_DIR/claim
MADE=$STATE_DIR/made

# entry_of FILE KEY: the value, or nothing.
entry_of() { sed -n "/^$2=/{s///p;q;}" "$1" 2>/dev/null || true; }

# remember_made PATH: written down before it is made, so that a phase that is killed in between leaves nothing unknown.
# All that this allows later is to remove it when it is empty, or a version or a copy of ours.
remember_made() {
  ! has_made "$1" || return 0
  private_directory "$STATE_DIR"
  { cat "$MADE" 2>/dev/null || true && printf '%s\n' "$1"; } | put_file "$MADE" 600 root:root
}

has_made() { grep -qxF -e "$1" "$MADE" 2>/dev/null; }

# is_others PATH: another member has by now claimed the directory in which that version, log or data lies, or one in it.
is_others() {
  local claim theirs
  for claim in "${STATE_DIR%/*}"/*/claim; do
    [ "$claim" != "$CLAIM" ] || continue
    ! grep -qxF -e "install_root=${1%/*}" -e "log_dir=${1%/*}" -e "data_dir=$1" "$claim" 2>/dev/null || return 0
    for theirs in "$(entry_of "$claim" install_root)" "$(entry_of "$claim" data_dir)" "$(entry_of "$claim" log_dir)"; do
      case $theirs in "$1"/*) return 0 ;; esac
    done
  done
  return 1
}

# An older version of this package wrote neither: there, the mark of a life stands for both.
has_registry() { [ -e "$CLAIM" ] || [ -e "$STATE_DIR/released" ]; }

# The digest of its archive marks a version's directory that this package has unpacked.
is_our_version() { [ -f "$1/.sha256" ] && [ ! -L "$1" ]; }
