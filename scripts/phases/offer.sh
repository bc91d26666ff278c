# offer: runs on the host that has the snapshot of a restore. It verifies the snapshot, and offers it to the other hosts
# until the clients are let in.

phase_offer() {
  take_lock
  require_own_stage
  why_not=$(not_the_founding)
  if [ -n "$why_not" ] || [ "$(restore_step)" = "done" ] || is_restored_already; then
    say "the cluster was restored before, so nothing is offered: $RESTORE; to restore it once more, increase attempt"
    return
  fi
  if [ -z "$RESTORE_PATH" ]; then take_own_snapshot; fi
  describe_source
  refuse_any check_restore
  prepare_offer
  offer_snapshot
  say "offers the snapshot to the other hosts: $RESTORE"
}
