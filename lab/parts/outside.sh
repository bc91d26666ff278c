# shellcheck shell=bash
# What the lab does to a host's processes from the outside: it freezes etcd, or runs a command without SSH.
set -euo pipefail

host_etcd_pids() {
  local pid
  for pid in $(cgroup_pids "$1"); do
    [[ $(cat "/proc/$pid/comm" 2>/dev/null) != etcd ]] || echo "$pid"
  done
}

# host_freeze HOST: stops etcd on the host. etcd keeps its connections but answers nothing, as if its disk or its
# machine hung; the host itself keeps running.
host_freeze() { host_signal_etcd "$1" STOP; }
host_thaw() { host_signal_etcd "$1" CONT; }
host_signal_etcd() {
  local pids
  pids=$(host_etcd_pids "$1")
  [[ -n $pids ]] || die "no etcd is running on $1"
  # shellcheck disable=SC2086 # a list
  kill -"$2" $pids
}

# host_console HOST COMMAND…: runs COMMAND as root, as if it were typed at the host's own keyboard.
host_console() {
  local host=$1 pid
  shift
  (($# > 0)) || die "console: which command?"
  pid=$(host_init_pid "$host")
  [[ -n $pid ]] || die "$host is not running"
  exec nsenter --target "$pid" --mount --uts --ipc --net --pid -- \
    /usr/bin/env -i PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin HOME=/root /bin/sh -c "$*"
}

# Prints the process ID, on this machine, of the host's init: the process that is number 1 in the host's PID namespace.
host_init_pid() {
  local files
  mapfile -t files < <(cgroup_pids "$1" | sed 's|.*|/proc/&/status|')
  grep -lm 1 '^NSpid:.*[[:space:]]1$' /dev/null "${files[@]}" 2>/dev/null | head -n 1 | cut -d/ -f3 || true
}
