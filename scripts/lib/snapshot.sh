# Snapshots of etcd, as files.

# verify_digest FILE: sets `sha256`; fails with `reason`. The file is the database, which consists of pages, followed by
# its SHA-256 in 32 bytes.
verify_digest() {
  local size actual
  size=$(stat -c %s "$1")
  reason="the snapshot has no digest: its size is $size bytes"
  [ $((size % 512)) -eq 32 ] || return 1
  sha256=$(tail -c 32 "$1" | od -An -v -tx1 | tr -d ' \n')
  actual=$(head -c -32 "$1" | sha256sum | cut -d' ' -f1)
  reason="the snapshot has the SHA-256 $actual, but etcd has appended $sha256"
  [ "$actual" = "$sha256" ]
}

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
