# admit: lets the clients in to a restored member, once all members have the same data.

phase_admit() {
  take_lock
  case $(restore_step) in
    placed) compare_members ;;
    compared) ;;
    ready | placing)
      refuse "restore" "this member was not started with the restored data, although Terraform has recorded that" \
        "$(replacing "$BOOTSTRAP_RESOURCE" "$ADMIT_RESOURCE")"
      ;;
    *)
      # After a power cut, this host may have lost the step.
      [ -e "$QUARANTINE" ] || { say "lets clients in" && return; }
      compare_members
      ;;
  esac
  rm -f "$QUARANTINE"
  if ! runs_as_meant; then
    if is_running; then restart_by ask_to_stop; else start_etcd; fi
  fi
  know_etcd
  wait_while_moving 60 true answers_healthy ||
    fail "not healthy with the restored data: $(health_reason)" "see $LOG_DIR/etcd.log, and apply again"
  drop_restore
  set_restore_step "done"
  say "has the same data as all other members, and lets clients in: $RESTORE"
}

compare_members() {
  write_quarantine
  url=$(cat "$QUARANTINE")
  if is_stopped; then
    start_etcd
  elif ! has_argument "/proc/$(etcd_pid)" "--listen-client-urls=$url"; then
    restart_by ask_to_stop
    know_etcd
  fi
  wait_while_moving 60 true answers_in_quarantine ||
    fail "the restored members form no quorum: $(last_words)" "see $LOG_DIR/etcd.log on each host, and apply again"
  require_new_cluster
  forget_old_deploys
  if older "$VERSION" 3.4.0; then
    say "warning: etcd $VERSION cannot be asked whether all members have the same data"
  else
    require_same_data
  fi
  tell_what_came_back
  set_restore_step compared
}

answers_in_quarantine() {
  is_healthy "$url" && return
  clear_old_alarm
  is_healthy "$url"
}

# The token and the peer URL give a restored member its ID.
require_new_cluster() {
  look_for_status "$url" || true
  [ "$(printf '%s\n' "$found_status" | awk '{ print $3 }')" = "$(founding_id)" ] ||
    fail "this member does not run with the restored data, so no client is let in" \
      "increase restore's attempt, and apply again"
}

require_same_data() {
  wait_until 60 have_same_data && return
  if [ -n "$differs" ]; then
    fail "the members have different data, so this one lets no client in: $reason" \
      "increase restore's attempt, and apply again; the data from before the restore are in $DATA_DIR.aside-*"
  fi
  fail "the members could not be compared, so this one lets no client in: $reason" \
    "see $LOG_DIR/etcd.log on its host, and apply again; if its bootstrap was killed, replace it (terraform state list shows its address); if its host is lost, take it out of the program, and increase restore's attempt"
}

# have_same_data: whether all restored members have the same keys, at the revision that this one has reached. They are
# asked at their peer ports, because no client port is open.
have_same_data() {
  local revision hashes own other entry
  differs=''
  revision=$(revision_of "$url")
  reason="this member does not say its revision"
  [ -n "$revision" ] || return 1
  ask_for_hashes
  own=$(hash_from "$MEMBER=$PEER_URL")
  # Older releases do not tell it for a revision that is compacted, and nothing was written after it.
  [ -n "$own" ] || { revision=0 && ask_for_hashes && own=$(hash_from "$MEMBER=$PEER_URL"); }
  reason="$PEER_URL does not say the hash of its keys"
  [ -n "$own" ] || return 1
  for entry in $(restored_members); do
    other=$(hash_from "$entry")
    reason="${entry%%=*} does not say the hash of its keys"
    [ -n "$other" ] || return 1
    reason="${entry%%=*} has other keys than this member"
    [ "$other" = "$own" ] || { differs=yes && return 1; }
  done
}

# The founders that are still in the program, one per line: NAME=PEER_URL
restored_members() { printf '%s\n' "$FOUNDERS" | tr , '\n' | grep -xF -e "$(printf '%s\n' "$INITIAL_CLUSTER" | tr , '\n')"; }

# Sets `hashes` to lines of NAME=PEER_URL and what hash_of_keys prints. All members are asked at the same time, because
# each has to read all of its keys.
ask_for_hashes() {
  local entry
  hashes=$(
    for entry in $({ echo "$MEMBER=$PEER_URL" && restored_members; } | awk '!seen[$0]++'); do
      printf '%s %s\n' "$entry" "$(hash_of_keys "${entry#*=}")" &
    done
    wait
  )
}

# hash_from NAME=PEER_URL
hash_from() { printf '%s\n' "$hashes" | awk -v entry="$1" '$1 == entry && NF > 1 { print $2, $3, $4 }'; }

# hash_of_keys PEER_URL: HASH COMPACT_REVISION CLUSTER_ID; nothing if that member is not as far as `revision` yet. All
# keys of a large database must be read for it.
hash_of_keys() {
  tls_seconds=120 https_get "$1" /members/hashkv "{\"revision\":$revision}" | tr -d '\r' |
    sed -nE -e 's/^X-Etcd-Cluster-Id: (.*)/\1/ip' -e 's/.*"hash":([0-9]+).*"compact_revision":(-?[0-9]+).*/\1 \2/p' |
    awk 'NR == 1 { id = $0 } NR == 2 { print $0, id }'
}

# What the snapshot carries of deploys that were under way when it was taken, and of what had failed in the old cluster,
# which the health table would warn of for days.
forget_old_deploys() {
  wait_until 30 has_forgotten_old_deploys ||
    fail "etcd does not forget the deploys that were under way when the snapshot was taken: $(last_line "$key_answer")" \
      "see $LOG_DIR/etcd.log, and apply again"
}

# The leader has just been elected, and may not stay. A key that is left would make each later deploy fail, or wait.
has_forgotten_old_deploys() {
  local key
  for key in "$TURN" cdktf-etcd/backup/slot; do change_key "$url" del "$key" || return; done
  for key in "$DUE/" "$JOINS/" cdktf-etcd/backup/failed/ cdktf-etcd/defragmentation/; do
    change_key "$url" del --prefix "$key" || return
  done
  change_key "$url" put "$RESTORED" "$RESTORE"
}

# The alarm CORRUPT was about the members of the old cluster. While it is raised, etcd serves nobody; these members are
# compared right after this.
clear_old_alarm() {
  case $(alarms "$url" || true) in
    *CORRUPT*)
      etcdctl_at "$url" alarm disarm >/dev/null 2>&1 || true
      say "the snapshot carries the alarm CORRUPT of the old cluster: cleared, and all members are compared"
      ;;
  esac
}

# What else comes back with a snapshot, and may surprise.
tell_what_came_back() {
  local raised
  raised=$(alarms "$url" || true)
  [ -z "$raised" ] || say "warning: in the snapshot, $(alarms_of "$url" "$raised"); to do: $(way_with_alarms "$raised")"
  ! is_authentication_on "$url" || say "authentication is on, with the users and passwords of the snapshot"
}
