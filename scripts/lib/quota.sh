# The size at which etcd stops to take writes: --quota-backend-bytes, by which each member measures its own database.

DEFAULT_QUOTA=2147483648 # 2 GiB

wanted_quota() { echo "${QUOTA_BACKEND_BYTES:-$DEFAULT_QUOTA}"; }

running_quota() {
  quota=$(argument_of "/proc/$(etcd_pid)" quota-backend-bytes)
  echo "${quota:-$DEFAULT_QUOTA}"
}

# The size of the database's file, which is what etcd compares, free pages and all; empty when this member does not say.
database_size() { endpoint_status "$(own_url)" | awk '$6 ~ /^[0-9]+$/ { print $6 }'; }

# A quota that is near the size of the database: the file grows with the next writes, and the first member that reaches its quota stops all writes.
check_quota() {
  is_running && accepts_connections "$(own_url)" || return 0
  [ "$(wanted_quota)" -lt "$(running_quota)" ] || return 0
  size=$(database_size)
  [ "${size:-0}" -gt $(($(wanted_quota) * 9 / 10)) ] || return 0
  refusal "quota" "the database has $size bytes, quotaBackendBytes is $(wanted_quota): the next writes would raise the alarm NOSPACE, which stops all writes of the cluster" \
    "set quotaBackendBytes to $(((size / 9 + 1) * 10)) or more; or make the database smaller first: compact it and defragment each member, see docs/alarms.md"
}

# lifts_quota: NOSPACE is raised, nothing else, and this rollout brings the larger quota that is the way out; or one was cut short that did.
lifts_quota() {
  ! is_upgrade && is_running || return 1
  [ "$(wanted_quota)" -gt "$(running_quota)" ] || [ -e "$RESTART_PENDING" ] || return 1
  is_nospace "$(alarms_if_reachable)" || return 1
  size=$(database_size)
  [ "${size:-0}" -lt "$(wanted_quota)" ]
}

is_nospace() {
  case $1 in
    *alarm:[!N]* | '') return 1 ;;
    *alarm:NOSPACE*) ;;
    *) return 1 ;;
  esac
}
