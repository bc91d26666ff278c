# Questions to etcd, asked with the member's own certificate.

# etcdctl_at ENDPOINTS [--command-timeout=SECONDSs] ARGUMENT…
# etcdctl's own limits end neither `txn` nor `lease keep-alive`, so each call runs under `timeout`. It stays in the
# foreground, so that whatever ends the phase ends the call, too.
etcdctl_at() {
  local endpoints client api seconds code version_in_use
  endpoints=$1
  shift
  set_client_directory
  set_client_tool etcdctl
  # Up to 3.3, etcdctl uses the v2 API unless ETCDCTL_API is set; 3.6 prints a warning if it is set.
  api=
  set_installed_version || version_in_use=
  case $version_in_use in 3.[0-3].*) api=3 ;; esac
  # `endpoint status` asks one endpoint after the other, for up to 5 s each.
  case $endpoints in *,*) seconds=45 ;; *) seconds=15 ;; esac
  case $1 in --command-timeout=*) seconds=${1#*=} && seconds=$((${seconds%s} + 15)) ;; esac
  code=0
  (
    [ -z "$api" ] || export ETCDCTL_API="$api"
    # The call does not inherit this phase's locks and files, as in run_as_user.
    exec 7>&- 8<&- 9>&-
    # shellcheck disable=SC2086 # words, or none
    exec timeout --foreground -k 2 "$seconds" $as_user "$client_tool" --endpoints="$endpoints" \
      --cacert="$client/certs/ca.pem" --cert="$client/certs/etcd-peer.pem" --key="$client/certs/etcd-peer-key.pem" \
      --dial-timeout=3s --command-timeout=5s "$@"
  ) || code=$?
  case $code in 124 | 137) echo "etcdctl got no answer from $endpoints within $seconds s" >&2 ;; esac
  return "$code"
}

# create_under_lease ENDPOINT KEY SECONDS: creates KEY under a lease of so many seconds, whose ID is left in `lease`.
# The value is this member, as messages name it: while a member moves to another host, two have the same name. Fails if
# KEY exists or cannot be created; etcd's answer is left in `lease_answer`: it contains FAILURE, and ends in the holder,
# if KEY exists.
create_under_lease() {
  local holder="$MEMBER ($PEER_URL)"
  lease_answer=$(etcdctl_at "$1" lease grant "$3" 2>&1) || true
  lease=$(printf '%s\n' "$lease_answer" | awk '/^lease .* granted/ { print $2 }')
  [ -n "$lease" ] || return 1
  put_under_lease "$1" "$2" "create(\"$2\") = \"0\"" "$holder" && return
  # The key was left by a process of this member that was killed, or by this one, if a renewal of its lease has failed:
  # the caller holds the lock on this host, so no other process can be working under that key. Its lease may expire at
  # this very moment, and another member may create it anew, so it is compared and taken over in one step. etcd may lose
  # the request.
  if [ "$(last_line "$lease_answer")" = "$holder" ]; then
    put_under_lease "$1" "$2" "value(\"$2\") = \"$holder\"" "$holder" && return
    put_under_lease "$1" "$2" "value(\"$2\") = \"$holder\"" "$holder" && return
  fi
  etcdctl_at "$1" lease revoke "$lease" >/dev/null 2>&1 || true
  return 1
}

# put_under_lease ENDPOINT KEY CONDITION VALUE: puts KEY under `lease`, if CONDITION holds.
put_under_lease() {
  lease_answer=$(printf '%s\n\nput --lease=%s %s "%s"\n\nget %s\n\n' "$3" "$lease" "$2" "$4" "$2" |
    etcdctl_at "$1" txn 2>&1) || true
  case $lease_answer in *SUCCESS*) ;; *) return 1 ;; esac
}

# The client URL of the etcd that runs here: a change of ports.client takes effect only when that etcd restarts.
own_url() {
  set_own_url
  echo "$own_url"
}

# Sets `own_url` to the same.
set_own_url() {
  local pid
  own_url=$known_url
  if ! lives_on "$known_etcd" "$known_start"; then
    pid=$(etcd_pid)
    own_url=$([ -z "$pid" ] || argument_of "/proc/$pid" advertise-client-urls)
  fi
  # One of them: of several, etcdctl would print several answers.
  own_url=${own_url%%,*}
  own_url=${own_url:-$CLIENT_URL}
}

# is_healthy ENDPOINT: `endpoint health` is a linearizable read, so it needs the member and a quorum. Up to 3.1 it
# always exits with 0, so its text is read instead.
is_healthy() { says_healthy "$1" "$(etcdctl_at "$1" endpoint health 2>&1)"; }

# says_healthy ENDPOINT ANSWER: since 3.5, while an alarm is raised, etcdctl calls a member unhealthy even if its read
# has succeeded. Whether an alarm is raised is asked separately (refuse_alarm, gate); under NOSPACE, reads work as
# usual.
says_healthy() {
  local line alarm
  case $2 in *"$1 is "*) ;; *) return 1 ;; esac
  line=${2#*"$1 is "}
  line=${line%%"$LINE_END"*}
  case $line in
    healthy*) return 0 ;;
    *"Active Alarm(s):"*NOSPACE*) ;;
    *) return 1 ;;
  esac
  for alarm in ${line##*"Active Alarm(s):"}; do [ "$alarm" = NOSPACE ] || return 1; done
}

# Succeeds if this member answers a linearizable read through its own client URL. What the same process has answered
# within the last two seconds is not asked again.
answers_healthy() {
  local began
  set_uptime
  if [ -n "$answered_at" ] && [ "$((uptime_ms - answered_at))" -lt 2000 ] && has_answered; then return; fi
  began=$uptime_ms answered_at=
  set_own_url
  { accepts_connections "$own_url" && is_healthy "$own_url"; } || return
  answered="$known_etcd $known_start" answered_at=$began
}

# Succeeds if the etcd that runs here is the one that has answered before.
has_answered() { [ "$answered" = "$known_etcd $known_start" ] && lives_on "$known_etcd" "$known_start"; }
answered='' answered_at=''

# unhealthy_of ENDPOINTS (separated by spaces): prints those that are not healthy. All are asked at the same time.
unhealthy_of() {
  local open answers=
  # shellcheck disable=SC2086 # one argument for each endpoint
  open=$(reachable $1)
  [ -z "$open" ] || answers=$(etcdctl_at "$open" endpoint health 2>&1) || true
  for endpoint in $1; do
    says_healthy "$endpoint" "$answers" || printf '%s\n' "$endpoint"
  done
}

# accepts_connections URL: a refused connection fails at once, whereas etcdctl would wait for its whole deadline of 5 s.
# An etcd on this host that has answered before keeps listening as long as it lives, so it is not tried again.
accepts_connections() {
  if [ "$1" = "$known_url" ] && has_answered; then return 0; fi
  connect_to "$1" 2 2>/dev/null
}

# port_state URL: prints `open`; `closed` if the host says that nothing listens there; or `silent` if a firewall drops
# the packets or the host is down.
port_state() {
  local answer
  if answer=$(connect_to "$1" 3 2>&1); then
    echo open
  else
    case $answer in *refused*) echo closed ;; *) echo silent ;; esac
  fi
}

# connect_to URL SECONDS: opens a connection, and closes it again.
connect_to() {
  local host
  set_host "$1"
  # shellcheck disable=SC2016 # the inner bash expands it
  timeout "$2" bash -c ': <"/dev/tcp/$0/$1"' "$host" "${1##*:}"
}

# reachable URL…: prints those that accept connections, separated by commas, in the order given. All are tried at the
# same time.
reachable() {
  local host open url urls="$*" list=
  for url; do
    set_host "$url"
    set -- "$@" "$url" "$host" "${url##*:}"
    shift
  done
  # shellcheck disable=SC2016 # the inner bash expands it
  open=$(timeout 2 bash -c '
    while [ $# -gt 0 ]; do
      { : <"/dev/tcp/$2/$3" && echo "$1"; } &
      shift 3
    done
    wait' bash "$@" 2>/dev/null) || true
  for url in $urls; do
    case $LINE_END$open$LINE_END in *"$LINE_END$url$LINE_END"*) list=${list:+$list,}$url ;; esac
  done
  printf '%s\n' "$list"
}

# The client URLs of the program's other members, one per line.
other_endpoints() {
  local endpoint IFS=,
  for endpoint in $ENDPOINTS; do [ "$endpoint" = "$CLIENT_URL" ] || printf '%s\n' "$endpoint"; done
}

# Prints the first of the other members through which a linearizable read succeeds. Fails if there is none, which means
# that no quorum can be reached.
live_endpoint() {
  for endpoint in $(other_endpoints); do
    accepts_connections "$endpoint" && is_healthy "$endpoint" && echo "$endpoint" && return
  done
  return 1
}

# Prints an endpoint through which the cluster answers: this member's or, if that does not answer, another one's.
any_live_endpoint() { if answers_healthy; then own_url; else live_endpoint; fi; }

# endpoint_status ENDPOINTS: prints one line per endpoint: ENDPOINT CLUSTER_ID MEMBER_ID LEADER VERSION DB_SIZE
# RAFT_INDEX DB_SIZE_IN_USE LEARNER
# The IDs are decimal: they are good for comparisons, but not for messages. Of several endpoints (separated by commas),
# only those that accept connections are asked. What is not known is `-`.
# A member says its version in words of its own. A blank in it would move the words after it, and the shell counts with
# these; bash evaluates whatever it counts with.
endpoint_status() {
  local asked=$1
  # shellcheck disable=SC2086 # one argument for each endpoint
  case $1 in *,*) asked=$(IFS=, && set -- $1 && IFS=' ' && reachable "$@") ;; esac
  [ -n "$asked" ] || return 0
  etcdctl_at "$asked" endpoint status -w json 2>/dev/null | awk '
    function field(name, value) {
      if (!match($0, "\"" name "\":\"?[^,}\"]*")) return "-"
      value = substr($0, RSTART, RLENGTH); sub(/^"[^"]*":"?/, "", value)
      gsub(/[^]A-Za-z0-9._:\/,[-]/, "?", value); return value == "" ? "-" : value
    }
    function number(name, value) { value = field(name); return value ~ /^(0|[1-9][0-9]*)$/ ? value : "-" }
    # Megabytes of more than a petabyte are a number that mawk would print with an exponent.
    function size(name, value) { value = number(name); return length(value) < 16 ? value : "-" }
    {
      n = split($0, statuses, /[{]"Endpoint"/)
      for (i = 2; i <= n; i++) {
        $0 = "\"Endpoint\"" statuses[i]
        print field("Endpoint"), number("cluster_id"), number("member_id"), number("leader"), field("version"), size("dbSize"), number("raftIndex"), size("dbSizeInUse"), field("isLearner")
      }
    }'
}

# look_for_status ENDPOINTS: sets `found_status` to these lines. A member that is starting may accept connections before
# it answers, so they are asked again if none answers; fails if none does.
look_for_status() { wait_until 10 has_found_status "$1"; }

has_found_status() {
  found_status=$(endpoint_status "$1")
  [ -n "$found_status" ]
}

# revision_of ENDPOINT: the revision that this member has reached.
revision_of() {
  etcdctl_at "$1" endpoint status -w json 2>/dev/null | sed -n 's/.*"revision":\([0-9]*\).*/\1/p'
}

# A filter of endpoint_status: the cluster ID as etcd shows it, in hexadecimal.
hex_cluster_id() {
  local id
  read -r _ id _ && printf '%x' "$id"
}

# etcd_error ENDPOINT ARGUMENT…: prints etcd's own error for a question that it did not answer before.
etcd_error() {
  if answer=$(etcdctl_at "$@" 2>&1); then echo "it answers now"; else last_line "$answer"; fi
}

last_line() { printf '%s\n' "$1" | grep . | tail -n 1 | cut -c1-400; }

# etcdctl_here COMMAND…: for messages: these commands of etcdctl, ready to be pasted on this host, as root. No login has
# etcdctl in its PATH, or knows the member's certificate.
etcdctl_here() {
  printf "'. %s" "$CURRENT/etcdctl.env"
  printf '; etcdctl %s' "$@"
  printf "'"
}

# What to do when etcd does not change its members: only the leader's log says why.
way_to_leader() {
  echo "see the log of the leader ($(etcdctl_here "endpoint status -w table") shows which that is), and apply again"
}

# is_forbidden ANSWER: authentication is enabled, and etcd does not allow this to the user that the member's certificate
# names.
is_forbidden() {
  case $1 in *"permission denied"* | *"user name"* | *"invalid auth"*) ;; *) return 1 ;; esac
}

# is_authentication_on ENDPOINT: etcdctl has `auth status` since 3.5. Before that, somebody whom nobody has created logs
# in, which fails only while authentication is on. In 3.1 it always fails, and no certificate names a user.
is_authentication_on() {
  local answer
  case $(installed_version) in
    3.[2-4].*) answer=$(etcdctl_at "$1" --user=cdktf-etcd:- get "$TURN" 2>&1) || true ;;
    *) answer=$(etcdctl_at "$1" auth status 2>/dev/null) || true ;;
  esac
  case $answer in *"Status: true"* | *"authentication failed"*) ;; *) return 1 ;; esac
}

# The member's own certificate is not allowed to do that, so the user `root` must, which every etcd with authentication
# has; etcdctl asks for its password.
how_to_allow() {
  local add
  case $(installed_version) in
    3.[0-3].*) add="user add NAME:PASSWORD" ;;
    *) add="user add NAME --no-password" ;;
  esac
  echo "authentication is on, and a deploy needs the role root: $(etcdctl_here "--user=root $add" "--user=root user grant-role NAME root"); NAME is the common name of the member's certificate, certificates.commonName (default k8s-etcd)"
}

# alarms ENDPOINT: prints the alarms that are raised, on one line; prints nothing if there are none. Fails if etcd does
# not say.
alarms() {
  alarm_list=$(etcdctl_at "$1" alarm list 2>/dev/null) || return 1
  [ -z "$alarm_list" ] || printf '%s\n' "$alarm_list" | on_one_line
}

# alarms_of ENDPOINT ALARMS: for messages: which alarms are raised, and of which members. etcd lists them by decimal
# IDs, which nothing else shows.
alarms_of() {
  local list word id='' name separator='an alarm is raised: '
  wait_until 5 has_listed "$1" || true
  for word in $2; do
    case $word in memberID:*) id=$(printf %x "${word#*:}") && continue ;; esac
    name=$(printf '%s\n' "$list" | awk -v id="$id" '$1 "" == id ""' | named)
    printf '%s%s of %s' "$separator" "${word#alarm:}" "${name:-the member $id}"
    separator=', '
  done
}

# way_with_alarms ALARMS: whoever clears CORRUPT first lets a member with wrong data serve clients again.
way_with_alarms() {
  case $1 in
    *CORRUPT*) echo "do not clear the alarm yet: first find the member whose data are wrong, see docs/alarms.md#corrupt" ;;
    *) echo "make room and clear the alarm, or set a larger quotaBackendBytes (docs/alarms.md#nospace), and apply again" ;;
  esac
}

# refuse_alarm WHAT: to be called before all other checks, because during an alarm etcdctl calls every member unhealthy,
# and nobody can take the turn. etcd asks a quorum which alarms are raised, so it may lose the question with its leader.
refuse_alarm() {
  if wait_until 10 has_found_alarms; then
    [ -z "$raised" ] || refuse "$1" "$(alarms_of "$endpoint" "$raised")" "$(way_with_alarms "$raised")"
    return 0
  fi
  # Without a quorum, nobody knows, and the caller refuses for that reason.
  ! any_live_endpoint >/dev/null ||
    refuse "$1" "etcd does not say whether an alarm is raised: $(etcd_error "$own_url" alarm list)" "apply again"
}

# Sets `raised` to the alarms that the first member that says it says; fails if none does.
has_found_alarms() {
  set_own_url
  for endpoint in "$own_url" $(other_endpoints); do
    accepts_connections "$endpoint" && raised=$(alarms "$endpoint") && return
  done
  return 1
}
