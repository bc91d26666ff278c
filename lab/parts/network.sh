# shellcheck shell=bash
# The network: a bridge in the operator's own network namespace, and one namespace per host. Nothing of it is in the
# machine's own namespace, and there is no route out.
set -euo pipefail

operator_namespace() { printf '%s/operator.net' "$LAB_DIR"; }
host_namespace() { printf '%s/net' "$(host_dir "$1")"; }
# Interface names must be short; the last number of the address is unique in the lab.
host_port() { printf 'host%s' "${1##*.}"; }
operator_address() { printf '%s.1' "${LAB_NETWORK}"; }

is_namespace() { [[ -e $1 && $(stat -fc %T "$1") == nsfs ]]; }
network_is_up() { is_namespace "$(operator_namespace)"; }

in_operator() { nsenter --net="$(operator_namespace)" -- "$@"; }

# hardware_address ADDRESS: prints a fixed hardware address, so that other hosts need not learn it again after a reset.
hardware_address() {
  local numbers
  IFS=. read -ra numbers <<<"$1"
  printf '02:00:%02x:%02x:%02x:%02x' "${numbers[@]}"
}

# A namespace exists for as long as it is mounted on a file.
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

# host_plug HOST ADDRESS: connects the operator's bridge and the host's namespace by a cable (a veth pair).
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

# Sets the operator's end of the cable up or down. When it is down, the host is silent for the others, as with an
# unplugged cable; it does not refuse connections.
host_link() { in_operator ip link set "$(host_port "$(host_address "$1")")" "$2"; }
host_link_state() {
  if in_operator ip -oneline link show "$(host_port "$(host_address "$1")")" | grep -q '<[^>]*\bUP\b'; then
    echo up
  else
    echo down
  fi
}
