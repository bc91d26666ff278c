# shellcheck shell=bash
# Installs the Debian packages that the lab needs on this machine.
set -euo pipefail

# Each line has a command and the package that contains it.
package_table="
mmdebstrap mmdebstrap
systemd-nspawn systemd-container
ip iproute2
tc iproute2
ssh openssh-client
shellcheck shellcheck
/usr/bin/python3 python3
apt-ftparchive apt-utils
dpkg-deb dpkg
openssl openssl
nsenter util-linux
"

prepare_packages() {
  local command package missing=()
  while read -r command package; do
    [[ -z $command ]] || command -v "$command" >/dev/null || missing+=("$package")
  done <<<"$package_table"
  if ((${#missing[@]} > 0)); then
    install_packages "${missing[@]}"
  fi
  say "Debian packages on this machine: complete"
}

install_packages() (
  say "Debian packages: installing $*" >&2
  mkdir -p "$(cache_dir)"
  # Only one apt may run at a time, but two prepares may run at once.
  exec {lock}>"$(cache_dir)/apt.lock"
  flock "$lock"
  export DEBIAN_FRONTEND=noninteractive
  apt-get -qq update >&2
  apt-get -qq --yes --no-install-recommends -o DPkg::Lock::Timeout=300 install "$@" </dev/null >&2
)
