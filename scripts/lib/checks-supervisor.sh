# Checks of the host's supervisor, before anything on the host changes. If supervisor is not installed, the only
# question is whether it can be.

check_supervisor() {
  local conf words include ini
  has_supervisor || {
    package_manager >/dev/null ||
      refusal "supervisor" "it is not installed, and there is no apt-get, dnf, yum or zypper" "install supervisor"
    return 0
  }
  check_masked
  set_configuration || {
    refuse_confusion
    return 0
  }
  conf=$configuration
  # A stage skips this, because whatever reloads or restarts a program asks again (reread_programs).
  if [ "$PHASE" != stage ] && ! supervisor_reads_others; then
    words=$(supervisor_words)
    if supervisor_answers; then
      refusal "supervisor" "supervisord cannot read its configuration: $words" \
        "correct that file until '$(supervisorctl_here reread)' reports no error"
    elif set_supervisord && [ -n "$supervisord" ]; then
      refusal "supervisor" "supervisord runs with the configuration $conf and does not answer: $(supervisor_words)" \
        "make 'supervisorctl -c $conf pid' work: in $conf, [supervisorctl] must have the serverurl of supervisord's server, and its username and password if it has them; if supervisord hangs, or something that cleans up has deleted its socket, 'systemctl restart $(supervisor_unit)' restarts it and all of its programs: on one host at a time"
    fi
  fi
  # A stage looks only at a supervisord that it has started itself (start_supervisor).
  [ "$PHASE" = stage ] || check_supervisor_user "$conf"
  check_supervisor_view
  set_program_files || {
    refusal "supervisor" \
      "$conf includes no existing directory for programs ([include] files: $(supervisor_patterns | on_one_line | grep . || echo none))" \
      "add one, e.g. [include] files = $(dirname "$conf")/conf.d/*.ini, and create that directory"
    return 0
  }
  check_programs
  for side in $SIDE_PROGRAMS; do as_side_program "$side" check_side_program "$conf"; done
}

# check_supervisor_user CONFIGURATION: only root can start a program as another user. A supervisord of root's would
# have been found among the processes.
check_supervisor_user() {
  local owner
  set_supervisord || true
  [ -z "$supervisord" ] && supervisor_answers || return 0
  owner=$(stat -c %u "/proc/$supervisor_answer" 2>/dev/null) || return 0
  [ "$owner" = "$OWN_UID" ] || refusal "supervisor" \
    "supervisord (process $supervisor_answer) runs as $(stat -c %U "/proc/$supervisor_answer"), and only root can start etcd as $ETCD_USER" \
    "remove user= from the section [supervisord] of $1, and User= from its systemd unit, and restart it"
}

# systemd can give supervisord, and with it etcd, a view of the file system of its own, in which less can be written
# (ProtectSystem=, ReadOnlyPaths=, …).
check_supervisor_view() {
  local directory existing closed='' above=''
  set_supervisord || return 0
  if [ -z "$supervisord" ] || is_in_own_namespace "$supervisord" mnt; then return; fi
  for directory in "$DATA_DIR" "$LOG_DIR"; do
    look_for_existing "$directory"
    if [ -w "$supervisord/root$existing" ] || [ ! -w "$existing" ]; then continue; fi
    closed="$closed $directory"
    directory=${directory#/}
    above="$above /${directory%%/*}"
  done
  [ -z "$closed" ] || refusal "supervisor" \
    "supervisord, and with it etcd, cannot write to${closed}, although root can: its systemd unit takes that away" \
    "create what is missing of $(unique "$above"), allow it in the unit (systemctl edit $(supervisor_unit): ReadWritePaths=$(unique "$above")), and restart supervisord"
}

# unique WORDS: each of the words once, on one line.
unique() { printf '%s\n' "$1" | tr ' ' '\n' | sort -u | on_one_line; }

# check_side_program CONFIGURATION
check_side_program() {
  local include ini
  if set_program_files; then
    check_programs
  else
    refusal "supervisor" "$1 includes no file of the name $PROGRAM_FILE" \
      "let it include more, e.g. [include] files = $(dirname "$1")/conf.d/*.ini"
  fi
}

check_masked() {
  local unit
  set_supervisord || true
  [ -z "$supervisord" ] || return 0
  for unit in supervisor supervisord; do
    case $(systemctl is-enabled "$unit" 2>/dev/null) in
      masked*)
        refusal "supervisor" "supervisord does not run, and the systemd unit $unit is masked" "systemctl unmask $unit"
        ;;
    esac
  done
}

refuse_confusion() {
  local process processes=
  look_for_supervisords
  if [ -z "$supervisords" ]; then
    refusal "supervisor" "supervisorctl is installed, but there is no supervisord.conf" \
      "create /etc/supervisord.conf or /etc/supervisor/supervisord.conf (Debian: apt-get -o Dpkg::Options::=--force-confmiss install --reinstall supervisor)"
    return
  fi
  for process in $supervisords; do
    set_configuration_of "$process" || true
    processes="$processes process ${process#/proc/} ($configuration)"
  done
  refusal "supervisor" "several supervisord processes run as root, and it is unclear which one to use:$processes" \
    "let exactly one supervisord run as root, or start the one to use with /etc/supervisord.conf or /etc/supervisor/supervisord.conf as its configuration"
}

# Refuses files of other programs where this member's program file (`ini`, which supervisor includes as `include`)
# belongs, and other programs that have its name.
check_programs() {
  local file kind name
  look_for_program "$ini"
  if [ -e "$ini" ] && [ "$program" != "$PROGRAM" ]; then
    refusal "supervisor program" "$ini belongs to the program '$program'" \
      "remove that program, or set paths.supervisorProgramFile"
  elif [ -e "$ini" ] && [ ! -w "$ini" ]; then
    refusal "read-only" "$ini cannot be replaced: $(why_not_writable "$ini")" "make it writable (chattr -i $ini)"
  elif [ "$include" != "$ini" ] && { [ -e "$include" ] || [ -L "$include" ]; } &&
    [ "$(readlink "$include")" != "${ini##*/}" ]; then
    refusal "supervisor program" "$include was not made by this package" \
      "remove that program, or set paths.supervisorProgramFile"
  fi
  # Only a file that names the program can be in its way.
  supervisor_files | sort -u | while read -r file; do
    if [ "$file" = "$ini" ] || [ "$file" = "$include" ] || ! grep -qsF -e "$PROGRAM" "$file"; then continue; fi
    [ "$(readlink -f "$file")" != "$(readlink -f "$ini")" ] || continue
    programs_in "$file" | while read -r kind name; do
      [ "$name" != "$PROGRAM" ] ||
        refusal "supervisor program" "$file already defines the $kind '$PROGRAM'" \
          "remove it, or give the member another name"
    done
    ! grep -qE "^programs[[:space:]]*[=:](.*[,[:space:]])?$(printf %s "$PROGRAM" | sed 's/\./\\./g')([,[:space:]].*)?\$" "$file" ||
      refusal "supervisor program" "$file puts the program '$PROGRAM' into a group, which would change its name" \
        "remove it from that group"
  done
}
