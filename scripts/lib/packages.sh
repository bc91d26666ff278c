# Installs packages with the system's own package manager, and downloads files.

# with_proxy COMMAND…: runs it with the proxies of the login user's environment. Nothing else uses them: our own traffic
# stays between the hosts.
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

PACKAGE_LOCK_SECONDS=300 # at its first boot, a cloud host installs packages for some minutes

install_packages() {
  await_cloud_init
  say "installing $* with $(package_manager)"
  # By the uptime: at its first boot, a host sets its clock.
  set_uptime
  packages_deadline=$((uptime + PACKAGE_LOCK_SECONDS))
  until packages_log=$(with_proxy run_package_manager "$@" 2>&1); do
    packages_log=$(printf '%s\n' "$packages_log" | without_logins)
    packages_reason=$(reason_of_packages)
    package_lock_is_held ||
      fail "cannot install $*: $packages_reason" "$(way_to_install "$*")"
    set_uptime
    [ "$uptime" -lt "$packages_deadline" ] ||
      fail "cannot install $*: the package manager has been in use for $PACKAGE_LOCK_SECONDS s: $packages_reason" \
        "wait until the process that holds the lock has ended, and apply again"
    [ -n "${waits_for_packages:-}" ] ||
      say "the package manager is in use, waiting up to $PACKAGE_LOCK_SECONDS s: $packages_reason"
    waits_for_packages=yes
    sleep 2
  done
}

# The first line that names an error, else the last one. If a dependency is missing, dnf prints the reasons on the lines
# after `Error:` (dnf 5 after `Failed to resolve the transaction:`), and then a hint, which dnf 4 has in parentheses;
# apt-get prints it before its error. dpkg's reason is on the line after its error, and apt-get then only has its code.
reason_of_packages() {
  printf '%s\n' "$packages_log" | awk '
    reason && /^(\(|You can try )/ { exit }
    reason { sub(/^[ -]+/, ""); if ($0 != "") reason = reason (reason ~ /:$/ ? " " : "; ") $0; next }
    /^W:/ { next }
    / : (Pre)?Depends: / && !unmet { unmet = $0; sub(/^ +/, "", unmet) }
    /^dpkg: error / { reason = $0; if (/:$/ && (getline) > 0) reason = reason $0; exit }
    tolower($0) ~ /^(e|error|fatal)[: ]|^failed to .*:$|lock/ { sub(/ +$/, ""); reason = $0; if (!/:$/) exit }
    $0 != "" { last = $0 }
    END { if (!reason) reason = last; gsub(/ +/, " ", reason); print reason (unmet ? " (" unmet ")" : "") }'
}

# way_to_install PACKAGES
way_to_install() {
  case $packages_reason in
    "dpkg: error"* | *"dpkg --configure"* | *"dpkg returned"*)
      echo "run dpkg --configure -a on this host, correct what it complains of, and apply again"
      ;;
    *) echo "make sure that the host's package sources offer $1 (RHEL: enable EPEL for supervisor), or install it by hand, and apply again" ;;
  esac
}

# apt-get does not wait for a lock by itself. Since 1.9.11 it can wait for dpkg's lock (DPkg::Lock::Timeout), but never
# for the lock of its package lists.
package_lock_is_held() {
  case $packages_log in
    *"Could not get lock"* | *"Unable to lock"* | *"Unable to acquire the dpkg"* | \
      *"is another process using it"* | *"management is locked by"*) ;;
    *) return 1 ;;
  esac
}

run_package_manager() {
  # Without NEEDRESTART_SUSPEND, needrestart (on Ubuntu) would restart services that are not ours.
  export DEBIAN_FRONTEND=noninteractive NEEDRESTART_SUSPEND=1
  case $(package_manager) in
    apt-get)
      # If a package source that is not ours does not answer, this is no reason to fail as long as the package can be
      # installed. Without the option, which old versions ignore, apt-get would only warn of it.
      lists=$(apt-get -q -o APT::Update::Error-Mode=any update 2>&1) || printf '%s\n' "$lists"
      # A configuration that somebody has laid before stays, and one that was deleted after an earlier removal of the
      # package comes back: dpkg would ask about the former, which fails here, and remember the latter as a wish.
      apt-get -qy -o Dpkg::Options::=--force-confold -o Dpkg::Options::=--force-confmiss \
        install --no-install-recommends "$@"
      ;;
    zypper) install_with_zypper "$@" ;;
    dnf | yum) install_rpms "$@" ;;
  esac
}

# install_with_zypper PACKAGE…: it may have installed them, and end with a code that tells something else: a reboot or
# another run is needed (102, 103), a repository did not answer (106), or the script of a package failed (107).
install_with_zypper() {
  local code=0
  zypper --non-interactive --quiet install --no-recommends "$@" || code=$?
  case $code in
    102 | 103 | 106 | 107) rpm -q "$@" >/dev/null 2>&1 ;;
    *) return "$code" ;;
  esac
}

# install_rpms PACKAGE…: with dnf or yum. Both take what they know of the repositories for up to two days, and only then
# ask again: meanwhile they do not find a new package, and cannot download one that was replaced. They are made to ask
# again, but only if they fail, because a repository that does not answer and is not needed would then be a reason to
# fail.
install_rpms() {
  local code=0 answer
  answer=$(call_rpm_manager install "$@" 2>&1) || code=$?
  [ "$code" -ne 0 ] || return 0
  # After the time limit, another process still holds the lock.
  [ "$code" -ne 124 ] || { printf '%s\n' "$answer" && return 124; }
  call_rpm_manager clean expire-cache || true
  call_rpm_manager install "$@"
}

# dnf and yum wait for their lock by themselves, without a time limit.
call_rpm_manager() { timeout "$PACKAGE_LOCK_SECONDS" "$(package_manager)" -qy "$@"; }

# At its first boot, a cloud host may not have written its package sources yet.
await_cloud_init() {
  command -v cloud-init >/dev/null 2>&1 || return 0
  case $(timeout 10 cloud-init status 2>/dev/null) in *running* | *"not run"* | *"not started"*) ;; *) return 0 ;; esac
  say "cloud-init is still at work on this host, waiting for it up to $PACKAGE_LOCK_SECONDS s"
  timeout "$PACKAGE_LOCK_SECONDS" cloud-init status --wait >/dev/null 2>&1 || true
}

ensure_supervisor() {
  # If supervisord runs already, preflight has checked that it can read its configuration.
  if ! has_supervisor; then
    install_packages supervisor
    start_supervisor
  elif [ -z "$(supervisord_process)" ] && ! supervisor_answers; then
    start_supervisor
  fi
  enable_supervisor
  keep_supervisor_up
  program_include >/dev/null ||
    fail "$(supervisor_conf || echo supervisord.conf) includes no existing directory for programs" \
      "add one with [include] files = …, and apply again"
}

start_supervisor() {
  supervisor_found=
  forget_supervisor
  # Only systemd 220 has --now for both, and RHEL 7 has 219.
  systemctl enable "$(supervisor_unit)" >/dev/null 2>&1 || true
  systemctl start "$(supervisor_unit)" >/dev/null 2>&1 || true
  wait_until 20 supervisor_answers ||
    fail "supervisord does not start: $(supervisor_last_words)" \
      "correct the cause (see: systemctl status $(supervisor_unit)), and apply again"
  look_for_supervisor
  refuse_any check_supervisor_user "$(supervisor_conf)"
  supervisor_reads_others || fail "supervisord cannot read its configuration: $(supervisor_words)" \
    "correct that file until '$(supervisorctl_here reread)' reports no error, and apply again"
}

supervisor_last_words() {
  if command -v journalctl >/dev/null 2>&1; then
    journal=$(journalctl -u "$(supervisor_unit)" -n 30 -o cat 2>/dev/null || true)
  fi
  printf '%s\n' "${journal:-}" | grep '^Error' | tail -n 1 | grep . || supervisor_words
}

# download URL FILE: prints the reason if it fails. A download that makes no progress for 30 s has failed. If a mirror
# asks for a password, its URL is in the inbox, with the password: that URL must never be an argument, which anybody may
# read, nor appear in a line of the log.
download() {
  local url answer code=0
  url=$1
  if [ -s "$INBOX/archive-url" ]; then url=$(sed "s/{arch}/$(architecture)/" "$INBOX/archive-url"); fi
  answer=$(printf '%s\n' "$url" | with_proxy fetch "$2" 2>&1) || code=$?
  [ -z "$answer" ] || printf '%s\n' "$answer" | without_logins
  return "$code"
}

# fetch FILE: reads the URL from standard input. Nothing has to be installed for this, because supervisor brings Python.
fetch() {
  if command -v curl >/dev/null 2>&1; then
    sed 's/["\\]/\\&/g; s/.*/url = "&"/' |
      curl -fsSL --retry 3 --connect-timeout 10 --speed-limit 1 --speed-time 30 -o "$1" --config -
  elif command -v wget >/dev/null 2>&1; then
    HOME=/nonexistent wget -nv --tries=3 --connect-timeout=10 --read-timeout=30 -O "$1" --input-file=-
  else
    # It runs in Python 2.7 and 3. urllib does not use a user and password in the URL by itself.
    "$(supervisor_python)" -c '
import shutil, socket, sys
try:
    from urllib.parse import unquote, urlsplit
    from urllib.request import HTTPBasicAuthHandler, HTTPPasswordMgrWithDefaultRealm, build_opener
except ImportError:
    from urllib import unquote
    from urllib2 import HTTPBasicAuthHandler, HTTPPasswordMgrWithDefaultRealm, build_opener
    from urlparse import urlsplit
socket.setdefaulttimeout(30)
parts = urlsplit(sys.stdin.readline().strip())
url = parts._replace(netloc=parts.netloc.rpartition("@")[2]).geturl()
passwords = HTTPPasswordMgrWithDefaultRealm()
passwords.add_password(None, url, *(unquote(text or "") for text in (parts.username, parts.password)))
answer = build_opener(HTTPBasicAuthHandler(passwords)).open(url)
with open(sys.argv[1], "wb") as file:
    shutil.copyfileobj(answer, file)
    size, length = file.tell(), answer.headers.get("Content-Length")
if length and int(length) != size:
    sys.exit("the download ended after %d of %s bytes" % (size, length))' "$1"
  fi
}

# Prints the interpreter of supervisorctl, or python3 if that cannot be told. It need not be on PATH: supervisor may
# have a virtual environment, RHEL 8 has a Python of its own for its tools, RHEL 7 has Python 2.7 only.
supervisor_python() {
  local script python=
  if script=$(supervisorctl_command); then python=$(interpreter_of "$script"); fi
  command -v "${python:-python3}" || command -v python3 || echo python3
}

# interpreter_of SCRIPT: the interpreter that its first line names, by itself or through env. If that path is long, pip
# writes a first line for sh, which then runs the interpreter.
interpreter_of() {
  LC_ALL=C awk '
    NR == 1 {
      if (!sub(/^#![ \t]*/, "")) exit
      if ($1 ~ /\/env$/) { for (i = 2; $i ~ /^-/; i++); print $i; exit }
      if ($1 !~ /\/[a-z]*sh$/) { print $1; exit }
      next
    }
    sub(/^.*exec["\047]? +/, "") && sub(/"? +"\$0".*/, "") { sub(/^"/, ""); print }
    { exit }' "$1"
}

# Filters text: removes the user and password from the URLs of mirrors and proxies.
without_logins() { sed 's#://[^/ ]*@#://#g'; }

# A user that exists already may have any primary group. Files are therefore given to `USER:`, which means that group,
# whatever its name.
ensure_user() {
  local group answer code
  code=0
  answer=$(getent passwd "$ETCD_USER" 2>&1) || code=$?
  [ "$code" -ne 0 ] || return 0
  [ "$code" -eq 2 ] || fail "cannot find out whether the user $ETCD_USER exists: ${answer:-getent was ended}" \
    "make sure that 'getent passwd $ETCD_USER' works, and apply again"
  group=--user-group
  # A group of that name that exists already becomes the user's group.
  ! getent group "$ETCD_USER" >/dev/null 2>&1 || group="--gid=$ETCD_USER"
  # The stage of another cluster on this host may have created it at the same moment.
  answer=$(useradd --system "$group" --no-create-home --home-dir /nonexistent --shell /sbin/nologin \
    "$ETCD_USER" 2>&1) || getent passwd "$ETCD_USER" >/dev/null 2>&1 ||
    fail "the system user $ETCD_USER cannot be created: $(printf '%s\n' "$answer" | tail -n 1)" \
      "create it by hand (useradd --system $ETCD_USER), or set user to one that exists, and apply again"
  know_member_uids
  say "created the system user $ETCD_USER"
}
