# Verifies a snapshot before it counts. etcd's own `snapshot status` does not check the digest that is appended to the
# snapshot, so it does not notice a flipped bit in a value.

# verify_snapshot FILE: sets `sha256`, `revision` and `compared_with`; fails with `reason`.
# The digest comes after the tool, because old releases of the tool open the file for writing.
verify_snapshot() { verify_pages "$1" && verify_digest "$1" && compare_with_another "$1"; }

# etcd's own tool reads every page.
verify_pages() {
  answer=$(snapshot_status "$1" -w json 2>&1) || true
  revision=$(printf '%s\n' "$answer" | sed -n 's/.*"revision":\([0-9]*\).*/\1/p')
  reason="etcd's own tool cannot read the snapshot: $(last_line "$answer")"
  [ -n "$revision" ]
}

# From etcd 3.6 on, compares the hash of all keys at the snapshot's revision with the other members', which reveals a
# database that was corrupt before the snapshot. One that agrees is enough. A member that does not answer, that runs
# another version, or that has compacted since, is skipped.
compare_with_another() {
  local copy=$1.copy own other endpoint differs=
  compared_with=
  set_installed_version || return 0
  ! older "$version_in_use" 3.6.0 || return 0
  copy_for_tool "$1" "$copy" || { rm -f "$copy" && return 0; }
  set_client_tool etcdutl
  own=$(run_as_user "$client_tool" hashkv --rev "$revision" "$copy" -w json 2>/dev/null | hash_of)
  rm -f "$copy" "$copy".*
  for endpoint in $(members_of "$url" | others | started | voters | awk '{ print $4 }'); do
    accepts_connections "$endpoint" || continue
    [ "$(endpoint_status "$endpoint" | awk '{ print $5 }')" = "$version_in_use" ] || continue
    # The other member may be a moment behind this one.
    wait_until 5 has_hash_of "$endpoint" || continue
    other=$(printf '%s\n' "$answer" | hash_of)
    [ "${other#* }" = "${own#* }" ] || continue
    [ "$other" != "$own" ] || { compared_with=$endpoint && break; }
    differs=$endpoint
  done
  [ -n "$differs" ] || return 0
  reason="at revision $revision, the data of this member differ from those at $differs, so one of the two is corrupt"
  [ -n "$compared_with" ] || return 1
  log "warning: $reason; $compared_with has the same data as this member"
}

# copy_for_tool FILE COPY: the tool opens the file for writing, and syncs it. Some file systems copy without writing
# anything. On the others, the copy is brought to the disk in pieces, so that etcd never has to wait for more than one.
copy_for_tool() {
  cp --reflink=always "$1" "$2" 2>/dev/null || dd if="$1" of="$2" bs=4M oflag=dsync 2>/dev/null
}

has_hash_of() {
  answer=$(etcdctl_at "$1" --command-timeout=60s endpoint hashkv --rev "$revision" -w json 2>/dev/null) &&
    [ -n "$(printf '%s\n' "$answer" | hash_of)" ]
}

# Prints HASH COMPACT_REVISION from the JSON of etcdctl or of etcdutl.
hash_of() { sed -nE 's/.*"hash":([0-9]+).*"compact_?[rR]evision":(-?[0-9]+).*/\1 \2/p'; }
