# shellcheck shell=bash
# The network: a bridge in the operator's own network namespace, and one namespace per host.
# Nothing of it exists in the machine's namespace, and there is no route out.
set -euo pipefail

operator_namespace() { printf '%s/operator.net' "$LAB_DIR"; }
host_namespace() { printf '%s/net' "$(host_dir "$1")"; }
# Interface names are short; the last number of the address is unique in the lab.
host_port() { printf 'host%s' "${1##*.}"; }
operator_address() { printf '%s.1' "${LAB_NETWORK}"; }

is_namespace() { [[ -e $1 && $(stat -fc %T "$1") == nsfs ]]; }
network_is_up() { is_namespace "$(operator_namespace)"; }

in_operator() { nsenter --net="$(operator_namespace)" -- "$@"; }

# hardware_address ADDRESS: fixed, so that neighbours need not learn it again after a reset.
hardware_address() {
  local numbers
  IFS=. read -ra numbers <<<"$1"
  printf '02:00:%02x:%02x:%02x:%02x' "${numbers[@]}"
}

# A namespace is kept alive by a file that it is mounted on.
namespace_make() {
  namespace_drop "$1"
  : >"$1"
  unshare --net="$1" -- ip link set lo up
}
namespace_drop() {
  ! is_namespace "$1" || umount "$1"
  rm -f "$1"
}

network_make() {
  namespace_make "$(operator_namespace)"
  in_operator ip -batch - <<EOF
link add lab0 address $(hardware_address "$(operator_address)") type bridge forward_delay 0 stp_state 0
address add $(operator_address)/24 dev lab0
link set lab0 up
EOF
}

# host_plug HOST ADDRESS: a cable from the operator's bridge into the host's namespace.
host_plug() {
  local port
  port=$(host_port "$2")
  namespace_make "$(host_namespace "$1")"
  in_operator ip -batch - <<EOF
link add $port type veth peer name host0 address $(hardware_address "$2") netns $(host_namespace "$1")
link set $port master lab0 up
EOF
  nsenter --net="$(host_namespace "$1")" -- ip -batch - <<EOF
address add $2/24 dev host0
link set host0 up
EOF
}

# The operator's end goes down: for the others the host is then silent, as with a cut cable, and not "connection refused".
host_link() { in_operator ip link set "$(host_port "$(host_address "$1")")" "$2"; }
host_link_state() {
  if in_operator ip -oneline link show "$(host_port "$(host_address "$1")")" | grep -q '<[^>]*\bUP\b'; then echo up; else echo down; fi
}
