# shellcheck shell=bash
# The operator's side: keys, Terraform's settings, the HTTP server, and commands in the operator's namespace.
set -euo pipefail

http_root() { printf '%s/http' "$LAB_DIR"; }

# Fills the directory of the HTTP server, and later adds what was prepared since. Each lab has its own copy, so that a
# test can replace an archive of its lab by a corrupted one.
http_fill() {
  local version target
  mkdir -p "$(http_root)/etcd"
  target=$(http_root)/$LAB_FAMILY
  [[ -d $target ]] || cp -r "$(host_packages)" "$target"
  target=$(tools_directory)
  [[ -z $target ]] || ln -sfn "$target" "$(http_root)/tools"
  for version in $(etcd_versions); do
    target=$(http_root)/etcd/v$version
    [[ -d $(etcd_directory "$version") && ! -d $target ]] || continue
    rm -rf "$target.part"
    cp -r "$(etcd_directory "$version")" "$target.part"
    mv -T "$target.part" "$target"
  done
}

http_start() {
  (
    cgroup_enter operator
    close_inherited_files
    cd "$(http_root)"
    exec nsenter --net="$(operator_namespace)" -- \
      setsid /usr/bin/python3 -u -m http.server --bind "$(operator_address)" 8080 \
      </dev/null >"$LAB_DIR/http.log" 2>&1
  ) &
}

http_answers() { in_operator bash -c "exec 3<>/dev/tcp/$(operator_address)/8080" 2>/dev/null; }

operator_make() {
  mkdir -m 700 "$LAB_DIR/tmp"
  ssh-keygen -q -t ed25519 -N '' -C "lab $LAB_NAME" -f "$LAB_DIR/id_ed25519"
  providers_link "$LAB_DIR/providers"
  cat >"$LAB_DIR/terraformrc" <<EOF
provider_installation {
  filesystem_mirror {
    path = "$LAB_DIR/providers"
  }
}
EOF
}

# Writes the ssh_config and known_hosts of all hosts; called again when a host is added.
operator_write_ssh_config() {
  local host address kind
  for host in $(host_names); do
    address=$(host_address "$host")
    cat <<EOF
Host $host
  HostName $address
  HostKeyAlias $host
EOF
  done >"$LAB_DIR/ssh_config.next"
  cat >>"$LAB_DIR/ssh_config.next" <<EOF
Host *
  User $LAB_USER
  Port $LAB_SSH_PORT
  IdentityFile $LAB_DIR/id_ed25519
  IdentitiesOnly yes
  UserKnownHostsFile $LAB_DIR/known_hosts
  GlobalKnownHostsFile /dev/null
  StrictHostKeyChecking yes
  LogLevel ERROR
EOF
  for host in $(host_names); do
    for kind in ed25519 ecdsa rsa; do
      printf '%s,[%s]:%s %s\n' "$host" "$(host_address "$host")" "$LAB_SSH_PORT" \
        "$(cut -d' ' -f1,2 "$(host_dir "$host")/ssh_host_${kind}_key.pub")"
    done
  done >"$LAB_DIR/known_hosts.next"
  mv "$LAB_DIR/ssh_config.next" "$LAB_DIR/ssh_config"
  mv "$LAB_DIR/known_hosts.next" "$LAB_DIR/known_hosts"
}

# Prints the hosts as name=address,name=address, for tests.
operator_hosts() {
  local host
  for host in $(host_names); do printf '%s=%s\n' "$host" "$(host_address "$host")"; done | paste -sd,
}

# operator_exec COMMAND…: replaces this process by COMMAND, which therefore gets the signals and sets the exit code.
operator_exec() {
  local directory variable
  for directory in "$(engine_directory)" "$(writer_directory)"; do
    [[ -z $directory ]] || PATH=$directory:$PATH
  done
  # Neither a proxy nor the caller's SSH agent can be used in the operator's namespace.
  for variable in http_proxy https_proxy HTTP_PROXY HTTPS_PROXY ALL_PROXY all_proxy SSH_AUTH_SOCK; do
    unset "$variable"
  done
  LAB_HOSTS=$(operator_hosts)
  ETCD_MIRROR=http://$(operator_address):8080/etcd
  export PATH LAB_NAME LAB_DIR LAB_HOSTS ETCD_MIRROR
  export TF_CLI_CONFIG_FILE="$LAB_DIR/terraformrc" CHECKPOINT_DISABLE=1 TMPDIR="$LAB_DIR/tmp"
  export SSH_USER=$LAB_USER SSH_PORT=$LAB_SSH_PORT
  export SSH_PRIVATE_KEY_FILE="$LAB_DIR/id_ed25519" SSH_KNOWN_HOSTS_FILE="$LAB_DIR/known_hosts"
  cgroup_enter operator
  if [[ -e $LAB_DIR/etc-hosts ]]; then
    # shellcheck disable=SC2016 # the inner shell expands it
    set -- unshare --mount --propagation private -- \
      sh -c 'mount --bind "$0" /etc/hosts && exec "$@"' "$LAB_DIR/etc-hosts" "$@"
  fi
  exec nsenter --net="$(operator_namespace)" -- "$@"
}
