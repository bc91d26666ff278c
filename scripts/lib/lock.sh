# One phase at a time on a member: a second deploy waits for the first one's step, and says so.

LOCK=/run/cdktf-etcd/$MEMBER.lock

take_lock() {
  private_directory /run/cdktf-etcd
  exec 9>>"$LOCK"
  chmod 600 "$LOCK"
  if ! flock -n 9; then await_lock; fi
  echo $$ >"$LOCK"
}

await_lock() {
  say "another deploy works on this member, waiting for it"
  flock -w 60 9 || refuse "locked" "another deploy has been at work on this member for a minute (process $(cat "$LOCK") of this host)" \
    "wait for it to end, or end it (kill), then apply again"
  # What was found before is of before the other's step.
  look_around
}
