# preflight: looks at the host and changes nothing. All members' preflights pass before any host changes.

phase_preflight() {
  refusals=$(all_checks)
  if [ -n "$refusals" ]; then
    printf '%s\n' "$refusals"
    explained=yes
    exit 3
  fi
  say "ready for etcd $VERSION"
}
