# preflight: looks at the host and changes nothing there; only etcd's connections to dead members are closed. All members' preflights pass before any host changes.

phase_preflight() {
  refusals=$(all_checks)
  if [ -n "$refusals" ]; then
    printf '%s\n' "$refusals"
    explained=yes
    exit 3
  fi
  close_connections_to_the_dead
  say "ready for etcd $VERSION"
}
