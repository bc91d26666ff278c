# Where the members' URLs lead. A URL has an IP address or a DNS name. etcd's binaries resolve names by /etc/hosts and
# DNS alone, in the order that nsswitch.conf has for these two; what its other services know does not count.

# Nobody waits longer for a connection to a member: etcd's own limit is about as long.
RESOLVE_SECONDS=2

# Functions for awk that bring an IP address, however it is spelled, into the one form in which it can be compared.
# shellcheck disable=SC2016 # awk expands it
CANONICAL_IP='
  function canonical(ip,   sides, left, right, count, i, text) {
    ip = tolower(ip); gsub(/[][]|%.*/, "", ip)
    if (ip ~ /\./) { sub(/^.*:/, "", ip); return ip }
    if (ip !~ /:/) return ip
    split(ip, sides, "::")
    count = split(sides[1], left, ":")
    for (i = 1; i <= count; i++) text = text shortened(left[i])
    if (ip ~ /::/) {
      right[1] = ""; i = split(sides[2], right, ":")
      for (count += i; count < 8; count++) text = text "0:"
      for (count = 1; count <= i; count++) text = text shortened(right[count])
    }
    return text
  }
  function shortened(group) { sub(/^0+/, "", group); return (group == "" ? "0" : group) ":" }'

# is_same_ip IP IP: the program may spell an address in another way than the host does. Several are not one.
is_same_ip() {
  awk -v one="$1" -v other="$2" "$CANONICAL_IP"' BEGIN { exit one ~ / / || canonical(one) != canonical(other) }'
}

is_ip() { case $1 in *:*) ;; '' | *[!0-9.]*) return 1 ;; esac }

is_loopback() { case $1 in 127.* | ::1 | ::ffff:127.*) ;; *) return 1 ;; esac }

# host_of URL: the IP address or the name in it.
host_of() {
  local host
  set_host "$1"
  printf '%s\n' "$host"
}

# Sets `host` to the same.
set_host() {
  host=${1#*://}
  host=${host%:*}
  host=${host#[}
  host=${host%]}
}

# listen_authority PORT: the address at which this member listens, with another port.
listen_authority() {
  case $LISTEN_ADDRESS in
    *:*) printf '[%s]:%s\n' "$LISTEN_ADDRESS" "$1" ;;
    *) printf '%s:%s\n' "$LISTEN_ADDRESS" "$1" ;;
  esac
}

# addresses_of HOST: its IP addresses, one per line; nothing if it does not resolve. Fails with code 124 if that cannot
# be found out in time.
addresses_of() {
  local services answer code=0
  case $1 in -*) return 0 ;; esac
  if is_ip "$1"; then
    printf '%s\n' "$1"
    return 0
  fi
  services=$(sed -n 's/^hosts:/ /p' /etc/nsswitch.conf 2>/dev/null | tr -s ' \t' '\n' | grep -x -e files -e dns | on_one_line)
  answer=$(timeout "$RESOLVE_SECONDS" getent -s "hosts:${services:-files dns}" ahosts "$1" 2>/dev/null) || code=$?
  [ "$code" -ne 124 ] || return 124
  printf '%s\n' "$answer" | awk 'NF && !seen[$1]++ { print $1 }'
}
