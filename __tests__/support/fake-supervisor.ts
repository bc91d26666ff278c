import type { Host } from "./host";

/** /etc/supervisor/supervisord.conf of Debian's package, whole. */
const DEBIAN_CONF = `; supervisor config file

[unix_http_server]
file=/var/run/supervisor.sock   ; (the path to the socket file)
chmod=0700                       ; sockef file mode (default 0700)

[supervisord]
logfile=/var/log/supervisor/supervisord.log ; (main log file;default $CWD/supervisord.log)
pidfile=/var/run/supervisord.pid ; (supervisord pidfile;default supervisord.pid)
childlogdir=/var/log/supervisor            ; ('AUTO' child log dir, default $TEMP)

; the below section must remain in the config file for RPC
; (supervisorctl/web interface) to work, additional interfaces may be
; added by defining them in separate rpcinterface: sections
[rpcinterface:supervisor]
supervisor.rpcinterface_factory = supervisor.rpcinterface:make_main_rpcinterface

[supervisorctl]
serverurl=unix:///var/run/supervisor.sock ; use a unix:// URL  for a unix socket

; The [include] section can just contain the "files" setting.  This
; setting can list multiple files (separated by whitespace or
; newlines).  It can also contain wildcards.  The filenames are
; interpreted as relative to this file.  Included files *cannot*
; include files themselves.

[include]
files = /etc/supervisor/conf.d/*.conf
`;

/** /etc/supervisord.conf of EPEL's package: its sections, without most of the commented samples between them. */
const RHEL_CONF = `; Sample supervisor config file.

[unix_http_server]
file=/var/run/supervisor/supervisor.sock   ; (the path to the socket file)
;chmod=0700                 ; sockef file mode (default 0700)

[supervisord]
logfile=/var/log/supervisor/supervisord.log  ; (main log file;default $CWD/supervisord.log)
pidfile=/var/run/supervisord.pid ; (supervisord pidfile;default supervisord.pid)
nodaemon=false              ; (start in foreground if true;default false)

[rpcinterface:supervisor]
supervisor.rpcinterface_factory = supervisor.rpcinterface:make_main_rpcinterface

[supervisorctl]
serverurl=unix:///var/run/supervisor/supervisor.sock ; use a unix:// URL  for a unix socket

;[program:theprogramname]
;command=/bin/cat              ; the program (relative uses PATH, can take args)
;files=sample.log

; The [include] section can just contain the "files" setting.  This
; setting can list multiple files (separated by whitespace or
; newlines).  It can also contain wildcards.  The filenames are
; interpreted as relative to this file.  Included files *cannot*
; include files themselves.

[include]
files = supervisord.d/*.ini
`;

export const SUPERVISOR = {
  debian: {
    conf: "/etc/supervisor/supervisord.conf",
    text: DEBIAN_CONF,
    programs: "/etc/supervisor/conf.d",
    included: "/etc/supervisor/conf.d/etcd-server.conf",
    ini: "/etc/supervisor/conf.d/etcd-server.ini",
  },
  rhel: {
    conf: "/etc/supervisord.conf",
    text: RHEL_CONF,
    programs: "/etc/supervisord.d",
    included: "/etc/supervisord.d/etcd-server.ini",
    ini: "/etc/supervisord.d/etcd-server.ini",
  },
};

export type SupervisorPackage = keyof typeof SUPERVISOR;

/** The files that a package of supervisor brings. */
export function installSupervisorFiles(host: Host, from: SupervisorPackage): void {
  const { conf, text, programs } = SUPERVISOR[from];
  // The one absolute path that the scripts follow.
  host.write(conf, text.replace("files = /", `files = ${host.root}/`));
  host.write(`${programs}/.keep`, "");
}

/** And a `supervisorctl` that runs the one program which is included, as supervisord would. */
export function installSupervisor(host: Host, from: SupervisorPackage = "debian"): void {
  installSupervisorFiles(host, from);
  host.stub(
    "supervisorctl",
    `
echo "$*" >>"$CALLS"
root='${host.root}'
included="$root${SUPERVISOR[from].included}"
known="$root/run/supervisord-knows"
etcd_process() { cat "$root/run/etcd.pid" 2>/dev/null; }
# Not kill -0: that succeeds for a zombie.
running() { [ -n "$(etcd_process)" ] && grep -q . "/proc/$(etcd_process)/cmdline" 2>/dev/null; }
# As autorestart=true does.
supervise() {
  while :; do
    "$root/opt/etcd/etcd-server-startup.sh" >>"$root/data/logs/etcd.log" 2>&1 &
    echo $! >"$root/run/etcd.pid"
    ln -sfn "/proc/$!" "$root/proc/$!"
    wait $!
    rm -f "$root/proc/$!"
    sleep 0.05
  done
}
stop() {
  [ ! -e "$root/run/supervise.pid" ] || kill -9 "$(cat "$root/run/supervise.pid")" 2>/dev/null
  if running; then kill "$(etcd_process)"; fi
  while running; do sleep 0.01; done
  rm -f "$root/run/etcd.pid" "$root/run/supervise.pid"
}
start() {
  (exec </dev/null >/dev/null 2>&1 9>&- && supervise) &
  echo $! >"$root/run/supervise.pid"
  # startsecs: long enough to see whether it stays.
  for _ in 1 2 3 4 5 6 7 8 9 10; do
    [ "$(cat "/proc/$(etcd_process)/comm" 2>/dev/null)" != etcd ] || break
    sleep 0.02
  done
}
case $1 in
  pid) echo 1 ;;
  update)
    if [ ! -e "$included" ]; then
      stop
      rm -f "$known"
    elif ! cmp -s "$included" "$known"; then
      stop
      cp "$included" "$known"
      start
    fi
    ;;
  start)
    [ -e "$known" ] || { echo "$2: ERROR (no such process)"; exit 1; }
    running || { stop; start; }
    ;;
  status) if [ -e "$root/run/supervise.pid" ]; then echo "$2   RUNNING"; else echo "$2   STOPPED"; fi ;;
  stop) stop ;;
  restart) stop; start ;;
esac`,
  );
}
