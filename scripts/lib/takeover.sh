# In an older version of this package, etcd's user owned what root uses: binaries, scripts, certificates, the log
# directory and the parent of the data directory. A stage gives all of this back to root, from the top down: in a
# directory that already belongs to root, nobody can put a link in place of what root changes next. Giving a file to
# root does no harm, whatever the file is, and `chown -h` does not follow links.

# was_etcds PATH: true if PATH belongs to etcd's user because that older version left it so.
was_etcds() {
  [ -e "$1" ] && [ ! -L "$1" ] && is_etcds "$1" && is_deployed_before
}

# is_version_to_take_over PATH: true for a version directory that this package has unpacked and that does not safely
# belong to root: the older version left it to etcd's user, or root has recorded it and another user can change it by
# now.
is_version_to_take_over() { is_our_version "$1" && { was_etcds "$1" || { has_made "$1" && ! is_trusted "$1"; }; }; }

is_deployed_before() { has_mark || is_our_version "$(readlink -f "$CURRENT")"; }

take_over() {
  local path
  [ "$ETCD_USER" != root ] || return 0
  if was_etcds "$DATA_PARENT"; then
    chown -h root:root "$DATA_PARENT"
    chmod 755 "$DATA_PARENT"
    say "$DATA_PARENT now belongs to root, like everything else that root uses"
  fi
  if was_etcds "$LOG_DIR"; then take_over_log; fi
  for path in "$INSTALL_ROOT"/etcd-v*; do
    if is_version_to_take_over "$path"; then take_over_version "$path"; fi
  done
}

take_over_log() {
  local name file
  chown -h root:root "$LOG_DIR"
  chmod 755 "$LOG_DIR"
  for name in $(log_names); do
    for file in "$LOG_DIR/$name"*; do
      # supervisord writes to these files as root. A symbolic link, or a hard link to another file, can only have been
      # put there to misdirect those writes.
      if [ -f "$file" ] && [ ! -L "$file" ] && [ "$(stat -c %h "$file")" = 1 ]; then
        chown -h root:root "$file"
        chmod 644 "$file"
      else
        rm -rf "$file"
      fi
    done
  done
  say "$LOG_DIR now belongs to root, like everything else that root uses"
}

# The binaries and the key continue to belong to etcd's user: etcd reads its key at each handshake, and root runs
# binaries that it did not unpack only as etcd's user (trust.sh).
take_over_version() {
  local file mode
  chown -h root:root "$1"
  chmod 755 "$1"
  find "$1" -mindepth 1 -type d -exec chown -h root:root {} \; -exec chmod 755 {} \;
  # Another name of somebody's file can only have been put there to have root give it away, or copy it for everybody.
  find "$1" -mindepth 1 ! -type d -links +1 \
    ! -path "$1/etcd" ! -path "$1/etcdctl" ! -path "$1/etcdutl" -delete
  find "$1" -mindepth 1 ! -type d ! -name etcd-peer-key.pem \
    ! -path "$1/etcd" ! -path "$1/etcdctl" ! -path "$1/etcdutl" -exec chown -h root:root {} +
  find "$1" -mindepth 1 -type f ! -name etcd-peer-key.pem \
    ! -path "$1/etcd" ! -path "$1/etcdctl" ! -path "$1/etcdutl" -exec chmod go-w {} +
  # These are replaced by new files, because another process may still have the old ones open for writing.
  for file in "$1"/*.sh "$1"/*.env "$1"/.sha256 "$1"/certs.*/ca.pem "$1"/certs.*/etcd-peer.pem; do
    if [ ! -f "$file" ] || [ -L "$file" ] || [ -L "${file%/*}" ]; then continue; fi
    case $file in *.sh) mode=755 ;; *) mode=644 ;; esac
    # shellcheck disable=SC2094 # put_file writes to another name and renames it
    put_file "$file" "$mode" root:root <"$file"
  done
  # It is not known which plan these files belong to, and this stage writes its own.
  rm -f "$1"/*.next
  say "$1 now belongs to root, like everything else that root uses"
}
