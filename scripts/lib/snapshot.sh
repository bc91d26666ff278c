# Snapshots of etcd, as files.

# last_write FILE: changes with each write to FILE, and if another file takes its place.
last_write() { stat -c '%i %s %y' "$1" 2>/dev/null || true; }

# is_unwritten FILE LAST_WRITE: whether nobody has written to FILE since; fails with `reason`. A copy that is still
# under way, or a process that was left behind, may write to a snapshot while it is verified or after that.
is_unwritten() {
  [ "$(last_write "$1")" != "$2" ] || return 0
  reason="somebody still writes to it"
  return 1
}

# verify_digest FILE [AS]: sets `sha256`, and `verified` to the last write to the file before it was read; fails with
# `reason`. AS is the command that reads the file: as_etcd, if etcd's user can write where it is.
verify_digest() {
  local actual
  verified=$(last_write "$1")
  read_digest "$@" || return 1
  actual=$(${2-} head -c -32 "$1" | sha256_of_input)
  is_unwritten "$1" "$verified" || return 1
  reason="the snapshot has the SHA-256 $actual, but etcd has appended $sha256"
  [ "$actual" = "$sha256" ]
}

# read_digest FILE [AS]: sets `sha256` to the digest that etcd has appended; fails with `reason`. The file is the
# database, which consists of pages, followed by its SHA-256 in 32 bytes.
read_digest() {
  local size
  size=$(stat -c %s "$1")
  reason="the snapshot has no digest: its size is $size bytes"
  [ $((size % 512)) -eq 32 ] || return 1
  sha256=$(${2-} tail -c 32 "$1" | od -An -v -tx1 | tr -d ' \n')
  reason="the digest of the snapshot cannot be read"
  [ "${#sha256}" -eq 64 ]
}

# OpenSSL uses the processor's instructions for SHA-256. The sha256sum of most distributions does not, and takes five
# times as long for a large database.
sha256_of_input() { openssl dgst -sha256 -r | cut -c1-64; }

# snapshot_status FILE [OPTION…]: prints HASH, REVISION, KEYS and SIZE, with the tool that this version has for it.
snapshot_status() {
  set_client_tool etcdutl
  if [ -x "$client_tool" ]; then
    # shellcheck disable=SC2086 # words, or none
    run_as_user "$client_tool" snapshot status "$@"
  else
    etcdctl_at "$(own_url)" --command-timeout=600s snapshot status "$@"
  fi
}
