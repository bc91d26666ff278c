# The data directory as a whole: moved aside, deleted. It may be a mount point, or have one in it (a disk for member/wal): such a directory can be
# neither renamed nor removed, it can only be emptied.

# mounts_in DIRECTORY: the mount points at it and below it, the innermost first.
mounts_in() { mount_points | awk -v directory="$(readlink -f "$1")" 'index($0 "/", directory "/") == 1' | sort -ru; }

# delete_directory PATH: with all that is in it; what is mounted there stays mounted, empty. `find -delete` and `rm` follow no link on their way.
delete_directory() {
  [ ! -d "$1" ] || close_directory "$1"
  if [ -z "$(mounts_in "$1")" ]; then
    rm -rf "$1"
    return
  fi
  find "$1" -mindepth 1 ! -type d -delete
  find "$1" -mindepth 1 -type d -delete 2>/dev/null || true
}

# From the top down every directory becomes root's, so that no process of etcd's user that was left adds another name while it is emptied.
close_directory() { find "$1" -type d -exec chown -h root:root {} \; -exec chmod 700 {} \;; }

# move_contents DIRECTORY NAME: all that is in it into DIRECTORY/NAME; likewise what lies on a file system mounted in it, which stays where it is.
# The directory is etcd's user's: so it is that user who moves.
move_contents() {
  local mount
  for mount in $(mounts_in "$1") "$1"; do
    # shellcheck disable=SC2016 # the inner shell expands it
    as_etcd sh -c '
      mounts=$3
      move() {
        for path in "$1"/* "$1"/.[!.]*; do
          case ${path##*/} in aside-* | lost+found | .cdktf-etcd) continue ;; esac
          if printf "%s\n" "$mounts" | grep -qxF -e "$path" || { [ ! -e "$path" ] && [ ! -L "$path" ]; }; then continue; fi
          mkdir -p "$2" || exit
          if printf "%s\n" "$mounts" | grep -qF -e "$path/"; then (move "$path" "$2/${path##*/}") || exit; else mv "$path" "$2/" || exit; fi
        done
      }
      move "$1" "$1/$2"' sh "$mount" "$2" "$(mounts_in "$DATA_DIR")" || return
  done
}
