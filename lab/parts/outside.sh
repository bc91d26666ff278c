# shellcheck shell=bash
# What is done to a host from the outside, by its processes: etcd stands still, or a command runs that needs no ssh.
set -euo pipefail

host_etcd_pids() {
  local pid
  for pid in $(cgroup_pids "$1"); do
    [[ $(cat "/proc/$pid/comm" 2>/dev/null) != etcd ]] || echo "$pid"
  done
}

# host_freeze HOST: its etcd keeps its connections and answers nothing, as when its disk or machine hangs; the host itself goes on.
host_freeze() { host_signal_etcd "$1" STOP; }
host_thaw() { host_signal_etcd "$1" CONT; }
host_signal_etcd() {
  local pids
  pids=$(host_etcd_pids "$1")
  [[ -n $pids ]] || die "no etcd runs on $1"
  # shellcheck disable=SC2086 # a list
  kill -"$2" $pids
}

# host_console HOST COMMAND…: as root, as at the host's own keyboard.
host_console() {
  local host=$1 pid
  shift
  (($# > 0)) || die "console: which command?"
  pid=$(host_init_pid "$host")
  [[ -n $pid ]] || die "$host does not run"
  exec nsenter --target "$pid" --mount --uts --ipc --net --pid -- \
    /usr/bin/env -i PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin HOME=/root /bin/sh -c "$*"
}

# The process that is the first one in a namespace of the host's own.
host_init_pid() {
  local files
  mapfile -t files < <(cgroup_pids "$1" | sed 's|.*|/proc/&/status|')
  grep -lm 1 '^NSpid:.*[[:space:]]1$' /dev/null "${files[@]}" 2>/dev/null | head -n 1 | cut -d/ -f3 || true
}
