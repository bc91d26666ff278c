# admit: lets the clients in to a restored member, once all members have the same data.

phase_admit() {
  take_lock
  case $(restore_step) in
    placed) compare_members ;;
    compared) ;;
    ready | placing)
      refuse "restore" "this member was not started with the restored data, although Terraform has recorded that" \
        "$(replacing "$BOOTSTRAP_RESOURCE" "$ADMIT_RESOURCE")"
      ;;
    *)
      # After a power cut, this host may have lost the step.
      [ -e "$QUARANTINE" ] || { say "lets clients in" && return; }
      compare_members
      ;;
  esac
  rm -f "$QUARANTINE"
  if ! runs_as_meant; then
    if is_running; then restart_by ask_to_stop; else start_etcd; fi
  fi
  know_etcd
  wait_while_moving 60 true answers_healthy ||
    fail "not healthy with the restored data: $(health_reason)" "see $LOG_DIR/etcd.log, and apply again"
  drop_restore
  set_restore_step "done"
  say "has the same data as all other members, and lets clients in: $RESTORE"
}

compare_members() {
  write_quarantine
  url=$(cat "$QUARANTINE")
  if is_stopped; then
    start_etcd
  elif ! has_argument "/proc/$(etcd_pid)" "--listen-client-urls=$url"; then
    restart_by ask_to_stop
    know_etcd
  fi
  wait_while_moving 60 true answers_in_quarantine ||
    fail "the restored members form no quorum: $(last_words)" "see $LOG_DIR/etcd.log on each host, and apply again"
  require_new_cluster
  forget_old_deploys
  if older "$VERSION" 3.4.0; then
    say "warning: etcd $VERSION cannot be asked whether all members have the same data"
  else
    require_same_data
  fi
  tell_what_came_back
  set_restore_step compared
}

answers_in_quarantine() {
  is_healthy "$url" && return
  clear_old_alarm
  is_healthy "$url"
}

# The token and the peer URL give a restored member its ID.
require_new_cluster() {
  look_for_status "$url" || true
  [ "$(printf '%s\n' "$found_status" | awk '{ print $3 }')" = "$(founding_id)" ] ||
    fail "this member does not run with the restored data, so no client is let in" \
      "increase restore's attempt, and apply again"
}

require_same_data() {
  wait_until 60 have_same_data && return
  if [ -n "$differs" ]; then
    fail "the members have different data, so this one lets no client in: $reason" \
      "increase restore's attempt, and apply again; the data from before the restore are in $DATA_DIR.aside-*"
  fi
  fail "the members could not be compared, so this one lets no client in: $reason" \
    "see $LOG_DIR/etcd.log on its host, and apply again; if its bootstrap was killed, replace it (terraform state list shows its address); if its host is lost, take it out of the program, and increase restore's attempt"
}
