# etcd's binaries: each version in a directory of its own, unpacked only after its digest was checked. All of it is root's.

# The digest is also the mark by which a directory is known as ours.
has_binaries() {
  local tool
  [ "$(cat "$VERSIONED/.sha256" 2>/dev/null)" = "$(archive_sha256)" ] || return 1
  for tool in etcd etcdctl; do
    [ -x "$VERSIONED/$tool" ] && [ ! -L "$VERSIONED/$tool" ] && is_trusted "$VERSIONED/$tool" || return 1
  done
}

# install_binaries ARCHIVE: an archive on this host, or nothing to download it.
install_binaries() {
  local archive actual url answer
  has_binaries && return
  if [ -e "$VERSIONED/etcd" ] && is_running && [ "$(cat "$VERSIONED/.sha256" 2>/dev/null)" != "$(archive_sha256)" ]; then
    refuse "release archive" "$VERSIONED is in use and was unpacked from an archive with another sha256 ($(cat "$VERSIONED/.sha256" 2>/dev/null))" \
      "set the digest back, or choose another version"
  fi
  make_directory "$INSTALL_ROOT"
  unpack=$INSTALL_ROOT/.etcd-v$VERSION.aside
  rm -rf "$unpack"
  mkdir -m 700 "$unpack"
  archive=${1:-}
  if [ -z "$archive" ]; then
    archive=$unpack/archive.tar.gz
    url=$(printf %s "$ARCHIVE_URL" | sed "s/{arch}/$(architecture)/")
    answer=$(download "$url" "$archive") || give_up "download of $(printf '%s' "$url" | without_logins): $(printf '%s\n' "$answer" | tail -n 1)" \
      "see that the host reaches it (proxy, mirror), or use EtcdRelease.localArchive, and apply again"
  fi
  actual=$(sha256sum <"$archive" | cut -d' ' -f1)
  [ "$actual" = "$(archive_sha256)" ] ||
    give_up "the archive of etcd $VERSION has sha256 $actual, not $(archive_sha256): nothing of it was unpacked" \
      "find out who changed it; give the right archive or digest, and apply again"
  answer=$(tar -xzf "$archive" --no-same-owner --no-same-permissions --strip-components=1 -C "$unpack" 2>&1) ||
    give_up "unpacking etcd $VERSION: $(printf '%s\n' "$answer" | head -n 1)" "make room in $INSTALL_ROOT, and apply again"
  rm -f "$unpack/archive.tar.gz"
  # Now, not at the start of a member: an archive for another machine, or of another version, is nothing that etcd itself could say.
  answer=$(ETCD_UNSUPPORTED_ARCH=$(architecture) "$unpack/etcd" --version 2>&1) ||
    give_up "the etcd of this archive does not run on this host ($(uname -m)): $(printf '%s\n' "$answer" | tail -n 1)" "give the archive for $(architecture), and apply again"
  case $answer in
    "etcd Version: $VERSION" | "etcd Version: $VERSION"[!0-9]*) ;;
    *) give_up "the archive holds $(printf '%s\n' "$answer" | head -n 1), not etcd $VERSION" "give the archive of etcd $VERSION, or set version to what it holds, and apply again" ;;
  esac
  printf '%s\n' "$(archive_sha256)" >"$unpack/.sha256"
  # In the archive's order of things, whoever packed it owns it, and may have let others write.
  chown -hR root:root "$unpack"
  # Itself last: until then nobody else can enter.
  chmod -R go-w,a+rX "$unpack"/* "$unpack"/.sha256
  chmod 755 "$unpack"
  remember_made "$VERSIONED"
  if [ "$(cat "$VERSIONED/.sha256" 2>/dev/null)" = "$(archive_sha256)" ]; then
    replace_binaries
  else
    [ ! -e "$VERSIONED" ] || is_our_version "$VERSIONED" ||
      give_up "$VERSIONED was not made by this package" "move it away, or set paths.installRoot, and apply again"
    rm -rf "$VERSIONED"
    mv -T "$unpack" "$VERSIONED"
  fi
  say "unpacked etcd $VERSION to $VERSIONED"
}

# The same release, which others could write until now: file by file, beside certificates and scripts that etcd may be using.
replace_binaries() {
  local file name
  for file in "$unpack"/*; do
    name=${file##*/}
    # What runs cannot have been written to meanwhile; and it keeps its name, by which it is found.
    if [ "$name" = etcd ] && keeps_running_binary "$file"; then continue; fi
    [ ! -d "$VERSIONED/$name" ] || rm -rf "${VERSIONED:?}/$name"
    mv -fT "$file" "$VERSIONED/$name"
  done
  mv -fT "$unpack/.sha256" "$VERSIONED/.sha256"
  rm -rf "$unpack"
}

# Root's first, and only then looked at: nobody opens it for writing any more, and what is being executed has no writer.
keeps_running_binary() {
  local binary=$VERSIONED/etcd
  [ -f "$binary" ] && [ ! -L "$binary" ] && [ "$(stat -c %h "$binary")" = 1 ] && is_running || return 1
  chown -h root:root "$binary"
  chmod 755 "$binary"
  [ "$binary" -ef "/proc/$(etcd_pid)/exe" ] && cmp -s "$1" "$binary"
}

# What was filled so far is room that the next attempt needs.
give_up() {
  rm -rf "$unpack"
  fail "$@"
}
