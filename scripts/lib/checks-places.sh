# Checks of the directories that this package uses on a host: only root can change what root writes to and runs there,
# and etcd's user can enter those that it needs.

DATA_PARENT=${DATA_DIR%/*}
DATA_PARENT=${DATA_PARENT:-/}

# All checks of the directories and of who owns them.
check_ownership() {
  check_places
  check_contents
  check_claims
  check_older_claims
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
  check_trusted "supervisor" "${include%/*}" "and supervisord reads its programs from there"
}

# Checks what root runs from these directories, and what it writes to there.
check_contents() {
  check_versions
  check_log
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
