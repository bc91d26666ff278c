# Packages by the system's own package manager, and downloads.

# with_proxy COMMAND…: with the proxies that the login's environment names. Nothing else has them: our own traffic stays between the hosts.
with_proxy() (
  while IFS='=' read -r name value; do
    case $name in *_proxy | *_PROXY) export "$name=$value" ;; esac
  done <<LIST
${PROXIES:-}
LIST
  "$@"
)

package_manager() {
  for manager in apt-get dnf yum zypper; do
    command -v "$manager" >/dev/null 2>&1 && echo "$manager" && return
  done
  return 1
}

PACKAGE_LOCK_SECONDS=300 # a cloud host's first boot installs things for some minutes

install_packages() {
  await_cloud_init
  say "installing $* by $(package_manager)"
  packages_deadline=$(($(date +%s) + PACKAGE_LOCK_SECONDS))
  until packages_log=$(with_proxy run_package_manager "$@" 2>&1); do
    packages_log=$(printf '%s\n' "$packages_log" | without_logins)
    packages_reason=$(printf '%s\n' "$packages_log" | grep -iE '^(E|Err|Error|Fatal)[: ]|lock' | grep -v '^W:' | head -n 1 | grep . || printf '%s\n' "$packages_log" | grep -v '^$' | tail -n 1)
    package_lock_is_held ||
      fail "installing $* ended with: $packages_reason" \
        "see that the host's package sources offer $* (RHEL: enable EPEL for supervisor), or install it by hand, and apply again"
    [ "$(date +%s)" -lt "$packages_deadline" ] ||
      fail "installing $*: the package manager has been in use for $PACKAGE_LOCK_SECONDS s: $packages_reason" "see that the process that holds it ends, and apply again"
    [ -n "${waits_for_packages:-}" ] || say "the package manager is in use, waiting up to $PACKAGE_LOCK_SECONDS s: $packages_reason"
    waits_for_packages=yes
    sleep 2
  done
}

# apt waits for dpkg's lock since 1.9.11, and for that of its lists never.
package_lock_is_held() {
  case $packages_log in
    *"Could not get lock"* | *"Unable to lock"* | *"Unable to acquire the dpkg"* | *"is another process using it"* | *"management is locked by"*) ;;
    *) return 1 ;;
  esac
}

run_package_manager() {
  # Ubuntu's needrestart would restart services of others.
  export DEBIAN_FRONTEND=noninteractive NEEDRESTART_SUSPEND=1
  case $(package_manager) in
    apt-get)
      # A source of somebody else's that does not answer is no reason to fail, if the package can be had.
      lists=$(apt-get -q update 2>&1) || printf '%s\n' "$lists"
      apt-get -qy install --no-install-recommends "$@"
      ;;
    zypper) zypper --non-interactive --quiet install --no-recommends "$@" ;;
    # They wait for their lock by themselves, for ever.
    dnf) timeout "$PACKAGE_LOCK_SECONDS" dnf -qy install "$@" ;;
    yum) timeout "$PACKAGE_LOCK_SECONDS" yum -qy install "$@" ;;
  esac
}

# On its first boot a cloud host may be about to write its package sources.
await_cloud_init() {
  command -v cloud-init >/dev/null 2>&1 || return 0
  case $(timeout 10 cloud-init status 2>/dev/null) in *running* | *"not run"*) ;; *) return 0 ;; esac
  say "cloud-init is still at work on this host, waiting for it up to $PACKAGE_LOCK_SECONDS s"
  timeout "$PACKAGE_LOCK_SECONDS" cloud-init status --wait >/dev/null 2>&1 || true
}

ensure_supervisor() {
  # What one that ran before can read, preflight has seen.
  if ! has_supervisor; then
    install_packages supervisor
    start_supervisor
  elif [ -z "$(supervisord_process)" ] && ! supervisor_answers; then
    start_supervisor
  fi
  enable_supervisor
  program_include >/dev/null || fail "$(supervisor_conf || echo supervisord.conf) includes no existing directory for programs" \
    "let it include one by [include] files = …, and apply again"
}

start_supervisor() {
  supervisor_found=
  forget_supervisor
  systemctl enable --now "$(supervisor_unit)" >/dev/null 2>&1 || true
  wait_until 20 supervisor_answers ||
    fail "supervisord does not start: $(supervisor_last_words)" "correct the cause, see: systemctl status $(supervisor_unit); and apply again"
  look_for_supervisor
  supervisor_reads_others || fail "supervisord cannot read its configuration: $(supervisor_words)" \
    "correct that file until 'supervisorctl reread' reports no error, and apply again"
}

supervisor_last_words() {
  if command -v journalctl >/dev/null 2>&1; then journal=$(journalctl -u "$(supervisor_unit)" -n 30 -o cat 2>/dev/null || true); fi
  printf '%s\n' "${journal:-}" | grep '^Error' | tail -n 1 | grep . || supervisor_words
}

# Without it etcd would not come back after a reboot.
enable_supervisor() {
  unit=$(supervisor_unit)
  ! is_enabled "$unit" || return 0
  if systemctl enable "$unit" >/dev/null 2>&1 && is_enabled "$unit"; then
    say "enabled $unit, so that etcd comes back after a reboot"
  else
    say "warning: $unit is not enabled: see that supervisord starts at boot, or etcd does not come back after a reboot"
  fi
}

# Not by the exit code: it is 0 for a unit that nothing starts at boot (static), or that is enabled until then (enabled-runtime).
is_enabled() { case $(systemctl is-enabled "$1" 2>/dev/null) in enabled | alias | generated | indirect) ;; *) return 1 ;; esac; }

# The systemd unit of the supervisord that runs; of one that does not run yet, the name that its package gives.
supervisor_unit() {
  process=$(supervisord_process || true)
  sed -n 's|.*/\([^/]*\.service\)$|\1|p' "${process:-/proc/none}/cgroup" 2>/dev/null | head -n 1 | grep . && return
  case $(supervisor_conf || true) in /etc/supervisor/*) echo supervisor.service ;; *) echo supervisord.service ;; esac
}

# download URL FILE; prints the reason when it fails. One that stands still for 30 s has failed.
# The URL of a mirror that asks for a password is in the inbox, with it: never an argument, which anybody may read, and never in a line of the log.
download() {
  local url answer code=0
  url=$1
  if [ -s "$INBOX/archive-url" ]; then url=$(sed "s/{arch}/$(architecture)/" "$INBOX/archive-url"); fi
  answer=$(printf '%s\n' "$url" | with_proxy fetch "$2" 2>&1) || code=$?
  [ -z "$answer" ] || printf '%s\n' "$answer" | without_logins
  return "$code"
}

# fetch FILE: the URL is on standard input. supervisor brings Python, so nothing needs to be installed for this.
fetch() {
  if command -v curl >/dev/null 2>&1; then
    sed 's/["\\]/\\&/g; s/.*/url = "&"/' | curl -fsSL --retry 3 --connect-timeout 10 --speed-limit 1 --speed-time 30 -o "$1" --config -
  elif command -v wget >/dev/null 2>&1; then
    HOME=/nonexistent wget -nv --tries=3 --connect-timeout=10 --read-timeout=30 -O "$1" --input-file=-
  else
    # By itself it takes no user and password from a URL.
    python3 -c '
import socket, sys, urllib.parse, urllib.request
socket.setdefaulttimeout(30)
parts = urllib.parse.urlsplit(sys.stdin.readline().strip())
url = parts._replace(netloc=parts.netloc.rpartition("@")[2]).geturl()
passwords = urllib.request.HTTPPasswordMgrWithDefaultRealm()
passwords.add_password(None, url, *(urllib.parse.unquote(text or "") for text in (parts.username, parts.password)))
urllib.request.install_opener(urllib.request.build_opener(urllib.request.HTTPBasicAuthHandler(passwords)))
urllib.request.urlretrieve(url, sys.argv[1])' "$1"
  fi
}

# URLs on standard input, of mirrors and proxies, without what is secret in them.
without_logins() { sed 's#://[^/ ]*@#://#g'; }

# A user that is there already may have any primary group: what is its own is given to `USER:`, which is that group, whatever its name.
ensure_user() {
  local group answer code
  code=0
  getent passwd "$ETCD_USER" >/dev/null 2>&1 || code=$?
  [ "$code" -ne 0 ] || return 0
  [ "$code" -eq 2 ] || fail "nobody can say whether there is a user $ETCD_USER: getent ended with code $code" "see that 'getent passwd $ETCD_USER' answers, and apply again"
  group=--user-group
  # A group of that name that is there already becomes its own.
  ! getent group "$ETCD_USER" >/dev/null 2>&1 || group="--gid=$ETCD_USER"
  answer=$(useradd --system "$group" --no-create-home --home-dir /nonexistent --shell /sbin/nologin "$ETCD_USER" 2>&1) ||
    fail "the system user $ETCD_USER cannot be made: $(printf '%s\n' "$answer" | tail -n 1)" "make it by hand (useradd --system $ETCD_USER), or set user to one that is there, and apply again"
  know_member_uids
  say "created the system user $ETCD_USER"
}
