# What the operator reads: one line a step, each naming the member, its host and the phase.
# Terraform records a resource before its provisioner has ended, so one that is killed may take a half phase for a whole one. Hence a phase that
# has begun goes on to its end without Terraform: a line that nobody can read any more (`|| true`) is no reason to stop.

say() { tell '%s on %s: %s: %s\n' "$MEMBER" "$HOST" "$PHASE" "$(printable "$1")"; }

tell() {
  # shellcheck disable=SC2059 # the callers are the four functions of this file
  printf "$@" 2>/dev/null || true
}

# refuse WHAT WHY TODO: stops before anything was changed.
refuse() {
  refusal "$@"
  explained=yes
  exit 3
}

# refusal WHAT WHY TODO: the line alone, for a phase that gathers all of them before it stops.
refusal() { tell '%s on %s: %s refused: %s: %s; to do: %s\n' "$MEMBER" "$HOST" "$PHASE" "$(printable "$1")" "$(printable "$2")" "$(printable "$3")"; }

# What another user's process is called, or what etcd has written to its log, may hold codes that mean something to the operator's terminal, or
# the end of a line, and after it a line that looks like one of these.
printable() { printf '%s' "$1" | tr -d '\000-\037\177'; }

# refuse_any CHECK: stops when that has something to say.
refuse_any() {
  local refusals
  refusals=$("$@")
  [ -z "$refusals" ] || {
    printf '%s\n' "$refusals"
    explained=yes
    exit 3
  }
}

# fail WHAT TODO: something went wrong on the way; a re-apply goes on from here.
fail() {
  tell '%s on %s: %s failed: %s; to do: %s\n' "$MEMBER" "$HOST" "$PHASE" "$(printable "$1")" "$(printable "$2")"
  explained=yes
  exit 1
}

EXPLAINED=99 # the exit code of a subshell that has printed its line: the rest of the phase ends without a word of its own

# replacing ADDRESS…: the command that has these resources made again, to be pasted.
replacing() { printf 'terraform apply' && printf " -replace='%s'" "$@"; }

# For the EXIT trap: no phase ends without a word, not even by a mistake of these scripts.
explain_exit() {
  if [ "$1" -eq 0 ] || [ "$1" -eq "$EXPLAINED" ] || [ -n "${explained:-}" ]; then return 0; fi
  complaint=
  [ -z "${keeps_errors:-}" ] || complaint=$(tail -n 1 <&8 | cut -c1-400)
  fail "${complaint:-a command ended with code $1}" "correct that, and apply again; if it comes back, report it with the lines above"
}

# wait_until SECONDS COMMAND…: polls COMMAND until it succeeds; false when the time is over.
wait_until() {
  wait_deadline=$(($(date +%s) + $1))
  shift
  until "$@"; do
    [ "$(date +%s)" -lt "$wait_deadline" ] || return 1
    sleep 0.1
  done
}
