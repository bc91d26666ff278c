# shutdown: the whole cluster is destroyed. A host that cannot be reached fails the destroy, which can be run again.
# decommission: a member has left the program; after `shutdown` too, then with nothing left to do.

phase_shutdown() {
  take_lock
  stop_and_clean
}

phase_decommission() {
  take_lock
  # It was taken out of the cluster before; if that did not happen, the others still count on it.
  wait_until 15 is_out_or_answers ||
    refuse "still a member" "its etcd runs and does not answer, so nobody knows whether the cluster counts on it; it was not stopped" "see $LOG_DIR/etcd.log; then on this host: supervisorctl stop $MEMBER"
  if answers_healthy && [ -n "$(members_of "$(own_url)" | own_entry)" ]; then
    refuse "still a member" "the cluster still counts on this member, it was not stopped" "etcdctl member remove it, then on this host: supervisorctl stop $MEMBER"
  fi
  stop_and_clean
}

# An etcd that was taken out ends by itself, however often supervisor starts it.
is_out_or_answers() { ! is_running || answers_healthy; }

stop_and_clean() {
  if command -v supervisorctl >/dev/null 2>&1 && is_own_program; then
    supervisorctl stop "$MEMBER" >/dev/null 2>&1 || true
    wait_until 40 is_stopped || fail "etcd does not stop" "stop process $(etcd_pid), and destroy again"
    unregister_program
    supervisorctl update >/dev/null 2>&1 || true
    say "stopped and unregistered"
    [ "$REMOVAL_POLICY" = destroy ] || [ ! -d "$DATA_DIR" ] || say "data kept in $DATA_DIR"
  fi
  [ "$REMOVAL_POLICY" = destroy ] || return 0
  # Without the mark of a life these data are somebody else's: of a member that was renamed, or found here and refused.
  if has_mark; then
    rm -rf "$DATA_DIR" "$LOG_DIR"
    delete_installation
    # The mark goes last: whatever is cut short before can be run again.
    rm -rf "$STATE_DIR"
    say "deleted data, logs and binaries"
  elif is_only_staged; then
    rmdir "$DATA_DIR" "$LOG_DIR" 2>/dev/null || true
    delete_installation
    say "deleted what was staged and never ran"
  fi
}

# A deploy was killed, or failed, before anything was started here: no data, no program, and nobody's mark.
is_only_staged() {
  [ -L "$CURRENT" ] && [ ! -e "$(program_ini)" ] && [ -z "$(ls -A "$DATA_DIR" 2>/dev/null)" ] && [ -z "$(ls "$(dirname "$STATE_DIR")"/*/started 2>/dev/null)" ]
}

delete_installation() {
  [ -L "$CURRENT" ] || return 0
  for directory in "$INSTALL_ROOT"/etcd-v*; do
    [ ! -e "$directory/.sha256" ] || rm -rf "$directory"
  done
  rm -f "$CURRENT"
}
