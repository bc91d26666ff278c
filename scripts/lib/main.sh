# Every upload ends in `main PHASE SECONDS "$@"`. It runs this same file three times: as it was called, then as the SSH user in a clean environment,
# then as root with a time limit, where the phase is run.

PATH=/usr/sbin:/usr/bin:/sbin:/bin:/usr/local/sbin:/usr/local/bin
export PATH LC_ALL=C

main() {
  PHASE=$1
  limit=$2
  shift 2
  case ${1:-} in
    as-login-user) as_login_user ;;
    as-root) as_root "$2" ;;
    *) leave_environment ;;
  esac
}

# What PAM, sshd or the login shell exported may change any tool: ETCDCTL_*, GREP_OPTIONS, LD_*, PYTHON*, OPENSSL_CONF, functions of bash.
# Nothing of it goes on but the proxies, which are for downloads alone. They may hold a password, so they are no arguments: anybody may read those.
leave_environment() {
  proxy_settings | exec env -i PATH="$PATH" LC_ALL=C HOME="${HOME:-/}" sh "$0" as-login-user
}

proxy_settings() {
  for name in http_proxy https_proxy ftp_proxy all_proxy no_proxy HTTP_PROXY HTTPS_PROXY FTP_PROXY ALL_PROXY NO_PROXY; do
    eval "value=\${$name:-}"
    [ -z "$value" ] || printf '%s=%s\n' "$name" "$value"
  done
}

as_login_user() {
  place=$(cd "$(dirname "$0")" && pwd -P)
  script=$place/$(basename "$0")
  inbox=$place/.cdktf-etcd/$MEMBER
  require_private_place
  if [ "$PHASE" = open_inbox ]; then
    rm -f -- "$script"
    open_inbox
  else
    run_as_root
  fi
  # It outlives this session, and holds nothing of it: a shell keeps what is redirected for a function alone.
  trap '' HUP
  (exec </dev/null >/dev/null 2>&1 && sweep_emptied_script) &
}

# Terraform makes its script writable for everybody, and runs it a round trip later; and it becomes root. So it must lie where nobody else can go.
require_private_place() {
  directory=$place
  until is_private "$directory"; do
    [ "$directory" != / ] || refuse "script" "other users can enter $place, and so change the script that Terraform puts there before it becomes root" \
      "chmod 700 $place; or set ssh.scriptPath to a file in a directory that only $(id -un) can enter; whoever could enter may have changed this very script: look at what has run here"
    directory=$(dirname "$directory")
  done
  # Whoever may rename it puts another one there. Below it nobody else comes.
  changeable=$(untrusted "$directory")
  [ -z "$changeable" ] || [ "$changeable" = "$directory" ] || refuse "script" "other users can change $changeable ($(whose "$changeable")), and so put another $place in its place" \
    "chmod go-w $changeable; or set ssh.scriptPath to a file in a directory below such as only root and $(id -un) can change"
}

# is_private DIRECTORY: only this user or root can enter it. No group counts for that: nobody can tell whose primary group it is. With an access control
# list, what the group may is the most that anybody in it may.
is_private() {
  # shellcheck disable=SC2046 # split into words on purpose
  set -- $(stat -c '%a %u' "$1")
  { [ "$2" = 0 ] || [ "$2" = "$(id -u)" ]; } && [ "$((0$1 & 011))" -eq 0 ]
}

# Uploads are readable by others (0644): only the directory keeps a private key private.
open_inbox() {
  answer=$(private_directory "$(dirname "$inbox")" 2>&1) ||
    refuse "upload" "$(id -un) cannot make $(dirname "$inbox"): $answer" \
      "let $(id -un) write to $place and own what is there, or set ssh.scriptPath to a file in another directory that only $(id -un) can enter"
  # While another deploy's is there: two at once would take each other's uploads away. One that a killed deploy left is taken over.
  wait_until 20 make_inbox || private_directory "$inbox"
}

make_inbox() {
  private_directory "$(dirname "$inbox")"
  mkdir -m 700 "$inbox" 2>/dev/null
}

run_as_root() {
  sudo=
  if [ "$(id -u)" -ne 0 ]; then
    sudo='sudo -n'
    $sudo true </dev/null 2>/dev/null || refuse "no right to become root" "the user $(id -un) is not root and 'sudo -n' is not allowed" \
      "log in as root, or give $(id -un) NOPASSWD in sudoers"
    $sudo test -r "$script" </dev/null || refuse "script" "root cannot read $script; a home on NFS may keep root out" \
      "set ssh.scriptPath to a file on a disk of the host's, in a directory that only $(id -un) can enter"
  fi
  root_home=~root
  end=$(($(date +%s) + limit))
  code=0
  # sudo brings variables of its own. The standard input, in which the proxies are, goes on.
  $sudo env -i PATH="$PATH" LC_ALL=C HOME="$root_home" timeout -k 30 "$limit" sh "$script" as-root "$inbox" || code=$?
  # A phase that had to be killed could not drop its inbox.
  [ "$code" -ne 137 ] || rm -rf "$inbox"
  [ "$code" -le 123 ] || [ "$(date +%s)" -lt "$end" ] || fail "not done within $limit s" "look at the last line above, and apply again"
  [ "$code" -le 128 ] || fail "signal $((code - 128)) has ended it" "find out who stopped it on this host, and apply again"
  [ "$code" -eq 0 ] || exit "$code"
}

# After a success Terraform puts an empty file in the place of its script. It goes as soon as it is there.
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
  # shellcheck disable=SC2034 # for the check of the clock, which a removal has not
  STARTED_AT=$(date +%s)
  # shellcheck disable=SC2034 # for downloads, which a removal has not
  PROXIES=$(cat)
  exec </dev/null
  # Terraform leaves its script when it is killed; the shell has it open already.
  rm -f -- "$0"
  trap 'leave $?' EXIT
  # dash runs no EXIT trap at a signal. Whoever waits for this phase says that there was one; a second one does not cut the clean-up short.
  trap 'trap "" TERM INT; explained=yes; exit 143' TERM INT
  trap '' HUP
  umask 022
  keep_errors
  case $PHASE in
    rollout | shutdown | decommission) sweep_uploads 5 ;;
    # Another deploy may be about to run what it has uploaded; it does so a moment later.
    preflight) sweep_uploads 30 ;;
  esac
  look_around
  "phase_$PHASE"
}

# What a phase asks again and again: found once.
look_around() {
  know_member_uids
  know_etcd
  look_for_supervisor
  look_for_tools
}

# What commands complain of goes to a file that has no name any more, for explain_exit. Without room for it, it is printed at once.
keep_errors() {
  errors=/run/cdktf-etcd.$$
  (umask 077 && : >"$errors") 2>/dev/null || return 0
  exec 8<"$errors"
  exec 2>"$errors"
  rm -f "$errors"
  keeps_errors=yes
}

# sweep_uploads SECONDS: what Terraform uploaded for this member so long ago and could not run or empty, because it was killed.
# A file of another's that vanishes meanwhile makes find fail: no reason to stop the deploy of a member that is healthy.
sweep_uploads() {
  uploads=$(printf '%s\n' "${0##*/}" | sed -e 's/[][\.*^$+?(){}|]/\\&/g' -e 's/[0-9][0-9]*/[0-9]+/g')
  find "${0%/*}" -maxdepth 1 -type f -regextype posix-extended -regex ".*/$uploads" ! -newermt "$1 seconds ago" \
    \( -size 0 -o -exec grep -qxF "MEMBER='$MEMBER'" {} \; \) -delete 2>/dev/null || true
}

# The inbox goes, however its phase ends. So does the turn, for which other deploys wait.
leave() {
  end_turn || true
  end_permission
  case $PHASE in stage | archive) drop_inbox ;; esac
  explain_exit "$1"
}

# It may hold a private key, so it goes as soon as what it held is in place. And once only: after that it may be another deploy's.
drop_inbox() {
  [ -n "$INBOX" ] || return 0
  rm -rf "$INBOX"
  # The directory above may serve another member.
  rmdir "$(dirname "$INBOX")" 2>/dev/null || true
  INBOX=
}
