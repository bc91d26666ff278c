# decommission: runs when a member leaves the program, or everything is destroyed.

phase_decommission() {
  take_lock
  if command -v supervisorctl >/dev/null 2>&1 && is_own_program; then
    supervisorctl stop "$MEMBER" >/dev/null 2>&1 || true
    wait_until 40 is_stopped || fail "etcd does not stop" "stop process $(etcd_pid), and destroy again"
    unregister_program
    supervisorctl update >/dev/null 2>&1 || true
    say "stopped and unregistered"
  fi
  # Without the mark of a life these data are somebody else's: of a member that was renamed, or found here and refused.
  if [ "$REMOVAL_POLICY" = destroy ] && has_mark; then
    rm -rf "$DATA_DIR" "$LOG_DIR"
    delete_installation
    # The mark goes last: whatever is cut short before can be run again.
    rm -rf "$STATE_DIR"
    say "deleted data, logs and binaries"
  elif [ -d "$DATA_DIR" ]; then
    say "data kept in $DATA_DIR"
  fi
}

is_stopped() { ! is_running; }

delete_installation() {
  [ -L "$CURRENT" ] || return 0
  for directory in "$INSTALL_ROOT"/etcd-v*; do
    [ ! -e "$directory/.sha256" ] || rm -rf "$directory"
  done
  rm -f "$CURRENT"
}
