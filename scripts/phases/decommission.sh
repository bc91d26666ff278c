# shutdown: runs when the whole cluster is destroyed or has left the program. It fails if a host cannot be reached, and
# can then be run again. It may run several times for a member: after the first time there is nothing left to do.
# decommission: runs when a member has left the program, and also after `shutdown`.

phase_shutdown() {
  take_lock
  leave_to_another || stop_and_clean
}

phase_decommission() {
  take_lock
  ! leave_to_another || return 0
  # The member was removed from the cluster before this phase. If that did not happen, the other members still count on
  # it.
  wait_until 15 is_out_or_answers || is_stopped ||
    refuse "still a member" \
      "its etcd runs but does not answer, so it is unknown whether the cluster still counts on it; it was not stopped" \
      "if $(etcdctl_here "member list") on another host still has it, run 'etcdctl member remove ID' there"
  entry=$(printf '%s\n' "$list" | own_entry)
  [ -z "$entry" ] ||
    refuse "still a member" "the cluster still counts on this member, so it was not stopped" \
      "run $(etcdctl_here "member remove ${entry%% *}")"
  stop_and_clean
}

# Leaves the member alone in three cases. This host has another member of the same name: that of a second state of the
# program, or the host name now leads to another host. Or another cluster has taken this member over: the same hosts
# under another construct id. Or another state has this very member: that state's stage was the last one here, or the
# only one, because this state's stage was refused.
leave_to_another() {
  claimed_url=$(entry_of "$CLAIM" peer_url)
  if [ -n "$claimed_url" ] && [ "$claimed_url" != "$PEER_URL" ]; then
    say "the member $MEMBER of this host has the peer URL $claimed_url, not $PEER_URL, and is left alone"
    return 0
  fi
  claimed_by=$(entry_of "$CLAIM" cluster)
  if [ -n "$claimed_by" ] && [ "$claimed_by" != "$CLUSTER" ]; then
    say "this member now belongs to the cluster $claimed_by, and is left to it"
    return 0
  fi
  claimed_by=$(entry_of "$CLAIM" owner)
  [ -n "$claimed_by" ] && [ -n "${OWNER:-}" ] && [ "$claimed_by" != "$OWNER" ] || return 1
  say "another Terraform state has staged this member since, and the member is left to that state"
}

# An etcd that was removed from the cluster ends by itself, however often supervisor starts it. One that hangs does not
# end; then the other members tell whether it was removed. They are also asked about one that does not run, because it
# may only have crashed, and one that does not answer because it has just started. Sets `list` to the members that the
# cluster says it has, if it says that.
is_out_or_answers() {
  list=
  if is_running; then
    { answers_healthy && has_listed "$(own_url)"; } || is_known_to_be_out
  else
    has_list_of_others
  fi
}

# Also succeeds if none of the others accepts connections, as after a shutdown of the whole cluster.
has_list_of_others() {
  local endpoint is_answer_due=
  for endpoint in $(former_endpoints); do
    accepts_connections "$endpoint" || continue
    ! has_listed "$endpoint" || return 0
    is_answer_due=yes
  done
  [ -z "$is_answer_due" ]
}

is_known_to_be_out() {
  local endpoint list
  for endpoint in $(former_endpoints); do
    { accepts_connections "$endpoint" && has_listed "$endpoint"; } || continue
    [ -n "$(printf '%s\n' "$list" | own_entry)" ] || return 0
  done
  return 1
}

stop_and_clean() {
  if [ "$REMOVAL_POLICY" = destroy ]; then refuse_others_data; fi
  # There may be an upload that no stage has used, because its deploy was killed.
  drop_inbox
  drop_side_programs
  if has_supervisor && is_own_program; then
    stop_program
    forget_program
    say "stopped and unregistered"
    [ "$REMOVAL_POLICY" = destroy ] || [ ! -d "$DATA_DIR" ] || say "data kept in $DATA_DIR"
  fi
  # If the member was renamed, or was found here and refused, the rest of what is here does not belong to it.
  is_ours || return 0
  drop_dangling_include
  forget_supervisor_unit
  # This looks at what runs, not at supervisor's files, which somebody may have removed or changed.
  if [ -e "$CLAIM" ] || has_mark; then
    ! is_running || fail \
      "etcd runs (process $(etcd_pid)), and supervisor has no program $MEMBER here that could be stopped" \
      "stop that process, make sure that nothing starts it again, and run this again"
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

# Removes the link through which supervisor includes the ini file, if somebody has removed that file.
drop_dangling_include() {
  local include
  include=$(program_include 2>/dev/null) || return 0
  if [ -L "$include" ] && [ ! -e "$include" ] && [ "$(readlink "$include")" = "$SUPERVISOR_INI.ini" ]; then
    rm -f "$include"
  fi
}

# Through a link, or in a directory that another user can change, root would delete files that are not this member's.
check_ways() {
  local path
  for path in "$DATA_DIR" "$LOG_DIR" "$INSTALL_ROOT"; do
    is_safe_way "$path" ||
      refusal "directory" \
        "a part of $path has become a symbolic link, or can be changed by users other than root, and root does not delete anything on such a path" \
        "correct that (namei -l $path), and run this again"
  done
}

# is_safe_way PATH: no part of PATH is a link, and only root can change the directories above it. The last part may
# belong to etcd's user, if it is the data directory.
is_safe_way() { [ -z "$(link_in "$1")" ] && is_trusted "$(dirname "$1")"; }

# Refuses, before anything is stopped, if the disk of another host is here or if the disk of this member is not mounted.
refuse_others_data() {
  refuse_any check_ways
  has_own_data_mark || [ -z "$mark_member" ] ||
    refuse "data directory" \
      "$DATA_DIR holds the data of the member $mark_member with peer URL $mark_peer_url: nothing was stopped or deleted" \
      "bring the right disk back, or move these data away, and run this again"
  ! has_mark || refuse_any check_mounted
}

# The files on this host belong to this member if they have its claim. An older version of this package wrote no claims;
# there, they belong to this member if it has no record at all.
is_ours() {
  local claim
  # After a removal that kept the files, the directories are free, and another member may have claimed them since.
  ! is_others "$CURRENT" && ! is_others "$LOG_DIR/etcd.log" && ! is_others "$DATA_DIR" || return 1
  for claim in "$CLAIM" "$STATE_DIR/released"; do
    [ ! -e "$claim" ] || { [ "$(entry_of "$claim" peer_url)" = "$PEER_URL" ] && return; }
  done
  ! has_registry
}

# The files that were kept wait for their member to come back, but other members may use the same paths from now on.
release() {
  [ ! -e "$CLAIM" ] || mv -f "$CLAIM" "$STATE_DIR/released"
  # A member that has left the cluster gets another key when it comes back.
  [ "$PHASE" != decommission ] || drop_keys
}

# Deletes the keys and certificates of all versions, also of one that was staged and never ran, and those in an older
# installRoot.
drop_keys() {
  local version
  {
    printf '%s\n' "$INSTALL_ROOT"/etcd-v*
    grep '/etcd-v[^/]*$' "$STATE_DIR/made" 2>/dev/null || true
  } | while read -r version; do
    if is_our_version "$version" && ! is_others "$version"; then rm -rf "$version"/certs "$version"/certs.*; fi
  done
}

# A deploy was killed or failed before anything was started here: there are no data and no supervisor program. Without a
# claim of this member, there must also be no `started` mark of any member.
is_only_staged() {
  [ ! -e "$(program_ini)" ] && ! has_wal || return 1
  ! has_content || return 1
  has_registry || { [ -L "$CURRENT" ] && [ -z "$(ls "$(dirname "$STATE_DIR")"/*/started 2>/dev/null)" ]; }
}

# The registry is deleted last, so that this can be run again wherever it was interrupted. docs/security.md lists all
# these files in a table.
delete_all() {
  local path
  delete_directory "$DATA_DIR"
  for path in "$DATA_DIR".aside-[0-9]*T[0-9]*Z; do rm -rf "$path"; done
  for path in $(log_names); do delete_log "$LOG_DIR/$path"; done
  delete_installation
  delete_made
  # A directory that existed before stays, empty. One that an older version of this package created is removed.
  has_registry || rmdir "$LOG_DIR" 2>/dev/null || true
  if has_registry && [ -d "${DATA_DIR%/*}" ] && [ ! -e "$DATA_DIR" ] && ! has_made "$DATA_DIR"; then mkdir "$DATA_DIR"; fi
  [ ! -e "$STATE_DIR" ] || delete_own "$STATE_DIR"
  rmdir "${STATE_DIR%/*}" 2>/dev/null || true
}

# delete_log FILE: with the files that supervisor has rotated. Others may log to the same directory.
delete_log() { rm -f "$1" "$1".[0-9] "$1".[0-9][0-9]; }

delete_installation() {
  local directory
  for directory in "$INSTALL_ROOT"/etcd-v*; do
    if is_our_version "$directory" && ! is_others "$directory"; then delete_own "$directory"; fi
  done
  rm -rf "$INSTALL_ROOT"/.etcd-v*.aside
  # In the middle of a restore, clients are kept out.
  rm -f "$CURRENT.quarantine"
  [ ! -L "$CURRENT" ] || rm -f "$CURRENT"
}

# Deletes the newest first, so that a directory comes after what was created in it. A directory that is not empty has
# files of somebody else.
delete_made() {
  local path
  sed -n '1!G;h;$p' "$MADE" 2>/dev/null | while read -r path; do
    if is_others "$path" || ! is_safe_way "$path"; then continue; fi
    case ${path##*/} in
      etcd.log | etcd-backup.log | etcd-defragmentation.log) delete_log "$path" ;;
      *.aside-*) rm -rf "$path" ;;
      etcd-v*)
        if is_our_version "$path"; then delete_own "$path"; fi
        if [ -L "${path%/*}/etcd" ] && [ ! -e "${path%/*}/etcd" ]; then rm -f "${path%/*}/etcd"; fi
        ;;
    esac
    [ ! -d "$path" ] || rmdir "$path" 2>/dev/null || true
  done
}
