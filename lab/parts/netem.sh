# shellcheck shell=bash
# A bad network: what goes to a host is late, or lost. By the kernel's sch_netem, or where it has none, by a forwarder of the lab's own.
set -euo pipefail

netem_key() { printf 'netem-%s' "$(recipe_hash "$LAB_CODE"/netem/*)"; }
netem_binary() { printf '%s/%s/netem' "$(cache_dir)" "$(netem_key)"; }

prepare_netem() {
  cache_entry "$(netem_key)" netem_build
  if netem_in_kernel; then say "netem: the kernel's own"; else say "netem: this kernel has no sch_netem, the lab's forwarder is ready"; fi
}

netem_build() {
  require_go
  go_build "$LAB_CODE/netem" "$1/netem" .
}

# Tried out in a namespace that goes with the command. It loads the module, where there are modules.
netem_in_kernel() { unshare --net -- tc qdisc add dev lo root netem delay 1ms 2>/dev/null; }

# host_netem HOST off|SETTINGS…: SETTINGS are those of `tc qdisc … netem`, on the operator's end of the host's cable.
host_netem() {
  local host=$1
  shift
  (($# > 0)) || die "netem: HOST off, or settings such as: delay 50ms loss 1%"
  netem_off "$host"
  [[ $* != off ]] || return 0
  if netem_in_kernel; then
    in_operator tc qdisc replace dev "$(host_port "$(host_address "$host")")" root netem "$@"
  else
    netem_forward "$host" "$@"
  fi
  echo "$*" >"$(host_dir "$host")/netem"
}

host_netem_state() { if [[ -e $(host_dir "$1")/netem ]]; then printf ', netem %s' "$(cat "$(host_dir "$1")/netem")"; fi; }

netem_off() {
  local port
  port=$(host_port "$(host_address "$1")")
  in_operator tc qdisc delete dev "$port" root 2>/dev/null || true
  # The forwarder's tap goes with its process.
  cgroup_kill "$1.netem"
  in_operator ip link set "$port" arp on master lab0
  rm -f "$(host_dir "$1")/netem"
}

# The forwarder's tap takes the port's place in the bridge. Off the bridge the port would answer ARP for the operator: no ARP.
netem_forward() {
  local host=$1 address port tap options=()
  shift
  while (($# > 0)); do
    case "$1 ${2:-}" in
      "delay "* | "seed "*) options+=("--$1" "$2") ;;
      "loss "*%) options+=(--loss "${2%\%}") ;;
      *) die "netem: this kernel has no sch_netem, and the lab's own forwarder knows: delay 50ms, loss 1%, seed 1; not: $*" ;;
    esac
    shift 2
  done
  address=$(host_address "$host")
  port=$(host_port "$address") tap=netem${address##*.}
  [[ -x $(netem_binary) ]] || die "not prepared; run: lab/prepare"
  (
    cgroup_enter "$host.netem"
    close_inherited_files
    exec nsenter --net="$(operator_namespace)" -- setsid "$(netem_binary)" --port "$port" --tap "$tap" "${options[@]}" \
      </dev/null >"$(host_dir "$host")/netem.log" 2>&1
  ) &
  wait_until 5 netem_tap_exists "$tap" || die "netem: $(cat "$(host_dir "$host")/netem.log")"
  in_operator ip -batch - <<BATCH
link set $port nomaster arp off
link set $tap master lab0 up
BATCH
}

netem_tap_exists() { in_operator ip link show "$1" >/dev/null 2>&1; }
