# Moving aside and deleting the whole data directory. It may be a mount point or contain one (a separate disk for
# member/wal). A mount point can be neither renamed nor removed; it can only be emptied.

# mounts_in DIRECTORY: the mount points at DIRECTORY and below it, the innermost first.
mounts_in() { mount_points | awk -v directory="$(readlink -f "$1")" 'index($0 "/", directory "/") == 1' | sort -ru; }

# delete_directory PATH: deletes PATH and everything in it. File systems that are mounted there are emptied and stay
# mounted. Neither `find -delete` nor `rm` follows a link.
delete_directory() {
  [ ! -d "$1" ] || close_directory "$1"
  if [ -z "$(mounts_in "$1")" ]; then
    rm -rf "$1"
    return
  fi
  find "$1" -mindepth 1 ! -type d -delete
  find "$1" -mindepth 1 -type d -delete 2>/dev/null || true
}

# Gives every directory to root, from the top down, so that no remaining process of etcd's user can create a file while
# the directory is being emptied.
close_directory() { find "$1" -type d -exec chown -h root:root {} \; -exec chmod 700 {} \;; }

# move_contents DIRECTORY NAME: moves everything in DIRECTORY to DIRECTORY/NAME. A file system that is mounted in
# DIRECTORY stays mounted, and its content is moved to a directory NAME on that file system. The directory belongs to
# etcd's user, so the files are moved as that user.
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
