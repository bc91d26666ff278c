# Which supervisord this host has, by which configuration it runs, and which of its directories takes our program's file.

# The supervisords that run here as root, as /proc/PID: not those of containers, and not the copy that is about to become a program.
supervisord_processes() {
  local process command parent found=
  for process in /proc/[0-9]*; do
    { read -r command <"$process/comm"; } 2>/dev/null || continue
    case $command in supervisord | python*) ;; *) continue ;; esac
    tr '\0' '\n' 2>/dev/null <"$process/cmdline" | head -n 3 | grep -qE '(^|/)supervisord$|^supervisor\.supervisord$' || continue
    [ "$(stat -c %u "$process" 2>/dev/null)" = "$(id -u)" ] || continue
    # Whoever runs `su` by a link that is called supervisord has a process of root's of that name, with arguments as they like.
    [ ! -u "$process/exe" ] || continue
    [ "$(readlink "$process/ns/pid")" = "$(readlink /proc/self/ns/pid)" ] || continue
    parent=$(parent_of "$process")
    case " $found" in *" /proc/$parent "*) continue ;; esac
    found="$found$process "
    printf '%s\n' "$process"
  done
}

# parent_of PROCESS: by the shell's own `read`, as in etcd_processes.
parent_of() {
  local key value
  while read -r key value _; do
    [ "$key" != PPid: ] || { echo "$value" && return; }
  done 2>/dev/null <"$1/status" || true
}

# Looks once for what each question to supervisor needs, and a phase needs that some twenty times: every look walks all processes.
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

# Of several, the one that a plain `supervisorctl` of this host speaks to; false when that is none of them.
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

# configuration_of PROCESS: what its -c says; without one, the first file that supervisord itself would find.
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

# default_configuration [PREFIX]: in supervisor's own order
default_configuration() {
  local conf
  for conf in ${1:+"$1/etc/supervisord.conf" "$1/supervisord.conf"} /etc/supervisord.conf /etc/supervisor/supervisord.conf; do
    [ -f "$conf" ] && echo "$conf" && return
  done
  return 1
}

# The configuration of the supervisord that runs; when none does, that of its systemd unit.
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
  conf=$(systemctl show -p ExecStart supervisor.service supervisord.service 2>/dev/null | sed -n 's/.* -n\{0,1\}c \([^ ;]*\).*/\1/p' | head -n 1)
  if [ -f "$conf" ]; then echo "$conf"; else default_configuration; fi
}

# The command that speaks to it: one that pip installed may lie beside its supervisord only.
supervisorctl_command() {
  local script
  command -v supervisorctl && return
  script=$(tr '\0' '\n' 2>/dev/null <"$(supervisord_process)/cmdline" | grep -m 1 '/supervisord$') || return 1
  case $script in /*) ;; *) return 1 ;; esac
  script=$(readlink -f "${script%/*}")/supervisorctl
  [ -x "$script" ] && is_trusted "$script" && is_trusted "$(readlink -f "$script")" && echo "$script"
}

has_supervisor() { supervisorctl_command >/dev/null; }

# The patterns of `[include] files`, absolute, one a line, as Python's ConfigParser reads them: keys in any case before = or :, values that go on in
# indented lines, comments; with supervisor's expansions.
supervisor_patterns() {
  local conf process
  conf=$(supervisor_conf) || return 1
  if is_known configuration; then
    [ -z "$known_patterns" ] || printf '%s\n' "$known_patterns"
    return 0
  fi
  process=$(supervisord_process)
  tr '\0' '\n' 2>/dev/null <"${process:-/proc/self}/environ" | awk -v here="$(dirname "$conf")" -v node="$(uname -n)" '
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

# All files with programs: the configuration itself, and what it includes.
supervisor_files() {
  local pattern file
  supervisor_conf
  supervisor_patterns | while read -r pattern; do
    for file in $pattern; do [ ! -f "$file" ] || printf '%s\n' "$file"; done
  done
}

# The name under which supervisor includes this member's program. First where it lies already, then where *.ini is included, then (Debian: *.conf)
# where the ini can have a second name.
program_include() {
  local pattern directory extension rank
  if is_known include; then
    [ -n "$known_include" ] && printf '%s\n' "$known_include"
    return
  fi
  supervisor_patterns | while read -r pattern; do
    directory=${pattern%/*}
    case $directory in *[*?[]*) continue ;; esac
    [ -d "$directory" ] || continue
    for extension in ini "${pattern##*.}"; do
      # shellcheck disable=SC2254 # it is a pattern
      case $SUPERVISOR_INI.$extension in ${pattern##*/}) ;; *) continue ;; esac
      rank=2
      [ "$extension" != ini ] || rank=1
      [ "$(program_of "$directory/$SUPERVISOR_INI.ini")" != "$MEMBER" ] || rank=0
      printf '%s %s\n' "$rank" "$directory/$SUPERVISOR_INI.$extension"
      break
    done
  done | sort -s -k 1,1 | head -n 1 | cut -d' ' -f2- | grep .
}

program_ini() {
  local include
  include=$(program_include) || true
  printf '%s/%s.ini\n' "${include%/*}" "$SUPERVISOR_INI"
}

# programs_in FILE: a line for each section that is a program or a group of programs: KIND NAME
programs_in() { sed -nE 's/^\[(program|fcgi-program|eventlistener|group):[[:space:]]*([^]]*[^][:space:]])[[:space:]]*\].*/\1 \2/p' "$1" 2>/dev/null; }

# program_of INI: the name of its program
program_of() { programs_in "$1" | sed -n '/^program /{s///p;q;}'; }
