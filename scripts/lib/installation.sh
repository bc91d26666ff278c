# Where this member's things lie, and what is there.

CURRENT=$INSTALL_ROOT/etcd                    # the link to the version in use
VERSIONED=$INSTALL_ROOT/etcd-v$VERSION
STATE_DIR=/var/lib/cdktf-etcd/$MEMBER         # what must outlive the data directory
FIRST_START=$CURRENT/first-start.env
RESTART_PENDING=$STATE_DIR/restart-pending

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
  has_mark && return
  private_directory "$STATE_DIR"
  printf '%s\n' "$PEER_URL" | put_file "$STATE_DIR/started" 600 root:root
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
    if has_argument "$process" "--name=$MEMBER"; then echo "${process#/proc/}"; fi
  done
}

# The same, if it has this member's data directory.
etcd_pid() {
  for pid in $(own_pid); do
    if has_argument "/proc/$pid" "--data-dir=$DATA_DIR"; then
      echo "$pid"
      return
    fi
  done
}

has_argument() { tr '\0' '\n' 2>/dev/null <"$1/cmdline" | grep -qxF -e "$2"; }

# argument_of PROCESS FLAG: the value of --FLAG=VALUE
argument_of() { tr '\0' '\n' 2>/dev/null <"$1/cmdline" | sed -n "s|^--$2=||p"; }

is_running() { [ -n "$(etcd_pid)" ]; }
is_stopped() { ! is_running; }

# Where etcdctl and the certificates lie with which etcd is asked: the version in use; beside the running etcd where the install root is a new one.
client_directory() {
  if [ -x "$CURRENT/etcdctl" ]; then
    echo "$CURRENT"
  else
    dirname "$(readlink "/proc/$(own_pid)/exe")"
  fi
}

# X.Y.Z of the version in use; false when there is none.
installed_version() {
  version_directory=$(readlink -f "$(client_directory)" 2>/dev/null) || return 1
  case $version_directory in */etcd-v*) echo "${version_directory##*/etcd-v}" ;; *) return 1 ;; esac
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
