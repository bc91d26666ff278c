# health: the whole cluster, as one table.

phase_health() {
  members=$(etcdctl_at "$CLIENT_URL" member list 2>&1) || fail "member list: $members" "see the members' logs in $LOG_DIR"
  statuses=$(endpoint_status "$ENDPOINTS")
  unhealthy=
  printf '%-24s %-18s %-9s %-9s %-8s %10s  %s\n' MEMBER ID STATE HEALTH VERSION "DB SIZE" ENDPOINT
  while read -r wanted; do
    name=${wanted%%=*} peer_url=${wanted#*=}
    line=$(printf '%s\n' "$members" | awk -F', ' -v url="$peer_url" '$4 == url')
    endpoint=$(printf '%s\n' "$line" | awk -F', ' '{ print $5 }')
    if [ -n "$endpoint" ] && is_healthy "$endpoint"; then health=healthy; else health=UNHEALTHY unhealthy="$unhealthy $name"; fi
    printf '%s\n' "$statuses" | awk -v endpoint="$endpoint" '$1 == endpoint' | {
      read -r _ _ id leader version size _ || true
      state=follower
      [ "${id:-}" != "${leader:-none}" ] || state=leader
      printf '%-24s %-18s %-9s %-9s %-8s %10s  %s\n' "$name" "${line%%,*}" "$state" "$health" "${version:--}" "${size:--}" "${endpoint:--}"
    }
  done <<MEMBERS
$(printf '%s\n' "$INITIAL_CLUSTER" | tr , '\n')
MEMBERS
  clusters=$(printf '%s\n' "$statuses" | awk '{ print $2 }' | sort -u | wc -l)
  [ "$clusters" -eq 1 ] || fail "the members are of $clusters clusters" "see docs/lost-data.md"
  [ -z "$unhealthy" ] || fail "not healthy:$unhealthy" "see the log of each in $LOG_DIR"
  raised=$(alarms "$CLIENT_URL")
  [ -z "$raised" ] || fail "an alarm is raised: $raised" "see docs/alarms.md"
}
