# Only one phase at a time runs on a member: a phase of a second deploy waits for the first one's, and says so.

LOCK=/run/cdktf-etcd/$MEMBER.lock
# The note that a preflight has begun, and then that it has passed (checks.sh).
CHECKED=/run/cdktf-etcd/$MEMBER.checked

take_lock() {
  private_directory /run/cdktf-etcd
  umask 077
  exec 9>>"$LOCK"
  umask 022
  if ! flock -n 9; then await_lock; fi
  name_lock_holder "another deploy"
  take_note_of_checks
}

# name_lock_holder WHO: for whoever waits for this lock. A full /run does not stop what holds it.
name_lock_holder() { { echo "$$ $1" >"$LOCK"; } 2>/dev/null || true; }

await_lock() {
  local pid who way
  read -r pid who <"$LOCK" || true
  who=${who:-another deploy} way="wait for that process to end, or end it with kill, and apply again"
  # etcd goes on with a defragmentation, whoever has asked for it.
  [ "$who" = "another deploy" ] || way="wait until it has ended, and apply again"
  say "$who is working on this member, waiting for it to finish"
  flock -w 60 9 ||
    refuse "locked" \
      "$who has been working on this member for a minute (process ${pid:-unknown} on this host)" "$way"
  # The other phase may have changed what was looked up before.
  look_around
}

# Sets `checked` to the note of the last preflight, and removes it: whatever this phase is, it may change what was
# checked.
take_note_of_checks() {
  checked=
  [ -e "$CHECKED" ] || return 0
  read -r checked <"$CHECKED" || true
  rm -f "$CHECKED"
}
