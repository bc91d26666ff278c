# What the programs that supervisor runs beside etcd share. Each has a loop that does not exit by itself while supervisor
# runs: it gives up a program after some failed starts, and then its work would end without a word.

PATH=/usr/sbin:/usr/bin:/sbin:/bin:/usr/local/sbin:/usr/local/bin
export PATH LC_ALL=C

# The library has names for these, but nothing here depends on them: the program stays the same through an upgrade and
# a change of the members.
VERSION='' SUPERVISOR_INI='' ENDPOINTS=''
LOOK_SECONDS=15 # how often a loop looks at the clock
BACKUP_LOCK=/run/cdktf-etcd/$MEMBER.backup.lock # of whoever takes a backup on this host

# The environment of supervisord or of a login may contain settings for etcdctl, proxies, and variables that change the
# behavior of other tools.
leave_side_environment() {
  [ -z "${IN_CLEAN_ENVIRONMENT:-}" ] || return 0
  exec env -i PATH="$PATH" LC_ALL=C HOME=/ IN_CLEAN_ENVIRONMENT=yes sh "$0" "$@"
}

prepare_side_program() {
  umask 077
  private_directory /run/cdktf-etcd
  know_member_uids
  # etcd comes first, at the processor and at the disk.
  renice -n 19 -p $$ >/dev/null 2>&1 || true
  ionice -c 3 -p $$ >/dev/null 2>&1 || true
}

# A supervisord that is killed may leave this program behind, as under Debian's unit. The next one starts another and
# does not know of this one, which would go on with what it was told at its start, even after a removal.
is_left_behind() {
  read_process "/proc/$$"
  case $parent in '' | "$PPID") return 1 ;; esac
}

# The second condition is for a clock that was set back: without it, the time to look could be far away.
is_time_to_look() { [ "$now" -ge "$look_at" ] || [ "$now" -lt "$looked_at" ]; }

# A line of the log, which is read much later.
log() {
  tell '%s ' "$(date -u +%Y-%m-%dT%H:%M:%SZ)"
  say "$1"
}

# own_state: sets `url` and `state` (a line of endpoint_status) of the etcd on this host; fails, with `reason`, if it
# cannot be worked with.
own_state() {
  reason="etcd does not run on this host"
  is_running || return 1
  url=$(own_url)
  state=$(endpoint_status "$url")
  reason="the etcd on this host does not answer"
  [ -n "$state" ] || return 1
  # The data of a learner may be far behind.
  reason="this member is a learner"
  [ "${state##* }" != true ]
}
