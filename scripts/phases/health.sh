# health: the whole cluster, as one table.

phase_health() {
  members=$(etcdctl_at "$CLIENT_URL" member list 2>&1) || fail "member list: $members" "see the members' logs in $LOG_DIR"
  statuses=$(endpoint_status "$ENDPOINTS")
  unhealthy=$(unhealthy_of "$(printf '%s\n' "$ENDPOINTS" | tr , '\n')")
  print_row MEMBER ID STATE HEALTH VERSION "DB SIZE" ENDPOINT
  for desired in $(printf '%s\n' "$INITIAL_CLUSTER" | tr , ' '); do
    print_member "${desired%%=*}" "${desired#*=}"
  done
  clusters=$(printf '%s\n' "$statuses" | awk '{ print $2 }' | sort -u | wc -l)
  [ "$clusters" -eq 1 ] || fail "the members are of $clusters clusters" "see docs/lost-data.md"
  # Alarms first: etcdctl calls a member with an alarm unhealthy.
  raised=$(alarms "$CLIENT_URL")
  [ -z "$raised" ] || fail "an alarm is raised: $raised" "see docs/alarms.md"
  [ -z "$unhealthy" ] || fail "not healthy: $(printf '%s' "$unhealthy" | tr '\n' ' ')" "see the log of each in $LOG_DIR"
}

print_row() { printf '%-24s %-18s %-9s %-9s %-8s %10s  %s\n' "$@"; }

# print_member NAME PEER_URL
print_member() {
  entry=$(printf '%s\n' "$members" | awk -F', ' -v url="$2" '$4 == url')
  endpoint=$(printf '%s\n' "$entry" | awk -F', ' '{ print $5 }')
  health=healthy
  if [ -z "$endpoint" ] || printf '%s\n' "$unhealthy" | grep -qxF "$endpoint"; then health=UNHEALTHY; fi
  # shellcheck disable=SC2046 # split into words on purpose
  set -- "$1" $(printf '%s\n' "$statuses" | awk -v endpoint="$endpoint" '$1 == endpoint { print ($3 "" == $4 "" ? "leader" : "follower"), $5, $6 }')
  print_row "$1" "${entry%%,*}" "${2:--}" "$health" "${3:--}" "${4:--}" "${endpoint:--}"
}
