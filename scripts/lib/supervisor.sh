# The program of this member under supervisor. Every call has its name: other programs of the host are not ours to touch.

register_program() {
  has_taken_over=
  put_file "$(program_ini)" 644 root:root
  include_program
}

# The name under which supervisor reads it, where that is a second one: somebody may have taken it away.
include_program() {
  if [ ! -e "$(program_ini)" ] || [ -e "$(program_include)" ]; then return; fi
  put_link "$SUPERVISOR_INI.ini" "$(program_include)"
}

is_own_program() { program_include >/dev/null && [ "$(program_of "$(program_ini)")" = "$MEMBER" ]; }

unregister_program() { rm -f "$(program_include)" "$(program_ini)"; }

# supervisor COMMAND [NAME…]: false when supervisord does not answer or reports an error. The answer is left in `supervisor_answer`.
# It is read from the text, because the exit codes differ between releases. No call may go without a name where supervisor would take
# that for all programs of the host.
supervisor() {
  # Found once: a phase asks often.
  [ -n "${supervisor_found:-}" ] || supervisor_found=$(supervisor_conf || true)
  # A question that supervisord does not answer at once must leave preflight time to say so.
  case $1 in pid | status | reread) supervisor_seconds=12 ;; stop) supervisor_seconds=45 ;; *) supervisor_seconds=90 ;; esac
  supervisor_code=0
  supervisor_answer=$(cd / && timeout --foreground -k 2 "$supervisor_seconds" env PYTHONWARNINGS=ignore "$(supervisorctl_command)" ${supervisor_found:+-c "$supervisor_found"} "$@" 2>&1 </dev/null) || supervisor_code=$?
  [ "$supervisor_code" -eq 0 ] || [ -n "$supervisor_answer" ] || supervisor_answer="supervisorctl $* gave no answer"
  # Nobody could run it: a missing interpreter, no right to.
  case $supervisor_code in 126 | 127) return 1 ;; esac
  # A changed program of somebody else's may be called on-error.
  case $(printf '%s\n' "$supervisor_answer" | sed -E '/: (available|changed|disappeared)$/d') in
    *ERROR* | *[Ee]rror:* | *Traceback* | *"refused connection"* | *"no such file"* | *"No such process"* | *"requires authentication"* | *"gave no answer") return 1 ;;
  esac
}

# The answer on one line, for messages.
supervisor_words() { printf '%s\n' "${supervisor_answer#ERROR: }" | tr -s '\n\t ' ' ' | sed 's/ $//'; }

supervisor_answers() {
  supervisor pid || return 1
  case $supervisor_answer in '' | *[!0-9]*) return 1 ;; esac
}

# False when it cannot read its files, unless it is this member's own that it cannot: a deploy writes that anew.
supervisor_reads_others() {
  supervisor reread && return
  case $supervisor_answer in *"'$(program_ini)'"* | *"'$(program_include)'"*) ;; *) return 1 ;; esac
}

# Makes supervisord read all of its files. That applies nothing: other programs keep their processes, and their pending changes stay pending.
reread_programs() {
  local words
  supervisor reread && return
  words=$(supervisor_words)
  supervisor_answers || fail "supervisord does not answer: $words" "see its log; systemctl restart supervisor restarts it and all of its programs; then apply again"
  fail "supervisord cannot read its configuration: $words" \
    "correct that file until 'supervisorctl reread' reports no error, and apply again"
}

# After a reread: supervisord runs this member's program by another file than the one that lies here, or does not know it.
program_is_pending() {
  case "
$supervisor_answer
" in *"
$MEMBER: "*) has_taken_over= ;; *) has_taken_over=yes && return 1 ;; esac
}
has_taken_over= # supervisord has said that it runs by the file that lies here

# Makes supervisord take over this member's file, and no other change of the host. A program whose file has changed is restarted.
update_program() {
  reread_programs
  program_is_pending || return 0
  supervisor update "$MEMBER" || fail "supervisord does not take over the program $MEMBER: $(supervisor_words)" \
    "see supervisord's log, correct the cause, and apply again"
}

# NAME:NAME is this one process, whatever its name means to supervisor (`all`).
restart_program() { supervisor restart "$MEMBER:$MEMBER"; }

stop_program() {
  supervisor stop "$MEMBER:$MEMBER" || true
  wait_until 40 is_stopped || fail "etcd does not stop: $(supervisor_words)" "stop process $(etcd_pid), and run this again"
}

# Takes the stopped program out of supervisord by its name. That needs no other file of the host; reading the files again may fail then.
forget_program() {
  unregister_program
  supervisor remove "$MEMBER" || true
  supervisor reread || true
  ! supervisor pid "$MEMBER:$MEMBER" || fail "supervisord still has the program $MEMBER" \
    "run: supervisorctl stop $MEMBER; supervisorctl remove $MEMBER; then this again"
}

# is_supervised PID: it is a child of the supervisord that runs here. If it is not, `supervisor_answer` is the process that supervisord has for this
# member: 0 or nothing when it has none.
is_supervised() {
  local supervisord
  supervisord=$(supervisord_process || true)
  [ -n "$supervisord" ] && [ "$(parent_of "/proc/$1")" = "${supervisord#/proc/}" ] && return
  supervisor pid "$MEMBER:$MEMBER" || supervisor_answer=
  [ "$supervisor_answer" = "$1" ]
}
