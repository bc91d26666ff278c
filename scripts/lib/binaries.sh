# etcd's binaries. Each version has a directory of its own and is unpacked only after its digest was checked. Everything
# in that directory belongs to root.

# The digest file also marks a directory as one that this package has unpacked.
has_binaries() {
  local tool
  know_archive
  look_at_line "$VERSIONED/.sha256"
  [ "$first_line" = "$archive_sha256" ] || return 1
  for tool in etcd etcdctl; do
    [ -x "$VERSIONED/$tool" ] && [ -s "$VERSIONED/$tool" ] && [ ! -L "$VERSIONED/$tool" ] &&
      is_trusted "$VERSIONED/$tool" || return 1
  done
}

# install_binaries [ARCHIVE]: unpacks an archive that is on this host already; without an argument, downloads it first.
install_binaries() {
  local archive actual url answer tool
  has_binaries && return
  if [ -e "$VERSIONED/etcd" ] && is_running &&
    [ "$first_line" != "$archive_sha256" ]; then
    refuse "release archive" \
      "$VERSIONED is in use and was unpacked from an archive with another sha256 ($first_line)" \
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
    answer=$(download "$url" "$archive") ||
      give_up "cannot download $(printf '%s' "$url" | without_logins): $(printf '%s\n' "$answer" | tail -n 1)" \
        "make sure that the host can reach it (proxy, mirror), or use EtcdRelease.localArchive, and apply again"
  fi
  [ -s "$archive" ] ||
    give_up "no archive in ${archive%/*}: another deploy has staged this member in the meantime, or the upload was interrupted" \
      "apply again"
  actual=$(sha256sum 2>&1 <"$archive") ||
    give_up "the archive of etcd $VERSION cannot be read: ${actual:-sha256sum was ended}" "correct that, and apply again"
  actual=${actual%% *}
  [ "$actual" = "$archive_sha256" ] ||
    give_up "the archive of etcd $VERSION has sha256 $actual, not $archive_sha256, and was not unpacked" \
      "find out who changed it; provide the right archive or digest, and apply again"
  answer=$(tar -xzf "$archive" --no-same-owner --no-same-permissions --strip-components=1 -C "$unpack" 2>&1) ||
    give_up "cannot unpack etcd $VERSION: $(printf '%s\n' "${answer:-tar was ended}" | grep . | head -n 1)" \
      "make sure that $INSTALL_ROOT is writable and has free space, and apply again"
  rm -f "$unpack/archive.tar.gz"
  for tool in etcd etcdctl; do
    if [ -f "$unpack/$tool" ] && [ ! -L "$unpack/$tool" ]; then continue; fi
    give_up "the archive of etcd $VERSION has no program $tool" \
      "use an archive in the layout of etcd's releases, with etcd and etcdctl as files, and apply again"
  done
  # Checked here rather than when the member starts, because etcd itself cannot report that its archive is for another
  # architecture or contains another version.
  answer=$(ETCD_UNSUPPORTED_ARCH=$(architecture) "$unpack/etcd" --version 2>&1) ||
    give_up "the etcd in this archive does not run on this host ($(uname -m)): $(printf '%s\n' "$answer" | tail -n 1)" \
      "use the archive for $(architecture), and apply again"
  case $answer in
    "etcd Version: $VERSION" | "etcd Version: $VERSION"[!0-9]*) ;;
    *)
      give_up "the archive contains $(printf '%s\n' "$answer" | head -n 1), not etcd $VERSION" \
        "use the archive of etcd $VERSION, or set version to the one that it contains, and apply again"
      ;;
  esac
  printf '%s\n' "$archive_sha256" >"$unpack/.sha256"
  # An archive records whoever packed it as the owner, and may let others write to its files.
  chown -hR root:root "$unpack"
  # Nothing that a link in it leads to. The directory itself comes last: until then nobody but root can enter it.
  find "$unpack" -mindepth 1 ! -type l -exec chmod go-w,a+rX {} +
  chmod 755 "$unpack"
  # After a power cut, the binaries could otherwise be empty beside a good digest, and never be unpacked again.
  find "$unpack" -type f -exec sync {} +
  remember_made "$VERSIONED"
  look_at_line "$VERSIONED/.sha256"
  if [ "$first_line" = "$archive_sha256" ]; then
    replace_binaries
  else
    if [ -e "$VERSIONED" ]; then
      is_our_version "$VERSIONED" ||
        give_up "$VERSIONED was not made by this package" "move it away, or set paths.installRoot, and apply again"
      delete_own "$VERSIONED"
    fi
    mv -T "$unpack" "$VERSIONED"
  fi
  say "unpacked etcd $VERSION to $VERSIONED"
}

# Replaces files of the release that is unpacked here already, because other users could write to them until now, or a
# tool is missing. This is done file by file, because the directory also holds certificates and scripts that etcd may be
# using.
replace_binaries() {
  local file name
  for file in "$unpack"/*; do
    name=${file##*/}
    # A running binary with the right contents stays in place: nobody can have written to it while it ran, and a process
    # whose binary was replaced would not count as running the right one.
    if [ "$name" = etcd ] && keeps_running_binary "$file"; then continue; fi
    [ ! -d "$VERSIONED/$name" ] || rm -rf "${VERSIONED:?}/$name"
    mv -fT "$file" "$VERSIONED/$name"
  done
  mv -fT "$unpack/.sha256" "$VERSIONED/.sha256"
  rm -rf "$unpack"
}

# First gives the binary to root, and only then compares it: from then on nobody else can open it for writing, and a
# file that is being executed cannot be open for writing already.
keeps_running_binary() {
  local binary=$VERSIONED/etcd
  [ -f "$binary" ] && [ ! -L "$binary" ] && [ "$(stat -c %h "$binary")" = 1 ] && is_running || return 1
  chown -h root:root "$binary"
  chmod 755 "$binary"
  [ "$binary" -ef "/proc/$(etcd_pid)/exe" ] && cmp -s "$1" "$binary"
}

# Removes what was unpacked so far: the next attempt needs that disk space.
give_up() {
  rm -rf "$unpack"
  fail "$@"
}
