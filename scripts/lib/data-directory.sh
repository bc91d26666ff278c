# Moving aside and deleting the whole data directory. It may be a mount point or contain one (a separate disk for
# member/wal). A mount point can be neither renamed nor removed; it can only be emptied.

# mounts_in DIRECTORY: the mount points at DIRECTORY and below it, the innermost first.
mounts_in() { mount_points | awk -v directory="$(readlink -m "$1")" 'index($0 "/", directory "/") == 1' | sort -ru; }

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

# A directory for the time of a restore, from the moment that it is made until it has all that belongs in it.
half_made=

# Whoever gives up a restore, as when the disk is full, must not leave the disk full: etcd runs on the same one.
drop_half_made() { [ -z "$half_made" ] || drop_directory_beside_data "$half_made" || true; }

# A directory inside that of the data can be replaced by etcd's user, so it is deleted as that user.
drop_directory_beside_data() {
  if [ ! -e "$1" ]; then return 0; fi
  as_etcd rm -rf "$1" 2>/dev/null || [ "$1" = "$DATA_DIR/${1##*/}" ] || rm -rf "$1"
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
