# Files appear whole or not at all: written aside in the same directory, then renamed. Root writes only where no other user can (trust.sh).
# What is made is made with its mode: where the directory has a default access control list, a umask counts for nothing.

# put_file PATH MODE OWNER: standard input becomes PATH. OWNER as `chown` takes it: root:root, or "$ETCD_USER:" with that user's own group.
put_file() {
  local directory aside changeable reason
  directory=$(dirname "$1")
  aside=$directory/.${1##*/}.aside
  changeable=$(untrusted "$(readlink -f "$directory")")
  [ -z "$changeable" ] || not_written "$1" "$changeable can be changed by others than root ($(whose "$changeable"))" "chown root:root $changeable && chmod go-w $changeable, and apply again"
  rm -rf "$aside"
  # The rename is not in there: that shell may outlive this one, and what it has read may not be all.
  if reason=$({ install -m 600 /dev/null "$aside" && cat >"$aside" && chown -h "$3" "$aside" && chmod "$2" "$aside"; } 2>&1) && reason=$(mv -fT "$aside" "$1" 2>&1); then :; else
    rm -rf "$aside"
    not_written "$1" "$(printf '%s\n' "$reason" | tail -n 1)" "see that there is room in $directory and that it can be written, and apply again"
  fi
}

# As `fail`. A file is often written at the end of a pipe, in a shell of its own: its exit code says that the line is printed.
not_written() {
  (fail "$1 cannot be written: $2" "$3") || true
  explained=yes
  exit "$EXPLAINED"
}

# put_link TARGET PATH: PATH becomes a link to TARGET, in one step.
put_link() {
  local aside
  aside=$(dirname "$2")/.$(basename "$2").aside
  rm -rf "$aside"
  ln -s "$1" "$aside"
  mv -fT "$aside" "$2"
}

# make_directory PATH: root's, with those above it that are missing. What is there stays as it is.
make_directory() {
  local reason
  [ ! -d "$1" ] || return 0
  case $1 in /*/*) make_directory "$(dirname "$1")" ;; esac
  remember_made "$1"
  reason=$(mkdir -m 755 "$1" 2>&1) || [ -d "$1" ] || fail "$1 cannot be made: $reason" "see $(dirname "$1"), and apply again"
}

# put_directory PATH MODE [OWNER]: of etcd's user, unless OWNER says another. Its parent is root's, so no link can come in its place meanwhile.
put_directory() {
  make_directory "$1"
  [ ! -L "$1" ] || fail "$1 is a symbolic link, and root follows none" "put a directory in its place, and apply again"
  chown -h "${3:-$ETCD_USER:}" "$1"
  chmod "$2" "$1"
}

# private_directory PATH: of the current user alone
private_directory() {
  local reason code
  if [ ! -d "$1" ]; then
    case $1 in ?*/*) [ -d "${1%/*}" ] || private_directory "${1%/*}" || return ;; esac
    code=0
    reason=$(mkdir -m 700 "$1" 2>&1) || code=$?
    [ "$code" -eq 0 ] || [ -d "$1" ] || { printf '%s\n' "$reason" >&2 && return "$code"; }
  fi
  chmod 700 "$1"
}

decode() { printf %s "$1" | base64 -d; }
