# Takes one backup: a snapshot, which is verified, and a file that describes it. Both belong to root: etcd runs as
# another user, and whoever takes over that user can neither read nor delete them.

# take_backup: sets `backup`, `revision`, `bytes` and `seconds`; fails with `reason`.
take_backup() {
  local part
  part=$BACKUP_DIR/.$MEMBER.part
  has_backup_place || return 1
  # An earlier backup may have the name of this second, if the clock was set back.
  while :; do
    began=$(date +%s)
    backup=$BACKUP_DIR/$MEMBER-$(date -u -d "@$began" +%Y%m%dT%H%M%SZ).db
    [ -e "$backup" ] || break
    sleep 0.2
  done
  drop_unfinished_snapshot "$part"
  save_snapshot "$part" && keep_slot && verify_snapshot "$part" && keep_snapshot "$part" && return
  drop_unfinished_snapshot "$part"
  return 1
}

has_backup_place() {
  local needed
  reason=$(unmounted_above "$BACKUP_DIR" | head -n 1)
  [ -z "$reason" ] || return 1
  has_directory_of_its_own || return 1
  # The snapshot, and a copy that is compared with another member.
  needed=$(($(printf '%s\n' "$state" | awk '{ print int($6 / 1048576) }') * 2))
  # The retention runs after each backup. Where none has succeeded for long, it makes room for the next one.
  has_room_for "$needed" || { delete_old_backups && has_room_for "$needed"; }
}

# Where another user can put a link, root would write to something else than its backups, or change the mode of that. So
# the directory above is looked at before anything is done here.
has_directory_of_its_own() {
  is_roots "${BACKUP_DIR%/*}" || return 1
  # Somebody may have opened it, or deleted it, with all backups.
  private_directory "$BACKUP_DIR" 2>/dev/null || true
  is_roots "$BACKUP_DIR"
}

# is_roots PATH: fails with `reason`.
is_roots() {
  is_trusted "$1" && return
  reason="$untrusted_part can be changed by users other than root"
  return 1
}

# has_room_for MB: and for what etcd itself may need, if its data are on the same disk.
has_room_for() {
  local needed free
  needed=$(($1 + 512))
  free=$(free_mb "$BACKUP_DIR")
  reason="$BACKUP_DIR has ${free:-an unknown number of} MB free, and $needed MB are needed"
  [ "${free:-0}" -ge "$needed" ]
}

save_snapshot() {
  # etcd's tool gives the file its name when everything is in it.
  write_through "$1.part" ask_for_snapshot "$1" && return
  reason="etcd sent no snapshot: $(last_line "$answer")"
  return 1
}

ask_for_snapshot() { answer=$(etcdctl_at "$url" --command-timeout=600s snapshot save "$1" 2>&1); }

# write_through FILE COMMAND…: runs COMMAND, and brings what it writes to FILE to the disk bit by bit. If a large file were
# brought there at its end, etcd would have to wait for all of it, because it syncs every write.
write_through() {
  local file=$1 code=0 loop
  shift
  # If this shell is killed, the loop ends, too. It does not hold the lock of this host.
  while kill -0 "$$" && sleep 0.2; do dd if=/dev/null of="$file" conv=notrunc,nocreat,fdatasync || true; done >/dev/null 2>&1 9>&- &
  loop=$!
  "$@" || code=$?
  kill "$loop" 2>/dev/null || true
  wait "$loop" 2>/dev/null || true
  return "$code"
}

# keep_snapshot PART: a snapshot without its description does not count, so the description comes last. If this is killed
# before that, PART.name says which one is not finished (drop_unfinished_snapshot).
keep_snapshot() {
  bytes=$(stat -c %s "$1")
  seconds=$(($(date +%s) - began))
  reason="nothing can be written to $BACKUP_DIR"
  # What is not on the disk yet may still fail to get there.
  if sync "$1" && chmod 600 "$1" && printf '%s\n' "$backup" >"$1.name" && mv -f "$1" "$backup" &&
    describe_backup >"$1.json" && sync "$1.json" && is_unwritten "$backup" "$verified" &&
    mv -f "$1.json" "$backup.json" && sync "$BACKUP_DIR"; then
    rm -f "$1.name"
    delete_old_backups || true
  else
    rm -f "$1.json" "$1.name" "$backup" "$backup.json"
    return 1
  fi
}

describe_backup() {
  local members endpoints healthy=true
  members=$(members_of "$url" | started)
  if [ -z "$members" ] || [ -n "$(printf '%s\n' "$members" | unhealthy)" ]; then healthy=false; fi
  endpoints=$(printf '%s\n' "$members" | awk 'NF { printf "%s%s", sep, $4; sep = "," }')
  # The raft index is the highest in the cluster: after a restore, revisions continue above it.
  {
    printf '%s\n' "$state"
    [ -z "$endpoints" ] || endpoint_status "$endpoints"
  } | awk -v healthy="$healthy" -v cluster="$CLUSTER" -v member="$MEMBER" -v revision="$revision" -v bytes="$bytes" \
    -v sha256="$sha256" -v time="$(date -u -d "@$began" +%Y-%m-%dT%H:%M:%SZ)" -v began="$began" \
    -v seconds="$seconds" -v compared="$compared_with" -v id="$(printf '%s\n' "$state" | hex_cluster_id)" '
    NR == 1 { version = $5 }
    $7 + 0 > raft { raft = $7 }
    END {
      printf "{\n  \"cluster\": \"%s\",\n  \"cluster_id\": \"%s\",\n  \"member\": \"%s\",\n", cluster, id, member
      # %.0f, because mawk would write a large number as 3e+09.
      printf "  \"version\": \"%s\",\n  \"revision\": %s,\n  \"raft_index\": %.0f,\n", version, revision, raft + 0
      printf "  \"time\": \"%s\",\n  \"unix_time\": %s,\n  \"seconds\": %s,\n", time, began, seconds
      printf "  \"bytes\": %s,\n  \"sha256\": \"%s\",\n", bytes, sha256
      printf "  \"healthy\": %s,\n  \"compared_with\": \"%s\"\n}\n", healthy, compared
    }'
}
