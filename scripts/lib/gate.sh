# The health gate, which ends each rollout, and what else is asked of a cluster before it counts as healthy: alarms, and
# whether all members are of one cluster.

# The health gate after a start: a linearizable read through this member proves that there is a quorum, and that this
# member has caught up.
gate() {
  local reason way
  down=0
  set_uptime
  gate_began=$uptime
  wait_while_moving 60 others_suffice is_settled || {
    set_uptime
    reason=$(health_reason) way=$(way_on)
    case $reason in *" does not answer; "*) way="bring the named members back, or $way" ;; esac
    fail "not healthy after $((uptime - gate_began)) s: $reason" "$way"
  }
  require_alarms
  if [ -n "${raises_quota:-}" ] && is_nospace "$raised"; then
    say "the alarm NOSPACE stays raised until you clear it: when all members have the larger quota, run $(etcdctl_here "alarm disarm")"
  elif [ -n "$raised" ]; then
    fail "$(alarms_of "$own_url" "$raised")" "$(way_with_alarms "$raised")"
  fi
  answers_healthy || fail "etcd keeps crashing: $(last_words)" "$(way_on)"
  set_own_url
  require_one_cluster "$own_url"
  runs_as_meant || fail "etcd is healthy, but $difference" \
    "apply again, which restarts it; if that does not help, run $(supervisorctl_here restart "$MEMBER")"
  rm -f "$RESTART_PENDING" "$FIRST_START"
  remember_mounts
  remember_identity "$entries" "$cluster_id"
  remember_rolled_out
}

remember_rolled_out() {
  local digest
  digest=$(staged_digest)
  [ "$digest" = "$(cat "$ROLLED_OUT" 2>/dev/null)" ] ||
    put_file "$ROLLED_OUT" 600 root:root "$digest"
}

# How often polls may find etcd not running, in all, before a wait gives up on it.
MAX_DOWN_POLLS=50

# This member is healthy, or it is not going to be: an alarm is raised (then etcdctl reports the member as unhealthy),
# or etcd was found not running too often.
is_settled() {
  answers_healthy && return
  is_running || down=$((down + 1))
  [ "$down" -ge "$MAX_DOWN_POLLS" ] || is_alarm_raised
}

is_alarm_raised() { has_said_alarms && [ -n "$raised" ]; }

# look_for_alarms: sets `raised` to the alarms; to nothing if this member accepts no connections. Fails if it accepts
# them, and does not say which alarms are raised.
look_for_alarms() { wait_until 10 has_said_alarms; }

# The same, for a phase that cannot go on without knowing them.
require_alarms() {
  look_for_alarms ||
    fail "alarm list: no answer from $own_url: $(etcd_error "$own_url" alarm list)" "apply again"
}

has_said_alarms() {
  raised=
  set_own_url
  ! accepts_connections "$own_url" || raised=$(alarms "$own_url")
}

# require_one_cluster ENDPOINT: fails unless all members of the cluster that answer, and all members of the program,
# belong to one cluster. It also fails unless each of them is the member that the cluster knows under its client URL: an
# etcd that runs on the data of another member runs as that member. Its results stay in `entries` (in the format of
# members_of) and in `cluster_id`, and `list` is the list of members.
require_one_cluster() {
  require_list "$1"
  require_one_cluster_of "$list"
}

# The same for a list of members that is already known.
require_one_cluster_of() {
  entries=$(printf '%s\n' "$1" | started)
  ask_statuses
  compare_statuses
}

# Sets `statuses` to the status of each of `entries`, and of each other member of the program, that answers.
ask_statuses() {
  local lines=$entries line client_url
  asked=
  while next_line; do
    set_client_url "$line"
    asked="$asked $client_url"
  done
  # shellcheck disable=SC2046,SC2086 # one word for each endpoint
  asked=$(printf '%s\n' $asked $(other_endpoints) | sort -u | tr '\n' ,)
  asked=${asked%,}
  look_for_status "$asked" || true
  statuses=$found_status
}

compare_statuses() {
  local clusters=0 id name client_url cluster actual
  cluster_id=
  while read -r _ cluster _; do
    case " $cluster_id " in *" $cluster "*) continue ;; esac
    cluster_id=${cluster_id:+$cluster_id }$cluster clusters=$((clusters + 1))
  done <<LIST
$statuses
LIST
  [ "$clusters" -ne 0 ] ||
    fail "endpoint status: no answer from $asked: $(etcd_error "$asked" endpoint status)" "apply again"
  [ "$clusters" -eq 1 ] ||
    fail "the members belong to $clusters clusters: $(clusters_in "$statuses")" \
      "see docs/lost-data.md#the-members-are-of-two-clusters"
  while read -r id name _ client_url _; do
    case $LINE_END$statuses in *"$LINE_END$client_url "*) ;; *) continue ;; esac
    actual=$LINE_END$statuses
    actual=${actual#*"$LINE_END$client_url "*" "}
    actual=${actual%% *}
    [ "$actual" = "$(printf %u "0x$id")" ] ||
      fail "the etcd at $client_url should be $name, but it is the member $(printf %x "$actual"): it runs on that member's data" \
      "bring each member's own disks or directories back to its host; see docs/lost-data.md#a-disk-in-the-wrong-host"
  done <<LIST
$entries
LIST
}

# clusters_in STATUSES: for messages: which of these members runs in which cluster.
clusters_in() {
  local endpoint cluster separator=''
  printf '%s\n' "$1" | while read -r endpoint cluster _; do
    [ "$cluster" = - ] || cluster=$(printf %x "$cluster")
    printf '%s%s in %s' "$separator" "$endpoint" "$cluster"
    separator=', '
  done
}

health_reason() {
  for endpoint in $(other_endpoints); do
    accepts_connections "$endpoint" || printf '%s does not answer; ' "$endpoint"
  done
  last_words
}
