# preflight: checks the host and changes nothing on it, except that it closes etcd's connections to dead members, and
# writes down in /run what it has found. The preflights of all members must pass before any host changes.

phase_preflight() {
  begin_checks
  know_members
  refuse_any all_checks
  warn_of_data_disk
  close_connections_to_the_dead
  note_lost_quorum
  note_checks
  say "ready for etcd $VERSION"
}
