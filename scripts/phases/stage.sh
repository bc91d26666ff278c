# stage: puts everything in place beside what runs. It never touches the running service; one that supervisor starts in vain does not run.

phase_stage() {
  take_lock
  phase_preflight
  ensure_user
  ensure_supervisor
  has_binaries || [ -n "$ARCHIVE_URL" ] ||
    fail "etcd $VERSION is not on this host, though its archive was pushed once" "terraform apply -replace the archive resource of this member"
  # The runbook has /data/etcd owned by etcd too; a directory that others use, like /var/lib, stays as it is.
  [ -d "$(dirname "$DATA_DIR")" ] || put_directory "$(dirname "$DATA_DIR")" 755
  put_directory "$DATA_DIR" 700
  put_directory "$LOG_DIR" 755
  install_binaries
  install_certificates
  decode "$ETCDCTL_ENV_BASE64" | put_file "$VERSIONED/etcdctl.env" 644 "$ETCD_USER:$ETCD_USER"
  stage_startup_script
  stage_program
  drop_other_stages
  [ -L "$CURRENT" ] || put_link "$(basename "$VERSIONED")" "$CURRENT"
  say "staged"
  revive
}

# The way back from a change that failed here: no other member restarts while this one is down, so it cannot wait for its rollout.
# A newer version does wait: before it comes a snapshot.
revive() {
  has_wal && is_own_program && ! older "$(installed_version)" "$VERSION" || return 0
  case $(supervisorctl status "$MEMBER" 2>/dev/null) in *" STOP"*) return 0 ;; esac # by somebody's hand
  pid_before=$(etcd_pid)
  ! wait_until 10 answers_healthy || return 0
  # The same process all the time: it only waits for the others.
  [ -z "$pid_before" ] || [ "$(etcd_pid)" != "$pid_before" ] || return 0
  ! was_taken_out || return 0
  activate
  supervisorctl update >/dev/null 2>&1 || true
  supervisorctl restart "$MEMBER" >/dev/null 2>&1 || true
  rm -f "$RESTART_PENDING"
  say "etcd stopped again and again: started it with what is staged"
}

ensure_user() {
  id "$ETCD_USER" >/dev/null 2>&1 && return
  useradd --system --user-group --no-create-home --home-dir /nonexistent --shell /sbin/nologin "$ETCD_USER"
  say "made the system user $ETCD_USER"
}

# What was staged for a version that is no longer wanted and never came to run.
drop_other_stages() {
  for other in "$INSTALL_ROOT"/etcd-v*; do
    [ "$other" = "$VERSIONED" ] || rm -f "$other"/*.next
  done
}

# etcd ignores the initial-* flags once it has data: a script that differs in nothing else needs no restart.
stage_startup_script() {
  decode "$STARTUP_BASE64" | put_file "$STARTUP.next" 755 "$ETCD_USER:$ETCD_USER"
  if [ "$(restart_relevant "$STARTUP.next")" = "$(restart_relevant "$STARTUP")" ]; then
    mv -f "$STARTUP.next" "$STARTUP"
  fi
}

restart_relevant() { grep -v '^initial_cluster' "$1" 2>/dev/null; }

stage_program() {
  decode "$PROGRAM_INI_BASE64" | put_file "$INI_NEXT" 644 root:root
  if cmp -s "$INI_NEXT" "$(program_ini)"; then rm -f "$INI_NEXT"; fi
}
