# archive: unpacks the release archive that Terraform pushed to the host, for hosts that cannot download it.

phase_archive() {
  take_lock
  repeat_checks
  ensure_user
  claim_host
  take_over
  refuse_any check_places
  refuse_any check_contents
  install_binaries "$INBOX/archive.tar.gz"
  drop_inbox
}
