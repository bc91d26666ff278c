# The connections between the etcd on this host and another member, as the kernel lists them.
#
# When a member is removed from the cluster, etcd stops its streams to that member. If the other side is silent and the
# kernel's send buffer is full, a write to such a stream blocks until its deadline of 5 s. The stop waits for that
# write, one stream after the other, and everything that etcd sends to any member waits for the stop. On the leader, no
# write to the cluster succeeds in the meantime. Closing the connection ends the blocked write at once.

# If the kernel cannot close a connection, deadlines end the blocked writes within this time.
DRAIN_SECONDS=20

# connections_to PEER_URL [OPTION]: the connections in both directions, one per line: RECV-Q SEND-Q LOCAL REMOTE. OPTION
# is an additional option for ss.
connections_to() {
  local host
  host=$(host_of "$1")
  peer_port=${1##*:}
  peer_port=${peer_port%%/*}
  # The URL comes from etcd's member list and cannot be trusted: for ss, 0.0.0.0/0 would match every connection.
  case $host in '' | */* | *'*'*) return 0 ;; esac
  # Without a port, it would match the connections of all programs.
  case $peer_port in '' | *[!0-9]*) return 0 ;; esac
  remotes_at "$host" | while read -r remote; do
    ss -Htn ${2:+"$2"} state established dst "$remote" "( sport = :$PEER_PORT or dport = :$peer_port )" 2>/dev/null || true
  done
}

# remotes_at HOST: the addresses of the other end, as ss expects them. A name may lead elsewhere by now, or nowhere, as
# when a dead machine has gone from DNS. So this etcd's connections at the peer ports to whoever is no member of the
# program count, too.
remotes_at() {
  {
    addresses_of "$1" || true
    is_ip "$1" || strangers_at_peer_ports
  } | sort -u | sed 's/.*:.*/[&]/'
}

# Nothing if the members' addresses are not known, as in a dismissal.
strangers_at_peer_ports() {
  [ -n "${LISTEN_ADDRESSES-}" ] || return 0
  ss -Htnp state established "( sport = :$PEER_PORT or dport = :$peer_port )" 2>/dev/null |
    awk -v known="$LISTEN_ADDRESSES" -v own="pid=$(etcd_pid)," "$CANONICAL_IP"'
      BEGIN { count = split(known, words, " "); for (i = 1; i <= count; i++) is_known[canonical(words[i])] }
      !index($0, own) { next }
      { remote = $4; sub(/:[0-9]+$/, "", remote); gsub(/[][]|::ffff:|%.*/, "", remote) }
      !(canonical(remote) in is_known) { print remote }'
}

# True if there are data that the other side has not acknowledged: it is silent, or a message is just on its way.
has_unacknowledged() { connections_to "$1" | awk '$2 > 0 { found = 1 } END { exit !found }'; }
is_drained() { ! has_unacknowledged "$1"; }

# close_connections_to PEER_URL: if the etcd there is alive, the two reconnect at once; if it is dead, no connection
# comes back.
close_connections_to() {
  connections_to "$1" -K >/dev/null
  # A kernel without CONFIG_INET_DIAG_DESTROY, or an old ss, closes nothing and does not say so.
  wait_until "$DRAIN_SECONDS" is_drained "$1" ||
    say "connections to $1 still hold data that the member has not acknowledged: while it is being removed, writes may stop for some seconds"
}

# For preflight, which runs on every host of the cluster before a deploy removes or re-provisions a member. Each host
# closes its own connections to the dead members. The leader's host is among them, whichever host removes the member
# later.
close_connections_to_the_dead() {
  [ -n "$known_members" ] || return 0
  list=$(printf '%s\n' "$known_members" | others)
  leaving=$(printf '%s\n' "$list" | undesired | unhealthy)
  while read -r id _ peer_url _; do
    [ -n "$id" ] || continue
    if printf '%s\n' "$leaving" | grep -q "^$id " || ! accepts_connections "$peer_url"; then
      close_connections_to "$peer_url"
    fi
  done <<LIST
$list
LIST
}
