# What must hold for the host's supervisor before anything changes. Where it is not installed yet there is nothing to look at.

check_supervisor() {
  local conf words
  has_supervisor || {
    package_manager >/dev/null || refusal "supervisor" "it is not installed, and there is no apt-get, dnf, yum or zypper" "install supervisor"
    return 0
  }
  check_masked
  conf=$(supervisor_conf) || {
    refusal "supervisor" "$(supervisor_confusion)" "stop the one that is not meant, or start it by /etc/supervisord.conf or /etc/supervisor/supervisord.conf"
    return 0
  }
  # Whoever restarts something asks again.
  if [ "$PHASE" != stage ] && ! supervisor_reads_others; then
    words=$(supervisor_words)
    if supervisor_answers; then
      refusal "supervisor" "supervisord cannot read its configuration: $words" "correct that file until 'supervisorctl reread' reports no error"
    elif [ -n "$(supervisord_process)" ]; then
      refusal "supervisor" "supervisord runs by $conf and does not answer: $(supervisor_words)" \
        "make 'supervisorctl -c $conf pid' answer: in $conf, [supervisorctl] needs the serverurl of supervisord's server, and its username and password where that has them; if it hangs, systemctl restart supervisor restarts it and all of its programs"
    fi
  fi
  program_include >/dev/null || {
    refusal "supervisor" "$conf includes no existing directory for programs ([include] files: $(supervisor_patterns | tr '\n' ' ' | grep . || echo none))" \
      "let it include one, e.g. [include] files = $(dirname "$conf")/conf.d/*.ini, and make that directory"
    return 0
  }
  check_programs
}

check_masked() {
  local unit
  [ -z "$(supervisord_process)" ] || return 0
  for unit in supervisor supervisord; do
    case $(systemctl is-enabled "$unit" 2>/dev/null) in
      masked*) refusal "supervisor" "no supervisord runs, and the systemd unit $unit is masked" "systemctl unmask $unit" ;;
    esac
  done
}

supervisor_confusion() {
  local process
  if [ -z "$(supervisord_processes)" ]; then
    echo "supervisorctl is installed, and there is no supervisord.conf"
  else
    printf 'several supervisords run as root, and it is not known which one is meant:'
    for process in $(supervisord_processes); do printf ' process %s by %s' "${process#/proc/}" "$(configuration_of "$process")"; done
  fi
}

# Files and names of other programs that would be in the way of ours.
check_programs() {
  local ini include file kind name
  ini=$(program_ini) include=$(program_include)
  name=$(program_of "$ini")
  if [ -e "$ini" ] && [ "$name" != "$MEMBER" ]; then
    refusal "supervisor program" "$ini is of the program '$name'" "remove that program, or set paths.supervisorProgramFile"
  elif [ "$include" != "$ini" ] && { [ -e "$include" ] || [ -L "$include" ]; } && [ "$(readlink "$include")" != "$(basename "$ini")" ]; then
    refusal "supervisor program" "$include is not of this package" "remove that program, or set paths.supervisorProgramFile"
  fi
  supervisor_files | sort -u | while read -r file; do
    [ "$(readlink -f "$file")" != "$(readlink -f "$ini")" ] || continue
    [ "$file" != "$include" ] || continue
    programs_in "$file" | while read -r kind name; do
      [ "$name" != "$MEMBER" ] ||
        refusal "supervisor program" "a $kind '$MEMBER' is registered in $file already" "remove it, or name the member otherwise"
    done
    ! grep -qE "^programs[[:space:]]*[=:](.*[,[:space:]])?$(printf %s "$MEMBER" | sed 's/\./\\./g')([,[:space:]].*)?\$" "$file" ||
      refusal "supervisor program" "$file takes the program '$MEMBER' into a group, where its name would be another one" "take it out of that group"
  done
}
