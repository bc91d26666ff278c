# A file appears complete or not at all: it is written under another name in the same directory, brought to the disk,
# and then renamed. Root writes only where no other user can (trust.sh). Everything is created with an explicit mode,
# because the umask has no effect in a directory that has a default access control list.

# put_file PATH MODE OWNER [TEXT]: writes TEXT, or else standard input, to PATH. OWNER has chown's form: root:root, or
# "$ETCD_USER:" for etcd's user and its primary group.
put_file() {
  local aside reason
  aside=${1%/*}/.${1##*/}.aside
  require_trusted_directory "$1"
  clear_aside "$aside"
  # The rename is outside that subshell: if this shell is killed, the subshell may live on with only part of the input.
  if reason=$(write_aside "$aside" "$@" 2>&1) && reason=$(mv -fT "$aside" "$1" 2>&1); then :; else
    rm -rf "$aside"
    not_written "$1" "$(printf '%s\n' "${reason:-the command was ended}" | tail -n 1)" \
      "make sure that ${1%/*} is writable and has free space, and apply again"
  fi
}

# write_aside ASIDE PATH MODE OWNER [TEXT]
write_aside() {
  install -m 600 /dev/null "$1" || return
  if [ $# -lt 5 ]; then write_to_disk "$1"; else printf '%s\n' "$5" | write_to_disk "$1"; fi || return
  # Root has created the file, but its group may be that of a directory with the setgid bit.
  if [ "$4" != root:root ] || [ ! -G "$1" ]; then chown -h "$4" "$1" || return; fi
  [ "$3" = 600 ] || chmod "$3" "$1"
}

# write_to_disk FILE: standard input goes there. After a power cut, XFS and others would have a file that was renamed
# without this, and nothing in it.
write_to_disk() { dd of="$1" bs=64k conv=fsync status=none; }

# clear_aside ASIDE: removes what a killed phase has left there, whatever it is.
clear_aside() {
  if [ -e "$1" ] || [ -L "$1" ]; then rm -rf "$1"; fi
}

# The directories, each with a line break after it, in which put_file has found that only root can write. It looks once
# in a phase, because only root can change that; whatever in this phase changes it empties this list.
trusted_directories=

# require_trusted_directory PATH: fails if a user other than root can change the directory of PATH.
require_trusted_directory() {
  local directory=${1%/*}
  case $LINE_END$trusted_directories in *"$LINE_END$directory$LINE_END"*) return ;; esac
  look_for_untrusted "$directory"
  [ -z "$untrusted_part" ] ||
    not_written "$1" "$untrusted_part can be changed by users other than root ($(whose "$untrusted_part"))" \
      "chown root:root $untrusted_part && chmod go-w $untrusted_part, and apply again"
  trusted_directories=$trusted_directories$directory$LINE_END
}

# Like `fail`. A file is often written at the end of a pipe, that is in a subshell, whose exit code then tells the phase
# that the message was already printed.
not_written() {
  (fail "$1 cannot be written: $2" "$3") || true
  explained=yes
  exit "$EXPLAINED"
}

# put_decoded PATH MODE OWNER BASE64: writes a text that came as base64. Not by a pipe, in which nobody learns that the
# command before put_file has failed: half of what it should print would be put in place of the file.
put_decoded() {
  local text
  text=$(decode "$4") || not_written "$1" "base64 does not decode its text" "apply again"
  put_file "$1" "$2" "$3" "$text"
}

# put_line PATH LINE: adds a line to a file of root's, which is as complete afterwards as it was before.
put_line() {
  local text=
  [ ! -e "$1" ] || text=$(cat "$1")$LINE_END || not_written "$1" "what is in it cannot be read" "correct that, and apply again"
  put_file "$1" 600 root:root "$text$2"
}

# put_link TARGET PATH: makes PATH a link to TARGET, in one atomic step.
put_link() {
  local aside
  aside=${2%/*}/.${2##*/}.aside
  clear_aside "$aside"
  ln -s "$1" "$aside"
  mv -fT "$aside" "$2"
  trusted_directories=
}

# make_directory PATH: creates a directory that belongs to root, and its missing parents. An existing directory is
# left unchanged.
make_directory() {
  local reason
  [ ! -d "$1" ] || return 0
  case $1 in /*/*) make_directory "${1%/*}" ;; esac
  remember_made "$1"
  reason=$(mkdir -m 755 "$1" 2>&1) || [ -d "$1" ] ||
    fail "$1 cannot be created: $reason" "check ${1%/*}, and apply again"
}

# put_directory PATH MODE [OWNER]: a directory with that mode, which belongs to etcd's user unless OWNER is given. Its
# parent belongs to root, so nobody can replace the directory with a link in the meantime.
put_directory() {
  make_directory "$1"
  [ ! -L "$1" ] ||
    fail "$1 is a symbolic link, which root does not follow" "replace it with a directory, and apply again"
  chown -h "${3:-$ETCD_USER:}" "$1"
  chmod "$2" "$1"
  trusted_directories=
}

# The directories, each with a line break after it, that private_directory has found or made. It changes the mode of
# each once in a phase; a program that goes on empties this list.
private_directories=

# private_directory PATH: a directory, with its missing parents, that only the current user can enter.
private_directory() {
  local reason code
  if [ -d "$1" ]; then
    case $LINE_END$private_directories in *"$LINE_END$1$LINE_END"*) return ;; esac
    chmod 700 "$1" || return
  else
    case $1 in ?*/*) [ -d "${1%/*}" ] || private_directory "${1%/*}" || return ;; esac
    code=0
    reason=$(mkdir -m 700 "$1" 2>&1) || code=$?
    # Another phase may have made it at the same moment.
    [ "$code" -eq 0 ] || [ -d "$1" ] || { printf '%s\n' "$reason" >&2 && return "$code"; }
  fi
  private_directories=$private_directories$1$LINE_END
}

# Not by a here-document, which bash before 5.1 puts into a file in /tmp.
decode() { printf %s "$1" | base64 -d; }

# look_for_existing PATH: sets `existing` to PATH, or to the nearest directory above it that exists.
look_for_existing() {
  existing=$1
  while [ ! -e "$existing" ] && [ ! -L "$existing" ]; do
    existing=${existing%/*}
    existing=${existing:-/}
  done
}

# free_mb PATH: the free space of the file system that will hold PATH; nothing if df fails
free_mb() {
  local existing
  look_for_existing "$1"
  look_for_room "$existing"
  printf '%s\n' "$free_mb"
}

# look_for_room PATH: sets `free_mb`, `inodes` and `free_inodes` to what the file system of PATH has; if df does not say
# it, all to nothing, and `room_fault` to the reason. Some file systems (btrfs, zfs, vfat) create inodes as they need
# them, and report none at all.
look_for_room() {
  local table
  free_mb='' inodes='' free_inodes='' room_fault='df says nothing'
  table=$(df -BM --output=avail,itotal,iavail "$1" 2>/dev/null) || {
    room_fault=$(df "$1" 2>&1 >/dev/null) || true
    room_fault=${room_fault:-df was ended}
    return 0
  }
  # Not by a here-document, for which bash before 5.1 needs room in /tmp.
  # shellcheck disable=SC2086 # the words of the last line
  set -- ${table##*"$LINE_END"}
  free_mb=${1:-} inodes=${2:-} free_inodes=${3:-}
  free_mb=${free_mb%M} inodes=${inodes#-}
}

ANSWER_SECONDS=10 # how long a file system may take to list a directory

# A process that looks at a disk that hangs, or at a file system whose server is gone, waits until the time of the phase
# is over, and nobody learns for what. So another process looks first.
refuse_silent_places() {
  local backups
  refuse_silent "$STATE_DIR" "$INSTALL_ROOT" "$LOG_DIR" "$DATA_DIR/member/wal"
  case $PHASE in
    preflight | archive | stage | shutdown | decommission)
      # The claim, which can be read by now, says where backups were taken.
      backups=${BACKUP_DIR:-$(entry_of "$CLAIM" backup_dir)}
      [ -z "$backups" ] || refuse_silent "$backups"
      ;;
  esac
}

# refuse_silent PATH…: ends the phase if one of these does not answer.
refuse_silent() {
  local place
  ! answers "$@" || return 0
  for place; do
    answers "$place" ||
      refuse "file system" "$place cannot be listed within $ANSWER_SECONDS s: its disk hangs, or its file server is gone" \
        "bring that disk or server back, or unmount it (umount -l), and apply again"
  done
}

# answers PATH…: what does not exist answers, too. In the foreground, timeout would wait for the process that it has
# killed, and one that waits for a disk does not end. Here it kills itself, too, which the shell would tell.
answers() {
  { timeout -s KILL "$ANSWER_SECONDS" ls -f -- "$@"; } >/dev/null 2>&1 || case $? in 124 | 137) return 1 ;; esac
}
