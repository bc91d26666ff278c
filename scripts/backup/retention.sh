# Which backups of this host are good, and which of them are kept.

# The names of backups end in the time at which they were taken. Other files in the directory are not ours, such as a
# snapshot that an operator has saved there, or the backup of a member whose name is longer.
STAMP=[0-9][0-9][0-9][0-9][0-9][0-9][0-9][0-9]T[0-9][0-9][0-9][0-9][0-9][0-9]Z

# The good backups of this host, one per line, the newest first: TIME BYTES FILE.
# One of another size than its description says was written to after it was verified. A description that does not say
# when the backup was taken is damaged.
good_backups() {
  local description file size time
  for description in "$BACKUP_DIR/$MEMBER"-$STAMP.db.json; do
    file=${description%.json}
    size=$(value_of bytes "$description")
    if [ -z "$size" ] || [ "$(stat -c %s "$file" 2>/dev/null)" != "$size" ]; then continue; fi
    time=$(value_of unix_time "$description")
    case $time in '' | *[!0-9]*) continue ;; esac
    printf '%s %s %s\n' "$time" "$size" "$file"
  done | sort -rn
}

# The good backups of the cluster that runs now. Those of a former cluster, before a new deploy or a restore, may be all
# that is left of it: no retention touches them.
backups_of_this_cluster() {
  local id time size file
  id=$(printf '%s\n' "$state" | hex_cluster_id)
  good_backups | while read -r time size file; do
    [ "$(value_of cluster_id "$file.json")" != "$id" ] || printf '%s %s %s\n' "$time" "$size" "$file"
  done
}

# value_of KEY FILE: a value of a description.
value_of() { { json_value "$1" <"$2"; } 2>/dev/null; }

# A filter of good_backups: the newest file. One from the future was taken while the clock was ahead, and is the newest
# only if there is no other.
newest() {
  awk -v now="$(date +%s)" '
    { file = $0; sub(/^[0-9]+ [0-9]+ /, "", file) }
    NR == 1 { first = file }
    $1 <= now + 60 { print file; found = 1; exit }
    END { if (!found && NR > 0) print first }'
}

newest_backup() { good_backups | newest; }

# newest_value KEY: a value of the newest good backup of this cluster on this host; 0 if there is none.
newest_value() {
  local file value=
  file=$(backups_of_this_cluster | newest)
  [ -z "$file" ] || value=$(value_of "$1" "$file.json")
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
  backups_of_this_cluster | backups_to_delete | while read -r file; do rm -f "$file" "$file.json"; done
}

# A filter of backups: those that the retention does not keep. The newest is always kept, and so are those from the
# future, of which nobody knows how old they are. By their age, about one backup is to be deleted for each that is
# taken, and TOO_OLD_AT_ONCE at most are. If it were all of them, the clock would be ahead, and must not cost the whole
# history at once.
TOO_OLD_AT_ONCE=3
backups_to_delete() {
  awk -v now="$now" -v last="$KEEP_LAST" -v all="$KEEP_ALL_HOURS" -v max="$BACKUP_MAX_BYTES" \
    -v hourly="$KEEP_HOURLY" -v daily="$KEEP_DAILY" -v weekly="$KEEP_WEEKLY" -v most="$TOO_OLD_AT_ONCE" '
    # Whether this is the newest backup of its period, and the period is one of the last COUNT.
    function is_newest_of(period, count, seen,   number) {
      number = int($1 / period)
      if (number in seen || int(now / period) - number >= count) return 0
      seen[number]
      return 1
    }
    $1 > now + 60 { next }
    {
      count++
      bytes[count] = $2
      file[count] = $0
      sub(/^[0-9]+ [0-9]+ /, "", file[count])
      if (last != "") keep[count] = count <= last + 0
      else {
        keep[count] = now - $1 <= all * 3600
        # All three must be asked, because each remembers its periods.
        keep[count] += is_newest_of(3600, hourly, hours) + is_newest_of(86400, daily, days)
        keep[count] += is_newest_of(604800, weekly, weeks)
        if (!keep[count]) old++
      }
    }
    END {
      for (i = 1; i <= count; i++) {
        if (!keep[i] && last == "" && old-- > most) keep[i] = 1
        # From the first that does not fit on, all are too old.
        if (keep[i] && max != "" && total + bytes[i] > max + 0) full = 1
        if (i > 1 && (!keep[i] || full)) print file[i]
        else total += bytes[i]
      }
    }'
}
