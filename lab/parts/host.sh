# shellcheck shell=bash
# A host is an overlay over the cached root of its family, booted by systemd-nspawn, with a real init, sshd and packages.
set -euo pipefail

# host_create HOST ADDRESS [DISK]: creates what survives a reset: the address, the keys and IDs, and the network cable.
host_create() {
  local host=$1 address=$2 disk=${3:-} dir
  dir=$(host_dir "$host")
  mkdir -p "$dir"
  echo "$address" >"$dir/address"
  [[ -z $disk ]] || echo "$disk" >"$dir/disk"
  # The kinds of keys that Debian's sshd has. RSA has 2048 bits, because generating a longer key takes a second.
  ssh-keygen -q -t ed25519 -N '' -C "$host" -f "$dir/ssh_host_ed25519_key"
  ssh-keygen -q -t ecdsa -N '' -C "$host" -f "$dir/ssh_host_ecdsa_key"
  ssh-keygen -q -t rsa -b 2048 -N '' -C "$host" -f "$dir/ssh_host_rsa_key"
  tr -d - </proc/sys/kernel/random/uuid >"$dir/machine-id"
  host_plug "$host" "$address"
}

# host_format HOST: gives the host a clean disk.
host_format() {
  local host=$1 dir lower
  dir=$(host_dir "$host")
  lower=$(host_lower)
  host_unmount "$host"
  rm -rf --one-file-system "$dir/disk.d" "$dir/merged"
  mkdir "$dir/disk.d" "$dir/merged"
  [[ ! -e $dir/disk ]] || mount -t tmpfs -o "mode=755,size=$(cat "$dir/disk")" lab-disk "$dir/disk.d"
  mkdir "$dir/disk.d/upper" "$dir/disk.d/work"
  mount -t overlay lab-host -o "lowerdir=$lower,upperdir=$dir/disk.d/upper,workdir=$dir/disk.d/work" "$dir/merged"
  host_settle "$host" "$dir/merged"
}

# Prints the directories of which the disks of this lab's hosts are made, as overlayfs wants them.
host_lower() {
  if [[ $LAB_FAMILY != debian ]]; then
    rhel_lower "$LAB_FAMILY"
  elif [[ $LAB_SUPERVISOR == preinstalled ]]; then
    printf '%s:%s' "$(debian_supervisor_layer)" "$(debian_root)"
  else
    debian_root
  fi
}

# Prints the directory of the packages that they can install.
host_packages() { if [[ $LAB_FAMILY == debian ]]; then debian_repo; else rhel_repo "$LAB_FAMILY"; fi; }

# Configures what an installer would ask for on a real machine.
host_settle() {
  local host=$1 root=$2 dir home=/root
  dir=$(host_dir "$host")
  echo "$host" >"$root/etc/hostname"
  printf '127.0.0.1 localhost\n%s %s\n' "$(host_address "$host")" "$host" >"$root/etc/hosts"
  cp "$dir/machine-id" "$root/etc/machine-id"
  cp "$dir"/ssh_host_{ed25519,ecdsa,rsa}_key{,.pub} "$root/etc/ssh/"
  if [[ $LAB_FAMILY == debian ]]; then
    echo "deb [trusted=yes] http://$(operator_address):8080/debian ./" >"$root/etc/apt/sources.list"
  else
    install -d "$root/etc/yum.repos.d"
    cat >"$root/etc/yum.repos.d/lab.repo" <<EOF
[lab]
name=the packages of the lab
baseurl=http://$(operator_address):8080/$LAB_FAMILY
gpgcheck=0
EOF
  fi
  {
    echo "Port $LAB_SSH_PORT"
    echo 'PasswordAuthentication no'
    if [[ $LAB_USER == root ]]; then echo 'PermitRootLogin prohibit-password'; else echo 'PermitRootLogin no'; fi
  } >"$root/etc/ssh/sshd_config.d/lab.conf"
  if [[ $LAB_USER != root ]]; then
    home=/home/$LAB_USER
    chroot "$root" /usr/sbin/useradd --create-home --shell /bin/bash "$LAB_USER"
    echo "$LAB_USER ALL=(ALL) NOPASSWD: ALL" >"$root/etc/sudoers.d/lab"
    chmod 440 "$root/etc/sudoers.d/lab"
  fi
  install -d -m 700 "$root$home/.ssh"
  cp "$LAB_DIR/id_ed25519.pub" "$root$home/.ssh/authorized_keys"
  chown -R --reference="$root$home" "$root$home/.ssh"
  ! host_is_untidy "$host" || host_untidy "$host" "$root" "$home"
}

host_unmount() {
  local mount
  for mount in "$(host_dir "$1")/merged" "$(host_dir "$1")/disk.d"; do
    ! mountpoint -q "$mount" || umount "$mount"
  done
}

host_boot() {
  local host=$1 dir options=() arguments=()
  dir=$(host_dir "$host")
  # The host's systemd mounts the same kind of cgroups as this machine only if it is told to.
  ! cgroup_is_v1 || arguments+=(systemd.unified_cgroup_hierarchy=0)
  options=(--quiet --boot --directory="$dir/merged" --machine="$LAB_NAME.$host" --hostname="$host"
    --network-namespace-path="$(host_namespace "$host")" --register=no --keep-unit --link-journal=no
    # The host's root may close connections (ss -K) and change routes, as root on a real machine may.
    --capability=CAP_NET_ADMIN
    --settings=no --resolv-conf=off --timezone=off --console=read-only)
  [[ ! -d $dir/disk.d/data ]] || options+=("--bind=$dir/disk.d/data:/data/etcd")
  host_link "$host" up
  (
    cgroup_enter "$host"
    close_inherited_files
    exec setsid "$LAB_CODE/parts/run-host" "$(operator_namespace)" "$(host_port "$(host_address "$host")")" \
      "${options[@]}" "${arguments[@]}" </dev/null >>"$dir/console.log" 2>&1
  ) &
}

# A process that keeps running must not hold the lab's lock, nor the pipes of the process that called the lab.
close_inherited_files() {
  local file
  for file in "/proc/$BASHPID/fd"/*; do
    file=${file##*/}
    ((file <= 2)) || eval "exec $file>&-"
  done
}

host_is_running() { ! cgroup_is_empty "$1"; }

host_wait() {
  wait_until 60 host_answers "$1" || die "$1 does not answer over SSH; see its console: $(host_dir "$1")/console.log"
}
host_answers() { host_ssh "$1" -o ConnectTimeout=2 true </dev/null >/dev/null 2>&1; }

# host_ssh HOST [SSH OPTIONS] [COMMAND…]
host_ssh() {
  local host=$1
  shift
  in_operator ssh -F "$LAB_DIR/ssh_config" "$host" "$@"
}

# host_shutdown HOST: shuts the host down cleanly, as its power button would.
host_shutdown() {
  local pid
  for pid in $(cgroup_pids "$1"); do
    # nspawn passes the signal on to the host's init.
    [[ $(cat "/proc/$pid/comm" 2>/dev/null) != systemd-nspawn ]] || kill -TERM "$pid"
  done
  wait_until 60 cgroup_is_empty "$1" || die "$1 does not shut down; see its console: $(host_dir "$1")/console.log"
  host_cut "$1"
}

# host_cut HOST: cuts the power. The network cable is unplugged first, because a host without power sends nothing to its
# peers, not even the end of a connection.
host_cut() {
  host_link "$1" down
  cgroup_kill "$1"
  rm -rf "/run/systemd/nspawn"/{propagate,unix-export}/"$LAB_NAME.$1"
}

host_reset() {
  host_cut "$1"
  host_format "$1"
  host_boot "$1"
  host_wait "$1"
}

# in_parallel FUNCTION HOST…: calls FUNCTION in one process per host; fails if one of them fails.
in_parallel() {
  local function=$1 host pids=() pid failed=0
  shift
  for host in "$@"; do
    "$function" "$host" &
    pids+=("$!")
  done
  for pid in "${pids[@]}"; do wait "$pid" || failed=1; done
  return "$failed"
}
