import type { Host } from "./host";

/** /etc/supervisor/supervisord.conf of Debian's package, complete. */
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

/** Installs the files that a package of supervisor contains. */
export function installSupervisorFiles(host: Host, from: SupervisorPackage): void {
  const { conf, text, programs } = SUPERVISOR[from];
  // This is the only absolute path in it that the scripts follow.
  host.write(conf, text.replace("files = /", `files = ${host.root}/`));
  host.write(`${programs}/.keep`, "");
}

/** Installs the file of another program, `jobs`. Its process does not run, but its starts are counted. */
export function installNeighbour(host: Host, command = "sleep 1", from: SupervisorPackage = "debian"): void {
  host.write(neighbourFile(from), `[program:jobs]\ncommand=${command}\n`);
}

/** Makes supervisord reject the neighbour's file, because the directory of its log does not exist. */
export function breakNeighbour(host: Host, from: SupervisorPackage = "debian"): void {
  host.write(neighbourFile(from), "[program:jobs]\ncommand=sleep 2\nstdout_logfile=/nope/jobs.log\n");
}

function neighbourFile(from: SupervisorPackage): string {
  return `${SUPERVISOR[from].programs}/jobs.${from === "debian" ? "conf" : "ini"}`;
}

/** How often supervisord has started the neighbour. */
export function neighbourStarts(host: Host): number {
  return host.has("/run/supervisord/jobs.starts")
    ? host.read("/run/supervisord/jobs.starts").split("\n").length - 1
    : 0;
}

/** The calls of supervisorctl that change something. */
export function supervisorChanges(host: Host): string[] {
  return host.calls("supervisorctl").filter((call) => !/^(pid|status|avail|reread)\b/.test(call));
}

/**
 * Installs these files, and a fake `supervisorctl` that behaves as the real one: files that were read are not yet
 * applied, a call with a name applies only that program, and if one file cannot be read, none is. The only program that
 * it really runs is the host's member; for others, it counts how often they were started.
 */
export function installSupervisor(host: Host, from: SupervisorPackage = "debian"): void {
  installSupervisorFiles(host, from);
  host.write("/run/supervisord/read/.keep", "");
  host.write("/run/supervisord/active/.keep", "");
  host.stub(
    "supervisorctl",
    `
[ "$1" != -c ] || shift 2
# Without arguments, it reads commands. This one starts programs again by itself, so they do nothing.
[ $# -gt 0 ] || exec cat >/dev/null
echo "$*" >>"$CALLS"
root='${host.root}'
state=$root/run/supervisord
included() { ls "$root${SUPERVISOR[from].programs}"/*.${SUPERVISOR[from].included.split(".").pop()} 2>/dev/null; }
etcd_process() { cat "$root/run/etcd.pid" 2>/dev/null; }
# This does not use kill -0, because that succeeds for a zombie.
running() { [ -n "$(etcd_process)" ] && grep -q . "/proc/$(etcd_process)/cmdline" 2>/dev/null; }
value() { sed -n "s/^$2=//p" "$state/active/$1" | head -n 1; }
# Starts the program again whenever it ends, as autorestart=true does.
supervise() {
  while :; do
    "$(value "$1" command)" >>"$(value "$1" stdout_logfile)" 2>&1 &
    echo $! >"$root/run/etcd.pid"
    ln -sfn "/proc/$!" "$root/proc/$!"
    # The process runs as the user of the test; the scripts take the owner of this link for the user of the process.
    chown -h '${host.cluster.user}' "$root/proc/$!" 2>/dev/null
    wait $!
    rm -f "$root/proc/$!"
    sleep 0.05
  done
}
# Whether supervisord runs the program, or starts it again. The state of others than the member is in a file.
is_up() {
  if [ "$1" = '${host.member.name}' ]; then [ -e "$root/run/supervise.pid" ]; else [ "$(state_of "$1")" = RUNNING ]; fi
}
state_of() { cat "$state/$1.state" 2>/dev/null || echo STOPPED; }
stop() {
  [ "$1" = '${host.member.name}' ] || { echo STOPPED >"$state/$1.state" && return; }
  [ ! -e "$root/run/supervise.pid" ] || kill -9 "$(cat "$root/run/supervise.pid")" 2>/dev/null
  if running; then kill "$(etcd_process)"; fi
  while running; do sleep 0.01; done
  rm -f "$root/run/etcd.pid" "$root/run/supervise.pid"
}
start() {
  echo started >>"$state/$1.starts"
  [ "$1" = '${host.member.name}' ] || { echo RUNNING >"$state/$1.state" && return; }
  rm -f "$root/run/etcd.ready"
  (exec </dev/null >/dev/null 2>&1 9>&- && supervise "$1") &
  echo $! >"$root/run/supervise.pid"
  # As with startsecs, this waits long enough to see whether the program stays up. What etcd writes first must be there
  # before the test goes on, however slowly it starts.
  tries=0
  until [ -e "$root/run/etcd.ready" ]; do
    tries=$((tries + 1))
    if [ "$tries" -gt 250 ] || { [ "$tries" -gt 10 ] && ! running; }; then break; fi
    sleep 0.02
  done
}
cant_reread() { echo "ERROR: CANT_REREAD: $1"; exit 1; }
# Copies the section of each program into a file with the name of the program: all of them, or none.
reread() {
  for file in $(included); do
    case $(grep -v '^[;#]' "$file" | grep . | head -n 1) in
      '['* | '') ;;
      *) cant_reread "File contains no section headers.
file: '$file', line: 1
'$(head -n 1 "$file")\\\\n'" ;;
    esac
    log=$(sed -n 's/^stdout_logfile=//p' "$file")
    [ -z "$log" ] || [ -d "$(dirname "$log")" ] ||
      cant_reread "The directory named as part of the path $log does not exist in section '$(sed -n 's/^\\[\\(.*\\)\\]/\\1/p' "$file")' (file: '$file')"
  done
  rm -f "$state"/read/*
  for file in $(included); do
    name=$(sed -n 's/^\\[program:\\(.*\\)\\]/\\1/p' "$file" | head -n 1)
    [ -z "$name" ] || cp "$file" "$state/read/$name"
  done
}
groups() { for group in "$state/$1"/*; do if [ -e "$group" ]; then echo "\${group##*/}"; fi; done; }
added() { for group in $(groups read); do if [ ! -e "$state/active/$group" ]; then echo "$group"; fi; done; }
removed() { for group in $(groups active); do if [ ! -e "$state/read/$group" ]; then echo "$group"; fi; done; }
changed() { for group in $(groups read); do if [ -e "$state/active/$group" ] && ! cmp -s "$state/read/$group" "$state/active/$group"; then echo "$group"; fi; done; }
add() { cp "$state/read/$1" "$state/active/$1"; start "$1"; }
wanted() { [ -z "$names" ] || case " $names " in *" $1 "*) ;; *) return 1 ;; esac; }
command=$1
shift
names=$*
one=\${1%%:*}
known() { [ -e "$state/active/$one" ] || { echo "$1"; exit "$2"; }; }
case $command in
  pid)
    if [ -z "$names" ]; then
      echo 1
    else
      known "No such process $1" 1
      if [ "$one" = '${host.member.name}' ] && running; then etcd_process; else echo 0; fi
    fi
    ;;
  reread)
    reread
    changes=$(
      for group in $(added); do echo "$group: available"; done
      for group in $(changed); do echo "$group: changed"; done
      for group in $(removed); do echo "$group: disappeared"; done
    )
    echo "\${changes:-No config updates to processes}"
    ;;
  update)
    reread
    [ "$names" != all ] || names=
    for group in $names; do [ -e "$state/active/$group" ] || [ -e "$state/read/$group" ] || echo "ERROR: no such group: $group"; done
    to_remove=$(removed) to_change=$(changed) to_add=$(added)
    for group in $to_remove; do
      wanted "$group" || continue
      stop "$group"
      rm "$state/active/$group"
      echo "$group: stopped"
      echo "$group: removed process group"
    done
    for group in $to_change; do
      wanted "$group" || continue
      stop "$group"
      add "$group"
      echo "$group: stopped"
      echo "$group: updated process group"
    done
    for group in $to_add; do
      wanted "$group" || continue
      add "$group"
      echo "$group: added process group"
    done
    ;;
  add)
    [ -e "$state/read/$one" ] || { echo "ERROR: no such process/group: $one"; exit 1; }
    [ ! -e "$state/active/$one" ] || { echo "ERROR: process group already active"; exit; }
    add "$one"
    echo "$one: added process group"
    ;;
  remove)
    known "ERROR: no such process/group: $one" 1
    if [ "$one" = '${host.member.name}' ] && running; then echo "ERROR: process/group still running: $one"; exit 1; fi
    rm "$state/active/$one"
    echo "$one: removed process group"
    ;;
  start)
    known "$1: ERROR (no such process)" 1
    running || { stop "$one"; start "$one"; }
    ;;
  status)
    known "$1: ERROR (no such process)" 4
    if is_up "$one"; then echo "$one   RUNNING   pid $(etcd_process), uptime 0:00:01"; else echo "$one   $(state_of "$one")   Not started"; exit 3; fi
    ;;
  stop)
    known "$1: ERROR (no such process)" 1
    [ "$names" != all ] || for group in $(groups active); do stop "$group"; done
    is_up "$one" || { echo "$one: ERROR (not running)" && exit; }
    stop "$one"
    echo "$one: stopped"
    ;;
  restart)
    known "$1: ERROR (no such process)" 1
    # It is a stop and a start, and each of them has an answer.
    if is_up "$one"; then echo "$one: stopped"; else echo "$one: ERROR (not running)"; fi
    stop "$one"
    start "$one"
    echo "$one: started"
    ;;
esac`,
  );
}

/** The file `status` of a process of root, or of the user who runs the tests. */
export const OWN_STATUS = `Uid:${`\t${process.getuid?.()}`.repeat(4)}\n`;
