# ready: makes sure, in a restore, that the data are there on every host, and that nothing speaks against it, before
# anything is stopped on any of them. Terraform may have recorded a phase `restore` as done that was killed (ADR 8), and
# days may have passed since then.

phase_ready() {
  take_lock
  case $(restore_step) in
    ready)
      { [ -e "$(new_data)/data" ] && [ "$(entry_of "$RESTORING" token)" = "$CLUSTER_TOKEN" ]; } || refuse_unready
      refuse_any check_before_stop
      ;;
    '') refuse_unready ;;
  esac
  say "nothing stands against the restore on this host"
}

refuse_unready() {
  refuse "restore" "no data were made for this member, although Terraform has recorded that" \
    "$(replacing "$RESTORE_RESOURCE")"
}

check_before_stop() {
  description=$(cat "$RESTORING.json" 2>/dev/null || true) is_described=yes
  check_replaced_cluster
  check_left_behind
  check_newer_backups
  check_unchanged
}

# The old cluster may have lived again since the data were made, and be without a quorum again by now.
check_unchanged() {
  [ -z "$REPLACES_CLUSTER" ] && [ "$DATA_DIR/member/snap/db" -nt "$RESTORING" ] || return 0
  refusal "restore" "the data in $DATA_DIR have changed since the restored ones were made" \
    "increase restore's attempt, and apply again"
}
