# This member's program under supervisor: PROGRAM is its name, and PROGRAM_FILE its file, without extension. Every call
# names it, because the other programs of the host are not ours to touch.

register_program() {
  has_taken_over=
  put_file "$(program_ini)" 644 root:root
  include_program
}

# Creates the link under which supervisor includes the program, if the file needs a second name for that. Also restores
# the link if somebody has removed it.
include_program() {
  local include ini
  set_program_files || true
  if [ ! -e "$ini" ] || [ -e "$include" ]; then return; fi
  put_link "$PROGRAM_FILE.ini" "$include"
}

is_own_program() {
  local include ini
  set_program_files || return
  look_for_program "$ini"
  [ "$program" = "$PROGRAM" ]
}

unregister_program() {
  local include ini
  set_program_files || true
  rm -f "$include" "$ini"
}

# supervisor COMMAND [NAME…]: fails if supervisord does not answer or reports an error. The answer is left in
# `supervisor_answer`; it is judged by its text, because the exit codes differ between releases. A name must be given
# wherever supervisor would otherwise act on all programs of the host.
supervisor() {
  find_supervisor_conf
  # If supervisord does not answer, preflight must still have time to say so.
  case $1 in
    pid | status | reread) supervisor_seconds=12 ;;
    stop) supervisor_seconds=45 ;;
    *) supervisor_seconds=90 ;;
  esac
  supervisor_code=0
  if [ "$1" = reread ] && [ -n "${asked_reread:-}" ]; then
    supervisor_answer=$(cat <&4)
    wait "$asked_reread" || supervisor_code=$?
    exec 4<&-
    asked_reread=
  else
    supervisor_answer=$(
      run_supervisorctl "$supervisor_seconds" "$@" 2>&1 </dev/null
    ) || supervisor_code=$?
  fi
  [ "$supervisor_code" -eq 0 ] || [ -n "$supervisor_answer" ] || supervisor_answer="supervisorctl $* gave no answer"
  # The command could not be run: its interpreter is missing, or it is not executable.
  case $supervisor_code in 126 | 127) return 1 ;; esac
  # Lines about programs that have changed are ignored: a program of somebody else may be called `on-error`. So is the
  # line that a program cannot be stopped because it does not run: `restart` says that, and starts it.
  ! tells_error "$supervisor_answer" || ! tells_error "$(printf '%s\n' "$supervisor_answer" |
    sed -E '/: (available|changed|disappeared|ERROR \(not running\))$/d')"
}

# Asks for a reread in the background; the next `supervisor reread`, in the same shell, takes this answer. Python takes
# as long to start as etcd takes to answer the questions before a restart. The answer waits in a FIFO, which takes no
# room in /run.
ask_for_reread() {
  local answers=/run/cdktf-etcd/$$.reread
  find_supervisor_conf
  private_directory /run/cdktf-etcd
  rm -f "$answers"
  mkfifo -m 600 "$answers" 2>/dev/null || return 0
  # Opened for both, a FIFO never blocks; with the writer below alone, it has an end.
  exec 5<>"$answers"
  exec 4<"$answers"
  rm -f "$answers"
  (exec 4<&- 7>&- 8<&- 9>&- && run_supervisorctl 12 reread >&5 2>&1 5>&- </dev/null) &
  asked_reread=$!
  exec 5>&-
}

tells_error() {
  case $1 in
    *ERROR* | *[Ee]rror:* | *Traceback* | *"refused connection"* | *"no such file"* | *"No such process"* | \
      *"requires authentication"* | *"gave no answer") ;;
    *) return 1 ;;
  esac
}

# The configuration is looked up only once, because a phase calls supervisorctl often.
find_supervisor_conf() { [ -n "${supervisor_found:-}" ] || supervisor_found=$(supervisor_conf || true); }

# run_supervisorctl SECONDS [ARGUMENT…]: to be called in a subshell. Without arguments, it reads commands from standard
# input. Python 3.6 (RHEL 8) reads supervisord.conf by the locale, and fails in C if a comment is not in English.
run_supervisorctl() {
  local seconds=$1
  shift
  cd / && exec timeout --foreground -k 2 "$seconds" env PYTHONWARNINGS=ignore LC_ALL=C.UTF-8 \
    "$(supervisorctl_command)" ${supervisor_found:+-c "$supervisor_found"} "$@"
}

# supervisorctl_here ARGUMENT…: for messages: the command, ready to be pasted on this host, as root. By itself,
# supervisorctl takes the first default file, which may be that of another supervisord, or of none.
supervisorctl_here() {
  local command=supervisorctl
  command -v supervisorctl >/dev/null || command=$(supervisorctl_command || echo supervisorctl)
  find_supervisor_conf
  case $supervisor_found in '' | "$(default_configuration)") ;; *) command="$command -c $supervisor_found" ;; esac
  echo "$command $*"
}

# The answer on one line, for messages.
supervisor_words() { printf '%s\n' "${supervisor_answer#ERROR: }" | tr -s '\n\t ' ' ' | sed 's/ $//'; }

supervisor_answers() {
  supervisor pid || return 1
  case $supervisor_answer in '' | *[!0-9]*) return 1 ;; esac
}

# Fails if supervisord cannot read its configuration. An error in this member's own file does not count, because a
# deploy writes that file again.
supervisor_reads_others() {
  supervisor reread && return
  case $supervisor_answer in *"'$(program_ini)'"* | *"'$(program_include)'"*) ;; *) return 1 ;; esac
}

# Makes supervisord read all of its files. This applies nothing: other programs keep their processes, and changes that
# are pending for them stay pending.
reread_programs() {
  local words
  supervisor reread && return
  words=$(supervisor_words)
  supervisor_answers || fail "supervisord does not answer: $words" \
    "see its log; systemctl restart $(supervisor_unit) restarts it and all of its programs; then apply again"
  fail "supervisord cannot read its configuration: $words" \
    "correct that file until '$(supervisorctl_here reread)' reports no error, and apply again"
}

# To be called after a reread. Succeeds if supervisord does not know this member's program, or has not loaded the file
# as it is now.
program_is_pending() {
  case "
$supervisor_answer
" in *"
$PROGRAM: "*) has_taken_over= ;; *) has_taken_over=yes && return 1 ;; esac
}
has_taken_over= # supervisord has confirmed that it has loaded the file as it is now

# Makes supervisord load this member's file, and applies no other pending change on the host. supervisord starts a
# program that it did not know, and restarts one whose file has changed; `supervisor_answer` says which.
update_program() {
  local words
  supervisor update "$PROGRAM" && has_taken_over=yes && return
  words=$(supervisor_words)
  # If it cannot read its files, this fails with the reason.
  reread_programs
  fail "supervisord does not load the program $PROGRAM: $words" \
    "see supervisord's log, correct the cause, and apply again"
}

# NAME:NAME names only this process. A name alone can mean more to supervisor: `all` means every program.
restart_program() { supervisor restart "$PROGRAM:$PROGRAM"; }

stop_program() {
  # An etcd that keeps crashing is stopped at times, and supervisord starts it again unless it was told not to.
  wait_until 10 has_been_told_to_stop || true
  wait_until 40 is_stopped ||
    fail "etcd does not stop: $(supervisor_words)" "stop process $(etcd_pid), and run this again"
}

# A supervisord that is starting does not answer yet. The answer about a program that does not run, or that it does not
# know, is an error, too.
has_been_told_to_stop() {
  supervisor stop "$PROGRAM:$PROGRAM" && return
  case $supervisor_answer in *"refused connection"* | *"no such file"* | *SHUTDOWN*) return 1 ;; esac
}

# Removes the stopped program from supervisord by its name. This works even if supervisord cannot read the files of
# other programs, so the reread after it may fail. The files go after that: by them, a phase that runs again after a
# kill knows that there is something to remove.
forget_program() {
  supervisor remove "$PROGRAM" || true
  unregister_program
  supervisor reread || true
  ! supervisor pid "$PROGRAM:$PROGRAM" || fail "supervisord still has the program $PROGRAM" \
    "run $(supervisorctl_here stop "$PROGRAM") and $(supervisorctl_here remove "$PROGRAM"), and run this again"
}

# wake_supervisor_after PID START: supervisord checks on its child processes once a second, and whenever it is asked
# something. This asks it as soon as that process has ended, in the background. supervisorctl is started at once and
# gets the question later, because Python takes longer to start than etcd. If this fails, etcd is back a second later.
wake_supervisor_after() {
  find_supervisor_conf
  (
    # It may outlive this phase, so it has none of its locks and files open.
    exec 7>&- 8<&- 9>&- </dev/null >/dev/null 2>&1
    {
      wait_until 40 has_gone "$1" "$2" || true
      echo pid
    } | run_supervisorctl 60
  ) &
}

has_gone() { ! lives_on "$1" "$2"; }

# is_supervised PID: succeeds if the process is a child of the supervisord that runs here, or the one that supervisord
# reports for this member. If it fails, `supervisor_answer` is the process ID that supervisord reports: 0 or nothing if
# it has none.
is_supervised() {
  read_process "/proc/$1"
  set_supervisord && [ -n "$supervisord" ] && [ "$parent" = "${supervisord#/proc/}" ] && return
  supervisor pid "$MEMBER:$MEMBER" || supervisor_answer=
  [ "$supervisor_answer" = "$1" ]
}
