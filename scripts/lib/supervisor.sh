# supervisor, as Debian and RHEL package it.

supervisor_conf() {
  for conf in /etc/supervisor/supervisord.conf /etc/supervisord.conf; do
    [ -f "$conf" ] && echo "$conf" && return
  done
  return 1
}

# The first pattern of `[include] files`, absolute: /etc/supervisor/conf.d/*.conf or /etc/supervisord.d/*.ini
supervisor_include() {
  conf=$(supervisor_conf) || return 1
  pattern=$(awk '/^\[/ { inside = ($0 ~ /^\[include\]/) } inside && /^files[ \t]*=/ { sub(/^files[ \t]*=[ \t]*/, ""); print $1; exit }' "$conf")
  case $pattern in
    '') return 1 ;;
    /*) printf '%s\n' "$pattern" ;;
    *) printf '%s/%s\n' "$(dirname "$conf")" "$pattern" ;;
  esac
}

program_ini() { printf '%s/%s.ini\n' "$(dirname "$(supervisor_include)")" "$SUPERVISOR_INI"; }

# Where supervisor includes another extension (Debian: *.conf), the ini gets a second name that it does include.
program_include() {
  include=$(supervisor_include)
  printf '%s/%s.%s\n' "$(dirname "$include")" "$SUPERVISOR_INI" "${include##*.}"
}

register_program() {
  put_file "$(program_ini)" 644 root:root
  [ "$(program_include)" = "$(program_ini)" ] || put_link "$SUPERVISOR_INI.ini" "$(program_include)"
}

# program_of INI: the name in `[program:NAME]`
program_of() { sed -n 's/^\[program:\(.*\)\]$/\1/p' "$1" 2>/dev/null | head -n 1; }

is_own_program() { [ "$(program_of "$(program_ini)")" = "$MEMBER" ]; }

unregister_program() { rm -f "$(program_include)" "$(program_ini)"; }

supervisor_service() {
  if [ -e /etc/supervisor/supervisord.conf ]; then echo supervisor; else echo supervisord; fi
}

# supervisorctl speaks to a supervisord that may just be starting; its exit codes differ between releases, its text does not.
supervisor_answers() { supervisorctl pid >/dev/null 2>&1; }
