# Checks of the addresses and names by which the members reach each other, on each of their hosts.

check_address() {
  if is_wildcard "$LISTEN_ADDRESS"; then
    case $LISTEN_ADDRESS in
      *:*) [ -n "$(ip -6 -o address show)" ] || refusal "address" "this host has no IPv6" "set listenAddress to 0.0.0.0" ;;
    esac
    return 0
  fi
  is_local "$LISTEN_ADDRESS" ||
    refusal "address" \
      "$LISTEN_ADDRESS is on none of this host's interfaces ($(ip -o address show scope global | awk '{ sub(/\/.*/, "", $4); printf "%s%s", sep, $4; sep = " " }'))" \
      "set the member's address to one of these; or, if that is a DNS name or NAT is in between, its listenAddress"
}

# Every host looks up every member, since the members connect to each other. All that is refused here, a deploy would
# only notice when etcd does not become healthy.
check_names() {
  local entry host found led="" twins
  for entry in $(printf '%s\n' "$INITIAL_CLUSTER" | tr , ' '); do
    host=$(host_of "${entry#*=}")
    if is_ip "$host" && [ "$host" = "$LISTEN_ADDRESS" ]; then continue; fi
    found=$(addresses_of "$host" | tr '\n' ' ')
    if [ -z "$found" ]; then
      refuse_unknown_name "${entry%%=*}" "$host"
    elif [ "${entry%%=*}" = "$MEMBER" ]; then
      check_own_name "$found"
    elif ! is_ip "$host"; then
      check_other_name "${entry%%=*}" "$host" "$found"
    fi
    led="$led$(printf '%s\n' "$found" | tr ' ' '\n' | sed -n "s/..*/& ${entry%%=*}/p")$LINE_END"
  done
  twins=$(printf '%s' "$led" | awk 'NF && $1 in first && !said++ { print $1, first[$1], $2 } NF && !($1 in first) { first[$1] = $2 }')
  # A loopback address was refused before, or is this host's own way to its own member.
  [ -z "$twins" ] || is_loopback "${twins%% *}" || refusal "name" \
    "the addresses of $(printf '%s\n' "$twins" | awk '{ print $2 " and " $3 }') both lead to ${twins%% *}" \
    "correct DNS, or /etc/hosts on this host"
}

# refuse_unknown_name MEMBER NAME
refuse_unknown_name() {
  local elsewhere
  elsewhere=$(resolved "$2" | head -n 1)
  refusal "name" \
    "$2, the address of $1, does not resolve on this host by /etc/hosts or DNS${elsewhere:+, where alone etcd looks: $elsewhere comes from another service of /etc/nsswitch.conf}" \
    "add it to DNS, or to /etc/hosts on all hosts"
}

# check_other_name MEMBER NAME ADDRESSES
check_other_name() {
  local address
  for address in $3; do
    if is_loopback "$address"; then
      refusal "name" "$2, the address of $1, resolves to the loopback address $address on this host" \
        "correct its line in /etc/hosts on this host"
    elif is_local "$address"; then
      refusal "name" "$2, the address of $1, leads to this host itself: $address" \
        "correct DNS, or /etc/hosts on this host"
    fi
  done
}

# check_own_name ADDRESSES: these are where this member's own address leads to on its own host.
check_own_name() {
  local address listens="" here="" elsewhere="" own
  own=$(ip -o address show to "$LISTEN_ADDRESS" 2>/dev/null | awk '{ sub(/\/.*/, "", $4); print $4; exit }')
  for address in $1; do
    if is_wildcard "$LISTEN_ADDRESS" && { is_loopback "$address" || is_local "$address"; }; then
      listens=yes
    elif [ "$address" = "${own:-$LISTEN_ADDRESS}" ]; then
      listens=yes
    elif is_loopback "$address"; then
      refusal "name" "$ADDRESS resolves to the loopback address $address on this host, and etcd listens at $LISTEN_ADDRESS" \
        "in /etc/hosts, put $LISTEN_ADDRESS in the place of $address in the line with $ADDRESS (Debian's installer writes such a line)"
      return 0
    elif is_local "$address"; then
      here="$here $address"
    else
      elsewhere="$elsewhere $address"
    fi
  done
  if [ -n "$listens" ] && [ -n "$elsewhere" ]; then
    refusal "name" "$ADDRESS leads to this host, and to$elsewhere, which none of its interfaces has: the other members would not always reach this one" \
      "leave only addresses of this host in DNS, or in /etc/hosts"
  elif [ -z "$listens" ] && [ -n "$here" ]; then
    refusal "name" "$ADDRESS leads to$here on this host, and etcd listens at $LISTEN_ADDRESS" \
      "set listenAddress to$here, or make $ADDRESS lead to $LISTEN_ADDRESS"
  elif [ -z "$listens" ]; then
    check_way_back "$elsewhere"
  fi
}

# check_way_back ADDRESSES: the other hosts reach this one through NAT. It must reach itself in the same way, since a
# deploy asks each member at its own URL. As long as nothing listens there, a connection is refused at once.
check_way_back() {
  [ "$(port_state "$PEER_URL")" = silent ] || return 0
  refusal "name" "this host does not reach itself at $PEER_URL (${1# } is on none of its interfaces): the port neither accepts nor refuses connections" \
    "let NAT and firewall pass connections from this host to that address; or give the member a DNS name as address, and add it to /etc/hosts on this host, with an address of the host"
}

# A peer rejects a connection if the sender's address is not in the certificate. A host with two addresses may send from
# the one that is not. What the others see of a host behind NAT, nobody knows here.
check_routes() {
  local wrong
  wrong=$(
    {
      decode "$LEAF_PEM_BASE64" | openssl x509 -noout -text | sed -n 's/^ *\(.*\(IP Address\|DNS\):.*\)$/certificate \1/p'
      for url in $(desired_peer_urls); do addresses_of "$(host_of "$url")"; done |
        sed 's/^/route get /' | ip -force -o -batch - 2>/dev/null
    } | awk "$CANONICAL_IP"'
      $1 == "certificate" { named = 1; count = split($0, names, ", *"); for (i = 1; i <= count; i++) if (sub(/.*IP Address:/, "", names[i])) known[canonical(names[i])] = 1; next }
      !named || $1 == "local" && $2 ~ /^(127\.|::1$)/ { next }
      { for (i = 1; i < NF; i++) if ($i == "src" && !(canonical($(i + 1)) in known)) { print $(i + 1), $1 == "local" ? $2 : $1; exit } }'
  )
  [ -z "$wrong" ] || is_name_of "${wrong% *}" || is_behind_nat ||
    refusal "source address" \
      "this host sends to ${wrong#* } from ${wrong% *}, which is not in the member's certificate: its peers would reject the connection" \
      "add ${wrong% *} to certificates.ipAddresses, or correct the host's routes"
}

# is_name_of IP: a DNS name in the certificate resolves to this address, which is enough for etcd.
is_name_of() {
  local name
  for name in $(decode "$LEAF_PEM_BASE64" | openssl x509 -noout -text | tr ',' '\n' | sed -n 's/^ *DNS://p'); do
    ! addresses_of "$name" | grep -qxF -e "$1" || return 0
  done
  return 1
}

# The member's address leads to none of the host's interfaces.
is_behind_nat() {
  local address
  [ "$ADDRESS" != "$LISTEN_ADDRESS" ] || return 1
  for address in $(addresses_of "$ADDRESS"); do
    if is_loopback "$address" || is_local "$address"; then return 1; fi
  done
}
