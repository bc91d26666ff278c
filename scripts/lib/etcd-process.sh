# The process of this member's etcd: which one it is, and with which arguments it was started. These questions are asked
# again and again, so where the shell can answer them by itself, no process is started for it.

is_running() {
  look_for_etcd
  [ -n "$found_etcd" ]
}
is_stopped() { ! is_running; }

# The process id of this member's etcd, if it uses this member's data directory; empty if it does not run.
etcd_pid() {
  look_for_etcd
  [ -z "$found_etcd" ] || echo "$found_etcd"
}

# Sets `found_etcd` to the same. It starts no process while the etcd that is known lives on.
# `return 0`: in an EXIT trap, as when the turn is given back, a bare `return` of bash has the exit code of the phase.
look_for_etcd() {
  local process
  found_etcd=$known_etcd
  if lives_on "$known_etcd" "$known_start"; then return 0; fi
  found_etcd=
  for process in /proc/[0-9]*; do
    { is_named_etcd "$process" && is_on_host "$process"; } || continue
    read_arguments "$process"
    look_for_value name
    [ "$flag_value" = "$MEMBER" ] || continue
    look_for_value data-dir
    is_data_directory "$flag_value" || continue
    found_etcd=${process#/proc/}
    return 0
  done
}

# Finds that process and its arguments once, because every question to etcd needs them. They stay valid as long as the
# process lives.
know_etcd() {
  known_etcd=
  look_for_etcd
  known_etcd=$found_etcd known_arguments='' known_url='' known_link=''
  [ -n "$known_etcd" ] || return 0
  read_start "$known_etcd"
  known_start=$process_start
  # look_for_etcd has read them.
  known_arguments=$process_arguments
  look_for_value advertise-client-urls
  known_url=$flag_value
  look_for_value cert-file
  case $flag_value in
    "$CURRENT"/*) ;;
    */certs/etcd-peer.pem) known_link=${flag_value%/certs/*} ;;
  esac
  # etcd's user may change the arguments of its processes, and root writes below that directory.
  [ -z "$known_link" ] || is_trusted "$known_link" || known_link=
}
known_etcd='' known_start='' known_arguments='' known_url='' known_link=''

# lives_on PID START: the same process is still alive. A process id is reused some time after its process has ended, but
# not with the same start time.
lives_on() { [ -n "$1" ] && [ -n "$2" ] && read_start "$1" && [ "$process_start" = "$2" ]; }

# read_start PID: sets `process_start` to the start time of the process, in clock ticks since boot, or to nothing if the
# process has ended. It sets a variable and uses the shell's own `read`, so that no process is started: every question
# to etcd needs it. It reads to the end (read_to_end), because the name of the process is in this file as it is, with
# blanks, brackets and line breaks. What the kernel says comes after the last bracket.
read_start() {
  local line stat=
  process_start=
  while read -r line; do
    stat="$stat $line"
  done 2>/dev/null <"/proc/$1/stat" || return 0
  # shellcheck disable=SC2086 # its words: the state is the first one, and the start time the twentieth
  set -- ${stat##*") "}
  [ $# -lt 20 ] || [ "$1" = Z ] || process_start=${20}
}

# Compares the real paths too: the path that etcd runs with may contain a symbolic link, and the program may now name
# the real path.
is_data_directory() {
  [ "$1" = "$DATA_DIR" ] || { [ -n "$1" ] && [ "$(readlink -f "$1")" = "$(readlink -f "$DATA_DIR")" ]; }
}

# The process id of this member's etcd, found by the member's name, wherever its data are; empty if it does not run.
own_pid() {
  local process
  for process in /proc/[0-9]*; do
    if is_named_etcd "$process" && is_on_host "$process" && has_argument "$process" "--name=$MEMBER"; then
      echo "${process#/proc/}"
    fi
  done
}

# is_named_etcd PROCESS: whether /proc/PID is a process of that name. This uses the shell's own `read`, because a `cat`
# for each process would take longer than everything else together.
is_named_etcd() {
  local command
  { { read -r command && read_to_end; } <"$1/comm"; } 2>/dev/null && [ "$command" = etcd ]
}

# is_on_host PROCESS: it is of this member, and not in a container. kubeadm's etcd, for example, runs as root with the
# name of the host, and paths in its arguments are those of its container.
is_on_host() { is_of_member "$1" && is_in_own_namespace "$1" pid; }

# is_in_own_namespace PROCESS KIND: whether the process is in the same namespace as this shell, or the kernel has no
# such namespaces.
is_in_own_namespace() { [ "$1/ns/$2" -ef "/proc/self/ns/$2" ] || [ ! -e "/proc/self/ns/$2" ]; }

# is_of_member PROCESS: the process runs as root or as one of this member's users. A process of any other user could
# have the same name and arguments, even as root, through a link to a setuid program.
is_of_member() {
  local owner
  read_process "$1"
  # etcd has one user. While a setuid program runs, the real one is still the user who has started it.
  if [ -z "$real_uid" ] || [ "$real_uid" != "$effective_uid" ]; then return 1; fi
  # This is asked last, because a process may execute such a program at any moment.
  [ ! -u "$1/exe" ] || return 1
  case " 0 $OWN_UID $MEMBER_UIDS " in *" $real_uid "*) return 0 ;; esac
  look_for_owner "$DATA_DIR"
  [ "$real_uid" = "$owner" ]
}

# read_process PROCESS: sets `parent` to the process ID of its parent, `real_uid` to the uid of the user who started it,
# and `effective_uid` to that of the user as whom it runs; all to nothing if it has ended. The shell's own `read` starts
# no process; this function is called often. It reads to the end (read_to_end).
read_process() {
  local key first second
  parent='' real_uid='' effective_uid=''
  while read -r key first second _; do
    case $key in PPid:) parent=$first ;; Uid:) real_uid=$first effective_uid=$second ;; esac
  done 2>/dev/null <"$1/status" || true
}

# Sets MEMBER_UIDS to the uids of the users that etcd runs as, or ran as before the program changed; empty while no such
# user exists. A removal learns the user's name from the claim only. A member without a claim may run as `etcd`, the
# default of the version that wrote none; otherwise that may be the user of another cluster.
know_member_uids() {
  local user uid users=' '
  MEMBER_UIDS='' ETCD_UID=''
  look_for_entry "$CLAIM" user
  for user in ${ETCD_USER:-} ${entry_value:-etcd}; do
    case $users in *" $user "*) continue ;; esac
    users="$users$user "
    uid=$(id -u "$user" 2>/dev/null) || uid=
    MEMBER_UIDS="$MEMBER_UIDS$uid "
    [ "$user" != "${ETCD_USER:-}" ] || ETCD_UID=$uid
  done
}
MEMBER_UIDS= # until know_member_uids sets it

# Sets ETCD_UID to the uid of the user that etcd runs as, or to nothing while there is no such user.
know_etcd_uid() { [ -n "$ETCD_UID" ] || ETCD_UID=$(id -u "$ETCD_USER" 2>/dev/null) || ETCD_UID=; }
ETCD_UID=

# read_arguments PROCESS: sets `process_arguments` to an empty line, and then one argument per line.
read_arguments() {
  if [ "$1" = "/proc/$known_etcd" ] && [ -n "$known_arguments" ]; then
    process_arguments=$known_arguments
  else
    process_arguments=$LINE_END$(tr '\0' '\n' 2>/dev/null <"$1/cmdline")$LINE_END || true
  fi
}

has_argument() {
  read_arguments "$1"
  case $process_arguments in *"$LINE_END$2$LINE_END"*) ;; *) return 1 ;; esac
}

# argument_of PROCESS FLAG: the value of --FLAG=VALUE
argument_of() {
  read_arguments "$1"
  look_for_value "$2"
  [ -z "$flag_value" ] || printf '%s\n' "$flag_value"
}

# look_for_value FLAG: sets `flag_value` to the value of the last --FLAG=VALUE in `process_arguments`, which is the one
# that etcd uses; to nothing if there is none.
look_for_value() {
  flag_value=
  case $process_arguments in *"$LINE_END--$1="*) ;; *) return 0 ;; esac
  flag_value=${process_arguments##*"$LINE_END--$1="}
  flag_value=${flag_value%%"$LINE_END"*}
}
