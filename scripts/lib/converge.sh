# Puts into effect what `stage` has prepared: renames the staged files, then starts etcd with them.

INI_NEXT=$VERSIONED/etcd-server.ini.next
STARTUP=$VERSIONED/etcd-server-startup.sh
CERTS_NEXT=$VERSIONED/certs.next

is_staged() {
  [ -e "$STARTUP.next" ] || [ -e "$INI_NEXT" ] || [ -L "$CERTS_NEXT" ] ||
    [ "$(readlink "$CURRENT")" != "${VERSIONED##*/}" ]
}

# Even if nothing is staged, etcd must be restarted if what runs is not what is installed here: supervisord may have
# told an earlier deploy that it had loaded a change that it had not loaded.
needs_restart() { is_staged || [ -e "$RESTART_PENDING" ] || ! runs_as_meant; }

# The digest of the startup script and the ini file with which this member was last healthy. `activate` deletes it, so
# while this file exists, no deploy has put anything else into effect.
ROLLED_OUT=$STATE_DIR/rolled-out

# restart_relevant FILE: prints this startup script without its list of members, whose change needs no restart, because
# etcd ignores it once it has data. It must drop the same line as `restartRelevant` in src/render/startup-script.ts:
# require_own_stage compares the digests of both texts.
restart_relevant() { sed '/^initial_cluster=/d' "$1" 2>/dev/null; }

# Sets `staged_script` and `staged_ini` to the staged file or, if nothing is staged, to the one in effect.
look_for_staged() {
  staged_script=$STARTUP staged_ini=$INI_NEXT
  [ ! -e "$STARTUP.next" ] || staged_script=$STARTUP.next
  [ -e "$INI_NEXT" ] || staged_ini=$(program_ini)
}

staged_digest() {
  local digest
  look_for_staged
  digest=$({ echo "$VERSION" && restart_relevant "$staged_script" && cat "$staged_ini"; } 2>/dev/null | sha256sum)
  echo "${digest%% *}"
}

# What is staged here must be what this deploy has planned. Another deploy may have staged something else since, or this
# member's stage may have been interrupted.
require_own_stage() {
  local script ini
  look_for_staged
  script=$(restart_relevant "$staged_script" | sha256sum)
  ini=$(sha256sum 2>/dev/null <"$staged_ini") || true
  if [ "${script%% *} ${ini%% *}" != "$STARTUP_SHA256 $PROGRAM_INI_SHA256" ] || ! has_own_certificates ||
    [ ! -x "$VERSIONED/etcdctl" ]; then
    refuse "stage" \
      "what is staged here is not what this deploy has planned: another deploy has staged this member since, or this member's stage was interrupted" \
      "make sure that nobody else deploys, then run $(replacing "$STAGE_RESOURCE")"
  fi
}

# Two first deploys with two Terraform states create two CAs: a member with certificates of one and a member with
# certificates of the other would not trust each other.
has_own_certificates() {
  local certs leaf
  certs=$VERSIONED/certs
  [ ! -L "$CERTS_NEXT" ] || certs=$CERTS_NEXT
  leaf=$(sha256sum 2>/dev/null <"$certs/etcd-peer.pem")
  [ "${leaf%% *}" = "$LEAF_SHA256" ] &&
    [ "$(cat "$certs/ca.pem" 2>/dev/null)" = "$(decode "$CA_PEM_BASE64")" ]
}

# Only root may have written what supervisord will run and read.
require_trusted_stage() {
  local changeable
  changeable=$(untrusted "$VERSIONED")
  [ -z "$changeable" ] ||
    refuse "stage" \
      "$changeable can be changed by users other than root ($(whose "$changeable")), so it is unknown who wrote what is staged there" \
      "$(replacing "$STAGE_RESOURCE")"
}

# If a phase is killed between the rename and the restart, the mark `restart-pending` makes the next run restart the
# member; one restart too many does no harm. At the end the mark names the process that has to be replaced, so that the
# next run can tell whether that process is gone or still there.
activate() {
  require_trusted_stage
  process_as_meant=
  log_size=$(stat -c %s "$LOG_DIR/etcd.log" 2>/dev/null || echo 0)
  private_directory "$STATE_DIR"
  : >"$RESTART_PENDING"
  rm -f "$ROLLED_OUT"
  [ ! -e "$STARTUP.next" ] || mv -f "$STARTUP.next" "$STARTUP"
  [ ! -L "$CERTS_NEXT" ] || mv -fT "$CERTS_NEXT" "$VERSIONED/certs"
  [ "$(readlink "$CURRENT")" = "${VERSIONED##*/}" ] || {
    put_link "${VERSIONED##*/}" "$CURRENT"
    look_for_tools
  }
  publish_mounts
  register_staged_program
  # Without room for that, the next run restarts it once more.
  { echo "process $(etcd_pid)" >"$RESTART_PENDING"; } 2>/dev/null || true
}

register_staged_program() {
  [ -e "$INI_NEXT" ] || return 0
  register_program <"$INI_NEXT"
  rm -f "$INI_NEXT"
}

# The previous deploy restarted this member, and did not see it become healthy.
is_restarted() {
  ! is_staged && is_running && [ -s "$RESTART_PENDING" ] &&
    [ "$(cat "$RESTART_PENDING")" != "process $(etcd_pid)" ] && runs_as_meant
}

# Perhaps the member was only slow to start, and is healthy by now or will be soon. Another restart would then make it
# start from the beginning. Nor does a member that has joined in this very phase need one, if supervisor started it
# while the old etcd, which the cluster had removed, was still ending. As a learner, it is healthy only after its
# promotion.
has_come_up() {
  is_restarted || return 1
  promote_if_learner
  answers_healthy || say "was restarted by the previous deploy, waiting until it is healthy"
  down=0
  wait_while_moving 60 others_suffice is_settled && answers_healthy
}

# Starts a stopped etcd, whether or not supervisor knows the program or has given up on it.
start_etcd() {
  activate
  # Supervisor may have started etcd a moment before the files were renamed. In that case `restart-pending` stays, and
  # the rollout restarts the member.
  is_running || rm -f "$RESTART_PENDING"
  update_program
  # This uses `restart`, not `start`: to supervisor, a program that crashed is already started, and supervisor waits
  # longer and longer between its attempts.
  is_running || restart_program || true
  wait_until 20 is_running || fail "etcd does not start: $(last_words)" "$(way_on)"
  know_etcd
}

# If the ini file has changed, supervisor's own `update` restarts the program. Otherwise etcd is asked to stop, and
# supervisor starts it again: `supervisorctl restart` would take 2 s longer for each member, during which that member is
# missing.
restart_etcd() {
  # This comes before anything is renamed: if supervisord cannot read its files, this member keeps running as it was.
  reread_programs
  how=ask_to_stop
  if [ -e "$INI_NEXT" ] || program_is_pending; then how=update_program; fi
  activate
  restart_by "$how"
  # An etcd that ends at once logs the reason itself, and the gate reports it.
  runs_as_meant || wait_until 3 has_ended_again || fail "etcd was restarted, but $difference" "$(way_on)"
}

has_ended_again() { [ "$(etcd_pid)" != "$now" ]; }

ask_to_stop() {
  read_start "$before"
  [ -z "$process_start" ] || wake_supervisor_after "$before" "$process_start"
  kill -TERM "$before" 2>/dev/null
}

# restart_by COMMAND: restarts etcd with COMMAND, and waits until another process runs. It sets three variables:
# - before: the process that is to be replaced; read by ask_to_stop, is_started_anew and need_wait_no_longer
# - asked_at: the time of the request, as uptime; read by need_wait_no_longer
# - now: the process that runs, set by is_started_anew; read by need_wait_no_longer and has_ended_again
restart_by() {
  before=$(etcd_pid)
  "$1" || true
  set_uptime
  asked_at=$uptime
  wait_until 40 need_wait_no_longer || true
  is_started_anew || restart_program || true
  wait_until 10 is_started_anew || fail "etcd does not start again: $(last_words)" "$(way_on)"
}

# True if etcd has started again; or if it has ended and has not come back within 10 s, because waiting longer does not
# help then.
need_wait_no_longer() {
  is_started_anew && return
  set_uptime
  [ "$now" != "$before" ] && [ "$((uptime - asked_at))" -ge 10 ]
}

is_started_anew() {
  lives_on "$known_etcd" "$known_start" || know_etcd
  now=$known_etcd
  [ -n "$now" ] && [ "$now" != "$before" ]
}

# etcd reports a full disk in many different ways, and few of them name the disk. It allocates its write-ahead log in
# segments of 64 MB.
full_disk() {
  local directory free
  for directory in "$DATA_DIR" "$LOG_DIR"; do
    free=$(free_mb "$directory")
    [ "${free:-64}" -ge 64 ] || { printf 'the disk of %s is full (%s MB free); ' "$directory" "$free" && return; }
  done
}

# The last reason that etcd logged before it gave up, without the stack trace of a panic, and without the flags that
# etcd lists when one of them is wrong. Of a line in JSON, the message and the error. Never empty.
last_words() {
  full_disk
  [ -e "$LOG_DIR/etcd.log" ] || {
    supervisor status "$MEMBER:$MEMBER" || true
    printf 'it left no log; supervisord says: %s\n' "$(supervisor_words)" && return
  }
  recent_log | tail -c 1000000 | awk '
    !NF || /^[ \t]|^panic\(|^goroutine |^[a-z.]+\// { next }
    { last = $0 }
    /fatal|panic|error|refus|mismatch|not starting|flag provided|invalid value|permanently removed/ { reason = $0 }
    /: not found|[Pp]ermission denied|cannot / { reason = $0 }
    # What ended etcd counts more than what the next start complained of, unless that start did not come so far.
    /not starting|: not found|flag provided|invalid value/ { fatal = "" }
    /"level":"(fatal|panic)"| C \| / { fatal = $0 }
    END { print fatal != "" ? fatal : reason != "" ? reason : last != "" ? last : "its log is empty" }' |
    sed -E -e 's/.*"msg":"(([^"\\]|\\.)*)".*"error":"(([^"\\]|\\.)*)".*/\1: \3/' \
      -e 's/^[{].*"msg":"(([^"\\]|\\.)*)".*/\1/' -e 's/\\"/"/g' \
      -e "s/.*found data inconsistency with peers.*/its data differ from another member's, and either may be the wrong one: see CORRUPT in docs\/alarms.md/" |
    cut -c1-400
}

# What etcd has logged since this phase started it; or the end of its log, if this phase started nothing or supervisor
# has begun a new log file.
recent_log() {
  if [ -n "${log_size:-}" ] && [ "$(stat -c %s "$LOG_DIR/etcd.log")" -gt "$log_size" ]; then
    tail -c "+$((log_size + 1))" "$LOG_DIR/etcd.log"
  else
    tail -n 200 "$LOG_DIR/etcd.log"
  fi
}

# What to do when something went wrong with one member: how to go forward, and how to go back. The other phases run on
# all members at the same time, so only a rollout can say what was not touched.
way_on() {
  [ "$PHASE" = rollout ] || { echo "see $LOG_DIR/etcd.log, correct the cause, and apply again" && return; }
  echo "see $LOG_DIR/etcd.log; to go forward, correct the cause and apply again; to go back, set the changed value (or version) back and apply; the members after this one were not touched"
}
