# Files appear whole or not at all: written aside in the same directory, then renamed.

# put_file PATH MODE OWNER: standard input becomes PATH.
put_file() {
  put_aside=$(dirname "$1")/.$(basename "$1").aside
  rm -f "$put_aside"
  (umask 077 && cat >"$put_aside")
  chmod "$2" "$put_aside"
  chown "$3" "$put_aside"
  mv -f "$put_aside" "$1"
}

# put_link TARGET PATH: PATH becomes a link to TARGET, in one step.
put_link() {
  put_aside=$(dirname "$2")/.$(basename "$2").aside
  rm -f "$put_aside"
  ln -s "$1" "$put_aside"
  mv -fT "$put_aside" "$2"
}

# put_directory PATH MODE: owned by etcd's user; missing directories above it are root's.
put_directory() {
  mkdir -p "$1"
  chown "$ETCD_USER:$ETCD_USER" "$1"
  chmod "$2" "$1"
}

# private_directory PATH: of the current user alone
private_directory() { (umask 077 && mkdir -p "$1") && chmod 700 "$1"; }

decode() { printf %s "$1" | base64 -d; }
