# decommission: runs when a member leaves the program, or everything is destroyed.

phase_decommission() {
  take_lock
  if command -v supervisorctl >/dev/null 2>&1 && [ -e "$(program_ini)" ]; then
    supervisorctl stop "$MEMBER" >/dev/null 2>&1 || true
    wait_until 40 is_stopped || fail "etcd does not stop" "stop process $(etcd_pid), and destroy again"
    unregister_program
    supervisorctl update >/dev/null 2>&1 || true
    say "stopped and unregistered"
  fi
  case $REMOVAL_POLICY in
    destroy)
      rm -rf "$DATA_DIR" "$LOG_DIR" "$STATE_DIR"
      delete_installation
      say "deleted data, logs and binaries"
      ;;
    *) say "data kept in $DATA_DIR" ;;
  esac
}

is_stopped() { ! is_running; }

delete_installation() {
  [ -L "$CURRENT" ] || return 0
  for directory in "$INSTALL_ROOT"/etcd-v*; do
    [ ! -e "$directory/.sha256" ] || rm -rf "$directory"
  done
  rm -f "$CURRENT"
}
