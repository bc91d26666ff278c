# Every upload ends in `main PHASE SECONDS "$@"`: become root, bound the time, run the phase.

PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin
export PATH LC_ALL=C

main() {
  PHASE=$1
  limit=$2
  shift 2
  if [ "${1:-}" != as-root ]; then
    as_login_user
    exit
  fi
  INBOX=$2
  # Terraform leaves its copy of this script in /tmp when it is killed; the shell has it open already.
  rm -f -- "$0"
  trap 'leave $?' EXIT
  trap '' HUP
  umask 022
  "phase_$PHASE"
}

# The inbox goes, however its phase ends. So does the turn, for which other deploys wait.
leave() {
  end_turn || true
  case $PHASE in stage | archive) drop_inbox ;; esac
  explain_exit "$1"
}

# Uploads are readable by others (0644): only the directory keeps a private key private.
make_inbox() {
  private_directory "$(dirname "$1")"
  (umask 077 && mkdir "$1") 2>/dev/null
}

# It may hold a private key, so it goes as soon as what it held is in place. And once only: after that it may be another deploy's.
drop_inbox() {
  [ -n "$INBOX" ] || return 0
  rm -rf "$INBOX"
  # The directory above may serve another member.
  rmdir "$(dirname "$INBOX")" 2>/dev/null || true
  INBOX=
}

# Runs as the SSH user: makes the private inbox when the phase needs one, then runs this same file as root.
as_login_user() {
  inbox=${HOME:-/}/.cdktf-etcd/$MEMBER
  if [ "$PHASE" = open_inbox ]; then
    # While another deploy's is there: two at once would take each other's uploads away. One that a killed deploy left is taken over.
    wait_until 20 make_inbox "$inbox" || private_directory "$inbox"
    return
  fi
  sudo=
  if [ "$(id -u)" -ne 0 ]; then
    sudo='sudo -n'
    $sudo true 2>/dev/null || refuse "no right to become root" "the user $(id -un) is not root and 'sudo -n' is not allowed" \
      "log in as root, or give $(id -un) NOPASSWD in sudoers"
  fi
  code=0
  $sudo timeout -k 10 "$limit" sh "$0" as-root "$inbox" </dev/null || code=$?
  [ "$code" -ne 124 ] || fail "not done within $limit s" "look at the last line above, and apply again"
  return "$code"
}
