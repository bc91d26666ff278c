# Finds the supervisord of this host, the configuration that it runs with, and the include directory for our program's
# file.

# Sets `supervisords` to the supervisord processes that run here as root, as /proc/PID with a blank behind each. It
# leaves out those in containers, and a child that supervisord has forked and that has not executed its program yet.
look_for_supervisords() {
  local process command found
  supervisords=
  for process in /proc/[0-9]*; do
    { { read -r command && read_to_end; } <"$process/comm"; } 2>/dev/null || continue
    case $command in supervisord | *python*) ;; *) continue ;; esac
    # Any user can run a setuid program such as `su` through a link named supervisord. Its process belongs to root and
    # has that name, with arguments that the user chose. Between two of these questions, a process may execute such a
    # program, or another one after it; but the user who started it is then still the real one.
    { is_owned "$process" && [ ! -u "$process/exe" ] && is_in_own_namespace "$process" pid &&
      has_own_root "$process"; } || continue
    calls_supervisord "$process" || continue
    read_process "$process"
    { [ "$real_uid" = "$OWN_UID" ] && [ ! -u "$process/exe" ]; } || continue
    supervisords="$supervisords$process "
  done
  # /proc/1000 comes before /proc/999, so the children are left out when all are known.
  case $supervisords in *' '*' ') ;; *) return 0 ;; esac
  found=$supervisords supervisords=
  for process in $found; do
    read_process "$process"
    case "$real_uid $found" in ' '* | *" /proc/$parent "*) ;; *) supervisords="$supervisords$process " ;; esac
  done
}

# has_own_root PROCESS: whether its root directory is that of this shell. That of a container with the host's processes
# is another one; that of a systemd unit which may not write everywhere is not.
has_own_root() { [ "$1/root" -ef /proc/self/root ] || [ ! -e /proc/self/root ]; }

# calls_supervisord PROCESS: one of its first three arguments is supervisord, as a file or as a module of Python. Leaves
# its arguments in `process_arguments`.
calls_supervisord() {
  local rest
  read_arguments "$1"
  rest=${process_arguments#"$LINE_END"}
  for _ in 1 2 3; do
    case ${rest%%"$LINE_END"*} in supervisord | */supervisord | supervisor.supervisord) return 0 ;; esac
    rest=${rest#*"$LINE_END"}
  done
  return 1
}

# Looks up once what every question to supervisor needs. A phase needs it some twenty times, and each lookup goes
# through all processes.
look_for_supervisor() {
  forget_supervisor
  known_process=several
  if set_supervisord; then known_process=$supervisord; fi
  supervisor_known=process
  set_configuration || true
  known_conf=$configuration
  supervisor_known="process configuration"
  known_patterns=$(supervisor_patterns || true)
  supervisor_known="process configuration patterns"
  set_program_files || true
  known_include=$include
  supervisor_known="process configuration patterns include"
}

forget_supervisor() { supervisor_known=; }

is_known() { case ${supervisor_known:-} in *"$1"*) ;; *) return 1 ;; esac; }

# Prints the supervisord to use; prints nothing if none runs. If several run, it is the one that a plain `supervisorctl`
# on this host talks to; fails if none of them is.
supervisord_process() {
  set_supervisord || return
  [ -z "$supervisord" ] || printf '%s\n' "$supervisord"
}

# Sets `supervisord` to the same.
set_supervisord() {
  local process
  supervisord=
  if is_known process; then
    [ "$known_process" != several ] || return 1
    supervisord=$known_process
    return 0
  fi
  look_for_supervisords
  case $supervisords in
    *' '*' ') ;;
    *)
      supervisord=${supervisords% }
      return 0
      ;;
  esac
  for process in $supervisords; do
    set_configuration_of "$process" || true
    [ "$configuration" != "$(default_configuration)" ] || { supervisord=$process && return; }
  done
  return 1
}

# set_configuration_of PROCESS: sets `configuration` to the file that its option -c names; without -c, to the first file
# that supervisord itself would take. Fails if there is none.
set_configuration_of() {
  local rest argument script=''
  configuration=
  read_arguments "$1"
  rest=$process_arguments
  while [ -n "$rest" ]; do
    argument=${rest%%"$LINE_END"*}
    rest=${rest#*"$LINE_END"}
    case $argument in
      -c | -nc | --configuration) configuration=${rest%%"$LINE_END"*} && break ;;
      --configuration=*) configuration=${argument#*=} && break ;;
      -c* | -nc*) configuration=${argument#*c} && break ;;
      */supervisord) script=${script:-$argument} ;;
    esac
  done
  case $configuration in
    /*) ;;
    '') configuration=$(default_configuration "${script%/*/supervisord}") ;;
    *) configuration=$(readlink "$1/cwd")/$configuration ;;
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

# Prints the configuration of the supervisord that runs; if none runs, that of its systemd unit. Fails if there is none.
supervisor_conf() { set_configuration && printf '%s\n' "$configuration"; }

# Sets `configuration` to the same.
set_configuration() {
  configuration=
  if is_known configuration; then
    configuration=$known_conf
    [ -n "$configuration" ]
    return
  fi
  set_supervisord || return
  if [ -n "$supervisord" ]; then
    set_configuration_of "$supervisord"
    return
  fi
  configuration=$(systemctl show -p ExecStart supervisor.service supervisord.service 2>/dev/null |
    sed -n 's/.* -n\{0,1\}c \([^ ;]*\).*/\1/p' | head -n 1)
  [ -f "$configuration" ] || configuration=$(default_configuration)
}

# Prints the command that talks to supervisord. If supervisor was installed with pip, that command may exist only in the
# directory of supervisord.
supervisorctl_command() {
  local script
  command -v supervisorctl && return
  set_supervisord && [ -n "$supervisord" ] || return 1
  script=$(tr '\0' '\n' 2>/dev/null <"$supervisord/cmdline" | grep -m 1 '/supervisord$') || return 1
  case $script in /*) ;; *) return 1 ;; esac
  script=$(readlink -f "${script%/*}")/supervisorctl
  [ -x "$script" ] && is_trusted "$script" && is_trusted "$(readlink -f "$script")" && echo "$script"
}

has_supervisor() { supervisorctl_command >/dev/null; }

# Prints the patterns of `[include] files`, as absolute paths, one per line. It reads them as Python's ConfigParser
# does: keys in any case, followed by = or :, values that continue on indented lines, and comments. Supervisor's
# expansions are applied; awk asks for the host's name and for supervisord's environment only if a pattern names them.
supervisor_patterns() {
  set_configuration || return 1
  if is_known patterns; then
    [ -z "$known_patterns" ] || printf '%s\n' "$known_patterns"
    return 0
  fi
  set_supervisord
  awk -v here="${configuration%/*}" -v environment="${supervisord:-/proc/self}/environ" '
    function strip(text) { gsub(/^[ \t]+|[ \t\r]+$/, "", text); return text }
    function replaced(text, from, to, at) {
      while (at = index(text, from)) text = substr(text, 1, at - 1) to substr(text, at + length(from))
      return text
    }
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
      value = replaced(value, "%(here)s", here)
      if (index(value, "%(host_node_name)s")) {
        "uname -n" | getline node
        value = replaced(value, "%(host_node_name)s", node)
      }
      if (index(value, "%(ENV_")) {
        variables = "tr \"\\0\" \"\\n\" 2>/dev/null <" environment
        while ((variables | getline line) > 0)
          if (at = index(line, "=")) value = replaced(value, "%(ENV_" substr(line, 1, at - 1) ")s", substr(line, at + 1))
      }
      n = split(replaced(value, "%%", "%"), patterns, /[ \t]+/)
      for (i = 1; i <= n; i++) if (patterns[i] != "" && patterns[i] !~ /%\(/) print patterns[i] ~ /^\// ? patterns[i] : here "/" patterns[i]
    }' "$configuration"
}

# Prints all files that can define programs: the configuration itself, and the files that it includes.
supervisor_files() {
  local file
  set_configuration || return 0
  # shellcheck disable=SC2046 # patterns are words, and are to be expanded
  for file in "$configuration" $(supervisor_patterns); do [ ! -f "$file" ] || printf '%s\n' "$file"; done
}

# Prints the path under which supervisor includes this member's program. A directory that has the program's file already
# comes first, then one from which *.ini is included, then (Debian includes *.conf) one in which the ini file can have a
# second name.
program_include() {
  local include ini
  set_program_files && printf '%s\n' "$include"
}

program_ini() {
  local include ini
  set_program_files || true
  printf '%s\n' "$ini"
}

# Sets `include` to that path, and `ini` to the program's file beside it; fails if there is no such path.
set_program_files() {
  if is_known include; then include=$known_include; else look_for_include; fi
  ini=${include%/*}/$PROGRAM_FILE.ini
  [ -n "$include" ]
}

look_for_include() {
  local pattern directory extension rank best=3
  include=
  while read -r pattern; do
    directory=${pattern%/*}
    case $directory in *[*?[]*) continue ;; esac
    [ -d "$directory" ] || continue
    for extension in ini "${pattern##*.}"; do
      # shellcheck disable=SC2254 # it is a pattern
      case $PROGRAM_FILE.$extension in ${pattern##*/}) ;; *) continue ;; esac
      rank=2
      [ "$extension" != ini ] || rank=1
      look_for_program "$directory/$PROGRAM_FILE.ini"
      [ "$program" != "$PROGRAM" ] || rank=0
      if [ "$rank" -lt "$best" ]; then best=$rank include=$directory/$PROGRAM_FILE.$extension; fi
      break
    done
  done <<LIST
$(supervisor_patterns)
LIST
}

# programs_in FILE: prints a line KIND NAME for each section that defines a program or a group of programs.
programs_in() {
  sed -nE 's/^\[(program|fcgi-program|eventlistener|group):[[:space:]]*([^]]*[^][:space:]])[[:space:]]*\].*/\1 \2/p' \
    "$1" 2>/dev/null
}

# look_for_program INI: sets `program` to the name of its program, or to nothing. It starts no process.
look_for_program() {
  local line
  program=
  [ -f "$1" ] || return 0
  while IFS= read -r line || [ -n "$line" ]; do
    case $line in '[program:'*']'*) ;; *) continue ;; esac
    program=${line#*:}
    program=${program%%]*}
    program=${program#"${program%%[![:space:]]*}"}
    program=${program%"${program##*[![:space:]]}"}
    [ -z "$program" ] || return 0
  done 2>/dev/null <"$1" || true
}
