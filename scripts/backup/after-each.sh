# The operator's own command, which copies a backup to another place. A backup counts without it. If the command fails,
# it is run again, after longer and longer times, until it succeeds or this host has a newer backup. It runs beside the
# loop: while it hangs, backups are taken all the same.

COMMAND=$STATE_DIR/backup-command                             # the command; with a suffix, what it has printed
COMMAND_LOCK=/run/cdktf-etcd/$MEMBER.backup-command.lock       # of whoever runs it on this host
COMMAND_PATIENCE=30                                           # how long an operator waits for another run, in seconds
COMMAND_PAUSE=3600                                            # the longest time from one try to the next, in seconds
COMMAND_WORDS=4000                                            # how much of what it prints last is kept, in bytes
command_pid= command_reader= command_file=                    # the command that is running, and for which backup

has_pending_command() { [ -n "$AFTER_EACH" ] && case $(status_of pending) in 0) return 1 ;; esac; }

# The second condition is for a clock that was set back, perhaps while this program did not run.
is_command_due() {
  local at
  has_pending_command || return 1
  at=$(status_of pending_at)
  [ "$now" -ge "$at" ] || [ "$at" -gt $((now + COMMAND_PAUSE)) ]
}

# For the loop: starts the command if it is time, or looks whether it has ended.
follow_command() {
  if [ -n "$command_pid" ]; then
    kill -0 "$command_pid" 2>/dev/null || end_command
  elif is_command_due; then
    start_command 0 || true
  fi
}

# pause SECONDS: shorter, if the command that is running ends, so that its end is recorded.
pause() {
  local waited=0
  [ -n "$command_pid" ] || { sleep "$1" && return; }
  while [ "$waited" -lt "$1" ] && kill -0 "$command_pid" 2>/dev/null; do
    sleep 1
    waited=$((waited + 1))
  done
}

# For an operator who takes a backup by hand, and wants to see what comes of it. If the loop runs the command already,
# or the one for an older backup, it says in its log what comes of it.
run_pending_command() {
  has_pending_command || return 0
  if start_command "$COMMAND_PATIENCE"; then
    [ -z "$command_pid" ] || end_command
  else
    log "the command after the backup is being run by the backup program: see $BACKUP_LOG"
  fi
}

# start_command SECONDS: fails if another process of this member runs it for longer than that.
start_command() {
  exec 6>>"$COMMAND_LOCK"
  flock -w "$1" 6 || return 1
  # The other process may have run it in the meantime.
  is_command_due || { flock -u 6 && return; }
  command_file=$(status_of pending) command_began=$(uptime_seconds)
  if prepare_command 2>/dev/null; then
    # A process that the command leaves behind holds the pipe open for ever. So nobody waits for the reader, and `exec`
    # leaves it neither a lock nor the output of a login, of which redirections of the call would keep copies.
    (exec <"$COMMAND.pipe" >/dev/null 2>&1 6>&- 9>&- && keep_end "$COMMAND.said") &
    command_reader=$!
    run_command "$command_file" >"$COMMAND.pipe" 2>&1 &
    command_pid=$!
  else
    record_command 1 "nothing can be written to $STATE_DIR"
  fi
}

# In a file, nobody else can read the command; in an argument, everybody could.
prepare_command() {
  rm -f "$COMMAND" "$COMMAND".*
  printf '%s\n' "$AFTER_EACH" >"$COMMAND" && printf '' >"$COMMAND.said" && mkfifo "$COMMAND.pipe"
}

# end_command: waits for the command, and records what has come of it.
end_command() {
  local code=0
  wait "$command_pid" || code=$?
  command_pid=
  # What the command has printed last may still be in the pipe.
  wait_until 2 has_ended_reading || true
  record_command "$code" "$(command_fault "$code")"
}

# record_command CODE FAULT
record_command() {
  local tries
  now=$(date +%s)
  tries=$(($(status_of pending_tries) + 1))
  if [ "$1" -eq 0 ]; then
    log "the command after the backup has succeeded for $command_file"
  else
    set_status after_each_failures $(($(status_of after_each_failures) + 1))
    log "FAILED: the command after the backup, for $command_file, try $tries: $2"
  fi
  # This host may have a newer backup by now, whose turn it is then.
  if [ "$(status_of pending)" != "$command_file" ]; then
    :
  elif [ "$1" -eq 0 ]; then
    set_status pending '' pending_tries 0 pending_at 0
  else
    set_status pending_tries "$tries" pending_at $((now + (tries < 7 ? 30 << tries : COMMAND_PAUSE)))
  fi
  rm -f "$COMMAND" "$COMMAND".*
  flock -u 6
  publish_metrics
}

has_ended_reading() { ! kill -0 "$command_reader" 2>/dev/null; }

# command_fault CODE: why the command failed, for the log.
command_fault() {
  local said
  said=$(last_line "$(tr -d '\000' <"$COMMAND.said" 2>/dev/null)")
  case $1 in
    124 | 137)
      if [ $(($(uptime_seconds) - command_began)) -ge "$AFTER_EACH_SECONDS" ]; then
        echo "it did not end within $AFTER_EACH_SECONDS s, so it was ended${said:+; it had printed: $said}"
        return
      fi
      ;;
  esac
  echo "${said:-it printed nothing, and exited with code $1}"
}

# keep_end FILE: a filter that keeps the end of its input in FILE. The command may print without end, and FILE must not
# fill the disk. When the command has ended, FILE is gone, and whatever a process that it has left behind prints goes
# nowhere.
keep_end() {
  while [ -e "$1" ] && dd bs=64k count=1 of="$1.part" && [ -s "$1.part" ]; do
    cat "$1" "$1.part" | tail -c "$COMMAND_WORDS" >"$1.end"
    mv -f "$1.end" "$1"
  done
  cat >/dev/null
}

# run_command FILE: in an environment of its own, and without the locks of this host. It takes the place of the shell
# that calls it, which is therefore one in the background: its process is then that of `timeout`, which stop_command ends.
run_command() {
  cd /
  home=~root
  exec env -i PATH="$PATH" HOME="$home" LC_ALL=C ETCD_BACKUP_FILE="$1" ETCD_BACKUP_JSON="$1.json" \
    timeout -k 10 "$AFTER_EACH_SECONDS" sh "$COMMAND" </dev/null 6>&- 9>&-
}

# `timeout` runs the command in a process group of its own, which supervisor's signal does not reach. It passes the
# signal on.
stop_command() {
  [ -n "$command_pid" ] || return 0
  kill "$command_pid" 2>/dev/null || true
  rm -f "$COMMAND" "$COMMAND".*
}
