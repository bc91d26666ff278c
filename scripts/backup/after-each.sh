# The operator's own command, which copies a backup to another place. A backup counts without it. If the command fails,
# it is run again, after longer and longer times, until it succeeds or this host has a newer backup.

command_pid= # the command that is running

has_pending_command() { [ -n "$AFTER_EACH" ] && case $(status_of pending) in 0) return 1 ;; esac; }

run_pending_command() {
  local file tries code=0
  if ! has_pending_command || { [ "$now" -lt "$(status_of pending_at)" ] && [ "$now" -ge "$looked_at" ]; }; then
    return 0
  fi
  file=$(status_of pending)
  # In a file, nobody else can read the command; in an argument, everybody could.
  printf '%s\n' "$AFTER_EACH" >"$STATUS.command"
  # The answer goes to a file, too: a process that the command leaves behind would hold a pipe open for ever.
  run_command "$file" >"$STATUS.answer" 2>&1 &
  command_pid=$!
  wait "$command_pid" || code=$?
  command_pid=
  now=$(date +%s)
  if [ "$code" -eq 0 ]; then
    set_status pending '' pending_tries 0 pending_at 0
    log "the command after the backup has succeeded for $file"
  else
    tries=$(($(status_of pending_tries) + 1))
    set_status pending_tries "$tries" pending_at $((now + (tries < 7 ? 30 << tries : 3600))) \
      after_each_failures $(($(status_of after_each_failures) + 1))
    log "FAILED: the command after the backup, for $file, try $tries: $(last_line "$(tail -c 4000 "$STATUS.answer")")"
  fi
  rm -f "$STATUS.command" "$STATUS.answer"
  publish_metrics
}

# run_command FILE: in an environment of its own, and without the lock of this host. It takes the place of the shell that
# calls it, which is therefore one in the background: its process is then that of `timeout`, which stop_command ends.
run_command() {
  cd /
  home=~root
  exec env -i PATH="$PATH" HOME="$home" LC_ALL=C ETCD_BACKUP_FILE="$1" ETCD_BACKUP_JSON="$1.json" \
    timeout -k 10 "$AFTER_EACH_SECONDS" sh "$STATUS.command" </dev/null 9>&-
}

# `timeout` runs the command in a process group of its own, which supervisor's signal does not reach. It passes the
# signal on.
stop_command() { [ -z "$command_pid" ] || kill "$command_pid" 2>/dev/null || true; }
