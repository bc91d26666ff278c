# In an older version of this package etcd's user owned what root uses: binaries, scripts, certificates, the directories of the log and above the data. A stage takes all that
# back, from the top down: in a directory that is root's already, nobody can put a link in the place of what root changes next. What is only given to
# root does no harm, whatever it is; `chown -h` follows no link.

# was_etcds PATH: of etcd's user, and such as that version left it.
was_etcds() {
  [ -e "$1" ] && [ ! -L "$1" ] && is_deployed_before && [ "$(stat -c %u "$1")" = "$(id -u "$ETCD_USER" 2>/dev/null)" ]
}

# Made here by a deploy, as only root has written down; or such as that version left it.
is_version_to_take_over() { is_our_version "$1" && { was_etcds "$1" || { has_made "$1" && ! is_trusted "$1"; }; }; }

is_deployed_before() { has_mark || is_our_version "$(readlink -f "$CURRENT")"; }

take_over() {
  local path
  [ "$ETCD_USER" != root ] || return 0
  path=$(dirname "$DATA_DIR")
  if was_etcds "$path"; then
    chown -h root:root "$path"
    chmod 755 "$path"
    say "$path now belongs to root, as does all that root uses"
  fi
  if was_etcds "$LOG_DIR"; then take_over_log; fi
  for path in "$INSTALL_ROOT"/etcd-v*; do
    if is_version_to_take_over "$path"; then take_over_version "$path"; fi
  done
}

take_over_log() {
  local file
  chown -h root:root "$LOG_DIR"
  chmod 755 "$LOG_DIR"
  for file in "$LOG_DIR"/etcd.log*; do
    # supervisord writes there as root; what leads elsewhere, or is a second name of another file, was put there for that.
    if [ -f "$file" ] && [ ! -L "$file" ] && [ "$(stat -c %h "$file")" = 1 ]; then
      chown -h root:root "$file"
      chmod 644 "$file"
    else
      rm -rf "$file"
    fi
  done
  say "$LOG_DIR now belongs to root, as does all that root uses"
}

# The binaries and the key stay etcd's: etcd reads its key at each handshake; root runs binaries that it did not unpack as etcd's user (trust.sh).
take_over_version() {
  local file mode
  chown -h root:root "$1"
  chmod 755 "$1"
  find "$1" -mindepth 1 -type d -exec chown -h root:root {} \; -exec chmod 755 {} \;
  find "$1" -mindepth 1 ! -type d ! -name etcd-peer-key.pem ! -path "$1/etcd" ! -path "$1/etcdctl" ! -path "$1/etcdutl" -exec chown -h root:root {} +
  find "$1" -mindepth 1 -type f ! -name etcd-peer-key.pem ! -path "$1/etcd" ! -path "$1/etcdctl" ! -path "$1/etcdutl" -exec chmod go-w {} +
  # Written anew: somebody may still have the old ones open.
  for file in "$1"/*.sh "$1"/*.env "$1"/.sha256 "$1"/certs.*/ca.pem "$1"/certs.*/etcd-peer.pem; do
    if [ ! -f "$file" ] || [ -L "$file" ] || [ -L "${file%/*}" ]; then continue; fi
    case $file in *.sh) mode=755 ;; *) mode=644 ;; esac
    # shellcheck disable=SC2094 # it is written beside, and renamed
    put_file "$file" "$mode" root:root <"$file"
  done
  # None of a plan that is known: this stage writes its own.
  rm -f "$1"/*.next
  say "$1 now belongs to root, as does all that root uses"
}
