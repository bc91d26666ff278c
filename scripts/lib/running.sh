# Compares what runs with what should run: after a restart that supervisor has reported, the old binary, the old
# arguments or the old ini file may still be in use.

# False if the etcd that runs is not the one that is installed here; `difference` then says what differs. A process that
# was found to match is not compared again until `activate` changes what is installed, because each call of
# supervisorctl starts a Python process.
runs_as_meant() {
  process=$(etcd_pid)
  [ -z "$process" ] || [ "$process" != "${process_as_meant:-}" ] || return 0
  difference=$(differences)
  [ -z "$difference" ] || return 1
  process_as_meant=$process
}

differences() {
  local pid binary directory arguments meant missing surplus
  pid=$(etcd_pid)
  [ -n "$pid" ] || { printf 'it is not running: %s\n' "$(last_words)" && return; }
  binary=$(readlink "/proc/$pid/exe" || true)
  directory=$(readlink -f "$VERSIONED")
  case $binary in
    "$directory"/*" (deleted)") echo "it runs a binary that was replaced, $binary" && return ;;
    "$directory"/*) ;;
    *) echo "it runs ${binary:-no binary}, not $directory/etcd" && return ;;
  esac
  arguments=$(running_arguments "/proc/$pid")
  meant=$(flags_of_script <"$STARTUP")
  if [ "$arguments" != "$meant" ]; then
    missing=$(printf '%s\n' "$meant" | grep -vxF -e "$arguments" | on_one_line)
    surplus=$(printf '%s\n' "$arguments" | grep -vxF -e "$meant" | on_one_line)
    [ -z "$missing" ] || { echo "it runs without $missing" && return; }
    [ -z "$surplus" ] || { echo "it runs with $surplus, which the startup script does not have" && return; }
  fi
  is_supervised "$pid" ||
    { echo "its process $pid is not the one that supervisord manages (${supervisor_answer:-none})" && return; }
  if [ -n "$has_taken_over" ]; then
    return
  elif ! supervisor reread; then
    echo "supervisord cannot read its configuration: $(supervisor_words)"
  elif program_is_pending; then
    echo "supervisord has not loaded $(program_ini): '$(supervisorctl_here reread)' says $(supervisor_words)"
  fi
}

# The flags of a startup script on standard input, as etcd receives them, one per line. The flags for the first start
# are left out, because etcd ignores them once it has data.
flags_of_script() {
  sed -n -e "s/'\\\\''/\n/g" -e "s/'//g" -e "s/\n/'/g" -e '/^  --.* \\$/!d' -e 's/^  \(.*\) \\$/\1/' \
    -e "$PRINT_LASTING"
}

running_arguments() { tr '\0' '\n' 2>/dev/null <"$1/cmdline" | sed -n "$PRINT_LASTING"; }

# For sed: prints a flag, unless it is only for the first start.
PRINT_LASTING='/^--initial-cluster\(-state\|-token\)\{0,1\}=/d;/^--/p'
