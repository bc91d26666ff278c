# One phase at a time on a member: a second deploy waits for the first one's step, and says so.

LOCK=/run/cdktf-etcd/$MEMBER.lock

take_lock() {
  private_directory /run/cdktf-etcd
  exec 9>"$LOCK"
  flock -n 9 && return
  say "another deploy works on this member, waiting for it"
  flock -w 60 9 || refuse "locked" "another deploy has been at work on this member for a minute" \
    "wait for it to end, then apply again"
  # What was found before is of before the other's step.
  look_around
}
