# Reports what is known of the backups: in a file on this host, in etcd for the health table, and as metrics for
# node_exporter.

STATUS=$STATE_DIR/backup-status # not beside the backups, because that a disk takes no more must be known, too
METRICS=etcd_backup_$MEMBER.prom # in TEXTFILE_DIR

report_success() {
  set_status last_success "$now" last_bytes "$bytes" last_seconds "$seconds" last_reason '' \
    pending "${AFTER_EACH:+$backup}" pending_tries 0 pending_at 0
  etcdctl_at "$url" del "$FAILED" >/dev/null 2>&1 || true
  publish_metrics
  log "saved $backup: revision $revision, $bytes bytes, $seconds s${compared_with:+, the same data as $compared_with}"
}

report_failure() {
  set_status last_failure "$now" last_reason "$reason" failures $(($(status_of failures) + 1))
  etcdctl_at "$url" put "$FAILED" "at=$now reason=$(printable "$reason")" >/dev/null 2>&1 || true
  publish_metrics
  log "FAILED: $reason"
}

# After the clock was set back, the last success may be in the future. Its age would then hide for a long time that no
# backup is taken, so it counts from now on.
correct_last_success() {
  [ "$(status_of last_success)" -gt $((now + 60)) ] || return 0
  set_status last_success "$now"
  publish_metrics
}

# status_of KEY: 0 if nothing is known.
status_of() {
  local value
  value=$(sed -n "s/^$1=//p" "$STATUS" 2>/dev/null)
  echo "${value:-0}"
}

# set_status KEY VALUE…
set_status() {
  local text
  text=$(cat "$STATUS" 2>/dev/null || true)
  while [ $# -gt 0 ]; do
    text=$(printf '%s\n' "$text" | grep -v "^$1=" || true)
    text="$text$LINE_END$1=$(printable "$2")"
    shift 2
  done
  # Without space on the disk, the old one stays. After a power cut, the new one could otherwise be empty.
  {
    printf '%s\n' "$text" | grep . >"$STATUS.new" && sync "$STATUS.new" && mv -f "$STATUS.new" "$STATUS"
  } 2>/dev/null || true
}

# For node_exporter's textfile collector.
publish_metrics() {
  local file pending=0
  [ -n "$TEXTFILE_DIR" ] || return 0
  # If another user could write there, that user could put a link in the place of the file.
  if [ ! -d "$TEXTFILE_DIR" ] || ! is_trusted "$TEXTFILE_DIR"; then
    log "warning: no metrics: $TEXTFILE_DIR is not a directory that only root can write to"
    return 0
  fi
  file=$TEXTFILE_DIR/$METRICS
  ! has_pending_command || pending=1
  print_metrics "$pending" 2>/dev/null >"$file.new" && chmod 644 "$file.new" && mv -f "$file.new" "$file" && return
  # What is on the disk stays: half of it would be taken for all.
  rm -f "$file.new"
  log "warning: the metrics cannot be written to $TEXTFILE_DIR"
}

# print_metrics PENDING: fails if one of them cannot be written.
print_metrics() {
  metric last_success_timestamp_seconds gauge "Time of this member's last good backup." "$(status_of last_success)" &&
    metric last_failure_timestamp_seconds gauge "Time of this member's last failure." "$(status_of last_failure)" &&
    metric failures_total counter "Backups of this member that have failed." "$(status_of failures)" &&
    metric size_bytes gauge "Size of this member's last good backup." "$(status_of last_bytes)" &&
    metric duration_seconds gauge "Duration of this member's last good backup." "$(status_of last_seconds)" &&
    metric after_each_failures_total counter "Runs of the command after a backup that have failed." \
      "$(status_of after_each_failures)" &&
    metric after_each_pending gauge "1 while that command has not succeeded for the last backup." "$1"
}

forget_metrics() {
  [ -z "$TEXTFILE_DIR" ] || ! is_trusted "$TEXTFILE_DIR" || rm -f "$TEXTFILE_DIR/$METRICS"
}

# metric NAME TYPE HELP VALUE
metric() {
  printf '# HELP cdktf_etcd_backup_%s %s\n# TYPE cdktf_etcd_backup_%s %s\n' "$1" "$3" "$1" "$2" &&
    printf 'cdktf_etcd_backup_%s{cluster="%s",member="%s"} %s\n' "$1" "$CLUSTER" "$MEMBER" "$4"
}
