# The connections of the etcd that runs here to another member, by the kernel's own list.
#
# When a member is taken out, etcd stops its streams to it. A write to one whose other side is silent blocks, once the kernel holds as much for it
# as it will, until its deadline of 5 s; the stop waits for that, one stream after the other, and everything that etcd sends to anybody
# waits for the stop. On the leader no write of the cluster succeeds meanwhile. A connection that is closed ends the write at once.

# Where the kernel cannot close a connection, deadlines end the blocked writes.
DRAIN_SECONDS=20

# connections_to PEER_URL [OPTION]: both ways, a line a connection: RECV-Q SEND-Q LOCAL REMOTE. The option is one more of ss.
connections_to() {
  peer_address=${1#*://}
  peer_port=${peer_address##*:}
  peer_port=${peer_port%%/*}
  # A member list is what etcd says: to ss, 0.0.0.0/0 would be everybody.
  case ${peer_address%:*} in '' | */* | *'*'*) return 0 ;; esac
  ss -Htn ${2:+"$2"} state established dst "${peer_address%:*}" "( sport = :$PEER_PORT or dport = :$peer_port )" 2>/dev/null || true
}

# Data that the other side has not acknowledged: it is silent, or a message is just under way.
has_unacknowledged() { connections_to "$1" | awk '$2 > 0 { found = 1 } END { exit !found }'; }
is_drained() { ! has_unacknowledged "$1"; }

# close_connections_to PEER_URL: a living etcd opens them again at once; to a dead one none comes back.
close_connections_to() {
  connections_to "$1" -K >/dev/null
  # A kernel without CONFIG_INET_DIAG_DESTROY, or an old ss, closes nothing and says nothing.
  wait_until "$DRAIN_SECONDS" is_drained "$1" || say "connections to $1 still hold data that it does not take: while it is taken out, writes may stop for some seconds"
}

# For preflight, which every host of the cluster runs before a deploy takes a member out or makes it anew: each closes its own connections to
# those that are dead, the leader's among them, whichever host takes the member out later.
close_connections_to_the_dead() {
  [ -n "$known_members" ] || return 0
  list=$(printf '%s\n' "$known_members" | others)
  leaving=$(printf '%s\n' "$list" | undesired | unhealthy)
  while read -r id _ peer_url _; do
    [ -n "$id" ] || continue
    if printf '%s\n' "$leaving" | grep -q "^$id " || ! accepts_connections "$peer_url"; then close_connections_to "$peer_url"; fi
  done <<LIST
$list
LIST
}
