# shellcheck shell=bash
# A bad network: what is sent to a host arrives late, or is lost. The kernel's sch_netem does this or, if the kernel has
# none, a forwarder of the lab's own.
set -euo pipefail

netem_key() { printf 'netem-%s' "$(recipe_hash "$LAB_CODE"/netem/*)"; }
netem_binary() { printf '%s/%s/netem' "$(cache_dir)" "$(netem_key)"; }

prepare_netem() {
  cache_entry "$(netem_key)" netem_build
  if netem_in_kernel; then
    say "netem: the kernel has sch_netem"
  else
    say "netem: the kernel has no sch_netem; the lab's own forwarder is ready"
  fi
}

netem_build() {
  require_go
  go_build "$LAB_CODE/netem" "$1/netem" .
}

# Tries netem in a namespace that ends with the command. This also loads the kernel module, if there is one.
netem_in_kernel() { unshare --net -- tc qdisc add dev lo root netem delay 1ms 2>/dev/null; }

# host_netem HOST off|SETTINGS…: SETTINGS are those of `tc qdisc … netem`; they apply to the operator's end of the
# host's cable.
host_netem() {
  local host=$1
  shift
  (($# > 0)) || die "usage: netem HOST off, or netem HOST SETTINGS, such as: delay 50ms loss 1%"
  netem_off "$host"
  [[ $* != off ]] || return 0
  if netem_in_kernel; then
    in_operator tc qdisc replace dev "$(host_port "$(host_address "$host")")" root netem "$@"
  else
    netem_forward "$host" "$@"
  fi
  echo "$*" >"$(host_dir "$host")/netem"
}

host_netem_state() {
  if [[ -e $(host_dir "$1")/netem ]]; then printf ', netem %s' "$(cat "$(host_dir "$1")/netem")"; fi
}

netem_off() {
  local port
  port=$(host_port "$(host_address "$1")")
  in_operator tc qdisc delete dev "$port" root 2>/dev/null || true
  # The forwarder's tap disappears with its process.
  cgroup_kill "$1.netem"
  in_operator ip link set "$port" arp on master lab0
  rm -f "$(host_dir "$1")/netem"
}

# The forwarder's tap takes the port's place in the bridge. A port outside the bridge would answer ARP requests for the
# operator, so ARP is turned off on it.
netem_forward() {
  local host=$1 address port tap options=()
  shift
  while (($# > 0)); do
    case "$1 ${2:-}" in
      "delay "* | "seed "*) options+=("--$1" "$2") ;;
      "loss "*%) options+=(--loss "${2%\%}") ;;
      *) die "netem: unknown setting: $*; without sch_netem in the kernel, use only: delay 50ms, loss 1%, seed 1" ;;
    esac
    shift 2
  done
  address=$(host_address "$host")
  port=$(host_port "$address") tap=netem${address##*.}
  [[ -x $(netem_binary) ]] || die "the lab is not prepared; run lab/prepare"
  (
    cgroup_enter "$host.netem"
    close_inherited_files
    exec nsenter --net="$(operator_namespace)" -- \
      setsid "$(netem_binary)" --port "$port" --tap "$tap" "${options[@]}" \
      </dev/null >"$(host_dir "$host")/netem.log" 2>&1
  ) &
  wait_until 5 netem_tap_exists "$tap" || die "netem: $(cat "$(host_dir "$host")/netem.log")"
  in_operator ip -batch - <<BATCH
link set $port nomaster arp off
link set $tap master lab0 up
BATCH
}

netem_tap_exists() { in_operator ip link show "$1" >/dev/null 2>&1; }
