# The snapshot of a restore may be on one of the hosts, or be what one member still has. That host then offers it to the
# others over TLS for the time of the restore, to holders of a certificate of the cluster's CA.

OFFER=/run/cdktf-etcd/$MEMBER.offer # the process that offers the snapshot
OFFER_SECONDS=7200                  # the longest time that a restore may take
SAVED=$STATE_DIR/restore.db         # what was taken from a member for the restore

# Nobody can guess the path. A client whose rights are limited by etcd's authentication has a certificate, too. The
# token alone is not enough: every user of a host can read it there among the arguments of the tool that makes the data.
offered_path() { printf '%s' "$CLUSTER_TOKEN $FOUNDING_MEMBERSHIP" | sha256sum | cut -c1-40; }

# The directory with what is offered. It belongs to etcd's user, as whom OpenSSL's server runs.
offer_directory() { directory_beside_data offer; }

offered_snapshot() { printf '%s/%s.db' "$(offer_directory)" "$(offered_path)"; }

# Copies the snapshot to that directory, and verifies it.
prepare_offer() {
  local directory name
  directory=$(offer_directory) name=$(offered_path)
  end_offer
  make_directory_beside_data "$directory"
  answer=$(write_as_etcd "$directory/$name.db" 2>&1 <"${RESTORE_PATH:-$SAVED}") ||
    refuse "restore" "the snapshot cannot be copied to $directory: $(last_line "$answer")" "make room, and apply again"
  verify_snapshot_copy "$directory/$name.db"
  refuse_any check_description
  # A snapshot without a description still has a size.
  [ -n "$(described_bytes)" ] ||
    description=$(printf '%s\n  "bytes": %s\n' "$description" "$(stat -c %s "$directory/$name.db")")
  printf '%s\n' "$description" | write_as_etcd "$directory/$name.json"
  half_made=
}

# OpenSSL's server outlives this phase, which ignores the end of its SSH session.
offer_snapshot() {
  local authority
  authority=$(listen_authority "$RESTORE_PORT")
  private_directory /run/cdktf-etcd
  set_as_user
  # shellcheck disable=SC2016,SC2086 # the inner shell expands it; words, or none
  (
    # It does not hold this phase's locks.
    exec 7>&- 8<&- 9>&- </dev/null >/dev/null 2>&1
    exec $as_user sh -c 'cd "$1" && exec timeout "$2" openssl s_server -HTTP -quiet -accept "$3" \
      -cert "$4/etcd-peer.pem" -key "$4/etcd-peer-key.pem" -CAfile "$4/ca.pem" -Verify 5 -verify_return_error \
      -partial_chain' sh "$(offer_directory)" "$OFFER_SECONDS" "$(place_of_offer "$authority")" "$(own_certs)"
  ) &
  offering=$!
  echo "$offering" >"$OFFER"
  # If the port is taken, the server ends, and whoever has the port accepts the connection.
  { wait_until 5 accepts_connections "https://$authority" && ! wait_until 1 has_ended_offering; } ||
    refuse "restore" "the snapshot cannot be offered to the other hosts at port $RESTORE_PORT" \
      "make sure that nothing else uses that port, or set restore's transferPort, and apply again"
}

# place_of_offer AUTHORITY: what OpenSSL's server is told to listen at. Before 1.1 (RHEL 7), that is a port of all
# addresses: of an address with a port, it would take the first number for the port.
place_of_offer() {
  case $(openssl version) in
    "OpenSSL 1.0."*) echo "${1##*:}" ;;
    *) echo "$1" ;;
  esac
}

# The certificates that this deploy has staged; those in use may be of another CA.
own_certs() { if [ -e "$VERSIONED/certs.next" ]; then echo "$VERSIONED/certs.next"; else echo "$VERSIONED/certs"; fi; }

has_ended_offering() { ! kill -0 "$offering" 2>/dev/null; }

end_offer() {
  local pid
  pid=$(cat "$OFFER" 2>/dev/null || true)
  rm -f "$OFFER"
  [ -n "$pid" ] || return 0
  # Another process may have that id by now.
  case $(tr '\0' ' ' 2>/dev/null <"/proc/$pid/cmdline") in
    *"s_server"*) kill "$pid" 2>/dev/null || true ;;
  esac
}

# fetch_snapshot FILE: gets the snapshot from the host that offers it, and its description.
fetch_snapshot() {
  local entry
  for entry in $(printf '%s\n' "$INITIAL_CLUSTER" | tr , ' '); do
    [ "${entry%%=*}" != "$RESTORE_MEMBER" ] || offer=${entry#*=}
  done
  offer=${offer%:*}:$RESTORE_PORT
  wait_until 10 accepts_connections "$offer" ||
    refuse "restore" "$RESTORE_MEMBER does not offer the snapshot at $offer" \
      "make sure that this host reaches that port, and run $(replacing "$OFFER_RESOURCE"); if its phase offer says that it was restored before, increase restore's attempt instead"
  # It has some hundred bytes. On that host, etcd's user sends it, who could send without end, and the snapshot, too.
  description=$(get_offered "$(offered_path).json" | head -c 10000 || true)
  [ -n "$(described_bytes)" ] ||
    refuse "restore" "$RESTORE_MEMBER does not send the snapshot from $offer" \
      "make sure that it is $RESTORE_MEMBER that answers there, and run $(replacing "$OFFER_RESOURCE")"
  is_described=yes
  refuse_any check_offered
  get_offered "$(offered_path).db" | head -c "$(described_bytes)" | write_as_etcd "$1" ||
    refuse "restore" "the snapshot from $RESTORE_MEMBER cannot be written to $1" "make room, and apply again"
}

check_offered() {
  check_snapshot_version
  check_restore_room
  check_newer_backups
}

# get_offered NAME: the server must be the member itself, which its address in the certificate proves.
get_offered() {
  local host verify=-verify_hostname
  host=$(host_of "$offer")
  if is_ip "$host"; then verify=-verify_ip; fi
  # shellcheck disable=SC2086 # words
  printf 'GET /%s HTTP/1.0\r\n\r\n' "$1" |
    timeout 900 openssl s_client -quiet -connect "${offer#*://}" -CAfile "$(own_certs)/ca.pem" \
      -cert "$(own_certs)/etcd-peer.pem" -key "$(own_certs)/etcd-peer-key.pem" $VERIFY \
      "$verify" "$host" 2>/dev/null
}

# take_own_snapshot: saves what this member has to SAVED, and describes it. A member that serves is asked for a
# snapshot, for which it needs no quorum. From 3.4 on, one that was started without a quorum does not serve; its
# database is copied, like that of a member whose etcd does not start.
take_own_snapshot() {
  if is_saved_for_this && ! has_changed_since; then
    description=$(cat "$SAVED.json")
    return
  fi
  if [ -e "$SAVED" ] && ! has_wal; then
    # The data were moved aside by an earlier attempt.
    description=$(cat "$SAVED.json")
  else
    rm -f "$SAVED.id"
    save_own_snapshot || {
      refuse_any check_replaced_cluster
      copy_database
    }
  fi
  put_file "$SAVED.json" 600 root:root "$description"
  put_file "$SAVED.id" 600 root:root "$RESTORE $CLUSTER_TOKEN"
}

# Preflight does not know the token yet.
is_saved_for_this() {
  [ -e "$SAVED" ] || return 1
  case $(cat "$SAVED.id" 2>/dev/null) in "$RESTORE ${CLUSTER_TOKEN-}"*) ;; *) return 1 ;; esac
}

# The member has lived on since a deploy that was refused.
has_changed_since() { [ -z "$(restore_step)" ] && [ "$DATA_DIR/member/snap/db" -nt "$SAVED" ]; }

save_own_snapshot() {
  local url status
  url=$(own_url)
  # During an earlier attempt, clients are kept out.
  if [ -e "$QUARANTINE" ]; then url=$(cat "$QUARANTINE"); fi
  is_running && wait_until 8 serves "$url" || return 1
  answer=$(etcdctl_at "$url" --command-timeout=600s snapshot save "$SAVED.part" 2>&1) || return 1
  mv -f "$SAVED.part" "$SAVED"
  status=$(endpoint_status "$url")
  description=$(printf '%s\n' "$status" | awk -v id="$(printf '%s\n' "$status" | hex_cluster_id)" '
    { printf "  \"cluster_id\": \"%s\",\n  \"version\": \"%s\"", id, $5 }' &&
    printf ',\n  "revision": %s' "$(revision_of "$url")" && describe_saved "$(date +%s)")
  say "took a snapshot of what this member has"
}

serves() { [ -n "$(endpoint_status "$1")" ]; }

# When etcd ends in order, its database has everything. One that is stopped is therefore started first, if it starts; if
# it ends by itself, the database does not have the entries of the last moment. etcd must not write while it is copied.
copy_database() {
  local version time written database=$DATA_DIR/member/snap/db
  version=$(installed_version || echo "$VERSION")
  if is_stopped; then supervisor start "$MEMBER:$MEMBER" || true; fi
  know_etcd
  wait_until 20 accepts_connections "$PEER_URL" || true
  end=crashed
  if is_running && accepts_connections "$PEER_URL"; then end=ordered; fi
  stop_program
  written=$(last_write "$database")
  time=$(stat -c %Y "$database" 2>/dev/null || date +%s)
  answer=$(as_etcd cat "$database" 2>&1 >"$SAVED.part") || {
    rm -f "$SAVED.part"
    refuse "restore" "the database of this member cannot be copied: $(last_line "$answer")" \
      "make room in $STATE_DIR if that is missing, or restore the data of another member, or a backup"
  }
  # An etcd that somebody has started without supervisor. The copy has no digest of etcd's that could tell.
  is_unwritten "$database" "$written" || {
    rm -f "$SAVED.part"
    refuse "restore" "the database $database cannot be copied: $reason" \
      "stop whatever writes there (fuser -v $database shows it), and apply again"
  }
  # After a power cut, it could otherwise be empty beside the note that it is complete, and each apply would refuse it.
  sync "$SAVED.part"
  mv -f "$SAVED.part" "$SAVED"
  description=$(printf '  "version": "%s",\n  "copied": true,\n  "sha256": "%s"' "$version" \
    "$(sha256_of_input <"$SAVED")" && describe_saved "$time")
  if [ "$end" = ordered ]; then
    say "its etcd serves nobody without a quorum, so it was stopped, and its database was copied"
  else
    say "its etcd does not start, so its database was copied: entries that it had acknowledged less than a second before it ended may be missing"
  fi
}

# describe_saved SECONDS: what SAVED is, and from when.
describe_saved() {
  printf ',\n  "bytes": %s,\n  "time": "%s",\n  "unix_time": %s\n' "$(stat -c %s "$SAVED")" \
    "$(date -u -d "@$1" +%Y-%m-%dT%H:%M:%SZ)" "$1"
}
