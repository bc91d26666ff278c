# Where the members' URLs lead. A URL has an IP address or a name, and etcd resolves names by /etc/hosts and DNS alone:
# what the other services of nsswitch.conf know does not count.

RESOLVE_SECONDS=10

is_ip() { case $1 in *:*) ;; '' | *[!0-9.]*) return 1 ;; esac }

is_wildcard() { case $1 in 0.0.0.0 | '' | *[!0:]*) [ "$1" = 0.0.0.0 ] ;; *) ;; esac }

is_loopback() { case $1 in 127.* | ::1 | ::ffff:127.*) ;; *) return 1 ;; esac }

# Whether one of this host's interfaces has the address.
is_local() { [ -n "$(ip -o address show to "$1" 2>/dev/null)" ]; }

# addresses_of HOST: its IP addresses, one per line; nothing if it does not resolve.
addresses_of() {
  case $1 in -*) return 0 ;; esac
  if is_ip "$1"; then printf '%s\n' "$1"; else resolved "$1" -s "hosts:files dns"; fi
}

# resolved NAME OPTION…: what getent says with these options.
resolved() {
  local name=$1
  shift
  timeout "$RESOLVE_SECONDS" getent "$@" ahosts "$name" 2>/dev/null | awk '!seen[$1]++ { print $1 }'
}
