# preflight: looks at the host and changes nothing there; only etcd's connections to dead members are closed. All members' preflights pass before any host changes.

phase_preflight() {
  know_members
  refuse_any all_checks
  close_connections_to_the_dead
  say "ready for etcd $VERSION"
}
