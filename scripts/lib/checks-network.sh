# Checks of the addresses, names and ports by which the members reach each other, on each of their hosts.

check_address() {
  local found
  found=$(ip -o address show to "$LISTEN_ADDRESS" 2>/dev/null) || {
    found=$(ip -o address show to "$LISTEN_ADDRESS" 2>&1 >/dev/null) || true
    refusal "address" "ip does not say which addresses this host has: ${found:-it was ended}" "correct that, and apply again"
    return
  }
  [ -n "$found" ] ||
    refusal "address" \
      "$LISTEN_ADDRESS is on none of this host's interfaces ($(ip -o address show scope global | awk '{ sub(/\/.*/, "", $4); printf "%s%s", sep, $4; sep = " " }'))" \
      "set the member's address (if that is a DNS name, its listenAddress) to one of these; even behind NAT, the other members must be able to reach that address itself"
}

# Every host looks up every name, since the members connect to each other. Each must lead to the address at which that
# member listens, and nowhere else: otherwise another machine would be taken for the member. NAMES has words of the form
# NAME=ADDRESS.
check_names() {
  local entry name listens found code
  for entry in $NAMES; do
    name=${entry%=*} listens=${entry##*=} code=0
    case $name in
      -* | .* | *. | *[!A-Za-z0-9.-]*)
        refusal "name" "$name, the address of a member, is not a DNS name" \
          "use letters, digits, - and ., without a dot at its end"
        continue
        ;;
    esac
    found=$(addresses_of "$name") || code=$?
    found=$(printf '%s\n' "$found" | tr '\n' ' ' | sed 's/ *$//')
    if [ "$code" -ne 0 ]; then
      refusal "name" "to look up $name takes longer than $RESOLVE_SECONDS s on this host, and etcd would not wait" \
        "correct the name servers in /etc/resolv.conf, or add the name to /etc/hosts on all hosts"
    elif [ -z "$found" ]; then
      refusal "name" "$name does not resolve on this host by /etc/hosts or DNS, where alone etcd looks" \
        "add it to DNS, or to /etc/hosts on all hosts, with the address $listens"
    elif is_loopback "$found"; then
      refusal "name" "$name leads to $found on this host, and its etcd listens at $listens" \
        "in /etc/hosts on this host, put $listens in the place of $found in the line with $name (Debian's installer writes such a line)"
    elif [ "$found" != "$listens" ] && ! is_same_ip "$found" "$listens"; then
      refusal "name" "$name leads to $found on this host, and its etcd listens at $listens" \
        "make it lead to $listens alone, in DNS or in /etc/hosts; or correct the member's listenAddress"
    fi
  done
}

# A peer rejects a connection if the sender's address is not in the certificate. A host with two addresses may send from
# the one that is not.
check_routes() {
  local certificate source destination address
  know_leaf
  # If openssl is missing, check_tools says so.
  certificate=$(printf '%s\n' "$leaf_pem" | certificate_text 2>/dev/null) || return 0
  {
    printf '%s\nROUTES\n' "$certificate"
    for address in $LISTEN_ADDRESSES; do printf 'route get %s\n' "$address"; done | ip -force -o -batch - 2>/dev/null
  } | awk "$CANONICAL_IP"'
      $0 == "ROUTES" { routes = 1; next }
      !routes && /IP Address:/ { named = 1; count = split($0, names, ", *"); for (i = 1; i <= count; i++) if (sub(/.*IP Address:/, "", names[i])) known[canonical(names[i])] = 1 }
      !routes { next }
      { for (i = 1; i < NF; i++) if (named && $i == "src" && !(canonical($(i + 1)) in known) && !said[$(i + 1)]++) print $(i + 1), $1 == "local" ? $2 : $1 }' |
    while read -r source destination; do
      is_name_of "$source" "$certificate" ||
        refusal "source address" \
          "this host sends to $destination from $source, which is not in the member's certificate: its peers would reject the connection" \
          "add $source to certificates.ipAddresses, or correct the host's routes"
    done
}

# is_name_of IP CERTIFICATE: a DNS name in the certificate resolves to this address, which is enough for etcd.
is_name_of() {
  local name
  for name in $(printf '%s\n' "$2" | tr ',' '\n' | sed -n 's/^ *DNS://p'); do
    ! addresses_of "$name" | grep -qxF -e "$1" || return 0
  done
  return 1
}

# For each flag that makes etcd listen (LISTENS has words of the form FLAG=URL), the port must be free on that address,
# or already belong to this member.
check_ports() {
  ss -ltnp | awk -v own="pid=$(own_pid)," -v listens="$LISTENS" "$CANONICAL_IP"'
    BEGIN {
      count = split(listens, words, " ")
      for (i = 1; i <= count; i++) {
        flag[i] = words[i]; sub(/=.*/, "", flag[i])
        ip[i] = words[i]; sub(/^[^=]*=[^:]*:\/\//, "", ip[i]); port[i] = ip[i]
        sub(/.*:/, "", port[i]); sub(/:[0-9]+$/, "", ip[i]); ip[i] = canonical(ip[i])
      }
    }
    function any(ip) { return ip == "*" || ip == "0.0.0.0" || ip == canonical("::") }
    function meets(wanted, taken) {
      if (wanted == "localhost") return taken == "127.0.0.1" || taken == canonical("::1") || any(taken)
      return any(wanted) || any(taken) || wanted == taken
    }
    $1 != "LISTEN" || index($0, own) { next }
    {
      taken_port = $4; sub(/.*:/, "", taken_port); taken = $4; sub(/:[0-9]+$/, "", taken); taken = canonical(taken)
      for (i = 1; i <= count; i++)
        if (port[i] == taken_port && meets(ip[i], taken) && !said[flag[i], port[i]]++) print flag[i], port[i], $4, $6
    }' | while read -r flag port where who; do
    refusal "$(port_name "$flag")" "port $port is taken on $where by ${who:-another process}" \
      "stop that program, or set $(port_prop "$flag")"
  done
  check_privileged_ports
}

port_name() {
  case $1 in
    listen-peer-urls) echo "peer port" ;;
    listen-client-urls) echo "client port" ;;
    listen-metrics-urls) echo "metrics port" ;;
    *) echo "port of $1" ;;
  esac
}

port_prop() {
  case $1 in
    listen-peer-urls) echo ports.peer ;;
    listen-client-urls) echo ports.client ;;
    listen-metrics-urls) echo listenMetricsUrls ;;
    *) echo "extraFlags, $1" ;;
  esac
}

# Only root may listen on low ports, unless the kernel is configured otherwise.
check_privileged_ports() {
  local first="" listen port
  know_etcd_uid
  [ "$ETCD_UID" != 0 ] || return 0
  { read -r first </proc/sys/net/ipv4/ip_unprivileged_port_start; } 2>/dev/null || first=1024
  for listen in $LISTENS; do
    port=${listen##*:}
    case $port in '' | *[!0-9]*) continue ;; esac
    [ "$port" -ge "$first" ] || refusal "$(port_name "${listen%%=*}")" \
      "$ETCD_USER may not listen on port $port: only root may listen on ports below $first" \
      "set $(port_prop "${listen%%=*}") to a higher port, or set net.ipv4.ip_unprivileged_port_start=$port permanently with sysctl"
  done
}
