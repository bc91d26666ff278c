# Root trusts only itself: what root runs, sources, installs or writes must be where no other user can change it or
# replace it with a link.

# look_for_untrusted PATH [NAME…]: sets `untrusted_part` to the first directory on the way to PATH, or PATH itself, that
# a user other than root can change; to nothing if there is none. Parts of PATH that do not exist yet are not checked.
# If a part of PATH is a link, the way to where it leads is looked at, too, one link after the other. Each NAME is a
# file in PATH, and not a link; these, in alphabetical order, are looked at as well.
look_for_untrusted() {
  local whole path rest listing line link='' given=$1 names followed=$((${followed:-0} + 1))
  whole=$1 path='' rest=${1#/}/
  shift
  names=$*
  set -- /
  while [ -n "$rest" ]; do
    path=$path/${rest%%/*}
    rest=${rest#*/}
    # A part that does not exist yet can be created by anyone who may write to the last existing directory, even if that
    # directory has the sticky bit.
    [ -e "$path" ] || [ -L "$path" ] || { whole=${path%/*} && break; }
    set -- "$@" "$path"
  done
  for path in $names; do set -- "$@" "$given/$path"; done
  # `ls` and not `stat`, because `ls` marks files that have an access control list. Its output is sorted, so each path
  # comes before the paths below it.
  # shellcheck disable=SC2012 # no name is read from its output
  listing=$(ls -ldn -- "$@" 2>/dev/null) || true
  listing=$listing$LINE_END
  for path; do
    line=${listing%%"$LINE_END"*} listing=${listing#*"$LINE_END"}
    untrusted_part=$path
    case $line in l*) link=${link:-$path} ;; esac
    # A part that has no line has just vanished.
    # shellcheck disable=SC2086 # the words of the line
    if [ -z "$line" ] || entry_can_be_changed "${whole#"$path"}" $line; then return 0; fi
  done
  untrusted_part=
  # Links may lead in a circle. The kernel follows 40 at most.
  if [ -n "$link" ] && [ "$followed" -le 40 ]; then
    path=$(readlink "$link")
    case $path in /*) ;; *) path=${link%/*}/$path ;; esac
    look_for_untrusted "$path${given#"$link"}"
  fi
}

# entry_can_be_changed REST LINE…: LINE are the words that `ls -ldn` prints.
entry_can_be_changed() { can_be_changed "$2" "$4" "$5" "$1"; }

# untrusted PATH: prints what look_for_untrusted finds.
untrusted() {
  look_for_untrusted "$1"
  [ -z "$untrusted_part" ] || printf '%s\n' "$untrusted_part"
}

# can_be_changed MODE UID GID REST: MODE, UID and GID as printed by `ls -ldn`; REST is the rest of the path that was
# asked for, empty for its last part.
can_be_changed() {
  case $2 in
    0 | "$OWN_UID") ;;
    *) return 0 ;;
  esac
  case $1:$4 in
    l*) return 1 ;;
    # In a directory with the sticky bit, other users cannot delete or rename what belongs to root.
    d????????[tT]*:?*) return 1 ;;
    ????????w*) return 0 ;;
    ?????w????+*) return 0 ;;
    ?????w*) [ "$3" -ne 0 ] ;;
    *) return 1 ;;
  esac
}

# 0, except in tests
OWN_UID=$(id -u)

is_trusted() {
  look_for_untrusted "$1"
  [ -z "$untrusted_part" ]
}

# link_in PATH: the first part of PATH that is a symbolic link; nothing if there is none.
link_in() {
  local link
  look_for_link "$1"
  [ -z "$link" ] || printf '%s\n' "$link"
}

# look_for_link PATH: sets `link` to the same.
look_for_link() {
  local rest=${1#/}/
  link=
  while [ -n "$rest" ]; do
    link=$link/${rest%%/*}
    rest=${rest#*/}
    [ ! -L "$link" ] || return 0
  done
  link=
}

# whose PATH: the owner and the mode, for messages: `app:staff, mode 2775`
whose() { stat -c '%U:%G, mode %a' "$1"; }

# is_etcds PATH: whether PATH, or the process of /proc/PID, belongs to etcd's user. Two users may have the same uid, so
# their names say nothing.
is_etcds() {
  local owner
  look_for_owner "$1"
  know_etcd_uid
  [ "$owner" = "${ETCD_UID:-none}" ]
}

# look_for_owner PATH: sets `owner` to the uid of its owner; to nothing if it does not exist. If root owns it, this
# starts no process.
look_for_owner() {
  owner=$OWN_UID
  if [ ! -L "$1" ] && is_owned "$1"; then return 0; fi
  owner=$(stat -c %u "$1" 2>/dev/null) || owner=
}

# is_owned PATH: whether PATH belongs to root (in tests, to the user who runs them).
is_owned() { [ -O "$1" ]; }

# Sets `as_user` to the prefix that runs a command as etcd's user. It is empty if the script does not run as root,
# because only root can change to another user.
set_as_user() {
  local user
  # A removal does not get the user's name from the program, so it is read from the claim.
  user=${ETCD_USER:-$(entry_of "$CLAIM" user)}
  user=${user:-etcd}
  as_user=
  [ "$OWN_UID" -ne 0 ] || as_user="setpriv --reuid=$(id -u "$user") --regid=$(id -g "$user") --clear-groups"
}

# as_etcd COMMAND…: runs COMMAND as etcd's user. It is used for everything that reads or writes where that user can
# write.
as_etcd() {
  set_as_user
  run_as_user "$@"
}

# run_as_user COMMAND…: runs COMMAND with the prefix in `as_user`, and without the locks and files that this phase has
# open: other processes of that user could otherwise open them through /proc and hold a lock forever.
run_as_user() {
  # shellcheck disable=SC2086 # words, or none
  $as_user "$@" 7>&- 8<&- 9>&-
}

# Sets `trusted_tools` to the directory of the version in use, if root can trust etcd's tools in it. It is looked up
# once for many calls of etcdctl, and again when another version comes into use.
look_for_tools() {
  local names=etcdctl
  trusted_tools=
  [ -x "$CURRENT/etcdctl" ] || return 0
  [ ! -e "$CURRENT/etcdutl" ] || names="etcdctl etcdutl"
  # Links are left to set_client_tool.
  [ ! -L "$CURRENT/etcdctl" ] && [ ! -L "$CURRENT/etcdutl" ] || return 0
  trusted_tools=$(readlink -f "$CURRENT")
  # shellcheck disable=SC2086 # words
  look_for_untrusted "$trusted_tools" $names
  [ -z "$untrusted_part" ] || trusted_tools=
}

# set_client_tool NAME: sets `client_tool` to etcd's own tool of that name (etcdctl, etcdutl), and `as_user` to the
# prefix to run it with. Root runs only binaries that root has unpacked. An older version of this package gave the
# binaries to etcd's user; those run as that user.
set_client_tool() {
  local directory
  as_user=
  if [ -n "${trusted_tools:-}" ]; then
    client_tool=$trusted_tools/$1
    return
  fi
  # The directory must be trusted too: otherwise a link in it that leads to a trusted file could be replaced a moment
  # later.
  directory=$(readlink -f "$(client_directory)")
  client_tool=$directory/$1
  is_trusted "$directory" && is_trusted "$(readlink -f "$client_tool")" && return
  if [ -x "$VERSIONED/$1" ] && is_trusted "$VERSIONED/$1"; then
    client_tool=$VERSIONED/$1
  else
    set_as_user
  fi
}
