# Questions to etcd, with the member's own certificate.

# etcdctl_at ENDPOINTS [--command-timeout=SECONDSs] ARGUMENT…
# etcdctl's own limits end neither `txn` nor `lease keep-alive`, so there is one around each call. It stays in the foreground: whoever ends the phase
# ends it too.
etcdctl_at() {
  local endpoints client api seconds code version_in_use
  endpoints=$1
  shift
  set_client_directory
  set_client_tool etcdctl
  # Until 3.3 etcdctl speaks the v2 API unless it is told; 3.6 warns when it is told.
  api=
  set_installed_version || version_in_use=
  case $version_in_use in 3.[0-3].*) api=3 ;; esac
  # `endpoint status` asks one endpoint after the other, 5 s each.
  case $endpoints in *,*) seconds=45 ;; *) seconds=15 ;; esac
  case $1 in --command-timeout=*) seconds=${1#*=} && seconds=$((${seconds%s} + 15)) ;; esac
  code=0
  (
    [ -z "$api" ] || export ETCDCTL_API="$api"
    # As in run_as_user.
    exec 7>&- 8<&- 9>&-
    # shellcheck disable=SC2086 # words, or none
    exec timeout --foreground -k 2 "$seconds" $as_user "$client_tool" --endpoints="$endpoints" --cacert="$client/certs/ca.pem" \
      --cert="$client/certs/etcd-peer.pem" --key="$client/certs/etcd-peer-key.pem" --dial-timeout=3s --command-timeout=5s "$@"
  ) || code=$?
  case $code in 124 | 137) echo "etcdctl had no answer from $endpoints within $seconds s" >&2 ;; esac
  return "$code"
}

# The client URL of the etcd that runs here: a new ports.client reaches it by its restart only.
own_url() {
  local pid url
  if lives_on "$known_etcd" "$known_start"; then
    url=$known_url
  else
    pid=$(etcd_pid)
    url=$([ -z "$pid" ] || argument_of "/proc/$pid" advertise-client-urls)
  fi
  echo "${url:-$CLIENT_URL}"
}

# `endpoint health` is a linearizable read: it needs the member and a quorum. Until 3.1 it exits with 0 in any case: so its text is read.
is_healthy() { says_healthy "$1" "$(etcdctl_at "$1" endpoint health 2>&1)"; }

# says_healthy ENDPOINT ANSWER: since 3.5 etcdctl calls a member whose read has succeeded unhealthy while an alarm is raised. Whether one is raised is a
# question of its own (refuse_alarm, gate); under NOSPACE a read is as good as ever.
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

# This member, asked by a linearizable read through its own client URL.
answers_healthy() {
  url=$(own_url)
  accepts_connections "$url" && is_healthy "$url"
}

# unhealthy_of ENDPOINTS (one a line): those that are not healthy; all are asked at the same time.
unhealthy_of() {
  [ -n "$1" ] || return 0
  answers=$(etcdctl_at "$(printf '%s' "$1" | tr '\n' ,)" endpoint health 2>&1) || true
  for endpoint in $1; do
    says_healthy "$endpoint" "$answers" || printf '%s\n' "$endpoint"
  done
}

# A connection that is refused answers at once, where etcdctl would wait for its whole deadline.
accepts_connections() {
  address_and_port=${1#*://}
  address=${address_and_port%:*}
  address=${address#[}
  # shellcheck disable=SC2016 # the inner bash expands it
  timeout 2 bash -c ': <"/dev/tcp/$0/$1"' "${address%]}" "${address_and_port##*:}" 2>/dev/null
}

# The client URLs of the other desired members, one a line.
other_endpoints() { printf '%s\n' "$ENDPOINTS" | tr , '\n' | grep -vxF "$CLIENT_URL" || true; }

# The first other member through which a linearizable read succeeds; false when no quorum is to be seen.
live_endpoint() {
  for endpoint in $(other_endpoints); do
    accepts_connections "$endpoint" && is_healthy "$endpoint" && echo "$endpoint" && return
  done
  return 1
}

# This member itself, or another one, through which the cluster answers.
any_live_endpoint() { if answers_healthy; then own_url; else live_endpoint; fi; }

# endpoint status, a line an endpoint: ENDPOINT CLUSTER_ID MEMBER_ID LEADER VERSION DB_SIZE RAFT_INDEX LEARNER (IDs in decimal: compare, never show)
endpoint_status() {
  etcdctl_at "$1" endpoint status -w json 2>/dev/null | sed 's/{"Endpoint"/\n&/g' | awk '
    function field(name, value) {
      if (!match($0, "\"" name "\":\"?[^,}\"]*")) return "-"
      value = substr($0, RSTART, RLENGTH); sub(/^"[^"]*":"?/, "", value); return value == "" ? "-" : value
    }
    /"Endpoint"/ { print field("Endpoint"), field("cluster_id"), field("member_id"), field("leader"), field("version"), field("dbSize"), field("raftIndex"), field("isLearner") }'
}

# etcd's own words, for a question that it has not answered: etcd_error ENDPOINT ARGUMENT…
etcd_error() {
  if answer=$(etcdctl_at "$@" 2>&1); then echo "it answers by now"; else last_line "$answer"; fi
}

last_line() { printf '%s\n' "$1" | grep . | tail -n 1 | cut -c1-400; }

# is_forbidden ANSWER: authentication is on, and etcd does not take this from the user that a member's certificate names.
is_forbidden() {
  case $1 in *"permission denied"* | *"user name"* | *"invalid auth"*) ;; *) return 1 ;; esac
}

how_to_allow() {
  case $(installed_version) in 3.[0-3].*) add="etcdctl user add NAME:PASSWORD" ;; *) add="etcdctl user add NAME --no-password" ;; esac
  echo "authentication is on, and a deploy needs the role root: $add; etcdctl user grant-role NAME root; NAME is the common name of the member's certificate, certificates.commonName (default k8s-etcd)"
}

# The alarms that are raised, on one line; empty when there are none. False when etcd does not say.
alarms() {
  alarm_list=$(etcdctl_at "$1" alarm list 2>/dev/null) || return 1
  [ -z "$alarm_list" ] || printf '%s\n' "$alarm_list" | tr '\n' ' '
}

# refuse_alarm WHAT: asked for before everything else, since with an alarm etcdctl calls every member unhealthy, and etcd takes no turn.
refuse_alarm() {
  for endpoint in $(own_url) $(other_endpoints); do
    accepts_connections "$endpoint" || continue
    raised=$(alarms "$endpoint") || continue
    [ -z "$raised" ] || refuse "$1" "an alarm is raised: $raised" "see docs/alarms.md, clear the alarm, and apply again"
    return 0
  done
}
