# Finds the supervisord of this host, the configuration that it runs with, and the include directory for our program's
# file.

# Prints the supervisord processes that run here as root, as /proc/PID. It leaves out those in containers, and a child
# that supervisord has forked and that has not executed its program yet.
supervisord_processes() {
  local process command parent found=
  for process in /proc/[0-9]*; do
    { read -r command <"$process/comm"; } 2>/dev/null || continue
    case $command in supervisord | *python*) ;; *) continue ;; esac
    calls_supervisord "$process" || continue
    [ "$(stat -c %u "$process" 2>/dev/null)" = "$OWN_UID" ] || continue
    # Any user can run a setuid program such as `su` through a link named supervisord. Its process belongs to root and
    # has that name, with arguments that the user chose.
    [ ! -u "$process/exe" ] || continue
    [ "$(readlink "$process/ns/pid")" = "$(readlink /proc/self/ns/pid)" ] || continue
    parent=$(parent_of "$process")
    case " $found" in *" /proc/$parent "*) continue ;; esac
    found="$found$process "
    printf '%s\n' "$process"
  done
}

# calls_supervisord PROCESS: one of its first three arguments is supervisord, as a file or as a module of Python.
calls_supervisord() {
  local argument
  tr '\0' '\n' 2>/dev/null <"$1/cmdline" | {
    for _ in 1 2 3; do
      read -r argument || exit 1
      case $argument in supervisord | */supervisord | supervisor.supervisord) exit 0 ;; esac
    done
    exit 1
  }
}

# parent_of PROCESS: prints the process ID of its parent. It uses the shell's own `read` for the same reason as
# etcd_processes.
parent_of() {
  local key value
  while read -r key value _; do
    [ "$key" != PPid: ] || { echo "$value" && return; }
  done 2>/dev/null <"$1/status" || true
}

# Looks up once what every question to supervisor needs. A phase needs it some twenty times, and each lookup goes
# through all processes.
look_for_supervisor() {
  forget_supervisor
  known_process=$(supervisord_process) || known_process=several
  supervisor_known=process
  known_conf=$(supervisor_conf || true)
  known_patterns=$(supervisor_patterns || true)
  supervisor_known="process configuration"
  known_include=$(program_include || true)
  supervisor_known="process configuration include"
}

forget_supervisor() { supervisor_known=; }

is_known() { case ${supervisor_known:-} in *"$1"*) ;; *) return 1 ;; esac; }

# Prints the supervisord to use; prints nothing if none runs. If several run, it is the one that a plain `supervisorctl`
# on this host talks to; fails if none of them is.
supervisord_process() {
  local processes process
  if is_known process; then
    [ "$known_process" != several ] || return 1
    [ -z "$known_process" ] || printf '%s\n' "$known_process"
    return 0
  fi
  processes=$(supervisord_processes)
  case $(printf '%s\n' "$processes" | grep -c .) in
    0) return 0 ;;
    1) printf '%s\n' "$processes" && return ;;
  esac
  for process in $processes; do
    [ "$(configuration_of "$process")" != "$(default_configuration)" ] || { printf '%s\n' "$process" && return; }
  done
  return 1
}

# configuration_of PROCESS: prints the file that its option -c names; without -c, the first file that supervisord itself
# would find.
configuration_of() {
  local conf script
  conf=$(tr '\0' '\n' 2>/dev/null <"$1/cmdline" | awk '
    take { print; exit }
    /^-n?c$/ || $0 == "--configuration" { take = 1; next }
    sub(/^--configuration=/, "") || sub(/^-n?c/, "") { print; exit }')
  case $conf in
    /*) printf '%s\n' "$conf" ;;
    '')
      script=$(tr '\0' '\n' 2>/dev/null <"$1/cmdline" | grep -m 1 '/supervisord$' || true)
      default_configuration "${script%/*/supervisord}"
      ;;
    *) printf '%s/%s\n' "$(readlink "$1/cwd")" "$conf" ;;
  esac
}

# default_configuration [PREFIX]: prints the first default file that exists, in supervisor's own order.
default_configuration() {
  local conf
  for conf in ${1:+"$1/etc/supervisord.conf" "$1/supervisord.conf"} \
    /etc/supervisord.conf /etc/supervisor/supervisord.conf; do
    [ -f "$conf" ] && echo "$conf" && return
  done
  return 1
}

# Prints the configuration of the supervisord that runs; if none runs, that of its systemd unit.
supervisor_conf() {
  local process conf
  if is_known configuration; then
    [ -n "$known_conf" ] && printf '%s\n' "$known_conf"
    return
  fi
  process=$(supervisord_process) || return 1
  if [ -n "$process" ]; then
    configuration_of "$process"
    return
  fi
  conf=$(systemctl show -p ExecStart supervisor.service supervisord.service 2>/dev/null |
    sed -n 's/.* -n\{0,1\}c \([^ ;]*\).*/\1/p' | head -n 1)
  if [ -f "$conf" ]; then echo "$conf"; else default_configuration; fi
}

# Prints the command that talks to supervisord. If supervisor was installed with pip, that command may exist only in the
# directory of supervisord.
supervisorctl_command() {
  local script
  command -v supervisorctl && return
  script=$(tr '\0' '\n' 2>/dev/null <"$(supervisord_process)/cmdline" | grep -m 1 '/supervisord$') || return 1
  case $script in /*) ;; *) return 1 ;; esac
  script=$(readlink -f "${script%/*}")/supervisorctl
  [ -x "$script" ] && is_trusted "$script" && is_trusted "$(readlink -f "$script")" && echo "$script"
}

has_supervisor() { supervisorctl_command >/dev/null; }

# Prints the patterns of `[include] files`, as absolute paths, one per line. It reads them as Python's ConfigParser
# does: keys in any case, followed by = or :, values that continue on indented lines, and comments. Supervisor's
# expansions are applied.
supervisor_patterns() {
  local conf process
  conf=$(supervisor_conf) || return 1
  if is_known configuration; then
    [ -z "$known_patterns" ] || printf '%s\n' "$known_patterns"
    return 0
  fi
  process=$(supervisord_process)
  tr '\0' '\n' 2>/dev/null <"${process:-/proc/self}/environ" | awk -v here="${conf%/*}" -v node="$(uname -n)" '
    function strip(text) { gsub(/^[ \t]+|[ \t\r]+$/, "", text); return text }
    function replaced(text, from, to, at) {
      while (at = index(text, from)) text = substr(text, 1, at - 1) to substr(text, at + length(from))
      return text
    }
    what == "environment" { if (at = index($0, "=")) variable[substr($0, 1, at - 1)] = substr($0, at + 1); next }
    {
      line = $0
      if (match(line, /(^|[ \t])[;#]/)) line = substr(line, 1, RSTART - 1)
      text = strip(line)
      if (text == "") next
      match(line, /[^ \t]/)
      if (key != "" && RSTART > indent) { if (section == "include" && key == "files") value = value " " text; next }
      indent = RSTART
      if (match(text, /^\[[^]]+\]/)) { section = substr(text, 2, RLENGTH - 2); key = ""; next }
      if (!match(text, /[=:]/)) next
      key = tolower(strip(substr(text, 1, RSTART - 1)))
      if (section == "include" && key == "files") value = strip(substr(text, RSTART + 1))
    }
    END {
      value = replaced(replaced(value, "%(here)s", here), "%(host_node_name)s", node)
      for (name in variable) value = replaced(value, "%(ENV_" name ")s", variable[name])
      n = split(replaced(value, "%%", "%"), patterns, /[ \t]+/)
      for (i = 1; i <= n; i++) if (patterns[i] != "" && patterns[i] !~ /%\(/) print patterns[i] ~ /^\// ? patterns[i] : here "/" patterns[i]
    }' what=environment - what=configuration "$conf"
}

# Prints all files that can define programs: the configuration itself, and the files that it includes.
supervisor_files() {
  local pattern file
  supervisor_conf
  supervisor_patterns | while read -r pattern; do
    for file in $pattern; do [ ! -f "$file" ] || printf '%s\n' "$file"; done
  done
}

# Prints the path under which supervisor includes this member's program. A directory that has the program's file already
# comes first, then one from which *.ini is included, then (Debian includes *.conf) one in which the ini file can have a
# second name.
program_include() {
  local pattern directory extension rank include='' best=3
  if is_known include; then
    [ -n "$known_include" ] && printf '%s\n' "$known_include"
    return
  fi
  while read -r pattern; do
    directory=${pattern%/*}
    case $directory in *[*?[]*) continue ;; esac
    [ -d "$directory" ] || continue
    for extension in ini "${pattern##*.}"; do
      # shellcheck disable=SC2254 # it is a pattern
      case $PROGRAM_FILE.$extension in ${pattern##*/}) ;; *) continue ;; esac
      rank=2
      [ "$extension" != ini ] || rank=1
      [ "$(program_of "$directory/$PROGRAM_FILE.ini")" != "$PROGRAM" ] || rank=0
      if [ "$rank" -lt "$best" ]; then best=$rank include=$directory/$PROGRAM_FILE.$extension; fi
      break
    done
  done <<LIST
$(supervisor_patterns)
LIST
  [ -n "$include" ] && printf '%s\n' "$include"
}

program_ini() {
  local include
  include=$(program_include) || true
  ini_beside "$include"
}

# ini_beside INCLUDE: the program's file, where supervisor includes the program under the path INCLUDE.
ini_beside() { printf '%s/%s.ini\n' "${1%/*}" "$PROGRAM_FILE"; }

# programs_in FILE: prints a line KIND NAME for each section that defines a program or a group of programs.
programs_in() {
  sed -nE 's/^\[(program|fcgi-program|eventlistener|group):[[:space:]]*([^]]*[^][:space:]])[[:space:]]*\].*/\1 \2/p' \
    "$1" 2>/dev/null
}

# program_of INI: prints the name of its program.
program_of() {
  local kind name
  programs_in "$1" | while read -r kind name; do
    [ "$kind" != program ] || { printf '%s\n' "$name" && break; }
  done
}
