# Questions to etcd, with the member's own certificate.

# etcdctl_at ENDPOINTS ARGUMENT…
etcdctl_at() {
  etcdctl_endpoints=$1
  shift
  client=$(client_directory)
  # Until 3.3 etcdctl speaks the v2 API unless it is told; 3.6 warns when it is told.
  api=
  case $(installed_version) in 3.[0-3].*) api=ETCDCTL_API=3 ;; esac
  # shellcheck disable=SC2086 # one word, or none
  env $api "$client/etcdctl" --endpoints="$etcdctl_endpoints" --cacert="$client/certs/ca.pem" --cert="$client/certs/etcd-peer.pem" \
    --key="$client/certs/etcd-peer-key.pem" --dial-timeout=3s --command-timeout=5s "$@"
}

# The client URL of the etcd that runs here: a new ports.client reaches it by its restart only.
own_url() {
  running=$(etcd_pid)
  [ -z "$running" ] || running=$(argument_of "/proc/$running" advertise-client-urls)
  echo "${running:-$CLIENT_URL}"
}

# `endpoint health` is a linearizable read: it needs the member and a quorum. Until 3.1 it exits with 0 in any case: so its text is read.
is_healthy() { etcdctl_at "$1" endpoint health 2>&1 | grep -qF "$1 is healthy"; }

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
    printf '%s\n' "$answers" | grep -qF "$endpoint is healthy" || printf '%s\n' "$endpoint"
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

# The alarms that are raised, on one line; empty when there are none.
alarms() { etcdctl_at "$1" alarm list 2>/dev/null | tr '\n' ' '; }

# refuse_alarm WHAT: asked for before everything else, since with an alarm etcdctl calls every member unhealthy, and etcd takes no turn.
refuse_alarm() {
  for endpoint in $(own_url) $(other_endpoints); do
    accepts_connections "$endpoint" || continue
    raised=$(alarms "$endpoint")
    [ -z "$raised" ] || refuse "$1" "an alarm is raised: $raised" "see docs/alarms.md, clear the alarm, and apply again"
    return 0
  done
}
