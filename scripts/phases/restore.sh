# restore: brings the snapshot to this host, verifies it, and makes this member's data from it, beside those in use. It
# stops nothing: `bootstrap` comes when this has succeeded on all hosts.

phase_restore() {
  take_lock
  require_own_stage
  why_not=$(not_the_founding)
  # It was lost in the middle, taken out of the program, and has come back.
  if [ -n "$why_not" ] && was_removed_from_cluster; then
    rm -f "$QUARANTINE"
    set_restore_step "done"
  fi
  case $(restore_step) in
    "done") say "was restored before: $RESTORE; to restore it once more, increase attempt" && return ;;
    placing | placed | compared) say "its data are being replaced already" && return ;;
  esac
  if [ -n "$why_not" ]; then
    ! is_founder || any_live_endpoint >/dev/null ||
      refuse "restore" "$why_not, and no cluster lives that this member could join" \
        "increase restore's attempt, and apply again"
    say "$why_not: this member joins, and nothing is restored"
    set_restore_step "done"
    return
  fi
  if is_restored_already; then
    say "the cluster was restored already, and lives without this member: left to rollout"
    set_restore_step "done"
    return
  fi
  # If this is killed, what an earlier run has made is not taken for complete.
  rm -f "$RESTORING"
  describe_source
  refuse_any check_restore
  make_data
  private_directory "$STATE_DIR"
  put_file "$RESTORING.json" 600 root:root "$description"
  set_restore_step ready
  say "the data of the snapshot are ready: $RESTORE"
}

# make_data: makes this member's data from the snapshot. All of it is done as etcd's user, who can write there.
make_data() {
  local new tool snapshot
  new=$(new_data)
  make_directory_beside_data "$new"
  bring_snapshot "$new/snapshot.db"
  set_restore_tool
  set_restore_options
  # shellcheck disable=SC2086 # words, or none
  answer=$(as_etcd env ETCDCTL_API=3 "$tool" snapshot restore "$snapshot" --data-dir "$new/data" \
    --name "$MEMBER" --initial-advertise-peer-urls "$PEER_URL" --initial-cluster "$FOUNDERS" \
    --initial-cluster-token "$CLUSTER_TOKEN" $restore_options 2>&1) || {
    case $answer in
      *"expected sha256"*) refuse_damaged "it does not have the SHA-256 $sha256, which etcd has appended to it" ;;
    esac
    refuse "restore" "etcd's own tool makes no data from the snapshot: $(last_line "$answer")" \
      "make room if that is missing, or restore another snapshot"
  }
  as_etcd rm -f "$new/snapshot.db"
  half_made=
}

# Sets `tool` to that of the version in the program, which may not be in use yet.
set_restore_tool() {
  tool=$VERSIONED/etcdutl
  [ -x "$tool" ] || tool=$VERSIONED/etcdctl
}

# bring_snapshot FILE: sets `snapshot` to the snapshot, which is put to FILE unless this host offers it, and `sha256` to
# the digest that etcd has appended. The tool that makes the data from it compares that digest with what it has written,
# and refuses the snapshot if they differ. A copied database has none, so its digest is compared here.
bring_snapshot() {
  snapshot=$1
  if has_source; then
    snapshot=$(offered_snapshot)
    [ -e "$snapshot" ] || refuse "restore" "this host does not have the snapshot any more" "$(replacing "$OFFER_RESOURCE")"
  elif [ -n "$RESTORE_MEMBER" ]; then
    fetch_snapshot "$1"
  else
    answer=$(write_as_etcd "$1" 2>&1 <"$INBOX/snapshot.db") ||
      refuse "restore" "the snapshot cannot be copied to $1: $(last_line "$answer")" "make room, and apply again"
  fi
  if is_copied; then verify_snapshot_copy "$snapshot"; else read_digest "$snapshot" as_etcd || refuse_damaged "$reason"; fi
  # The file may have changed since the program was synthesized.
  [ -n "$RESTORE_MEMBER" ] || case $RESTORE in
    *"$sha256"*) ;;
    *) refuse "restore" "the snapshot that was uploaded has the SHA-256 $sha256, but the plan is for $RESTORE" \
      "synthesize again, and apply again" ;;
  esac
}

# A client that watches must not be told the changes of another history under a revision that it has already seen. The
# revisions of the new cluster are therefore above all that the old one, or a cluster from an earlier restore, can have
# reached, and the ones in between are compacted. They are raised by 100,000 for each second since 2026, more than etcd
# can write in that time: by a number that is the same on all hosts, because Terraform has recorded the time, and that
# grows from restore to restore.
set_restore_options() {
  restore_options=
  ! is_copied || restore_options=--skip-hash-check
  if can_bump; then
    restore_options="$restore_options --mark-compacted --bump-revision $(revisions_to_skip)"
  else
    say "warning: the tool of etcd $VERSION cannot raise the revisions, so clients that watch must be restarted: they could take new revisions for old ones"
  fi
}

revisions_to_skip() {
  date -u -d "$RESTORED_AT" +%s | awk '{
    seconds = $1 - 1767225600 # 2026-01-01
    printf "%.0f", 1000000000 + (seconds > 0 ? seconds * 100000 : 0)
  }'
}

# Before 3.4.27 and 3.5.10, and in 3.1 to 3.3, etcd's tool cannot do that.
can_bump() { as_etcd env ETCDCTL_API=3 "$tool" snapshot restore --help 2>&1 | grep -q -- --bump-revision; }
