# The systemd unit of supervisord.

# If the unit is not enabled, etcd does not come back after a reboot.
enable_supervisor() {
  local unit
  set_supervisor_unit
  ! is_enabled "$unit" || return 0
  if systemctl enable "$unit" >/dev/null 2>&1 && is_enabled "$unit"; then
    say "enabled $unit, so that etcd comes back after a reboot"
  else
    say "warning: $unit is not enabled: make sure that supervisord starts at boot, otherwise etcd does not come back after a reboot"
  fi
}

# is_enabled UNIT: judged by the output, because the exit code is also 0 for a unit that nothing starts at boot
# (static), or that is enabled only until the next reboot (enabled-runtime).
is_enabled() {
  case $(systemctl is-enabled "$1" 2>/dev/null) in enabled | alias | generated | indirect) ;; *) return 1 ;; esac
}

# The systemd unit of the supervisord that runs; if none runs yet, the unit's name in the supervisor package.
supervisor_unit() {
  local unit
  set_supervisor_unit
  echo "$unit"
}

# Sets `unit` to the same.
set_supervisor_unit() {
  local line
  unit=
  set_supervisord || true
  # It reads to the end (read_to_end).
  while read -r line; do
    [ -n "$unit" ] || case $line in */?*.service) unit=${line##*/} ;; esac
  done 2>/dev/null <"${supervisord:-/proc/none}/cgroup" || true
  [ -z "$unit" ] || return 0
  unit=supervisord.service
  set_configuration || true
  case $configuration in /etc/supervisor/*) unit=supervisor.service ;; esac
}

# keep_supervisor_up: makes systemd start supervisord again if it fails. EPEL's unit does not (Debian's does), and as it
# has no KillMode either, systemd ends all programs of a supervisord that fails: etcd would be down until somebody
# starts it. By OOMPolicy=, it is enough that the kernel kills one of these programs for lack of memory. The time is
# long enough for systemd not to give up. The name sorts before others, so every other file there overrides this one.
keep_supervisor_up() {
  local unit drop_in text='[Service]
Restart=on-failure
RestartSec=3'
  set_supervisor_unit
  # Somebody may have started supervisord by hand, outside of this unit.
  [ -z "$supervisord" ] || grep -q "/$unit\$" "$supervisord/cgroup" 2>/dev/null || return 0
  drop_in=/etc/systemd/system/$unit.d/00-cdktf-etcd-$MEMBER.conf
  is_unit_without_restart "$unit" || return 0
  if [ "$text" != "$(cat "$drop_in" 2>/dev/null)" ]; then
    make_directory "${drop_in%/*}"
    put_file "$drop_in" 644 root:root "$text"
  elif ! systemctl show -p NeedDaemonReload "$unit" 2>/dev/null | grep -q '=yes'; then
    return 0
  fi
  systemctl daemon-reload >/dev/null 2>&1 || true
  say "systemd starts supervisord again if it fails: $drop_in"
}

# is_unit_without_restart UNIT: whether it runs supervisord, has no Restart= but from such a file of any member, which
# goes when that member goes, and ends its programs with it. Programs that outlive their supervisord would be started a
# second time.
is_unit_without_restart() {
  local properties
  properties=$(systemctl show -p ExecStart -p Restart -p KillMode -p DropInPaths "$1" 2>/dev/null) || return 1
  case $properties in *supervisord*) ;; *) return 1 ;; esac
  case $properties in *KillMode=control-group* | *KillMode=mixed*) ;; *) return 1 ;; esac
  case $properties in *Restart=no* | */00-cdktf-etcd-*) ;; *) return 1 ;; esac
}

# Removes what keep_supervisor_up has made for this member.
forget_supervisor_unit() {
  local drop_in
  for drop_in in /etc/systemd/system/*.service.d/00-cdktf-etcd-"$MEMBER".conf; do
    [ -e "$drop_in" ] || continue
    rm -f "$drop_in"
    rmdir "${drop_in%/*}" 2>/dev/null || true
    systemctl daemon-reload >/dev/null 2>&1 || true
  done
}
