# shellcheck shell=bash
# Where a lab keeps its files: in one directory, which `lab down` removes.
set -euo pipefail

lab_root() { printf '%s' "${LAB_ROOT:-/var/lib/cdktf-etcd-lab}"; }

lab_select() {
  [[ $1 =~ ^[a-z0-9][a-z0-9-]{0,20}$ ]] ||
    die "not a name of a lab: '$1'; use lower-case letters, digits and dashes, at most 21 characters"
  LAB_NAME=$1
  LAB_DIR=$(lab_root)/$LAB_NAME
  # The mount options of overlay would read these characters as separators.
  [[ $LAB_DIR$(cache_dir) != *[:,\\[:space:]]* ]] ||
    die "LAB_ROOT and the path of the cache must not contain spaces, colons, commas or backslashes"
}

# lab_lock: makes sure that only one up, down or add runs at a time. The lock is on the lab's own directory, so no lock
# file is left behind.
lab_lock() {
  while true; do
    mkdir -p "$LAB_DIR"
    exec {LAB_LOCK}<"$LAB_DIR"
    flock "$LAB_LOCK"
    # The previous holder may have been a `down`, which removed the directory that this one was waiting for.
    [[ "$LAB_DIR" -ef /proc/self/fd/$LAB_LOCK ]] && return
    exec {LAB_LOCK}<&-
  done
}

host_names() { find "$LAB_DIR/hosts" -mindepth 1 -maxdepth 1 -type d -printf '%f\n' 2>/dev/null | sort; }
host_dir() { printf '%s/hosts/%s' "$LAB_DIR" "$1"; }
host_address() { cat "$(host_dir "$1")/address"; }

lab_is_up() { [[ -e $LAB_DIR/settings ]] && network_is_up; }
require_up() { lab_is_up || die "lab $LAB_NAME is not up; run: lab --name $LAB_NAME up"; }
require_host() {
  [[ -n ${1:-} && -d $(host_dir "$1") ]] ||
    die "lab $LAB_NAME has no host '${1:-}'; its hosts are: $(host_names | paste -sd' ')"
}
