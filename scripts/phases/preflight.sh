# preflight: checks the host and changes nothing on it, except that it closes etcd's connections to dead members. The
# preflights of all members must pass before any host changes.

phase_preflight() {
  know_members
  refuse_any all_checks
  close_connections_to_the_dead
  say "ready for etcd $VERSION"
}
