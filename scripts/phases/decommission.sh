# shutdown: the whole cluster is destroyed or has left the program. A host that cannot be reached fails that, and it can be run again. A member may be
# asked several times: after the first time there is nothing left to do.
# decommission: a member has left the program; after `shutdown` too.

phase_shutdown() {
  take_lock
  leave_to_another || stop_and_clean
}

phase_decommission() {
  take_lock
  ! leave_to_another || return 0
  # It was taken out of the cluster before; if that did not happen, the others still count on it.
  wait_until 15 is_out_or_answers ||
    refuse "still a member" "its etcd runs and does not answer, so nobody knows whether the cluster counts on it; it was not stopped" "see $LOG_DIR/etcd.log; then on this host: supervisorctl stop $MEMBER"
  if answers_healthy && [ -n "$(members_of "$(own_url)" | own_entry)" ]; then
    refuse "still a member" "the cluster still counts on this member, it was not stopped" "etcdctl member remove it, then on this host: supervisorctl stop $MEMBER"
  fi
  stop_and_clean
}

# Another cluster of the program may have taken this member over: the same hosts under another id of the construct. Or this is another member's host,
# of the same name: a second state of the program, or a host's name that leads elsewhere by now. Or another state has this very member: its stage was
# the last here, or the only one, as this state's was refused.
leave_to_another() {
  claimed_url=$(entry_of "$CLAIM" peer_url)
  if [ -n "$claimed_url" ] && [ "$claimed_url" != "$PEER_URL" ]; then
    say "the member $MEMBER of this host has the peer URL $claimed_url, not $PEER_URL, and is left alone"
    return 0
  fi
  claimed_by=$(entry_of "$CLAIM" cluster)
  if [ -n "$claimed_by" ] && [ "$claimed_by" != "$CLUSTER" ]; then
    say "this member belongs to the cluster $claimed_by by now, and is left to it"
    return 0
  fi
  claimed_by=$(entry_of "$CLAIM" owner)
  [ -n "$claimed_by" ] && [ -n "${OWNER:-}" ] && [ "$claimed_by" != "$OWNER" ] || return 1
  say "this member was staged by another Terraform state since, and is left to that one"
}

# An etcd that was taken out ends by itself, however often supervisor starts it; one that stands still does not, and the others say whether it is out.
is_out_or_answers() { ! is_running || answers_healthy || is_known_to_be_out; }

is_known_to_be_out() {
  local endpoint list
  for endpoint in $(former_endpoints); do
    if ! accepts_connections "$endpoint"; then continue; fi
    list=$(members_of "$endpoint")
    [ -z "$list" ] || [ -n "$(printf '%s\n' "$list" | own_entry)" ] || return 0
  done
  return 1
}

# The client URLs of the members that it had, which all have the same port.
former_endpoints() {
  sed -n "s/^initial_cluster='\(.*\)'$/\1/p" "$CURRENT/etcd-server-startup.sh" 2>/dev/null | tr , '\n' | sed 's/^[^=]*=//' | grep -vxF -e "$PEER_URL" | sed "s/:[0-9]*$/:${CLIENT_URL##*:}/"
}

stop_and_clean() {
  if [ "$REMOVAL_POLICY" = destroy ]; then refuse_others_data; fi
  # An upload that no stage has used: its deploy was killed.
  drop_inbox
  if has_supervisor && is_own_program; then
    stop_program
    forget_program
    say "stopped and unregistered"
    [ "$REMOVAL_POLICY" = destroy ] || [ ! -d "$DATA_DIR" ] || say "data kept in $DATA_DIR"
  fi
  # Of a member that was renamed, or found here and refused, nothing is this one's.
  is_ours || return 0
  drop_dangling_include
  # Not by supervisor's files, which somebody may have removed or changed: by what runs.
  if [ -e "$CLAIM" ] || has_mark; then
    ! is_running || fail "etcd runs (process $(etcd_pid)), and supervisor has no program $MEMBER here that could be stopped" "stop that process, see that nothing starts it again, and run this again"
  fi
  if [ "$REMOVAL_POLICY" != destroy ]; then
    release
  elif has_mark; then
    delete_all
    say "deleted data, logs and binaries"
  elif is_only_staged; then
    delete_all
    say "deleted what was staged and never ran"
  fi
}

# Supervisor's name for an ini that somebody has removed.
drop_dangling_include() {
  local include
  include=$(program_include 2>/dev/null) || return 0
  if [ -L "$include" ] && [ ! -e "$include" ] && [ "$(readlink "$include")" = "$SUPERVISOR_INI.ini" ]; then rm -f "$include"; fi
}

# By a link, or in a directory that somebody else can change, root would delete what is not this member's.
check_ways() {
  local path
  for path in "$DATA_DIR" "$LOG_DIR" "$INSTALL_ROOT"; do
    is_safe_way "$path" ||
      refusal "directory" "a part of $path has become a symbolic link, or can be changed by others than root, and root deletes nothing by such a way" \
        "correct that (namei -l $path), and run this again; or set removalPolicy to RETAIN, deploy, and run this again"
  done
}

# is_safe_way PATH: of the last part, which is etcd's user's where it is the data directory, only what it is counts.
is_safe_way() { [ -z "$(link_in "$1")" ] && is_trusted "$(dirname "$1")"; }

# Before anything is stopped: the disk of another host's, or that of this one is not mounted.
refuse_others_data() {
  refuse_any check_ways
  [ -z "$(data_mark member)" ] || has_own_data_mark ||
    refuse "data directory" "$DATA_DIR holds the data of the member $(data_mark member) with peer URL $(data_mark peer_url): nothing was stopped or deleted" \
      "bring the right disk back, or move these data away, and run this again"
  ! has_mark || refuse_any check_mounted
}

# What lies here bears this member's claim; or, from an older version of this package, which claimed nothing, its mark, or nobody's.
is_ours() {
  local claim
  # Also where this member was taken off: its places are free since, and somebody may have come to live there.
  ! is_others "$CURRENT" && ! is_others "$LOG_DIR/etcd.log" && ! is_others "$DATA_DIR" || return 1
  for claim in "$CLAIM" "$STATE_DIR/released"; do
    [ ! -e "$claim" ] || { [ "$(entry_of "$claim" peer_url)" = "$PEER_URL" ] && return; }
  done
  ! has_registry
}

# What was kept waits for its member, and no longer keeps others from the places.
release() {
  [ ! -e "$CLAIM" ] || mv -f "$CLAIM" "$STATE_DIR/released"
  # One that has left the cluster comes back with another key.
  [ "$PHASE" != decommission ] || drop_keys
}

# Of all versions, also one that was staged and never ran, and those in an older installRoot.
drop_keys() {
  local version
  {
    printf '%s\n' "$INSTALL_ROOT"/etcd-v*
    grep '/etcd-v[^/]*$' "$STATE_DIR/made" 2>/dev/null || true
  } | while read -r version; do
    if is_our_version "$version" && ! is_others "$version"; then rm -rf "$version"/certs "$version"/certs.*; fi
  done
}

# A deploy was killed, or failed, before anything was started here: no data and no program; without a claim, nobody's mark either.
is_only_staged() {
  [ ! -e "$(program_ini)" ] && ! has_wal || return 1
  ! has_content || return 1
  has_registry || { [ -L "$CURRENT" ] && [ -z "$(ls "$(dirname "$STATE_DIR")"/*/started 2>/dev/null)" ]; }
}

# The registry goes last: whatever is cut short before can be run again. docs/security.md has all of this in a table.
delete_all() {
  local path
  delete_directory "$DATA_DIR"
  for path in "$DATA_DIR".aside-[0-9]*T[0-9]*Z; do rm -rf "$path"; done
  delete_log "$LOG_DIR/etcd.log"
  delete_installation
  delete_made
  # A directory that was there before stays, empty; it goes where an older version of this package had made it.
  has_registry || rmdir "$LOG_DIR" 2>/dev/null || true
  if has_registry && [ ! -e "$DATA_DIR" ] && ! has_made "$DATA_DIR"; then mkdir "$DATA_DIR"; fi
  rm -rf "$STATE_DIR"
  rmdir "${STATE_DIR%/*}" 2>/dev/null || true
}

# delete_log FILE: with what supervisor has rotated. Others may log to the same directory.
delete_log() { rm -f "$1" "$1".[0-9] "$1".[0-9][0-9]; }

delete_installation() {
  local directory
  for directory in "$INSTALL_ROOT"/etcd-v*; do
    if is_our_version "$directory"; then rm -rf "$directory"; fi
  done
  rm -rf "$INSTALL_ROOT"/.etcd-v*.aside
  [ ! -L "$CURRENT" ] || rm -f "$CURRENT"
}

# The newest first, so that a directory comes after what was made in it. What is not empty is somebody else's.
delete_made() {
  local path
  sed -n '1!G;h;$p' "$MADE" 2>/dev/null | while read -r path; do
    if is_others "$path" || ! is_safe_way "$path"; then continue; fi
    case ${path##*/} in
      etcd.log) delete_log "$path" ;;
      *.aside-*) rm -rf "$path" ;;
      etcd-v*)
        if is_our_version "$path"; then rm -rf "$path"; fi
        if [ -L "${path%/*}/etcd" ] && [ ! -e "${path%/*}/etcd" ]; then rm -f "${path%/*}/etcd"; fi
        ;;
    esac
    [ ! -d "$path" ] || rmdir "$path" 2>/dev/null || true
  done
}
