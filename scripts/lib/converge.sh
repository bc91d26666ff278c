# From staged to running: what `stage` wrote beside is renamed, then etcd starts with it.

INI_NEXT=$VERSIONED/etcd-server.ini.next
STARTUP=$VERSIONED/etcd-server-startup.sh

is_staged() { [ -e "$STARTUP.next" ] || [ -e "$INI_NEXT" ]; }

# After a kill between renaming and restarting, the mark makes the next run restart; once too often does no harm.
activate() {
  private_directory "$STATE_DIR"
  : >"$RESTART_PENDING"
  [ ! -e "$STARTUP.next" ] || mv -f "$STARTUP.next" "$STARTUP"
  [ "$(readlink "$CURRENT")" = "$(basename "$VERSIONED")" ] || put_link "$(basename "$VERSIONED")" "$CURRENT"
  if [ -e "$INI_NEXT" ]; then
    register_program <"$INI_NEXT"
    rm -f "$INI_NEXT"
  fi
}

# Starts a stopped etcd, whether or not supervisor knows the program or has given it up.
start_etcd() {
  activate
  # Supervisor may have started it a moment before the files were renamed: then the mark stays, and rollout restarts it.
  is_running || rm -f "$RESTART_PENDING"
  supervisorctl update >/dev/null 2>&1 || true
  # `restart`, not `start`: one that crashed is "started" to supervisor, and waits longer and longer between attempts.
  is_running || supervisorctl restart "$MEMBER" >/dev/null 2>&1 || true
  wait_until 20 is_running || fail "etcd does not start: $(last_words)" "see $LOG_DIR/etcd.log, correct the cause, and apply again"
}

# A changed ini is restarted by supervisor's own `update`. Otherwise etcd is asked to stop, and supervisor starts it again:
# `supervisorctl restart` would cost 2 s more a member, in which one member is missing.
restart_etcd() {
  before=$(etcd_pid)
  if [ -e "$INI_NEXT" ]; then
    activate
    supervisorctl update >/dev/null 2>&1 || true
  else
    activate
    kill -TERM "$before" 2>/dev/null || true
  fi
  wait_until 40 is_started_anew || supervisorctl restart "$MEMBER" >/dev/null 2>&1 || true
  wait_until 20 is_started_anew || fail "etcd does not start again: $(last_words)" "see $LOG_DIR/etcd.log, correct the cause, and apply again; the members after this one were not touched"
}

is_started_anew() {
  wake_supervisor
  now=$(etcd_pid)
  [ -n "$now" ] && [ "$now" != "$before" ]
}

# supervisord looks after its children once a second, or when somebody connects.
wake_supervisor() {
  python3 -c 'import socket; socket.socket(socket.AF_UNIX).connect("/run/supervisor.sock")' 2>/dev/null || true
}

# The last thing that etcd said before it gave up.
last_words() {
  grep -aE 'fatal|panic|error|refus|not starting|flag provided' "$LOG_DIR/etcd.log" 2>/dev/null | tail -n 1 | cut -c1-400 | grep . ||
    { tail -n 1 "$LOG_DIR/etcd.log" 2>/dev/null || echo "it left no log"; }
}

# The gate after a start: a linearizable read through this member proves a quorum, and that it has caught up.
gate() {
  down=0
  wait_until 60 is_settled || fail "not healthy after 60 s: $(health_reason)" \
    "bring the named members back and apply again; the members after this one were not touched"
  raised=$(alarms_if_reachable)
  [ -z "$raised" ] || fail "an alarm is raised: $raised" "see docs/alarms.md, clear the alarm, and apply again"
  is_healthy "$CLIENT_URL" || fail "etcd stops again and again: $(last_words)" \
    "see $LOG_DIR/etcd.log, correct the cause, and apply again; the members after this one were not touched"
  statuses=$(endpoint_status "$ENDPOINTS")
  [ "$(printf '%s\n' "$statuses" | awk '{ print $2 }' | sort -u | wc -l)" -eq 1 ] ||
    fail "the members are not all of one cluster" "see docs/lost-data.md"
  printf '%s\n' "$statuses" | awk '$8 == "true" { learner = 1 } END { exit learner }' >/dev/null ||
    fail "a member is still a learner" "promote it (etcdctl member promote), and apply again"
  rm -f "$RESTART_PENDING" "$FIRST_START"
  mark_started
}

# Healthy, or not going to be: an alarm (which etcdctl calls unhealthy), or seen down too often.
is_settled() {
  answers_healthy && return
  is_running || down=$((down + 1))
  [ "$down" -ge 50 ] || [ -n "$(alarms_if_reachable)" ]
}

alarms_if_reachable() { ! accepts_connections "$CLIENT_URL" || alarms "$CLIENT_URL"; }

answers_healthy() { accepts_connections "$CLIENT_URL" && is_healthy "$CLIENT_URL"; }

health_reason() {
  for endpoint in $(other_endpoints); do
    accepts_connections "$endpoint" || printf '%s does not answer; ' "$endpoint"
  done
  last_words
}
