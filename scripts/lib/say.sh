# What the operator reads: one line per step, each with the member, its host and the phase. Terraform records a resource
# before its provisioner has ended, so a Terraform that was killed may have recorded a phase as done that is only half
# done. A phase that has started therefore runs to its end without Terraform, and a line that can no longer be printed
# (`|| true`) does not stop it.

say() { tell '%s on %s: %s: %s\n' "$MEMBER" "$HOST" "$PHASE" "$(printable "$1")"; }

tell() {
  # When the SSH connection is gone, SIGPIPE would end the shell. It is ignored here only: a command that inherits this
  # complains when the next one in its pipeline has read enough.
  # shellcheck disable=SC2059 # all callers pass a constant format
  (trap '' PIPE && printf "$@" 2>/dev/null) || true
}

# refuse WHAT WHY TODO: ends the phase before anything that the refusal protects was touched. Earlier steps of the phase
# may have been done.
refuse() {
  refusal "$@"
  explained=yes
  exit 3
}

# refusal WHAT WHY TODO: prints the line only, for a phase that collects all refusals before it ends.
refusal() {
  tell '%s on %s: %s refused: %s: %s; to do: %s\n' \
    "$MEMBER" "$HOST" "$PHASE" "$(printable "$1")" "$(printable "$2")" "$(printable "$(way_out "$3")")"
}

# way_out TODO: prints what to do, in this phase. When a member has left the program, Terraform forgets it even if this
# fails (ADR 9), so whatever is said about another run is left out.
way_out() {
  local todo=$1
  if [ "$PHASE" = decommission ]; then
    todo=${todo%%, and apply again*}
    todo=${todo%%; then apply again*}
    todo="${todo%%, and run this again*}; Terraform has forgotten this member and does not run this again, so clean up on this host by hand, see docs/replace-member.md#clean-up-a-host-by-hand"
  fi
  printf '%s' "$todo"
}

# The name of another user's process, or a line of etcd's log, may contain control codes for the operator's terminal, or
# a line break followed by text that looks like one of these lines. Terminals also know control codes of two bytes, of
# which the first is the same for all.
printable() {
  case $1 in
    *[[:cntrl:]]* | *"$LEAD_BYTE"*) printf '%s' "$1" | tr -d '\000-\037\177' | sed "s/${LEAD_BYTE}[$SECOND_BYTES]//g" ;;
    *) printf '%s' "$1" ;;
  esac
}
LEAD_BYTE=$(printf '\302') SECOND_BYTES=$(printf '\200-\237')

# A filter: all words on one line, with one blank between two of them, for a list in a message.
on_one_line() { awk '{ for (i = 1; i <= NF; i++) { printf "%s%s", separator, $i; separator = " " } }'; }

# refuse_any CHECK: ends the phase if CHECK prints any refusals.
refuse_any() {
  local refusals
  refusals=$("$@")
  [ -z "$refusals" ] || {
    tell '%s\n' "$refusals"
    explained=yes
    exit 3
  }
}

# fail WHAT TODO: ends the phase because something went wrong on the way; the next apply continues from here.
fail() {
  tell '%s on %s: %s failed: %s; to do: %s\n' \
    "$MEMBER" "$HOST" "$PHASE" "$(printable "$1")" "$(printable "$(way_out "$2")")"
  explained=yes
  exit 1
}

# The exit code of a subshell that has already printed its message, so that the phase ends without another one.
EXPLAINED=99

# replacing ADDRESS…: prints the command that replaces these resources, ready to be pasted.
replacing() { printf 'terraform apply' && printf " -replace='%s'" "$@"; }

# For the EXIT trap: no phase fails without a message, not even because of a bug in these scripts.
explain_exit() {
  if [ "$1" -eq 0 ] || [ "$1" -eq "$EXPLAINED" ] || [ -n "${explained:-}" ]; then return 0; fi
  complaint=
  [ -z "${keeps_errors:-}" ] || complaint=$(tail -n 1 <&8 | cut -c1-400)
  fail "${complaint:-a command exited with code $1}" \
    "correct that, and apply again; if it happens again, report it together with the lines above"
}

LINE_END='
'

# next_line: takes the first line of `lines` off it and into `line`; false if there is none. A here-document would lose
# them all in bash before 5.1, if there is no room in /tmp.
next_line() {
  [ -n "$lines" ] || return 1
  line=${lines%%"$LINE_END"*}
  case $lines in *"$LINE_END"*) lines=${lines#*"$LINE_END"} ;; *) lines= ;; esac
}

# read_to_end: reads what is left of standard input. Whoever reads only the first lines of a file in /proc/PID ends with
# it: bash reads ahead, and seeks back when it has its line. If the process has ended by then, the seek fails, and the
# next `read`, from whatever file, gets those remains. Any user can give a process a name of several lines, which bash
# would then evaluate, as root, in the next sum.
read_to_end() { while read -r _; do :; done; }

# wait_until SECONDS COMMAND…: polls COMMAND until it succeeds; false if it has not succeeded after SECONDS.
wait_until() {
  set_uptime
  wait_deadline=$((uptime + $1))
  shift
  until "$@"; do
    set_uptime
    [ "$uptime" -lt "$wait_deadline" ] || return 1
    sleep 0.1
  done
}

# Sets `uptime` to the seconds since boot, and `uptime_ms` to the milliseconds, which no change of the clock moves.
set_uptime() {
  local fraction
  read -r uptime _ </proc/uptime
  fraction=1${uptime#*.}
  uptime=${uptime%.*}
  uptime_ms=$((uptime * 1000 + (fraction - 100) * 10))
}
