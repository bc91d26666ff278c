# health: removes from the cluster the members that the program no longer names, then prints the whole cluster as one
# table.

phase_health() {
  take_lock
  end_turn_left_behind
  refuse_stale_members
  if may_remove_members; then remove_undesired_members; fi
  set_own_url
  require_list "$own_url"
  members=$list
  entries=$(printf '%s\n' "$members" | started)
  ask_statuses
  unhealthy=$(printf '%s\n' "$members" | unhealthy_for_long)
  authority_ends=$(ends_of_authorities)
  other_leaf=
  print_row MEMBER ID STATE HEALTH VERSION "DB SIZE" "CERTIFICATE" ENDPOINT
  for member in $(printf '%s\n' "$INITIAL_CLUSTER" | tr , ' '); do print_member "${member%%=*}" "${member#*=}"; done
  compare_statuses
  print_backups
  print_defragmentation
  # Alarms are checked first, because etcdctl reports a member as unhealthy while an alarm is raised.
  require_alarms
  [ -z "$raised" ] || fail "$(alarms_of "$own_url" "$raised")" "$(way_with_alarms "$raised")"
  missing=$(absent_from "$members")
  [ -z "$missing" ] || fail "not in the cluster: $missing" "$(rollouts_of "$missing")"
  unknown=$(printf '%s\n' "$members" | undesired)
  [ -z "$unknown" ] || fail "the cluster has $(printf '%s\n' "$unknown" | named), which the program does not name and has never named" \
    "add it to the program, or run $(removal_of "$unknown")"
  wait_until 15 knows_keys ||
    fail "what waits for a rollout is unknown, because $own_url gives no answer: $(last_line "$keys")" "apply again"
  due=
  case $keys in *"$DUE/"*) due=$(printf '%s\n' "$keys" | all_due | on_one_line) ;; esac
  [ -z "$due" ] || fail "what is staged was not rolled out: $due" \
    "make sure that nobody else deploys, then run $(rollouts_of "$due")"
  # shellcheck disable=SC2086 # one argument for each member
  [ -z "$other_leaf" ] || fail "another certificate than that of this deploy is served by$other_leaf" \
    "make sure that nobody else deploys, then run $(replacing_of "$STAGES" $other_leaf)"
  remember_membership
  forget_joins "$keys"
  [ -z "$unhealthy" ] || fail "not healthy: $(printf '%s\n' "$unhealthy" | named)" \
    "see the log of each in $LOG_DIR; to start a member that supervisor has stopped, run $(rollouts_of "$(printf '%s\n' "$unhealthy" | awk '{ print $3 }')")"
}

# Sets `keys` to the keys of deploys in etcd. Without permission, none of them can have been written.
knows_keys() {
  keys=$(etcdctl_at "$own_url" get cdktf-etcd/ --prefix --keys-only 2>&1) && return
  is_forbidden "$keys" && keys=
}

# The last good backup of the cluster, and the backups that have failed since.
print_backups() {
  local answer
  [ -n "$BACKUP_SECONDS" ] || return 0
  answer=$(records_of backup) || return 0
  printf '%s\n' "$answer" | awk -v now="$(date +%s)" -v every="$BACKUP_SECONDS" -v members=",$INITIAL_CLUSTER" "$OF_RECORDS"'
    function what() { return value("file") " (revision " value("revision") ", " value("bytes") " bytes)" }
    NR % 2 { key = $0; next }
    key ~ /\/done$/ {
      done = value("at")
      ahead = int((done - now) / 60)
      if (ahead < 1) print "backups: the last good one was taken " ago() " on " value("member") ": " what()
      else print "WARNING: backups: the last good one was taken on " value("member") ", whose clock was " ahead " minutes ahead of that of this host: " what()
    }
    sub(/.*\/failed\//, "", key) { failed[key] = $0 }
    END {
      if (done == "") print "backups: none has been taken yet; the first one is due now, and then one every " every / 60 " minutes"
      else if (now - done > 2 * every) print "WARNING: backups: no good one for " int((now - done) / 60) " minutes, and one is due every " every / 60 " minutes"
      for (member in failed) {
        # One that has left the program since fails no more.
        if (!is_in_program(member)) continue
        $0 = failed[member]
        print "WARNING: backups: the last one on " member " failed " ago() ": " reason()
      }
    }' | say_lines
}

# The last defragmentation of each member.
print_defragmentation() {
  local answer
  has_side_program defragmentation || return 0
  answer=$(records_of defragmentation) || return 0
  printf '%s\n' "$answer" | awk -v now="$(date +%s)" -v members=",$INITIAL_CLUSTER" "$OF_RECORDS"'
    NR % 2 { member = $0; sub(/.*\//, "", member); next }
    # One that has left the program is of no interest any more.
    !is_in_program(member) { next }
    # Somebody has read of an older one, and nobody can say when there is a next one.
    /reason=/ && now - value("at") > 7 * 86400 { next }
    /reason=/ { print "WARNING: defragmentation: " member " failed " ago() ": " reason(); next }
    { print "defragmentation: " member " " ago() ": " value("before") " → " value("after") " bytes in " value("seconds") " s" }' | say_lines
}

# records_of SIDE: what a side program has left in etcd: pairs of lines, of a key and of NAME=VALUE…. A reason is the
# last of these, because it has spaces.
records_of() { etcdctl_at "$own_url" get "cdktf-etcd/$1/" --prefix 2>/dev/null; }

# The functions of awk for these records.
# shellcheck disable=SC2016 # awk expands it
OF_RECORDS='
  function value(name) { return match($0, name "=[^ ]*") ? substr($0, RSTART + length(name) + 1, RLENGTH - length(name) - 1) : "" }
  function reason() { return substr($0, index($0, "reason=") + 7) }
  function ago() { return int((now > value("at") ? now - value("at") : 0) / 60) " minutes ago" }
  function is_in_program(member) { return index(members, "," member "=") }'

say_lines() {
  local line
  while read -r line; do say "$line"; done
}

# rollouts_of PEER_URLS: the command that runs the rollouts of these members again.
rollouts_of() {
  local member peer_url names=
  for member in $(printf '%s\n' "$INITIAL_CLUSTER" | tr , ' '); do
    for peer_url in $1; do [ "${member#*=}" != "$peer_url" ] || names="$names ${member%%=*}"; done
  done
  # shellcheck disable=SC2086 # one argument for each member
  replacing_of "$ROLLOUTS" $names
}

# replacing_of RESOURCES NAME…: the command that replaces these members' resources, of a list of NAME=ADDRESS,….
replacing_of() {
  local resources=,$1 name address
  shift
  for name; do
    address=${resources#*",$name="}
    set -- "$@" "${address%%,*}"
    shift
  done
  replacing "$@"
}

print_row() { tell '%-24s %-18s %-9s %-9s %-8s %10s  %-13s %s\n' "$@"; }

# print_member NAME PEER_URL: prints its row, from `members`, `statuses` and `unhealthy`. If it serves another
# certificate than it should, adds its name to `other_leaf`.
print_member() {
  local lines line id='' client_url='' state='' version='' size='' leaf health=healthy
  lines=$members
  while [ -z "$client_url" ] && next_line; do
    case $line in *" $2 "*) id=${line%% *} && set_client_url "$line" ;; esac
  done
  case $LINE_END$unhealthy in *"$LINE_END$id "*) health=UNHEALTHY ;; esac
  [ -n "$id" ] || health=UNHEALTHY
  lines=$statuses
  while [ -z "$state" ] && next_line; do
    case $line in "$client_url "*) read_status ;; esac
  done
  leaf=$(served_leaf "$client_url")
  [ -z "$leaf" ] || is_leaf_of "$1" || other_leaf="$other_leaf $1"
  print_row "$1" "${id:--}" "${state:--}" "$health" "${version:--}" "${size:--}" "$(certificate_end "$leaf")" \
    "${client_url:--}"
}

# is_leaf_of NAME: whether `leaf` is the certificate that this deploy has for the member.
is_leaf_of() {
  local digest
  digest=$(printf '%s\n' "$leaf" | sha256sum)
  case ,$LEAVES, in *",$1=${digest%% *},"*) ;; *) return 1 ;; esac
}

# Sets the columns of a row from `line`, a line of endpoint_status.
read_status() {
  # shellcheck disable=SC2086 # its words: URL CLUSTER MEMBER LEADER VERSION SIZE
  set -- $line
  state=follower version=$5 size=$6
  [ "$3" != "$4" ] || state=leader
}
