# Every upload ends in `main PHASE SECONDS "$@"`. That call runs the uploaded file three times: first as Terraform calls
# it, then as the SSH user in a clean environment, and finally as root under a time limit, where the phase itself runs.

PATH=/usr/sbin:/usr/bin:/sbin:/bin:/usr/local/sbin:/usr/local/bin
export PATH LC_ALL=C

main() {
  PHASE=$1
  limit=$2
  shift 2
  case ${1:-} in
    as-login-user) as_login_user ;;
    as-root) as_root "$2" "$3" ;;
    *) leave_environment ;;
  esac
}

# PAM, sshd or the login shell may have exported variables that change how any tool behaves: ETCDCTL_*, GREP_OPTIONS,
# LD_*, PYTHON*, OPENSSL_CONF, bash functions. Only the proxy settings are passed on, and only downloads use them. They
# may contain a password, so they are passed on standard input: every user can read the arguments of a process.
leave_environment() {
  look_for_proxies
  set -- env -i PATH="$PATH" LC_ALL=C HOME="${HOME:-/}" sh "$0" as-login-user
  [ -n "$PROXIES" ] || exec "$@" </dev/null
  printf %s "$PROXIES" | exec "$@"
}

# Sets PROXIES to the proxy settings, each with a line break after it.
look_for_proxies() {
  PROXIES=
  for name in http_proxy https_proxy ftp_proxy all_proxy no_proxy \
    HTTP_PROXY HTTPS_PROXY FTP_PROXY ALL_PROXY NO_PROXY; do
    eval "value=\${$name:-}"
    [ -z "$value" ] || PROXIES=$PROXIES$name=$value$LINE_END
  done
}

as_login_user() {
  place=$(cd "${0%/*}" && pwd -P)
  script=$place/${0##*/}
  inbox=$place/.cdktf-etcd/$MEMBER
  require_private_place
  if [ "$PHASE" = open_inbox ]; then
    rm -f -- "$script"
    open_inbox
  else
    run_as_root
  fi
  # The sweep outlives the SSH session, so it must not hold any of the session's file descriptors. `exec` replaces them
  # for good; redirections of the function call would not, since the shell keeps copies in order to restore them.
  trap '' HUP
  (exec </dev/null >/dev/null 2>&1 && sweep_emptied_script) &
}

# Terraform makes its script writable by everyone and runs it one round trip later, and the script becomes root. It must
# therefore be in a directory that no other user can enter.
require_private_place() {
  directory=$place
  until is_private "$directory"; do
    [ "$directory" != / ] ||
      refuse "script" \
        "other users can enter $place, so they could change the script that Terraform uploads there before it becomes root" \
        "chmod 700 $place; or set ssh.scriptPath to a file in a directory that only $(id -un) can enter; somebody may already have changed this very script, so check what has run on this host"
    directory=${directory%/*}
    directory=${directory:-/}
  done
  # A user who can rename the private directory could put another one in its place, so no other user may be able to
  # change its parents. The directories below it need no check, because no other user can get there.
  changeable=$(untrusted "$directory")
  [ -z "$changeable" ] || [ "$changeable" = "$directory" ] ||
    refuse "script" \
      "other users can change $changeable ($(whose "$changeable")), so they could replace $place with a directory of their own" \
      "chmod go-w $changeable; or set ssh.scriptPath to a file in a directory whose parents only root and $(id -un) can change"
}

# is_private DIRECTORY: true if only this user or root can enter it. A group must not be able to enter it either,
# because no list shows whose primary group it is. If the directory has an access control list, the group bits of its
# mode show the most that any entry of the list allows.
is_private() {
  # shellcheck disable=SC2046 # split into words on purpose
  set -- $(stat -c '%a %u' "$1")
  { [ "$2" = 0 ] || [ "$2" = "$OWN_UID" ]; } && [ "$((0$1 & 011))" -eq 0 ]
}

# Other users can read an uploaded file (0644), so only the mode of the directory keeps a private key private.
open_inbox() {
  answer=$(private_directory "${inbox%/*}" 2>&1) ||
    refuse "upload" "$(id -un) cannot create ${inbox%/*}: $answer" \
      "give $(id -un) write permission on $place and ownership of what is in it, or set ssh.scriptPath to a file in another directory that only $(id -un) can enter"
  # Waits while the inbox of another deploy is there: two deploys at once would delete each other's uploads. An inbox
  # that is still there after that was most probably left by a killed deploy. What is in it must not count as an upload
  # of this one, which may have no such file.
  wait_until 20 make_inbox || { rm -rf "$inbox" && private_directory "$inbox"; }
}

make_inbox() {
  private_directory "${inbox%/*}"
  mkdir -m 700 "$inbox" 2>/dev/null
}

run_as_root() {
  sudo=
  if [ "$OWN_UID" -ne 0 ]; then
    sudo='sudo -n'
    # This asks for what is needed below: a rule may allow some commands only, or forbid them to start others (noexec).
    answer=$($sudo env -i PATH="$PATH" timeout 20 sh -c : 2>&1 </dev/null) || {
      command -v sudo >/dev/null 2>&1 || answer="there is no sudo"
      refuse "no right to become root" \
        "the user $(id -un) is not root and 'sudo -n' does not run this script: $(printf '%s\n' "$answer" | tail -n 1)" \
        "log in as root, or give $(id -un) NOPASSWD: ALL in sudoers, without noexec"
    }
    $sudo test -r "$script" </dev/null ||
      refuse "script" "root cannot read $script; a home directory on NFS may deny access to root" \
        "set ssh.scriptPath to a file on a local disk of the host, in a directory that only $(id -un) can enter"
  fi
  root_home=~root
  now=$(date +%s)
  # By the uptime: at its first boot, a host sets its clock.
  set_uptime
  end=$((uptime + limit))
  code=0
  # `env -i` is needed again, because sudo sets variables of its own. Standard input still carries the proxy settings.
  $sudo env -i PATH="$PATH" LC_ALL=C HOME="$root_home" timeout -k 30 "$limit" \
    sh "$script" as-root "$inbox" "$now" || code=$?
  # A phase that was ended by SIGKILL could not delete its inbox.
  [ "$code" -ne 137 ] || rm -rf "$inbox"
  set_uptime
  [ "$code" -le 123 ] || [ "$uptime" -lt "$end" ] ||
    fail "it did not finish within $limit s" "look at the last line above, and apply again"
  # The timeout of uutils ends like this, too, if it gets SIGTERM itself.
  [ "$code" -ne 124 ] || code=143
  [ "$code" -le 128 ] ||
    fail "it was ended by signal $((code - 128))" "find out who or what sent that signal on this host, and apply again"
  [ "$code" -eq 0 ] || exit "$code"
}

# After a success, Terraform leaves an empty file in place of its script. This waits for that file and deletes it.
sweep_emptied_script() {
  tries=60
  until [ -e "$script" ]; do
    [ "$tries" -gt 0 ] && [ -d "$place" ] || return
    tries=$((tries - 1))
    sleep 0.5
  done
  [ -s "$script" ] || rm -f -- "$script"
}

as_root() {
  INBOX=$1
  # shellcheck disable=SC2034 # the clock check uses it; a removal does not carry that check
  STARTED_AT=$2
  PROXIES=
  while read -r line; do PROXIES=$PROXIES$line$LINE_END; done
  exec </dev/null
  # A killed Terraform would leave the script behind. The shell has the file open, so it can already be deleted.
  rm -f -- "$0"
  trap 'leave $?' EXIT
  # dash does not run the EXIT trap when a signal ends it, so signals have a trap of their own. run_as_root, which waits
  # for this process, reports the signal. A second signal is ignored, so that it does not interrupt the clean-up.
  trap 'trap "" TERM INT; explained=yes; exit 143' TERM INT
  trap '' HUP
  umask 022
  # bash before 5.1 writes here-documents to files, and skips the command that reads one where it cannot: not in a full
  # /tmp, but where preflight has looked for room.
  private_directory /run/cdktf-etcd 2>/dev/null || true
  TMPDIR=/run/cdktf-etcd
  keep_errors
  case $PHASE in
    rollout | shutdown | decommission | dismiss) sweep_uploads 5 ;;
    # Another deploy may be about to run a script that it has just uploaded, so only older ones are deleted.
    preflight) sweep_uploads 30 ;;
  esac
  refuse_silent_places
  look_around
  "phase_$PHASE"
}

# Looks up once what a phase needs again and again.
look_around() {
  know_member_uids
  know_etcd
  look_for_supervisor
  look_for_tools
}

# Sends standard error to a file that is already unlinked, from which explain_exit takes the last line. If the file
# cannot be written to, for example because /run is full, errors are printed directly.
keep_errors() {
  errors=/run/cdktf-etcd.$$
  umask 077
  { echo >"$errors"; } 2>/dev/null || { rm -f "$errors" && errors=; }
  umask 022
  [ -n "$errors" ] || return 0
  exec 8<"$errors"
  exec 2>"$errors"
  rm -f "$errors"
  keeps_errors=yes
}

# sweep_uploads SECONDS: deletes what a killed Terraform left here at least SECONDS ago: scripts for this member that
# never ran, and empty files. find fails if somebody else deletes a file at the same moment; that must not stop the
# deploy of a healthy member.
sweep_uploads() {
  local name=${0##*/} uploads
  uploads=${name%%[0-9]*}
  # Most of the time there is none, so this looks first without starting a process.
  if [ "$uploads" != "$name" ]; then
    set -- "$1" "${0%/*}/$uploads"*
    [ -e "$2" ] || return 0
  fi
  uploads=$(printf '%s\n' "$name" | sed -e 's/[][\.*^$+?(){}|]/\\&/g' -e 's/[0-9][0-9]*/[0-9]+/g')
  find "${0%/*}" -maxdepth 1 -type f -regextype posix-extended -regex ".*/$uploads" ! -newermt "$1 seconds ago" \
    \( -size 0 -o -exec grep -qxF "MEMBER='$MEMBER'" {} \; \) -delete 2>/dev/null || true
}

# However the phase ends, its inbox is deleted, and the turn is given back, because other deploys wait for it. If that
# fails, as on a disk that has just become read-only, what ended the phase is told all the same.
leave() {
  {
    end_turn 0
    end_permission
    drop_half_made
    case $PHASE in stage | archive | restore) drop_inbox ;; esac
  } 2>/dev/null || true
  explain_exit "$1"
}

# The inbox may contain a private key, so it is deleted as soon as its content is in place. It is deleted only once:
# an inbox that appears there later may belong to another deploy.
drop_inbox() {
  [ -n "$INBOX" ] || return 0
  rm -rf "$INBOX"
  # The parent directory may also contain the inbox of another member.
  rmdir "${INBOX%/*}" 2>/dev/null || true
  INBOX=
}
