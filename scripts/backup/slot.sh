# Decides which member takes the next backup. All members look; the one that gets the slot takes the backup and records
# it, and all members count the time to the next one from that record. The slot and the record are keys in etcd. The
# slot is attached to a lease, so that it ends even if its holder is killed.

SLOT=cdktf-etcd/backup/slot
SLOT_SECONDS=900 # longer than a snapshot may take
DONE=cdktf-etcd/backup/done
FAILED=cdktf-etcd/backup/failed/$MEMBER
QUORUM_SECONDS=300 # how often a member looks whether there still is a quorum

take_if_due() {
  own_state || {
    [ "$reason" = "${said_reason:-}" ] || log "no backup can be taken here: $reason"
    said_reason=$reason
    return 1
  }
  said_reason=
  if read_done; then
    quorum_missed=0
    if is_fresh || ! is_due "$done_at"; then
      refused_at=
      look_at=$((done_at + BACKUP_SECONDS))
      # The quorum may be lost before that.
      if [ "$look_at" -gt $((now + QUORUM_SECONDS)) ] || [ "$look_at" -le "$now" ]; then
        look_at=$((now + QUORUM_SECONDS))
      fi
      return 0
    fi
    take_in_slot
  else
    # A single request that fails does not mean that the quorum is lost.
    quorum_missed=$((${quorum_missed:-0} + 1))
    [ "$quorum_missed" -lt 2 ] || take_alone
  fi
}

# is_due TIME: whether a backup is due, after one at TIME. A backup in the future was taken while the clock was wrong.
is_due() { [ "$now" -ge $(($1 + BACKUP_SECONDS)) ] || [ "$1" -gt $((now + 60)) ]; }

# read_done: sets `done_at`, the time of the cluster's last backup, or 0; fails if the cluster does not answer. Whoever
# may write to etcd could have written that record, so only a number that the shell can count with is taken from it.
read_done() {
  answer=$(etcdctl_at "$url" get "$DONE" --print-value-only 2>&1) || return 1
  done_at=$(printf '%s\n' "$answer" | sed -n '1s/^at=\([1-9][0-9]\{0,11\}\) .*/\1/p')
  done_at=${done_at:-0}
  [ "$answer" = "${seen_done-}" ] || {
    seen_before=${seen_done+yes} seen_done=$answer seen_uptime=$(uptime_seconds)
  }
}

# Whether another record came less than half the time ago, by this host's own uptime. Two hosts whose clocks differ by
# more than the time between backups would otherwise take one after the other without end. The first record after a
# start counts by the clock.
is_fresh() { [ -n "${seen_before:-}" ] && [ $(($(uptime_seconds) - seen_uptime)) -lt $((BACKUP_SECONDS / 2)) ]; }

uptime_seconds() { set_uptime && echo "$uptime"; }

take_in_slot() {
  if take_slot; then
    slot_missed=0 refused_at=
    # Another member may have taken the backup between the question and the slot.
    if read_done && is_due "$done_at"; then take_and_report || true; fi
    end_slot
    return 0
  fi
  case $lease_answer in
    *FAILURE*)
      slot_missed=0
      : "${refused_at:=$(uptime_seconds)}"
      # No backup takes that long: the slot has lost its lease, or its lease is renewed again and again.
      [ $(($(uptime_seconds) - refused_at)) -lt $((3 * SLOT_SECONDS)) ] || {
        log "the slot of $(last_line "$lease_answer") was left behind, so it is deleted"
        etcdctl_at "$url" del "$SLOT" >/dev/null 2>&1 || true
        refused_at=
      }
      ;;
    *)
      # If etcd refuses the slot again and again, nobody can get it: an alarm is raised, or a permission is missing.
      slot_missed=$((${slot_missed:-0} + 1))
      [ "$slot_missed" -lt 3 ] || take_alone
      ;;
  esac
}

take_slot() {
  create_under_lease "$url" "$SLOT" "$SLOT_SECONDS" && slot=$lease
}

# For a backup that takes longer than the lease. As with the turn, etcdctl before 3.3 gives the key another one.
keep_slot() {
  [ -z "${slot:-}" ] || etcdctl_at "$url" lease keep-alive --once "$slot" >/dev/null 2>&1 || take_slot || true
}

end_slot() {
  [ -n "${slot:-}" ] || return 0
  etcdctl_at "$url" lease revoke "$slot" >/dev/null 2>&1 || true
  slot=
}

# Without a quorum, every member that is left takes a backup of its own, because nobody knows which of them will be the
# last one. One is enough, because nothing can change. If there is a quorum, but etcd takes no writes, every member
# takes its own at the usual time.
take_alone() {
  [ "$(newest_value revision)" != "$(revision_of "$url")" ] || return 0
  if ! is_healthy "$url" || is_due "$(newest_value unix_time)"; then take_and_report; fi
}

# Takes a backup, and records what has come of it for everybody who wants to know.
take_and_report() {
  if take_backup; then
    # If this is killed in between, another backup is taken. In the other order, the command after this one never ran.
    report_success
    etcdctl_at "$url" put "$DONE" "at=$now member=$MEMBER revision=$revision bytes=$bytes file=$backup" \
      >/dev/null 2>&1 || true
  else
    report_failure
    # The other members look before this one does again.
    look_at=$((now + 4 * LOOK_SECONDS + BACKUP_SECONDS / 10))
    return 1
  fi
}
