# Root trusts nobody but itself: what it runs, sources, installs or writes lies where no other user can change it, or put a link in its place.

# untrusted PATH: the first of the directories down to PATH, or PATH itself, that another user than root can change; nothing when there is none.
# What does not exist yet is not looked at.
untrusted() {
  local whole path rest mode uid gid
  whole=$1 path='' rest=${1#/}/
  set -- /
  while [ -n "$rest" ]; do
    path=$path/${rest%%/*}
    rest=${rest#*/}
    # What is not there yet can be made by whoever may write in the last directory that is, sticky or not.
    [ -e "$path" ] || [ -L "$path" ] || { whole=${path%/*} && break; }
    set -- "$@" "$path"
  done
  # `ls`, not `stat`: it shows that there is an access control list. It sorts, and each path sorts before those below it.
  # shellcheck disable=SC2012 # no name is read from it
  ls -ldn -- "$@" 2>/dev/null | while read -r mode _ uid gid _; do
    if can_be_changed "$mode" "$uid" "$gid" "${whole#"$1"}"; then
      printf '%s\n' "$1"
      break
    fi
    shift
  done
}

# can_be_changed MODE UID GID REST: as `ls -ln` has them; REST is empty for the last part of the path that was asked for.
can_be_changed() {
  case $2 in
    0 | "$OWN_UID") ;;
    *) return 0 ;;
  esac
  case $1:$4 in
    l*) return 1 ;;
    # In a directory with the sticky bit, nobody can take away or rename what is root's.
    d????????[tT]*:?*) return 1 ;;
    ????????w*) return 0 ;;
    ?????w????+*) return 0 ;;
    ?????w*) [ "$3" -ne 0 ] ;;
    *) return 1 ;;
  esac
}

OWN_UID=$(id -u) # 0, but for a test

is_trusted() { [ -z "$(untrusted "$1")" ]; }

# link_in PATH: the first part of PATH that is a symbolic link; nothing when there is none.
link_in() {
  local path rest
  path='' rest=${1#/}/
  while [ -n "$rest" ]; do
    path=$path/${rest%%/*}
    rest=${rest#*/}
    [ ! -L "$path" ] || { printf '%s\n' "$path" && return; }
  done
}

# whose PATH: for messages, `app:staff, mode 2775`
whose() { stat -c '%U:%G, mode %a' "$1"; }

# Sets `as_user` to the words that make a command run as etcd's user: none where this is no root that could.
set_as_user() {
  local user
  # A removal is not told the name: the claim has it.
  user=${ETCD_USER:-$(entry_of "$CLAIM" user)}
  user=${user:-etcd}
  as_user=
  [ "$OWN_UID" -ne 0 ] || as_user="setpriv --reuid=$(id -u "$user") --regid=$(id -g "$user") --clear-groups"
}

# as_etcd COMMAND…: as etcd's user, for all that reads or writes where that user can write.
as_etcd() {
  set_as_user
  run_as_user "$@"
}

# run_as_user COMMAND…: as the user of `as_user`, and without the locks and files that this phase has open: other processes of that user could take
# them out of /proc, and keep a lock for ever.
run_as_user() {
  # shellcheck disable=SC2086 # words, or none
  $as_user "$@" 7>&- 8<&- 9>&-
}

# Where the tools of the version in use lie, if all is as it should be: looked at once for many questions, and again when another version is in use.
look_for_tools() {
  trusted_tools=
  [ -x "$CURRENT/etcdctl" ] || return 0
  trusted_tools=$(readlink -f "$CURRENT")
  is_trusted "$trusted_tools" && is_trusted "$trusted_tools/etcdctl" && { [ ! -e "$trusted_tools/etcdutl" ] || is_trusted "$trusted_tools/etcdutl"; } || trusted_tools=
}

# set_client_tool NAME: sets `client_tool` to etcd's own tool of that name, and `as_user` to the words before it. Root runs only what root has unpacked;
# an older version of this package left the binaries to etcd's user, and these run as that user.
set_client_tool() {
  local directory
  as_user=
  if [ -n "${trusted_tools:-}" ]; then
    client_tool=$trusted_tools/$1
    return
  fi
  # The directory too: a link in it that leads to something trusted can be another one a moment later.
  directory=$(readlink -f "$(client_directory)")
  client_tool=$directory/$1
  is_trusted "$directory" && is_trusted "$(readlink -f "$client_tool")" && return
  if [ -x "$VERSIONED/$1" ] && is_trusted "$VERSIONED/$1"; then
    client_tool=$VERSIONED/$1
  else
    set_as_user
  fi
}
