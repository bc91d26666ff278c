# Which backups of this host are good, and which of them are kept.

# The good backups of this host, one per line, the newest first: TIME BYTES FILE.
good_backups() {
  local description
  for description in "$BACKUP_DIR/$MEMBER"-*.db.json; do
    [ -e "${description%.json}" ] && [ -e "$description" ] || continue
    printf '%s %s %s\n' "$(value_of unix_time "$description")" "$(value_of bytes "$description")" "${description%.json}"
  done | sort -rn
}

# value_of KEY FILE: a value of a description.
value_of() { sed -n "s/^  \"$1\": \"\{0,1\}\([^\",]*\)\"\{0,1\},\{0,1\}$/\1/p" "$2" 2>/dev/null; }

newest_backup() { good_backups | sed -n '1s/^[0-9]* [0-9]* //p'; }

# newest_value KEY: a value of the newest good backup; 0 if there is none.
newest_value() {
  local newest value=
  newest=$(newest_backup)
  [ -z "$newest" ] || value=$(value_of "$1" "$newest.json")
  echo "${value:-0}"
}

list_backups() {
  local time size file
  good_backups | while read -r time size file; do
    printf '%s %12s bytes  revision %-12s %s\n' "$(date -u -d "@$time" +%Y-%m-%dT%H:%M:%SZ)" "$size" \
      "$(value_of revision "$file.json")" "$file"
  done
}

delete_old_backups() {
  local file
  good_backups | backups_to_delete | while read -r file; do rm -f "$file" "$file.json"; done
  # A backup that was killed before it was described does not count, but takes space.
  for file in "$BACKUP_DIR/$MEMBER"-*.db; do
    [ ! -e "$file" ] || [ -e "$file.json" ] || rm -f "$file"
  done
}

# A filter of good_backups: those that the retention does not keep. The newest backup is always kept.
backups_to_delete() {
  awk -v now="$now" -v last="$KEEP_LAST" -v all="$KEEP_ALL_SECONDS" -v max="$BACKUP_MAX_BYTES" \
    -v hourly="$KEEP_HOURLY" -v daily="$KEEP_DAILY" -v weekly="$KEEP_WEEKLY" '
    # Whether this is the newest backup of its period, and the period is one of the last COUNT.
    function is_newest_of(period, count, seen,   number) {
      number = int($1 / period)
      if (number in seen || int(now / period) - number >= count) return 0
      seen[number]
      return 1
    }
    {
      file = $0
      sub(/^[0-9]+ [0-9]+ /, "", file)
      if (last != "") keep = NR <= last + 0
      else {
        keep = now - $1 <= all + 0
        # All three must be asked, because each remembers its periods.
        keep += is_newest_of(3600, hourly, hours) + is_newest_of(86400, daily, days)
        keep += is_newest_of(604800, weekly, weeks)
      }
      if (NR > 1 && (!keep || (max != "" && total + $2 > max + 0))) { print file; next }
      total += $2
    }'
}
