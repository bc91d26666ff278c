# Claims: each directory that this package installs into belongs to one member of one cluster. Programs and Terraform
# states do not know of each other, so the claims are recorded on the host (registry.sh).

CLAIM_FRESH_MINUTES=10 # longer than a deploy needs from its first stage to its first start of etcd

# Claims the directories for this member. This holds a lock of the whole host, because the stage of another cluster may
# be checking the same directories at the same moment.
claim_host() {
  local claim unseen=
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
  claim=$(
    printf 'member=%s\ncluster=%s\n' "$MEMBER" "$CLUSTER"
    # A phase that is not told the owner or the genesis keeps the recorded value.
    printf 'owner=%s\ngenesis=%s\n' "${OWNER:-$(entry_of "$CLAIM" owner)}" "${GENESIS:-$(entry_of "$CLAIM" genesis)}"
    printf 'peer_url=%s\ninstall_root=%s\ndata_dir=%s\nlog_dir=%s\n' "$PEER_URL" "$INSTALL_ROOT" "$DATA_DIR" "$LOG_DIR"
    printf 'supervisor_ini=%s\nuser=%s\n' "$SUPERVISOR_INI" "$ETCD_USER"
    # Backups stay when they are no longer taken, or are taken in another directory from now on.
    backup_directories | sed -e '1s/^/backup_dir=/' -e '1!s/^/former_backup_dir=/'
    [ -z "$unseen" ] || echo data=unseen
  )
  put_file "$CLAIM" 600 root:root "$claim"
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
  local claim
  are_data_unseen || return 0
  claim=$(sed /^data=/d "$CLAIM") || fail "$CLAIM cannot be read" "correct that, and apply again"
  put_file "$CLAIM" 600 root:root "$claim"
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
      "set the id of the construct back, move the resources in that state (docs/destroy.md#changing-the-constructs-id), or give this cluster members and hosts of its own"
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
