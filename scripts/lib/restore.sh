# A restore makes a new cluster of all members from one snapshot, in three phases with a barrier after each. `restore`
# makes the data on every host, beside those in use, and stops nothing. `bootstrap` puts them in place and starts etcd,
# without clients. `admit` lets the clients in when all members have the same data. This is what they share.

# A program that restores nothing has none of these facts.
RESTORE=${RESTORE-} RESTORE_MEMBER=${RESTORE_MEMBER-} RESTORE_PATH=${RESTORE_PATH-} RESTORE_PORT=${RESTORE_PORT-}
RESTORE_BYTES=${RESTORE_BYTES-} RESTORE_JSON_BASE64=${RESTORE_JSON_BASE64-}
REPLACES_CLUSTER=${REPLACES_CLUSTER-} DISCARDS_BACKUP=${DISCARDS_BACKUP-}

# How far the restore has come on this host, so that a killed one goes on: lines of KEY=value with its id, its token and
# the step.
RESTORING=$STATE_DIR/restore

# While this file exists, the startup script keeps clients out: etcd listens at the URL in it, which no client knows. It
# is not part of a version, because an upgrade must not let the clients in.
QUARANTINE=$CURRENT.quarantine

# The key in etcd that says what the cluster was restored from.
RESTORED=cdktf-etcd/restored

# Prints the step that this restore has reached on this host:
#   ready     the data are made, beside those in use
#   placing   the old data are aside, and the new ones are being moved in
#   placed    etcd may start with the new data, without clients
#   compared  all members have the same data, so clients may be let in
#   done      clients are let in, or this member came later
restore_step() {
  if [ -n "$RESTORE" ] && [ "$(entry_of "$RESTORING" id)" = "$RESTORE" ]; then entry_of "$RESTORING" step; fi
}

set_restore_step() {
  private_directory "$STATE_DIR"
  put_file "$RESTORING" 600 root:root "id=$RESTORE${LINE_END}token=${CLUSTER_TOKEN-}${LINE_END}step=$1"
  # After a power cut, this host must not take another step for the last one.
  sync
}

is_to_be_restored() { [ -n "$RESTORE" ] && [ "$(restore_step)" != "done" ]; }

# The cluster that lives is the one that this restore has made, and this host has come since, or has lost what it knew.
is_restored_already() {
  local endpoint
  [ -x "$CURRENT/etcdctl" ] && endpoint=$(any_live_endpoint) && is_made_by_this_restore "$endpoint"
}

is_made_by_this_restore() {
  [ "$(etcdctl_at "$1" get "$RESTORED" --print-value-only 2>/dev/null)" = "$RESTORE" ]
}

# A restore that was given up before anything was stopped leaves nothing.
forget_abandoned_restore() {
  [ -z "$RESTORE" ] && has_begun_restore || return 0
  case $(entry_of "$RESTORING" step) in
    '' | ready)
      drop_restore
      rm -f "$RESTORING" "$RESTORING.json"
      ;;
  esac
}

has_begun_restore() {
  local path
  for path in "$RESTORING" "$OFFER" "$SAVED" "$DATA_DIR".aside-offer "$DATA_DIR/aside-offer"; do
    [ ! -e "$path" ] || return 0
  done
  return 1
}

# Deletes what a restore needs on the way.
drop_restore() {
  end_offer
  drop_directory_beside_data "$(offer_directory)"
  drop_directory_beside_data "$(new_data)"
  rm -f "$SAVED" "$SAVED".*
}

# Sets `description` to what is known about the snapshot, which a backup has beside it, and `is_described` to whether
# this host can know more.
describe_source() {
  description='' is_described=yes
  if [ -z "$RESTORE_MEMBER" ]; then
    description=$(decode "$RESTORE_JSON_BASE64")
  elif has_source && { [ -n "$RESTORE_PATH" ] || is_saved_for_this; }; then
    description=$(cat "${RESTORE_PATH:-$SAVED}.json" 2>/dev/null || true)
  else
    is_described=
  fi
}

described() { printf '%s\n' "$description" | json_value "$1"; }

# The size of the snapshot; nothing if that is no number. Another host may have sent it, and the shell cannot count with
# `089`, which is octal to it, or with more than 63 bits.
described_bytes() {
  local bytes
  bytes=$(described bytes)
  case $bytes in *[!0-9]* | 0?* | ????????????????*) ;; *) printf '%s' "$bytes" ;; esac
}

has_source() { [ "$RESTORE_MEMBER" = "$MEMBER" ]; }

# directory_beside_data NAME: a directory for the time of the restore, on the file system of the data. The names of data
# that were moved aside begin in the same way, so nothing takes it for data in use.
directory_beside_data() {
  if [ -z "$(mounts_in "$DATA_DIR")" ]; then echo "$DATA_DIR.aside-$1"; else echo "$DATA_DIR/aside-$1"; fi
}

# make_directory_beside_data PATH: makes it empty. It belongs to etcd's user.
make_directory_beside_data() {
  drop_directory_beside_data "$1"
  half_made=$1
  if [ "$1" = "$DATA_DIR/${1##*/}" ]; then
    as_etcd mkdir -m 700 "$1"
  else
    remember_made "$1"
    put_directory "$1" 700
  fi
}

# The directory in which the data are made: moving them in is a rename.
new_data() { directory_beside_data restore; }

# write_as_etcd FILE: standard input goes there, where etcd's user can write.
# shellcheck disable=SC2016 # the inner shell expands it
write_as_etcd() { as_etcd sh -c 'cat >"$1"' sh "$1"; }

# verify_snapshot_copy FILE: a copied database has no digest of its own, so its description has one. The file is where
# etcd's user can put a link in its place.
verify_snapshot_copy() {
  if is_copied; then
    sha256=$(as_etcd cat "$1" | sha256_of_input)
    reason="it has the SHA-256 $sha256, but $RESTORE_MEMBER has sent $(described sha256)"
    [ "$sha256" = "$(described sha256)" ]
  else
    verify_digest "$1" as_etcd
  fi || refuse_damaged "$reason"
}

# refuse_damaged REASON
refuse_damaged() {
  refuse "restore" "the snapshot is not whole: $1" "apply again; if that does not help, restore another snapshot"
}

is_copied() { [ "$(described copied)" = true ]; }

# Another port of the address at which this member listens. If that address has changed since, it is written again.
write_quarantine() {
  local port
  case $(cat "$QUARANTINE" 2>/dev/null) in "https://$(listen_authority "")"?*) return 0 ;; esac
  port=$((${CLIENT_URL##*:} + 10000))
  [ "$port" -lt 65000 ] || port=$((port - 20000))
  while ss -ltn | grep -q ":$port "; do port=$((port + 1)); done
  put_file "$QUARANTINE" 644 root:root "https://$(listen_authority "$port")"
}
