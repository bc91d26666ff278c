# ready: makes sure, in a restore, that the data are there on every host before anything is stopped on any of them.
# Terraform may have recorded a phase `restore` as done that was killed (ADR 8).

phase_ready() {
  take_lock
  [ -z "$(restore_step)" ] || { say "the data of the snapshot are there" && return; }
  refuse "restore" "no data were made for this member, although Terraform has recorded that" \
    "$(replacing "$RESTORE_RESOURCE")"
}
