# The quota, --quota-backend-bytes: the size of the database at which etcd stops accepting writes. Each member compares
# its own database with its own quota.

DEFAULT_QUOTA=2147483648 # 2 GiB

wanted_quota() { echo "${QUOTA_BACKEND_BYTES:-$DEFAULT_QUOTA}"; }

running_quota() {
  quota=$(argument_of "/proc/$(etcd_pid)" quota-backend-bytes)
  echo "${quota:-$DEFAULT_QUOTA}"
}

# The size of the database file including its free pages, which is what etcd compares with the quota; empty if this
# member does not answer.
database_size() {
  ! look_for_status "$(own_url)" || printf '%s\n' "$found_status" | awk '$6 ~ /^[0-9]+$/ { print $6 }'
}

# Refuses a smaller quota that the database would nearly fill: the file grows with the next writes, and the first member
# that reaches its quota stops all writes to the cluster.
check_quota() {
  is_running && accepts_connections "$(own_url)" || return 0
  [ "$(wanted_quota)" -lt "$(running_quota)" ] || return 0
  size=$(database_size)
  [ -n "$size" ] || {
    refusal "quota" "this member does not say how large its database is, and a smaller quota could stop all writes" \
      "see $LOG_DIR/etcd.log, and apply again; or set quotaBackendBytes back"
    return
  }
  [ "$size" -gt $(($(wanted_quota) * 9 / 10)) ] || return 0
  refusal "quota" \
    "the database has $size bytes, quotaBackendBytes is $(wanted_quota): the next writes would raise the alarm NOSPACE, which stops all writes to the cluster" \
    "set quotaBackendBytes to $(((size / 9 + 1) * 10)) or more; or make the database smaller first: compact it and defragment each member, see docs/alarms.md"
}

# True if NOSPACE is the only alarm that is raised, and this rollout brings a larger quota, which is the way out; or if
# it continues an interrupted rollout that brought one.
lifts_quota() {
  ! is_upgrade && is_running || return 1
  [ "$(wanted_quota)" -gt "$(running_quota)" ] || [ -e "$RESTART_PENDING" ] || return 1
  look_for_alarms && is_nospace "$raised" || return 1
  size=$(database_size)
  [ -n "$size" ] && [ "$size" -lt "$(wanted_quota)" ]
}

is_nospace() {
  case $1 in
    *alarm:[!N]* | '') return 1 ;;
    *alarm:NOSPACE*) ;;
    *) return 1 ;;
  esac
}
