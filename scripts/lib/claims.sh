# Claims: each directory that this package installs into belongs to one member of one cluster. Programs and Terraform
# states do not know of each other, so the claims are recorded on the host (registry.sh).

DATA_PARENT=${DATA_DIR%/*}
DATA_PARENT=${DATA_PARENT:-/}

CLAIM_FRESH_MINUTES=10 # longer than a deploy needs from its first stage to its first start of etcd

# All checks of the directories and of who owns them.
check_ownership() {
  check_places
  check_contents
  check_claims
  check_older_claims
}

# Checks what root runs from these directories, and what it writes to there.
check_contents() {
  check_versions
  check_log
}

# Claims the directories for this member. This holds a lock of the whole host, because the stage of another cluster may
# be checking the same directories at the same moment.
claim_host() {
  local unseen=
  private_directory /run/cdktf-etcd
  exec 7>/run/cdktf-etcd/claims.lock
  chmod 600 /run/cdktf-etcd/claims.lock
  flock -w 60 7 || refuse "locked" "another deploy has been claiming directories on this host for a minute" \
    "wait for it to end, then apply again"
  refuse_any check_claims
  refuse_any check_other_state
  refuse_fresh_claim
  remember_old_installation
  private_directory "$STATE_DIR"
  if has_wal && { is_other_genesis || are_data_unseen; }; then unseen=yes; fi
  {
    printf 'member=%s\ncluster=%s\n' "$MEMBER" "$CLUSTER"
    # A phase that is not told the owner or the genesis keeps the recorded value.
    printf 'owner=%s\ngenesis=%s\n' "${OWNER:-$(entry_of "$CLAIM" owner)}" "${GENESIS:-$(entry_of "$CLAIM" genesis)}"
    printf 'peer_url=%s\ninstall_root=%s\ndata_dir=%s\nlog_dir=%s\n' "$PEER_URL" "$INSTALL_ROOT" "$DATA_DIR" "$LOG_DIR"
    printf 'supervisor_ini=%s\nuser=%s\n' "$SUPERVISOR_INI" "$ETCD_USER"
    # Backups stay when they are no longer taken, or are taken in another directory from now on.
    printf 'backup_dir=%s\n' "${BACKUP_DIR:-$(entry_of "$CLAIM" backup_dir)}"
    backup_directories | sed -e 1d -e 's/^/former_backup_dir=/'
    [ -z "$unseen" ] || echo data=unseen
  } | put_file "$CLAIM" 600 root:root
  rm -f "$STATE_DIR/released"
  exec 7>&-
}

# This is the first deploy of a Terraform state, or the first one after its genesis was replaced.
is_other_genesis() {
  look_for_entry "$CLAIM" genesis
  [ -n "${GENESIS:-}" ] && [ "$entry_value" != "$GENESIS" ]
}

# Since such a deploy began, no phase has made sure that founders see the data of this member. The claim says so until
# one has: the first stage may have failed or been killed, or skipped this in a restore that was given up later.
are_data_unseen() {
  look_for_entry "$CLAIM" data
  [ "$entry_value" = unseen ] && has_wal
}

forget_unseen_data() {
  ! are_data_unseen || sed /^data=/d "$CLAIM" | put_file "$CLAIM" 600 root:root
}

# Refuses the second of two first deploys of the same members with two Terraform states: otherwise the certificates of
# one and the genesis of the other would meet on a host.
refuse_fresh_claim() {
  local genesis
  look_for_entry "$CLAIM" genesis
  genesis=$entry_value
  if [ -z "$genesis" ] || [ -z "${GENESIS:-}" ] || [ "$genesis" = "$GENESIS" ] || has_mark; then return; fi
  # The same state has another genesis after a restore that was refused, and then another one.
  if [ -n "${OWNER:-}" ] && [ "$(entry_of "$CLAIM" owner)" = "$OWNER" ]; then return; fi
  [ -n "$(find "$CLAIM" -mmin "-$CLAIM_FRESH_MINUTES")" ] || return 0
  refuse "claim" \
    "another deploy, with another Terraform state, staged this member less than $CLAIM_FRESH_MINUTES minutes ago and has not started it yet" \
    "let that deploy end, and use its state; if no such deploy is running, apply again after $CLAIM_FRESH_MINUTES minutes"
}

# Refuses if another Terraform state has deployed this member, and the member has data. A new state of the same program
# may continue with it, for example after a state was lost. Another program, which happens to have the same CA and one
# name and address in common, may not.
check_other_state() {
  local owner cluster strangers
  look_for_entry "$CLAIM" owner
  owner=$entry_value
  if [ -z "$owner" ] || [ "$owner" = "${OWNER:-$owner}" ] || ! has_mark || ! has_wal; then return; fi
  cluster=$(entry_of "$CLAIM" cluster)
  if [ "$cluster" != "$CLUSTER" ]; then
    refusal "member" \
      "this member belongs to the cluster $cluster, which another Terraform state has deployed, but the program calls the cluster $CLUSTER" \
      "set the id of the construct back, move the resources in that state (docs/destroy.md), or give this cluster members and hosts of its own"
  elif answers_healthy; then
    list_members "$(own_url)" || {
      refusal "member" \
        "another Terraform state has deployed this member, and etcd does not say who the members of its cluster are" \
        "see $LOG_DIR/etcd.log, and apply again"
      return
    }
    strangers=$(printf '%s\n' "$list" | undesired | named)
    [ -z "$strangers" ] || refusal "member" \
      "another Terraform state has deployed this member, and its cluster has $strangers, which the program does not name" \
      "use that state; if it is lost, name these members too; or give this cluster members and hosts of its own"
  fi
}

# If installRoot or logDir has changed, this package must still remove what it installed in the old directory.
remember_old_installation() {
  local root version log name
  look_for_entry "$CLAIM" log_dir
  log=$entry_value
  if [ -n "$log" ] && [ "$log" != "$LOG_DIR" ]; then
    for name in $(log_names); do remember_made "$log/$name"; done
  fi
  look_for_entry "$CLAIM" install_root
  root=$entry_value
  if [ -z "$root" ] || [ "$root" = "$INSTALL_ROOT" ]; then return; fi
  for version in "$root"/etcd-v*; do
    if is_our_version "$version"; then remember_made "$version"; fi
  done
}

# Root follows no symbolic link, and does not write where another user could create one.
check_places() {
  local include ini
  check_place "paths.installRoot" "$INSTALL_ROOT" "$INSTALL_ROOT"
  check_place "paths.dataDir" "$DATA_DIR" "$DATA_PARENT"
  check_place "paths.logDir" "$LOG_DIR" "$LOG_DIR"
  check_backup_places
  check_reach
  check_data_owner
  set_program_files || return 0
  check_trusted "supervisor" "$(readlink -f "${include%/*}")" "and supervisord reads its programs from there"
}

check_backup_places() {
  [ -n "$BACKUP_DIR" ] || return 0
  check_place "backups.directory" "$BACKUP_DIR" "$BACKUP_DIR"
  # Only root can enter it afterwards.
  if [ -d "$BACKUP_DIR" ] && [ "$BACKUP_DIR" != "$(entry_of "$CLAIM" backup_dir)" ] && ! has_made "$BACKUP_DIR" &&
    [ "$(stat -c %a "$BACKUP_DIR")" != 700 ] && [ -n "$(ls -A "$BACKUP_DIR")" ]; then
    refusal "backups.directory" "$BACKUP_DIR has files of others, which only root could read then" \
      "set backups.directory to a directory of its own"
  fi
  check_backup_disk
  [ -z "$TEXTFILE_DIR" ] || check_textfile_directory
}

# On the disk below the mount point, the backups would fill the file system of another, often of the host itself.
check_backup_disk() {
  unmounted_above "$BACKUP_DIR" | while read -r mount_point why; do
    refusal "backups.directory" "$mount_point $why, so backups would go to another disk" "mount $mount_point"
  done
}

# The metrics of the backup program go to a directory of node_exporter's, which somebody else has created.
check_textfile_directory() {
  [ -d "$TEXTFILE_DIR" ] || {
    refusal "backups.textfileDirectory" "there is no directory $TEXTFILE_DIR" \
      "create it, and start node_exporter with --collector.textfile.directory=$TEXTFILE_DIR"
    return
  }
  check_place "backups.textfileDirectory" "$TEXTFILE_DIR" "$TEXTFILE_DIR"
}

# check_place PROP PATH ROOTS: ROOTS is PATH or a directory above it, and must belong to root.
check_place() {
  local link
  look_for_link "$2"
  if [ -n "$link" ]; then
    refusal "$1" "$link is a symbolic link to $(readlink -f "$link"), and root does not write through links" \
      "set $1 to $(readlink -f "$link")${2#"$link"}"
  else
    check_trusted "$1" "$3" "and root writes there"
  fi
}

# etcd's user must be able to enter the directories in which etcd runs and writes. Before that user exists, the check
# runs as nobody (65534): a new user is in no other group either.
check_reach() {
  local prop directory closed existing
  as_user='setpriv --reuid=65534 --regid=65534 --clear-groups'
  know_etcd_uid
  [ -z "$ETCD_UID" ] || set_as_user
  [ "$OWN_UID" -eq 0 ] || as_user=
  look_for_existing "$INSTALL_ROOT"
  set -- "paths.installRoot $INSTALL_ROOT" "$existing"
  look_for_existing "$DATA_PARENT"
  set -- "$@" "paths.dataDir $DATA_PARENT" "$existing"
  # shellcheck disable=SC2016 # the inner shell expands it
  run_as_user sh -c '
    while [ $# -gt 0 ]; do
      path= rest=${2#/}/
      while [ -n "$rest" ]; do
        path=$path/${rest%%/*} rest=${rest#*/}
        [ -x "$path" ] || { printf "%s\n%s\n" "$1" "$path" && break; }
      done
      shift 2
    done' sh "$@" | while read -r prop directory && read -r closed; do
    refusal "$prop" "the user $ETCD_USER cannot enter $closed ($(whose "$closed")), so etcd cannot reach $directory" \
      "chmod o+x $closed, or set $prop to another directory"
  done
}

# check_trusted WHAT PATH WHY
check_trusted() {
  local path
  look_for_untrusted "$2"
  path=$untrusted_part
  if [ -z "$path" ] || is_left_to_take_over "$path"; then return; fi
  if [ -d "$path" ] && [ "$path" != "$2" ] && [ -n "$(other_place "$1")" ]; then
    # Others may need the directories above it as they are: on Ubuntu, the group syslog can write to /var/log.
    refusal "$1" "$path can be changed by users other than root ($(whose "$path")), $3" \
      "set $1 to a directory below directories that only root can change"
  elif [ -d "$path" ]; then
    refusal "$1" "$path can be changed by users other than root ($(whose "$path")), $3" \
      "chown root:root $path && chmod go-w $path$(other_place "$1")"
  else
    refusal "$1" "$path is not a directory" "move it away$(other_place "$1")"
  fi
}

other_place() { case $1 in paths.* | backups.*) echo ", or set $1 to a directory of its own" ;; esac; }

# True for a path that an older version of this package gave to etcd's user, or that somebody has given away by hand
# since: the next stage gives it back to root (takeover.sh).
is_left_to_take_over() {
  case $1 in
    "$DATA_PARENT" | "$LOG_DIR") was_etcds "$1" ;;
    "$VERSIONED") is_version_to_take_over "$1" ;;
    *) return 1 ;;
  esac
}

# supervisord, which runs as root, appends to the log and renames it. If the log is a link, or has a second name, root
# would write to another file.
check_log() {
  local file
  if ! is_trusted "$LOG_DIR" || is_left_to_take_over "$LOG_DIR"; then return 0; fi
  file=$(find "$LOG_DIR" -maxdepth 1 -regex '.*/etcd\(-backup\|-defragmentation\)?\.log[^/]*' ! \( -type f -links 1 -uid "$OWN_UID" \) \
    -print -quit 2>/dev/null) || true
  [ -z "$file" ] || refusal "paths.logDir" \
    "$file is not a regular file of root with a single name ($(stat -c '%F, owner %U, hard links: %h' "$file")), and root writes the log there" \
    "move it away, or set paths.logDir to a directory of its own"
}

# Stage gives the data directory to etcd's user, so it must not belong to anybody else. If there are data in it,
# check_data and check_user give a more precise message.
check_data_owner() {
  local owner
  if [ ! -d "$DATA_DIR" ] || has_wal || is_etcds "$DATA_DIR"; then return; fi
  look_for_owner "$DATA_DIR"
  case $owner in
    0 | "$OWN_UID") ;;
    *) refusal "paths.dataDir" "$DATA_DIR belongs to $(stat -c %U "$DATA_DIR")" \
      "if nobody needs it, rmdir $DATA_DIR; or set paths.dataDir to a directory of its own" ;;
  esac
}

# The directory of a version that this package did not unpack belongs to somebody else, and so does one that the link in
# use points to.
check_versions() {
  local current
  if [ -e "$VERSIONED" ] || [ -L "$VERSIONED" ]; then
    if ! is_our_version "$VERSIONED"; then
      refusal "paths.installRoot" "$VERSIONED was not made by this package" \
        "move it away, or set paths.installRoot to another directory"
    elif ! is_trusted "$VERSIONED" && is_trusted "$INSTALL_ROOT" && ! is_left_to_take_over "$VERSIONED"; then
      refusal "paths.installRoot" \
        "$VERSIONED can be changed by users other than root ($(whose "$VERSIONED")), and root runs what is in it" \
        "move it away, or set paths.installRoot to another directory"
    fi
  fi
  [ -L "$CURRENT" ] || return 0
  current=$(readlink -f "$CURRENT")
  case $current in
    "$VERSIONED") return ;;
    "$INSTALL_ROOT"/etcd-v*) if [ ! -e "$current" ] || is_our_version "$current"; then return; fi ;;
  esac
  refusal "paths.installRoot" "$CURRENT points to $current, which was not made by this package" \
    "move the link away, or set paths.installRoot to another directory"
}

check_claims() {
  local claim other
  for claim in "${STATE_DIR%/*}"/*/claim; do
    other=${claim%/claim}
    other=${other##*/}
    if [ ! -e "$claim" ] || [ "$other" = "$MEMBER" ]; then continue; fi
    compare_claim "$claim" "$other" paths.installRoot "$CURRENT"
    compare_claim "$claim" "$other" paths.dataDir "$DATA_DIR"
    compare_claim "$claim" "$other" paths.logDir "$LOG_DIR"
    [ -z "$BACKUP_DIR" ] || compare_claim "$claim" "$other" backups.directory "$BACKUP_DIR"
    [ "$(entry_of "$claim" supervisor_ini)" != "$SUPERVISOR_INI" ] ||
      taken paths.supervisorProgramFile "the supervisor file $SUPERVISOR_INI" "$claim" "$other"
  done
}

# compare_claim CLAIM MEMBER PROP PATH
compare_claim() {
  local root theirs
  root=$(entry_of "$1" install_root)
  for theirs in "$root/etcd" "$(entry_of "$1" data_dir)" "$(entry_of "$1" log_dir)" "$(entry_of "$1" backup_dir)"; do
    if [ -n "$theirs" ] && { overlap "$4" "$theirs" || is_in_version "$4" "$theirs" || is_in_version "$theirs" "$4"; }; then
      taken "$3" "$theirs" "$1" "$2"
      return
    fi
  done
}

# is_in_version PATH LINK: the path is in the directory of a version that the link `etcd` may lead to. A removal deletes
# those directories.
is_in_version() {
  case $2 in */etcd) ;; *) return 1 ;; esac
  case $1/ in "$2"-v[0-9]*.[0-9]*.[0-9]*/*) ;; *) return 1 ;; esac
}

# taken PROP WHAT CLAIM MEMBER
taken() {
  local cluster
  cluster=$(entry_of "$3" cluster)
  refusal "$1" "$2 belongs to the member $4${cluster:+ of the cluster $cluster} ($(entry_of "$3" peer_url))" \
    "set $1 to another value; if $4 is gone from this host for good, rm $3"
}

# overlap A B: the two paths are the same, or one is inside the other.
overlap() { case $1/ in "$2"/*) return 0 ;; esac && case $2/ in "$1"/*) return 0 ;; *) return 1 ;; esac; }

# A member that was deployed by an older version of this package has no claim. Its startup script and its supervisor
# program show whose the directory is.
check_older_claims() {
  local script name ini include
  for script in "$INSTALL_ROOT"/etcd-v*/etcd-server-startup.sh "$INSTALL_ROOT"/etcd-v*/etcd-server-startup.sh.next; do
    # This member's own scripts are recognized without reading them as etcd does.
    if [ ! -f "$script" ] || grep -qxF -e "  --name=$MEMBER \\" "$script"; then continue; fi
    name=$(flags_of_script 2>/dev/null <"$script" | sed -n 's/^--name=//p')
    if [ -z "$name" ] || [ "$name" = "$MEMBER" ] || [ -e "${STATE_DIR%/*}/$name/claim" ] ||
      [ -e "${STATE_DIR%/*}/$name/released" ]; then continue; fi
    refusal "paths.installRoot" "${script%/*} belongs to the member $name" \
      "set paths.installRoot to a directory of its own; if $name is gone from this host for good, rm $script"
    break
  done
  set_program_files || return 0
  for ini in "${include%/*}"/*; do
    if [ -L "$ini" ] || ! grep -qxF -e "stdout_logfile=$LOG_DIR/etcd.log" "$ini" 2>/dev/null; then continue; fi
    look_for_program "$ini"
    if [ "$program" = "$MEMBER" ] || [ -e "${STATE_DIR%/*}/$program/claim" ]; then continue; fi
    refusal "paths.logDir" "the supervisor program $program ($ini) logs to $LOG_DIR/etcd.log" \
      "set paths.logDir to a directory of its own"
  done
}
