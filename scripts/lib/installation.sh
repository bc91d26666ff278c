# Where this member's things lie, and what is there.

CURRENT=$INSTALL_ROOT/etcd                    # the link to the version in use
VERSIONED=$INSTALL_ROOT/etcd-v$VERSION
STATE_DIR=/var/lib/cdktf-etcd/$MEMBER         # what must outlive the data directory
FIRST_START=$CURRENT/first-start.env
RESTART_PENDING=$STATE_DIR/restart-pending

# permit_first_start NAME=VALUE…: etcd may start without data, this once. The permission ends with the phase, also with one that fails: etcd may come up
# later, and a start without data after that would be another one.
permit_first_start() {
  permitted=yes
  # A shell reads it. What the values are made of, other members have said of themselves.
  for setting; do printf "%s='%s'\n" "${setting%%=*}" "$(printf '%s\n' "${setting#*=}" | sed "s/'/'\\\\''/g")"; done | put_file "$VERSIONED/${FIRST_START##*/}" 644 root:root
}

end_permission() {
  [ -n "${permitted:-}" ] || return 0
  rm -f "$FIRST_START" "$VERSIONED/${FIRST_START##*/}"
  permitted=
}

# Data are files of the write-ahead log. An empty directory is what is left where the log's own disk is not mounted.
has_wal() {
  for wal_file in "$DATA_DIR"/member/wal/*.wal; do
    [ ! -e "$wal_file" ] || return 0
  done
  return 1
}

# The mark of a life: a member that once had data must never start as new again.
has_mark() { [ -e "$STATE_DIR/started" ]; }

mark_started() {
  mark_data
  has_mark && return
  private_directory "$STATE_DIR"
  printf '%s\n' "$PEER_URL" | put_file "$STATE_DIR/started" 600 root:root
}

# The mark lies beside the data too, for a disk that outlives the system. etcd's user can write it: it is compared, and shown without what could
# mean something to a terminal.
DATA_MARK=$DATA_DIR/.cdktf-etcd

# The same beside the log where that has a disk of its own: by its log etcd knows which member it is.
LOG_MARK=$DATA_DIR/member/wal/.cdktf-etcd

own_mark() { printf 'member=%s\npeer_url=%s\n' "$MEMBER" "$PEER_URL"; }

# Another member's mark stays: it is the only thing that tells of a disk in the wrong host.
mark_data() {
  mark_log
  if [ ! -d "$DATA_DIR" ] || [ -n "$(data_mark member)" ]; then return; fi
  private_directory "$STATE_DIR"
  own_mark | put_file "$STATE_DIR/data-mark" 644 root:root
  # Made where only root can write and then renamed: no link is followed. Without it nothing but an adoption by hand is lost.
  mv -fT "$STATE_DIR/data-mark" "$DATA_MARK" 2>/dev/null || rm -f "$STATE_DIR/data-mark"
}

mark_log() {
  if [ -e "$LOG_MARK" ] || ! is_log_mounted; then return; fi
  # The directory is etcd's user's: so it is that user who writes.
  # shellcheck disable=SC2016 # the inner shell expands it
  own_mark | as_etcd sh -c 'cat >"$1.new" && mv -f "$1.new" "$1"' sh "$LOG_MARK" || true
}

is_log_mounted() { mount_points | grep -qxF -e "$(readlink -m "$DATA_DIR/member/wal")"; }

# data_mark KEY [FILE]: no more than a block is read, through no link, and without waiting: etcd's user may put anything there.
data_mark() {
  local mark=${2:-$DATA_MARK}
  if [ ! -f "$mark" ] || [ -n "$(link_in "$mark")" ]; then return; fi
  dd if="$mark" iflag=nofollow,nonblock bs=4096 count=1 2>/dev/null | tr -d '\000' | sed -n "/^$1=/{s///;s/[^]A-Za-z0-9._:\/[-]//g;s/^\(.\{200\}\).*/\1/;p;q;}"
}

has_own_data_mark() { [ "$(data_mark member) $(data_mark peer_url)" = "$MEMBER $PEER_URL" ]; }

# Something lies in the data directory that is worth keeping: more than directories, than what a new file system brings, and than
# what was set aside there.
has_content() { [ -n "$(find "$DATA_DIR" -mindepth 1 \( -name lost+found -o -path "$DATA_DIR/aside-*" \) -prune -o ! -type d ! -path "$DATA_MARK" ! -path "$LOG_MARK" -print 2>/dev/null | head -n 1)" ]; }

# The system was installed anew, and the disk with the data was kept.
adopt_data() {
  if has_mark || ! has_own_data_mark; then return; fi
  mark_started
  say "the data in $DATA_DIR are this member's own, of before"
}

# The user may have another uid than the one who wrote the data, or the data were restored by root: what belongs to the owner of the directory
# is given, and no file that has another name elsewhere. A directory of etcd's user holds what that user has put there, which may be others'.
# No etcd of another user runs: check_user.
give_data_to_user() {
  local owner
  owner=$(stat -c %u "$DATA_DIR" 2>/dev/null) || return 0
  [ "$owner" != "$(id -u "$ETCD_USER")" ] || return 0
  find "$DATA_DIR" -mindepth 1 \( -name lost+found -prune \) -o ! -path "$DATA_MARK" -uid "$owner" \( -type d -o -links 1 \) -execdir chown -h "$ETCD_USER:" {} +
}

# The number of the member's `reprovision` that was rolled out last.
REPROVISIONED=$STATE_DIR/reprovision

is_to_be_provisioned_anew() { [ "$REPROVISION" != "$(cat "$REPROVISIONED" 2>/dev/null || echo 0)" ]; }

remember_reprovision() {
  is_to_be_provisioned_anew || return 0
  echo "$REPROVISION" | put_file "$REPROVISIONED" 600 root:root
}

# Every process named etcd, as /proc/PID. By the shell's own `read`: a `cat` for each process would take longer than all the rest.
etcd_processes() {
  for process in /proc/[0-9]*; do
    { read -r command <"$process/comm"; } 2>/dev/null || continue
    [ "$command" != etcd ] || printf '%s\n' "$process"
  done
}

# The process id of this member's etcd, by its name, wherever its data are; empty when it does not run.
own_pid() {
  for process in $(etcd_processes); do
    if has_argument "$process" "--name=$MEMBER" && is_of_member "$process"; then echo "${process#/proc/}"; fi
  done
}

# is_of_member PROCESS: any other user's process could call itself so, also by a link to a program that becomes root.
is_of_member() {
  local key uid
  [ ! -u "$1/exe" ] || return 1
  # By the shell's own `read`: this is asked often.
  while read -r key _ uid _; do
    [ "$key" != Uid: ] || break
  done 2>/dev/null <"$1/status" || return 1
  case $uid in
    '') return 1 ;;
    0 | "$OWN_UID" | "$(stat -c %u "$DATA_DIR" 2>/dev/null)") ;;
    *) case " $MEMBER_UIDS " in *" $uid "*) ;; *) return 1 ;; esac ;;
  esac
}

# Of the users that etcd runs as, or ran as before the program was changed; empty before there is one. At a removal only the claim knows the name.
know_member_uids() {
  MEMBER_UIDS=$(for user in ${ETCD_USER:-} $(entry_of "$CLAIM" user) etcd; do id -u "$user" 2>/dev/null || true; done | tr '\n' ' ')
}
MEMBER_UIDS= # until they are known

# The same, if it has this member's data directory.
etcd_pid() {
  local process arguments
  if lives_on "$known_etcd" "$known_start"; then
    echo "$known_etcd"
    return
  fi
  for process in $(etcd_processes); do
    arguments=$(arguments_of "$process")
    if [ "$(value_in "$arguments" name)" = "$MEMBER" ] && is_of_member "$process" && is_data_directory "$(value_in "$arguments" data-dir)"; then
      echo "${process#/proc/}"
      return
    fi
  done
}

# That process, with its arguments, is found once: every question to etcd begins with it. As long as it lives it is the one.
know_etcd() {
  known_etcd=
  known_etcd=$(etcd_pid)
  known_arguments='' known_url=''
  [ -n "$known_etcd" ] || return 0
  read_start "$known_etcd"
  known_start=$process_start
  known_arguments=$(arguments_of "/proc/$known_etcd")
  known_url=$(value_in "$known_arguments" advertise-client-urls)
}
known_etcd='' known_start='' known_arguments='' known_url=''

# lives_on PID START: a process id is given to another process some time after the first has ended; not with the same time of start.
lives_on() { [ -n "$1" ] && [ -n "$2" ] && read_start "$1" && [ "$process_start" = "$2" ]; }

# read_start PID: sets `process_start`, in ticks since the system has started; empty for a process that has ended. A variable, and the shell's own
# `read`: asked at every question to etcd, and no process is made for it.
read_start() {
  local state start
  process_start=
  { read -r _ _ state _ _ _ _ _ _ _ _ _ _ _ _ _ _ _ _ _ _ start _ <"/proc/$1/stat"; } 2>/dev/null || return 0
  [ "$state" = Z ] || process_start=$start
}

# Also by another name: where a symbolic link was part of the path, and the program names the real one now.
is_data_directory() { [ "$1" = "$DATA_DIR" ] || { [ -n "$1" ] && [ "$(readlink -f "$1")" = "$(readlink -f "$DATA_DIR")" ]; }; }

# arguments_of PROCESS: one a line, between empty lines.
arguments_of() {
  if [ "$1" = "/proc/$known_etcd" ] && [ -n "$known_arguments" ]; then
    printf '%s\n' "$known_arguments"
  else
    printf '\n%s\n' "$(tr '\0' '\n' 2>/dev/null <"$1/cmdline")"
  fi
}

has_argument() {
  case "$(arguments_of "$1")$LINE_END" in *"$LINE_END$2$LINE_END"*) ;; *) return 1 ;; esac
}

# argument_of PROCESS FLAG: the value of --FLAG=VALUE
argument_of() { value_in "$(arguments_of "$1")" "$2"; }

# value_in ARGUMENTS FLAG: the last one, which is what holds for etcd.
value_in() {
  local value
  case $1 in *"$LINE_END--$2="*) ;; *) return 0 ;; esac
  value=${1##*"$LINE_END--$2="}
  printf '%s\n' "${value%%"$LINE_END"*}"
}

LINE_END='
'

is_running() { [ -n "$(etcd_pid)" ]; }
is_stopped() { ! is_running; }

# Where etcdctl and the certificates lie with which etcd is asked: the version in use; beside the running etcd where the install root is a new one.
client_directory() {
  set_client_directory
  echo "$client"
}

# The same in `client`: every question to etcd needs it, and no process is made for it.
set_client_directory() {
  if [ -x "$CURRENT/etcdctl" ]; then client=$CURRENT; else client=$(dirname "$(readlink "/proc/$(own_pid)/exe")"); fi
}

# X.Y.Z of the version in use; false when there is none.
installed_version() { set_installed_version && echo "$version_in_use"; }

# The same in `version_in_use`.
set_installed_version() {
  version_in_use=${trusted_tools:-}
  [ -n "$version_in_use" ] || version_in_use=$(readlink -f "$(client_directory)" 2>/dev/null) || return 1
  case $version_in_use in */etcd-v*) version_in_use=${version_in_use##*/etcd-v} ;; *) return 1 ;; esac
}

# The architecture by the name that etcd's archives use.
architecture() {
  case $(uname -m) in
    x86_64) echo amd64 ;;
    aarch64) echo arm64 ;;
    *) uname -m ;;
  esac
}

# The digest of the archive for this host's architecture; empty when none is known.
archive_sha256() {
  case $(architecture) in
    amd64) echo "$SHA256_AMD64" ;;
    arm64) echo "$SHA256_ARM64" ;;
  esac
}
