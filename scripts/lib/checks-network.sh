# Checks of the addresses and names by which the members reach each other, on each of their hosts.

check_address() {
  [ -n "$(ip -o address show to "$LISTEN_ADDRESS" 2>/dev/null)" ] ||
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
    elif [ "$found" != "$listens" ]; then
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
