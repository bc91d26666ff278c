# shellcheck shell=bash
# The commands for a whole lab: up, down, status; and add.
set -euo pipefail

lab_up() {
  local hosts=hdss7-12=10.4.7.12,hdss7-21=10.4.7.21,hdss7-22=10.4.7.22
  local user=root port=22 supervisor=package disk='' tidy=no family=debian asked="$*" pair http_fill_pid
  while (($# > 0)); do
    (($# > 1)) || die "up: $1 needs a value"
    case $1 in
      --hosts) hosts=$2 ;;
      --user) user=$2 ;;
      --ssh-port) port=$2 ;;
      --supervisor) supervisor=$2 ;;
      --disk) disk=$2 ;;
      --tidy) tidy=$2 ;;
      --family) family=$2 ;;
      *) die "up: unknown option $1" ;;
    esac
    shift 2
  done
  [[ $supervisor == package || $supervisor == preinstalled ]] || die "up: --supervisor must be package or preinstalled"
  require_family "$family"
  [[ $family == debian || $supervisor == package ]] || die "up: supervisor is preinstalled on hosts of the family debian only"
  [[ $tidy == yes || $tidy == no ]] || die "up: --tidy must be yes or no"
  [[ $user =~ ^[a-z_][a-z0-9_-]*$ ]] || die "up: --user is not a user name: $user"
  [[ $port =~ ^[0-9]+$ ]] || die "up: --ssh-port is not a port: $port"
  IFS=, read -ra hosts <<<"$hosts"
  lab_require_prepared "$family"

  lab_lock
  if lab_is_up; then
    lab_load
    [[ -z $asked || $asked == "$LAB_ASKED" ]] || die "lab $LAB_NAME is already up, with other options: up $LAB_ASKED"
    http_fill
    say "lab $LAB_NAME is already up"
    return
  fi
  # Removes what an interrupted up or down, or a reboot of this machine, has left.
  lab_tear_down

  LAB_NETWORK=${hosts[0]#*=} LAB_USER=$user LAB_SSH_PORT=$port LAB_SUPERVISOR=$supervisor LAB_TIDY=$tidy
  LAB_FAMILY=$family
  LAB_NETWORK=${LAB_NETWORK%.*}
  for pair in "${hosts[@]}"; do require_new_host "$pair"; done
  operator_make
  network_make
  http_fill &
  http_fill_pid=$!
  for pair in "${hosts[@]}"; do host_create "${pair%%=*}" "${pair#*=}" "$disk"; done
  operator_write_ssh_config
  for pair in "${hosts[@]}"; do
    host_format "${pair%%=*}"
    host_boot "${pair%%=*}"
  done
  wait "$http_fill_pid"
  http_start
  mapfile -t hosts < <(host_names)
  in_parallel host_wait "${hosts[@]}" || die "up failed; 'lab --name $LAB_NAME down' removes what it has created"
  wait_until 20 http_answers || die "the HTTP server does not answer; see $LAB_DIR/http.log"
  # This file is written last: a lab without it is incomplete.
  declare -p LAB_NETWORK LAB_USER LAB_SSH_PORT LAB_SUPERVISOR LAB_TIDY LAB_FAMILY |
    sed 's/^declare -[-x] //' >"$LAB_DIR/settings.next"
  printf 'LAB_ASKED=%q\n' "$asked" >>"$LAB_DIR/settings.next"
  mv "$LAB_DIR/settings.next" "$LAB_DIR/settings"
  say "lab $LAB_NAME is up: $(operator_hosts)"
}

# shellcheck disable=SC1091 # written by lab_up
lab_load() { source "$LAB_DIR/settings"; }

# lab_require_prepared FAMILY
lab_require_prepared() {
  local part
  for part in "$(debian_root)" "$(debian_supervisor_layer)" "$(debian_repo)" \
    "$(providers_mirror)" "$(engine_directory)" "$(writer_directory)"; do
    [[ -z $part || -d $part ]] || die "the lab is not prepared; run lab/prepare"
  done
  [[ $1 == debian || -d $(rhel_layer "$1") ]] || die "the lab is not prepared for it; run lab/prepare --family $1"
}

# require_new_host HOST=ADDRESS
require_new_host() {
  local host=${1%%=*} address=${1#*=} other
  [[ $1 == *=* && $host =~ ^[a-z0-9][a-z0-9-]{0,40}$ && $address =~ ^[0-9]+(\.[0-9]+){3}$ ]] ||
    die "not a host in the form HOST=ADDRESS: $1"
  [[ ${address%.*} == "$LAB_NETWORK" && $address != "$(operator_address)" ]] ||
    die "$address cannot be used: all hosts must be in $LAB_NETWORK.0/24, and $(operator_address) is the operator's"
  for other in $(host_names); do
    [[ $other != "$host" && $(host_address "$other") != "$address" ]] ||
      die "lab $LAB_NAME already has $other=$(host_address "$other")"
  done
}

lab_down() {
  [[ -e $LAB_DIR ]] || {
    say "lab $LAB_NAME is not up"
    return
  }
  lab_lock
  lab_tear_down
  rmdir "$LAB_DIR"
  rmdir --ignore-fail-on-non-empty "$(lab_root)"
  say "lab $LAB_NAME is down"
}

# Works on an incomplete lab too, because it kills by control group and unmounts by path.
lab_tear_down() {
  local member mount
  rm -f "$LAB_DIR/settings"
  for member in $(cgroup_members); do cgroup_kill "$member"; done
  # The innermost mounts are unmounted first.
  while read -r mount; do
    umount "$mount"
  done < <(findmnt --raw --noheadings --output TARGET | grep "^$LAB_DIR/" | sort -r)
  rm -rf /run/systemd/nspawn/{propagate,unix-export}/"$LAB_NAME".*
  # The directory itself stays, because the lock is on it.
  find "$LAB_DIR" -mindepth 1 -maxdepth 1 -exec rm -rf --one-file-system {} +
}

lab_status() {
  local host state
  if ! lab_is_up; then
    if [[ -e $LAB_DIR ]]; then
      say "lab $LAB_NAME is incomplete; 'lab --name $LAB_NAME down' removes it"
    else
      say "lab $LAB_NAME is not up"
    fi
    return 1
  fi
  lab_load
  say "lab $LAB_NAME is up: family $LAB_FAMILY, SSH user $LAB_USER, SSH port $LAB_SSH_PORT, supervisor $LAB_SUPERVISOR," \
    "HTTP server http://$(operator_address):8080"
  for host in $(host_names); do
    if host_is_running "$host"; then state=running; else state=off; fi
    printf '%-16s %-15s %-8s link %s%s\n' \
      "$host" "$(host_address "$host")" "$state" "$(host_link_state "$host")" "$(host_netem_state "$host")"
  done
}

lab_add() {
  local pair=${1:-} disk=''
  shift || true
  if (($# > 0)); then
    [[ $1 == --disk && -n ${2:-} ]] || die "usage: add HOST=ADDRESS [--disk SIZE]"
    disk=$2
  fi
  lab_lock
  require_new_host "$pair"
  host_create "${pair%%=*}" "${pair#*=}" "$disk"
  operator_write_ssh_config
  host_reset "${pair%%=*}"
}
