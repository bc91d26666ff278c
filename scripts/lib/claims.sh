# Each directory that we install into belongs to one member of one cluster. Programs and states do not know of each other; the host does (registry.sh).

CLAIM_FRESH_MINUTES=10 # longer than a deploy needs from its first stage to its first start

# Everything about places and their owners.
check_ownership() {
  check_places
  check_contents
  check_claims
  check_older_claims
}

# What root runs there, and writes there.
check_contents() {
  check_versions
  check_log
}

# claim_host: from here on the places are this member's. Under a lock of the whole host: another cluster's stage may be looking at the same moment.
claim_host() {
  private_directory /run/cdktf-etcd
  exec 7>/run/cdktf-etcd/claims.lock
  chmod 600 /run/cdktf-etcd/claims.lock
  flock -w 60 7 || refuse "locked" "another deploy is claiming places on this host, for a minute now" "wait for it to end, then apply again"
  refuse_any check_claims
  refuse_any check_other_state
  refuse_fresh_claim
  remember_old_installation
  private_directory "$STATE_DIR"
  {
    printf 'member=%s\ncluster=%s\n' "$MEMBER" "$CLUSTER"
    # A phase that does not know these two leaves them as they are.
    printf 'owner=%s\ngenesis=%s\n' "${OWNER:-$(entry_of "$CLAIM" owner)}" "${GENESIS:-$(entry_of "$CLAIM" genesis)}"
    printf 'peer_url=%s\ninstall_root=%s\ndata_dir=%s\nlog_dir=%s\n' "$PEER_URL" "$INSTALL_ROOT" "$DATA_DIR" "$LOG_DIR"
    printf 'supervisor_ini=%s\nuser=%s\n' "$SUPERVISOR_INI" "$ETCD_USER"
  } | put_file "$CLAIM" 600 root:root
  rm -f "$STATE_DIR/released"
  exec 7>&-
}

# Two first deploys of the same members at once, with two states: the certificates of one and the genesis of the other would meet on a host.
refuse_fresh_claim() {
  local genesis
  genesis=$(entry_of "$CLAIM" genesis)
  if [ -z "$genesis" ] || [ -z "${GENESIS:-}" ] || [ "$genesis" = "$GENESIS" ] || has_mark; then return; fi
  [ -n "$(find "$CLAIM" -mmin "-$CLAIM_FRESH_MINUTES")" ] || return 0
  refuse "claim" "another deploy, with another Terraform state, has staged this member less than $CLAIM_FRESH_MINUTES minutes ago and not started it yet" \
    "let that deploy end, and use its state; if there is none, apply again when $CLAIM_FRESH_MINUTES minutes are over"
}

# Another Terraform state has deployed this member, and it lives. A new state of the same program may go on with it, as where a state was lost; another
# program may not, which happens to have the same CA, and one name and address in common.
check_other_state() {
  local owner cluster strangers
  owner=$(entry_of "$CLAIM" owner)
  if [ -z "$owner" ] || [ "$owner" = "${OWNER:-$owner}" ] || ! has_mark || ! has_wal; then return; fi
  cluster=$(entry_of "$CLAIM" cluster)
  if [ "$cluster" != "$CLUSTER" ]; then
    refusal "member" "this member is of the cluster $cluster, which another Terraform state has deployed, and the program calls it $CLUSTER" \
      "set the id of the construct back, move the resources in that state (docs/destroy.md), or give this cluster members and hosts of its own"
  elif answers_healthy; then
    strangers=$(members_of "$(own_url)" | undesired | named)
    [ -z "$strangers" ] || refusal "member" "another Terraform state has deployed this member, and its cluster has $strangers, which the program does not name" \
      "use that state; where it is lost, name these members too; or give this cluster members and hosts of its own"
  fi
}

# A new installRoot or logDir: what lies in the old one is still ours to remove.
remember_old_installation() {
  local root version log
  log=$(entry_of "$CLAIM" log_dir)
  if [ -n "$log" ] && [ "$log" != "$LOG_DIR" ]; then remember_made "$log/etcd.log"; fi
  root=$(entry_of "$CLAIM" install_root)
  if [ -z "$root" ] || [ "$root" = "$INSTALL_ROOT" ]; then return; fi
  for version in "$root"/etcd-v*; do
    if is_our_version "$version"; then remember_made "$version"; fi
  done
}

# Root goes through no link, and writes nowhere where somebody else could put one.
check_places() {
  local include
  check_place "paths.installRoot" "$INSTALL_ROOT" "$INSTALL_ROOT"
  check_place "paths.dataDir" "$DATA_DIR" "$(dirname "$DATA_DIR")"
  check_place "paths.logDir" "$LOG_DIR" "$LOG_DIR"
  check_reach "paths.installRoot" "$INSTALL_ROOT"
  check_reach "paths.dataDir" "$(dirname "$DATA_DIR")"
  check_data_owner
  include=$(program_include 2>/dev/null) || return 0
  check_trusted "supervisor" "$(readlink -f "$(dirname "$include")")" "where supervisord reads its programs"
}

# check_place PROP PATH ROOTS: ROOTS, which is PATH or a directory above it, must be root's.
check_place() {
  local link
  link=$(link_in "$2")
  if [ -n "$link" ]; then
    refusal "$1" "$link is a symbolic link to $(readlink -f "$link"), and root writes through no link" "set $1 to $(readlink -f "$link")${2#"$link"}"
  else
    check_trusted "$1" "$3" "and root writes there"
  fi
}

# check_reach PROP PATH: etcd is run from there, and writes there. A user that is still to be made is in no group, as nobody is.
check_reach() {
  local closed
  as_user='setpriv --reuid=65534 --regid=65534 --clear-groups'
  ! id "$ETCD_USER" >/dev/null 2>&1 || set_as_user
  [ "$OWN_UID" -eq 0 ] || as_user=
  # shellcheck disable=SC2016 # the inner shell expands it
  closed=$(run_as_user sh -c '
    path= rest=${1#/}/
    while [ -n "$rest" ]; do
      path=$path/${rest%%/*} rest=${rest#*/}
      [ -x "$path" ] || { printf "%s\n" "$path" && exit; }
    done' sh "$(existing_part "$2")")
  [ -z "$closed" ] || refusal "$1" "the user $ETCD_USER cannot enter $closed ($(whose "$closed")), on the way to $2" "chmod o+x $closed, or set $1 to another directory"
}

# check_trusted WHAT PATH WHY
check_trusted() {
  local path
  path=$(untrusted "$2")
  if [ -z "$path" ] || is_left_to_take_over "$path"; then return; fi
  if [ -d "$path" ] && [ "$path" != "$2" ] && [ -n "$(other_place "$1")" ]; then
    # Above the place, others may need it as it is: /var/log is syslog's on Ubuntu.
    refusal "$1" "$path can be changed by others than root ($(whose "$path")), $3" "set $1 to a directory below such as only root can change"
  elif [ -d "$path" ]; then
    refusal "$1" "$path can be changed by others than root ($(whose "$path")), $3" "chown root:root $path && chmod go-w $path$(other_place "$1")"
  else
    refusal "$1" "$path is no directory" "move it away$(other_place "$1")"
  fi
}

other_place() { case $1 in paths.*) echo ", or set $1 to a directory of its own" ;; esac; }

# What an older version of this package gave to etcd's user, or somebody gave away by hand since, and the next stage takes back.
is_left_to_take_over() {
  case $1 in
    "$(dirname "$DATA_DIR")" | "$LOG_DIR") was_etcds "$1" ;;
    "$VERSIONED") is_version_to_take_over "$1" ;;
    *) return 1 ;;
  esac
}

# supervisord, root, appends to the log and renames it: where it leads elsewhere, or is another file too, that is what root would write to.
check_log() {
  local file
  if ! is_trusted "$LOG_DIR" || is_left_to_take_over "$LOG_DIR"; then return 0; fi
  file=$(find "$LOG_DIR" -maxdepth 1 -name 'etcd.log*' ! \( -type f -links 1 -uid "$OWN_UID" \) -print 2>/dev/null | head -n 1)
  [ -z "$file" ] || refusal "paths.logDir" "$file is $(stat -c '%F of %U, with %h names' "$file"), and root writes the log there" "move it away, or set paths.logDir to a directory of its own"
}

# It is given to etcd's user, so it must be nobody else's. One with data says more in check_data and check_user.
check_data_owner() {
  local owner
  if [ ! -d "$DATA_DIR" ] || has_wal; then return; fi
  owner=$(stat -c %U "$DATA_DIR")
  case $owner in
    root | "$ETCD_USER") ;;
    *) [ "$(stat -c %u "$DATA_DIR")" = "$OWN_UID" ] ||
      refusal "paths.dataDir" "$DATA_DIR belongs to $owner" "if nobody needs it, rmdir $DATA_DIR; or set paths.dataDir to a directory of its own" ;;
  esac
}

# A version's directory that we did not unpack is somebody's, and a link to one as well.
check_versions() {
  local current
  if [ -e "$VERSIONED" ] || [ -L "$VERSIONED" ]; then
    if ! is_our_version "$VERSIONED"; then
      refusal "paths.installRoot" "$VERSIONED was not made by this package" "move it away, or set paths.installRoot to another directory"
    elif ! is_trusted "$VERSIONED" && is_trusted "$INSTALL_ROOT" && ! is_left_to_take_over "$VERSIONED"; then
      refusal "paths.installRoot" "$VERSIONED can be changed by others than root ($(whose "$VERSIONED")), and root runs what lies there" \
        "move it away, or set paths.installRoot to another directory"
    fi
  fi
  [ -L "$CURRENT" ] || return 0
  current=$(readlink -f "$CURRENT")
  case $current in
    "$VERSIONED") return ;;
    "$INSTALL_ROOT"/etcd-v*) if [ ! -e "$current" ] || is_our_version "$current"; then return; fi ;;
  esac
  refusal "paths.installRoot" "$CURRENT leads to $current, which was not made by this package" "move the link away, or set paths.installRoot to another directory"
}

check_claims() {
  local claim other
  for claim in "${STATE_DIR%/*}"/*/claim; do
    other=$(basename "$(dirname "$claim")")
    if [ ! -e "$claim" ] || [ "$other" = "$MEMBER" ]; then continue; fi
    compare_claim "$claim" "$other" paths.installRoot "$CURRENT"
    compare_claim "$claim" "$other" paths.dataDir "$DATA_DIR"
    compare_claim "$claim" "$other" paths.logDir "$LOG_DIR"
    [ "$(entry_of "$claim" supervisor_ini)" != "$SUPERVISOR_INI" ] ||
      taken paths.supervisorProgramFile "the supervisor file $SUPERVISOR_INI" "$claim" "$other"
  done
}

# compare_claim CLAIM MEMBER PROP PATH
compare_claim() {
  local root theirs
  root=$(entry_of "$1" install_root)
  for theirs in "$root/etcd" "$(entry_of "$1" data_dir)" "$(entry_of "$1" log_dir)"; do
    if overlap "$4" "$theirs"; then
      taken "$3" "$theirs" "$1" "$2"
      return
    fi
  done
}

# taken PROP WHAT CLAIM MEMBER
taken() {
  local cluster
  cluster=$(entry_of "$3" cluster)
  refusal "$1" "$2 belongs to the member $4${cluster:+ of the cluster $cluster} ($(entry_of "$3" peer_url))" \
    "set $1 to one of its own; if $4 is gone from this host for good, rm $3"
}

# overlap A B: one is the other, or lies in it.
overlap() { case $1/ in "$2"/*) return 0 ;; esac && case $2/ in "$1"/*) return 0 ;; *) return 1 ;; esac; }

# A member that an older version of this package deployed has claimed nothing. Its startup script says whose it is, and its supervisor program.
check_older_claims() {
  local script name ini include
  for script in "$INSTALL_ROOT"/etcd-v*/etcd-server-startup.sh "$INSTALL_ROOT"/etcd-v*/etcd-server-startup.sh.next; do
    name=$(sed -n 's/^# Member \([^ ]*\) of etcd; rendered by .*/\1/p' "$script" 2>/dev/null | head -n 1)
    if [ -z "$name" ] || [ "$name" = "$MEMBER" ] || [ -e "${STATE_DIR%/*}/$name/claim" ] || [ -e "${STATE_DIR%/*}/$name/released" ]; then continue; fi
    refusal "paths.installRoot" "${script%/*} belongs to the member $name" "set paths.installRoot to a directory of its own; if $name is gone from this host for good, rm $script"
    break
  done
  include=$(program_include 2>/dev/null) || return 0
  for ini in "$(dirname "$include")"/*; do
    if [ -L "$ini" ] || ! grep -qxF -e "stdout_logfile=$LOG_DIR/etcd.log" "$ini" 2>/dev/null; then continue; fi
    name=$(program_of "$ini")
    if [ "$name" = "$MEMBER" ] || [ -e "${STATE_DIR%/*}/$name/claim" ]; then continue; fi
    refusal "paths.logDir" "the program $name ($ini) logs to $LOG_DIR/etcd.log" "set paths.logDir to a directory of its own"
  done
}
