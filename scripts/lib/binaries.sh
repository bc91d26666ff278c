# etcd's binaries: each version in a directory of its own, unpacked only after its digest was checked.

has_binaries() { [ -x "$VERSIONED/etcd" ] && [ "$(cat "$VERSIONED/.sha256" 2>/dev/null)" = "$(archive_sha256)" ]; }

# install_binaries ARCHIVE: an archive on this host, or nothing to download it.
install_binaries() {
  has_binaries && return
  if [ -e "$VERSIONED/etcd" ] && is_running; then
    refuse "release archive" "$VERSIONED is in use and was unpacked from an archive with another sha256 ($(cat "$VERSIONED/.sha256" 2>/dev/null))" \
      "set the digest back, or choose another version"
  fi
  unpack=$INSTALL_ROOT/.etcd-v$VERSION.aside
  rm -rf "$unpack"
  mkdir -p "$unpack"
  archive=${1:-}
  if [ -z "$archive" ]; then
    archive=$unpack/archive.tar.gz
    url=$(printf %s "$ARCHIVE_URL" | sed "s/{arch}/$(architecture)/")
    answer=$(download "$url" "$archive") || give_up "download of $url: $(printf '%s\n' "$answer" | tail -n 1)" \
      "see that the host reaches it (proxy, mirror), or use EtcdRelease.localArchive, and apply again"
  fi
  actual=$(sha256sum <"$archive" | cut -d' ' -f1)
  [ "$actual" = "$(archive_sha256)" ] ||
    give_up "the archive of etcd $VERSION has sha256 $actual, not $(archive_sha256): nothing of it was unpacked" \
      "find out who changed it; give the right archive or digest, and apply again"
  answer=$(tar -xzf "$archive" --no-same-owner --strip-components=1 -C "$unpack" 2>&1) ||
    give_up "unpacking etcd $VERSION: $(printf '%s\n' "$answer" | head -n 1)" "make room in $INSTALL_ROOT, and apply again"
  rm -f "$unpack/archive.tar.gz"
  printf '%s\n' "$(archive_sha256)" >"$unpack/.sha256"
  chown -R "$ETCD_USER:$ETCD_USER" "$unpack"
  rm -rf "$VERSIONED"
  mv -T "$unpack" "$VERSIONED"
  say "unpacked etcd $VERSION to $VERSIONED"
}

# What was filled so far is room that the next attempt needs.
give_up() {
  rm -rf "$unpack"
  fail "$@"
}
