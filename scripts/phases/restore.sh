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
