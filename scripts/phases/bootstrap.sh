# bootstrap: runs once in a member's life, and is the only phase that may ever start a cluster as new.

phase_bootstrap() {
  take_lock
  is_installed ||
    fail "this member was not staged, although Terraform has recorded its stage as done: that stage was killed" \
      "$(replacing "$STAGE_RESOURCE")"
  require_own_stage
  include_program
  # While a mount is missing, nobody can tell from what is visible whether the member has data.
  refuse_any check_mounted
  refuse_changed_founders
  if is_to_be_restored && [ -z "$(not_the_founding)" ]; then
    start_restored
    return
  fi
  if has_wal; then
    if ! is_running; then
      if was_removed_from_cluster; then
        say "the cluster has removed this member: left to rollout"
        return
      fi
      refuse_any check_former_cluster
      # Stopped members that have data start together, because one of them alone could not reach a quorum.
      start_etcd
    fi
    mark_started
    forget_unseen_data
    rm -f "$FIRST_START"
    say "has data of its own, nothing to found"
    return
  fi
  # A killed run may have left this file: supervisor could start the member as new while this run finds that it may not.
  rm -f "$FIRST_START"
  if has_mark; then
    say "has run before and its data are gone, so it may not found a cluster: left to rollout"
    return
  fi
  why_not=$(not_the_founding)
  if [ -n "$why_not" ]; then
    say "$why_not: left to rollout"
    return
  fi
  wait_until 20 ask_founders ||
    refuse "founding" "$obstacle, so it is unknown whether the cluster already exists" \
      "make sure that the host is up, and that the members reach each other at the ports ${PEER_URL##*:} and ${CLIENT_URL##*:} (firewall, routing, certificates), and apply again"
  if [ -n "$founded" ]; then
    say "the cluster already exists without this member: left to rollout"
    return
  fi
  rm -f "$IDENTITY"
  # If a new member started on a database without its write-ahead log, it would skip the first entries of the new log,
  # and differ from the other members for ever.
  empty_data_directory
  permit_first_start "initial_cluster=$FOUNDERS" "initial_cluster_state=new" "initial_cluster_token=$CLUSTER_TOKEN"
  start_etcd
  wait_while_moving 30 true has_wal ||
    fail "etcd wrote no data: $(last_words)" "see $LOG_DIR/etcd.log, correct the cause, and apply again"
  mark_started
  end_permission
  say "started as a founder of the new cluster $CLUSTER_TOKEN"
}

# The data were made for a cluster of other members.
refuse_changed_founders() {
  case $(restore_step) in
    ready | placing)
      why_not=$(not_the_founding)
      [ -z "$why_not" ] || refuse "restore" "$why_not, and this restore is not done" \
        "increase restore's attempt, and apply again"
      ;;
  esac
}

# A member that is to be restored starts with the data that phase `restore` has made.
start_restored() {
  case $(restore_step) in
    placed | compared) ;;
    ready | placing)
      [ "$(entry_of "$RESTORING" token)" = "$CLUSTER_TOKEN" ] ||
        refuse "restore" "the data on this host were made for another new cluster than this one" \
          "$(replacing "$RESTORE_RESOURCE")"
      if [ "$(restore_step)" = ready ]; then refuse_any check_replaced_cluster; fi
      place_data
      ;;
    *)
      refuse "restore" "no data were made for this member, although Terraform has recorded that" \
        "$(replacing "$RESTORE_RESOURCE")"
      ;;
  esac
  rm -f "$IDENTITY" "$FIRST_START"
  is_running || start_etcd
  forget_unseen_data
  say "started with the data of the snapshot; no client is let in yet"
}

is_installed() {
  [ -x "$CURRENT/etcd" ] && [ -e "$CURRENT/certs/etcd-peer-key.pem" ] &&
    { [ -e "$STARTUP" ] || [ -e "$STARTUP.next" ]; }
}

# Stops etcd, moves its data aside, and moves the new ones in. It may be killed anywhere and run again. From the first
# step on, no client gets in, even if the host boots in the middle and etcd starts with the old data.
place_data() {
  local new
  new=$(new_data)
  if [ "$(restore_step)" = ready ]; then
    [ -e "$new/data" ] || refuse "restore" "$new, the restored data, are gone" "$(replacing "$RESTORE_RESOURCE")"
    write_quarantine
    sync
    # Data are moved aside only after a stop.
    has_content || stop_program
    empty_data_directory
    activate
    # After a power cut, the old data must not be back without this host knowing.
    sync
    set_restore_step placing
  fi
  stop_program
  move_in "$new"
  mark_started
  sync
  set_restore_step placed
}

# move_in NEW: the write-ahead log comes last, so if there is one, all is there.
move_in() {
  if [ ! -e "$1/data" ] || has_wal; then return; fi
  if [ -z "$(mounts_in "$DATA_DIR")" ] && { rmdir "$DATA_DIR" 2>/dev/null || [ ! -e "$DATA_DIR" ]; }; then
    mv -T "$1/data" "$DATA_DIR"
    # etcd's user could have put a link there.
    [ ! -L "$DATA_DIR" ] || fail "$DATA_DIR is a symbolic link" "find out who has put it there, and remove it"
    return
  fi
  # shellcheck disable=SC2016 # the inner shell expands it
  as_etcd sh -c '
    set -e
    mkdir -p "$2/member/snap" "$2/member/wal"
    for file in "$1"/member/snap/* "$1"/member/wal/*; do
      [ -e "$file" ] || continue
      part=${file#"$1"/}
      cp "$file" "$2/${part%/*}/.restored"
      sync "$2/${part%/*}/.restored"
      mv -f "$2/${part%/*}/.restored" "$2/$part"
    done' sh "$1/data" "$DATA_DIR" ||
    fail "the restored data cannot be copied from $1/data to $DATA_DIR" "make room, and apply again"
}
