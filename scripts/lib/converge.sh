# From staged to running: what `stage` wrote beside is renamed, then etcd starts with it.

INI_NEXT=$VERSIONED/etcd-server.ini.next
STARTUP=$VERSIONED/etcd-server-startup.sh
CERTS_NEXT=$VERSIONED/certs.next

is_staged() {
  [ -e "$STARTUP.next" ] || [ -e "$INI_NEXT" ] || [ -L "$CERTS_NEXT" ] || [ "$(readlink "$CURRENT")" != "$(basename "$VERSIONED")" ]
}

needs_restart() { is_staged || [ -e "$RESTART_PENDING" ]; }

# What lies here must be what this deploy has planned: another deploy may have staged something else since, or this member's stage was cut short.
require_own_stage() {
  script=$STARTUP ini=$INI_NEXT
  [ ! -e "$STARTUP.next" ] || script=$STARTUP.next
  [ -e "$INI_NEXT" ] || ini=$(program_ini)
  found="$(sed '/^initial_cluster=/d' "$script" 2>/dev/null | sha256sum | cut -d' ' -f1) $(sha256sum 2>/dev/null <"$ini" | cut -d' ' -f1)"
  [ "$found" = "$STARTUP_SHA256 $PROGRAM_INI_SHA256" ] ||
    refuse "stage" "what is staged here is not what this deploy has planned: another deploy was here since, or this member's stage was cut short" \
      "see that nobody else deploys, then terraform apply -replace the stage resource of this member"
}

# After a kill between renaming and restarting, the mark makes the next run restart; once too often does no harm.
activate() {
  private_directory "$STATE_DIR"
  : >"$RESTART_PENDING"
  [ ! -e "$STARTUP.next" ] || mv -f "$STARTUP.next" "$STARTUP"
  [ ! -L "$CERTS_NEXT" ] || mv -fT "$CERTS_NEXT" "$VERSIONED/certs"
  [ "$(readlink "$CURRENT")" = "$(basename "$VERSIONED")" ] || put_link "$(basename "$VERSIONED")" "$CURRENT"
  publish_mounts
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
  wait_until 20 is_running || fail "etcd does not start: $(last_words)" "$(way_on)"
}

# A changed ini is restarted by supervisor's own `update`. Otherwise etcd is asked to stop, and supervisor starts it again:
# `supervisorctl restart` would cost 2 s more a member, in which one member is missing.
restart_etcd() {
  how=ask_to_stop
  [ ! -e "$INI_NEXT" ] || how=update_program
  activate
  restart_by "$how"
}

ask_to_stop() { kill -TERM "$before" 2>/dev/null; }
update_program() { supervisorctl update >/dev/null 2>&1; }

# restart_by COMMAND: until another process runs than the one before.
restart_by() {
  before=$(etcd_pid)
  "$1" || true
  asked=$(date +%s)
  wait_until 40 has_stopped_or_started || true
  is_started_anew || supervisorctl restart "$MEMBER" >/dev/null 2>&1 || true
  wait_until 10 is_started_anew || fail "etcd does not start again: $(last_words)" "$(way_on)"
}

# One that has ended and does not come again within 10 s will not come by waiting.
has_stopped_or_started() {
  is_started_anew || { [ "$now" != "$before" ] && [ "$(($(date +%s) - asked))" -ge 10 ]; }
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

# The last thing that etcd said before it gave up; not the call stack of a panic.
last_words() {
  grep -aE 'fatal|panic|error|refus|not starting|flag provided|permanently removed' "$LOG_DIR/etcd.log" 2>/dev/null | grep -avE '^[[:space:]]|^panic\(|^goroutine |^[a-z.]+/' | tail -n 1 | cut -c1-400 | grep . ||
    { tail -n 1 "$LOG_DIR/etcd.log" 2>/dev/null || echo "it left no log"; }
}

# Forward and back, for what goes wrong with one member.
way_on() {
  echo "see $LOG_DIR/etcd.log; forward: correct the cause, and apply again; back: set the changed value (or version) back, and apply; the members after this one were not touched"
}

# The gate after a start: a linearizable read through this member proves a quorum, and that it has caught up.
gate() {
  down=0
  # One that has just joined may have a large database to copy first.
  wait_until "${settle_seconds:=60}" is_settled || fail "not healthy after $settle_seconds s: $(health_reason)" "bring the named members back, or $(way_on)"
  raised=$(alarms_if_reachable)
  [ -z "$raised" ] || fail "an alarm is raised: $raised" "see docs/alarms.md, clear the alarm, and apply again"
  answers_healthy || fail "etcd stops again and again: $(last_words)" "$(way_on)"
  require_one_cluster "$(own_url)"
  rm -f "$RESTART_PENDING" "$FIRST_START"
  mark_started
  remember_mounts
}

# Healthy, or not going to be: an alarm (which etcdctl calls unhealthy), or seen down too often.
is_settled() {
  answers_healthy && return
  is_running || down=$((down + 1))
  [ "$down" -ge 50 ] || [ -n "$(alarms_if_reachable)" ]
}

alarms_if_reachable() {
  url=$(own_url)
  ! accepts_connections "$url" || alarms "$url"
}

# require_one_cluster ENDPOINT: all its members that answer, and all of the program: one of another cluster is no member of this one.
require_one_cluster() {
  asked=$({
    members_of "$1" | started | awk '{ print $4 }'
    for endpoint in $(other_endpoints); do if accepts_connections "$endpoint"; then echo "$endpoint"; fi; done
  } | sort -u | tr '\n' ,)
  clusters=$(endpoint_status "${asked%,}" | awk '{ print $2 }' | sort -u | count)
  [ "$clusters" -eq 1 ] || fail "the members are of $clusters clusters" "see docs/lost-data.md"
}

health_reason() {
  for endpoint in $(other_endpoints); do
    accepts_connections "$endpoint" || printf '%s does not answer; ' "$endpoint"
  done
  last_words
}
