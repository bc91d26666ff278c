# shellcheck shell=bash
# What every part of the lab shares: words to the user, places, waiting.
set -euo pipefail

say() { printf '%s\n' "$*"; }
die() {
  printf 'lab: %s\n' "$*" >&2
  exit 1
}

# Everything that is built once and used by every lab; outside the checkout, so that all checkouts share it.
cache_dir() { printf '%s/cdktf-etcd' "${XDG_CACHE_HOME:-$HOME/.cache}"; }

# wait_until SECONDS COMMAND…: polls COMMAND until it succeeds; fails at the deadline.
wait_until() {
  local deadline=$((SECONDS + $1))
  shift
  until "$@"; do
    ((SECONDS < deadline)) || return 1
    sleep 0.05
  done
}

require_root() { ((EUID == 0)) || die "run as root: hosts are booted with systemd-nspawn"; }
