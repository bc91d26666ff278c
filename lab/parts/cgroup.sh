# shellcheck shell=bash
# Control groups: each host, and the operator, runs in one of its own. So hosts' systemds do not see each other's groups,
# and a host can be killed whole, whatever it has started.
set -euo pipefail

# With cgroups v1, nspawn keeps its books in the hierarchy `unified` where there is one, and hosts' systemds in `systemd`.
cgroup_is_v1() { [[ $(stat -fc %T /sys/fs/cgroup) != cgroup2fs ]]; }
cgroup_hierarchies() { if cgroup_is_v1; then ls -d /sys/fs/cgroup/{systemd,unified} 2>/dev/null || true; else echo /sys/fs/cgroup; fi; }
cgroup_name() { printf 'cdktf-etcd-lab.%s.%s' "$LAB_NAME" "$1"; }

# cgroup_paths MEMBER: its groups that exist.
cgroup_paths() {
  local hierarchy
  for hierarchy in $(cgroup_hierarchies); do
    [[ ! -d $hierarchy/$(cgroup_name "$1") ]] || echo "$hierarchy/$(cgroup_name "$1")"
  done
}

# The members that have a group, whatever else is left of the lab.
cgroup_members() {
  local hierarchy group
  for hierarchy in $(cgroup_hierarchies); do
    for group in "$hierarchy/$(cgroup_name '')"*; do
      [[ ! -d $group ]] || echo "${group##*"$(cgroup_name '')"}"
    done
  done | sort -u
}

# cgroup_enter MEMBER: moves this very shell.
cgroup_enter() {
  local hierarchy
  for hierarchy in $(cgroup_hierarchies); do
    mkdir -p "$hierarchy/$(cgroup_name "$1")"
    echo "$BASHPID" >"$hierarchy/$(cgroup_name "$1")/cgroup.procs"
  done
}

# Inside `lab exec`, this very command is a member of the operator's group. It leaves, so as not to kill itself.
cgroup_leave() {
  ! grep -q "/$(cgroup_name operator)\$" /proc/self/cgroup || cgroup_move_out "$BASHPID"
}
cgroup_move_out() {
  local hierarchy
  for hierarchy in $(cgroup_hierarchies); do echo "$1" >"$hierarchy/cgroup.procs"; done
}

cgroup_pids() {
  local path
  for path in $(cgroup_paths "$1"); do
    # Groups may vanish while they are read.
    find "$path" -name cgroup.procs -exec cat {} + 2>/dev/null || true
  done | sort -un
}

cgroup_is_empty() { [[ -z $(cgroup_pids "$1") ]]; }

# cgroup_kill MEMBER: kills all in it, and removes it. Spares the shells that wait for this command: it may run in `lab exec`.
cgroup_kill() {
  local spared pid
  spared=$(own_ancestors)
  wait_until 20 cgroup_kill_once "$1" "$spared" || die "cannot kill the processes of $1: $(cgroup_pids "$1" | paste -sd' ')"
  for pid in $(cgroup_pids "$1"); do cgroup_move_out "$pid"; done
  wait_until 5 cgroup_remove "$1" || die "cannot remove the control groups of $1"
}

cgroup_kill_once() {
  local pids
  pids=$(cgroup_pids "$1" | grep -vxF "$2") || return 0
  # shellcheck disable=SC2086 # a list
  kill -KILL $pids 2>/dev/null || true
  return 1
}

# The kernel may need a moment to let go of the dead.
cgroup_remove() {
  local path
  for path in $(cgroup_paths "$1"); do find "$path" -depth -type d -exec rmdir {} + 2>/dev/null || return 1; done
}

own_ancestors() {
  local pid=$BASHPID
  while ((pid > 1)); do
    echo "$pid"
    pid=$(awk '/^PPid:/ {print $2}' "/proc/$pid/status")
  done
}
