# Packages by the system's own package manager.

package_manager() {
  for manager in apt-get dnf yum; do
    command -v "$manager" >/dev/null 2>&1 && echo "$manager" && return
  done
  return 1
}

install_packages() {
  say "installing $* by $(package_manager)"
  packages_log=$(
    case $(package_manager) in
      apt-get)
        export DEBIAN_FRONTEND=noninteractive
        { apt-get -q -o DPkg::Lock::Timeout=120 update && apt-get -qy -o DPkg::Lock::Timeout=120 install --no-install-recommends "$@"; } 2>&1
        ;;
      *) "$(package_manager)" -qy install "$@" 2>&1 ;;
    esac
  ) || fail "installing $* ended with: $(printf '%s\n' "$packages_log" | grep -v '^$' | tail -n 1)" \
    "see that the host's package sources offer $* (RHEL: enable EPEL for supervisor), or install it by hand, and apply again"
}

ensure_supervisor() {
  command -v supervisorctl >/dev/null 2>&1 || install_packages supervisor
  supervisor_include >/dev/null || fail "supervisor includes no directory of programs" "add [include] files = … to $(supervisor_conf || echo supervisord.conf)"
  supervisor_answers && return
  systemctl enable --now "$(supervisor_service)" >/dev/null 2>&1 || true
  wait_until 20 supervisor_answers || fail "supervisord does not answer" "look at: systemctl status $(supervisor_service)"
}

# download URL FILE; prints the reason when it fails. supervisor brings Python, so nothing needs to be installed for this.
download() {
  if command -v curl >/dev/null 2>&1; then
    curl -fsSL --retry 3 --connect-timeout 10 -o "$2" "$1" 2>&1
  elif command -v wget >/dev/null 2>&1; then
    wget -nv --tries=3 --connect-timeout=10 -O "$2" "$1" 2>&1
  else
    python3 -c 'import sys, urllib.request; urllib.request.urlretrieve(sys.argv[1], sys.argv[2])' "$1" "$2" 2>&1
  fi
}
