# membership: on a host whose etcd runs, compares the members with those desired. Elsewhere it does nothing.

phase_membership() {
  take_lock
  if ! is_running || ! is_healthy "$CLIENT_URL"; then
    say "no member of a live cluster here, nothing to compare"
    return
  fi
  undesired=$(etcdctl_at "$CLIENT_URL" member list | awk -F', ' -v desired="$INITIAL_CLUSTER" '
    BEGIN { n = split(desired, list, ","); for (i = 1; i <= n; i++) { sub(/^[^=]*=/, "", list[i]); wanted[list[i]] } }
    !($4 in wanted) { printf "%s%s (%s)", sep, $3 == "" ? $1 : $3, $4; sep = ", " }')
  # Removing members is not built yet: stopping one that the others still count would cost them a part of their quorum.
  [ -z "$undesired" ] || refuse "scale in" "the cluster still has $undesired, which the program no longer names, and removal is not supported yet" \
    "put the member back into the program"
  say "all members of the cluster are desired"
}
