# shellcheck shell=bash
# Functions that all parts of the lab use: messages, the cache directory, waiting.
set -euo pipefail

say() { printf '%s\n' "$*"; }
die() {
  printf 'lab: %s\n' "$*" >&2
  exit 1
}

# Prints the directory for everything that is built once and used by every lab. It is outside the checkout, so that all
# checkouts share it.
cache_dir() { printf '%s/cdktf-etcd' "${XDG_CACHE_HOME:-$HOME/.cache}"; }

# wait_until SECONDS COMMAND…: runs COMMAND repeatedly until it succeeds; fails at the deadline.
wait_until() {
  local deadline=$((SECONDS + $1))
  shift
  until "$@"; do
    ((SECONDS < deadline)) || return 1
    sleep 0.05
  done
}

require_root() { ((EUID == 0)) || die "must be run as root, because it boots hosts with systemd-nspawn"; }
