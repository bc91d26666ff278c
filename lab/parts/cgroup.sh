# shellcheck shell=bash
# Control groups. Each host runs in a group of its own, and so does the operator. The systemd of one host therefore does
# not see the groups of another, and a host can be killed with everything that it has started.
set -euo pipefail

# With cgroups v1, nspawn uses the hierarchy `unified` if there is one, and the systemd of a host uses `systemd`.
cgroup_is_v1() { [[ $(stat -fc %T /sys/fs/cgroup) != cgroup2fs ]]; }
cgroup_hierarchies() {
  if cgroup_is_v1; then ls -d /sys/fs/cgroup/{systemd,unified} 2>/dev/null || true; else echo /sys/fs/cgroup; fi
}
cgroup_name() { printf 'cdktf-etcd-lab.%s.%s' "$LAB_NAME" "$1"; }

# cgroup_paths MEMBER: prints the paths of those of its groups that exist. A MEMBER is a host, `operator` or HOST.netem.
cgroup_paths() {
  local hierarchy
  for hierarchy in $(cgroup_hierarchies); do
    [[ ! -d $hierarchy/$(cgroup_name "$1") ]] || echo "$hierarchy/$(cgroup_name "$1")"
  done
}

# Prints the members that have a group, even if nothing else is left of the lab.
cgroup_members() {
  local hierarchy group
  for hierarchy in $(cgroup_hierarchies); do
    for group in "$hierarchy/$(cgroup_name '')"*; do
      [[ ! -d $group ]] || echo "${group##*"$(cgroup_name '')"}"
    done
  done | sort -u
}

# cgroup_enter MEMBER: moves the current shell into the group.
cgroup_enter() {
  local hierarchy
  for hierarchy in $(cgroup_hierarchies); do
    mkdir -p "$hierarchy/$(cgroup_name "$1")"
    echo "$BASHPID" >"$hierarchy/$(cgroup_name "$1")/cgroup.procs"
  done
}

# A command that runs inside `lab exec` is in the operator's group. It leaves the group so that it does not kill itself.
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
    # Groups may disappear while they are read.
    find "$path" -name cgroup.procs -exec cat {} + 2>/dev/null || true
  done | sort -un
}

cgroup_is_empty() { [[ -z $(cgroup_pids "$1") ]]; }

# cgroup_kill MEMBER: kills all processes in the group and removes it. The shells that wait for this command are spared,
# because it may run inside `lab exec`.
cgroup_kill() {
  local spared pid
  spared=$(own_ancestors)
  wait_until 20 cgroup_kill_once "$1" "$spared" ||
    die "cannot kill the processes of $1: $(cgroup_pids "$1" | paste -sd' ')"
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

# The kernel may need a moment before it releases the killed processes, so callers try this repeatedly.
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
