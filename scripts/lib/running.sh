# What runs, compared with what is meant: a restart that supervisor reports may have brought back the old binary, the old arguments or the old ini.

# False when the etcd that runs is not what lies here; `difference` then says in what. A process is looked at once, until `activate` changes what lies here:
# each question to supervisord starts a Python.
runs_as_meant() {
  process=$(etcd_pid)
  [ -z "$process" ] || [ "$process" != "${process_as_meant:-}" ] || return 0
  difference=$(differences)
  [ -z "$difference" ] || return 1
  process_as_meant=$process
}

differences() {
  local pid binary meant arguments missing surplus
  pid=$(etcd_pid)
  [ -n "$pid" ] || { printf 'it does not run: %s\n' "$(last_words)" && return; }
  binary=$(readlink "/proc/$pid/exe" || true)
  meant=$(readlink -f "$VERSIONED")
  case $binary in
    "$meant"/*" (deleted)") echo "it runs a binary that was replaced, $binary" && return ;;
    "$meant"/*) ;;
    *) echo "it runs ${binary:-no binary}, not $meant/etcd" && return ;;
  esac
  arguments=$(running_arguments "/proc/$pid")
  missing=$(meant_arguments | grep -vxF -e "$arguments" | tr '\n' ' ')
  surplus=$(printf '%s\n' "$arguments" | grep -vxF -e "$(meant_arguments)" | tr '\n' ' ')
  [ -z "$missing" ] || { echo "it runs without ${missing% }" && return; }
  [ -z "$surplus" ] || { echo "it runs with ${surplus% }, which the startup script does not have" && return; }
  is_supervised "$pid" || { echo "its process $pid is not the one that supervisord has (${supervisor_answer:-none})" && return; }
  if [ -n "$has_taken_over" ]; then
    return
  elif ! supervisor reread; then
    echo "supervisord cannot read its configuration: $(supervisor_words)"
  elif program_is_pending; then
    echo "supervisord has not taken over $(program_ini): 'supervisorctl reread' says $(supervisor_words)"
  fi
}

meant_arguments() { flags_of_script <"$STARTUP"; }

# The flags of a startup script, as etcd gets them, one a line. Those about the first start count for nothing once there are data.
flags_of_script() {
  sed -n -e "s/'\\\\''/\n/g" -e "s/'//g" -e "s/\n/'/g" -e 's/^  \(--.*\) \\$/\1/p' | lasting
}

running_arguments() { tr '\0' '\n' 2>/dev/null <"$1/cmdline" | grep '^--' | lasting; }

lasting() { grep -vE '^--initial-cluster(-state|-token)?=' || true; }
