# The file systems that hold the data. If one of them is not mounted, the data look lost, or older data show up that
# were there before it was mounted.

# The mount points above the data directory, at it or below it when this member was last healthy, whatever mounted them.
MOUNTS=$STATE_DIR/mounts
# A copy that etcd's user can read, for the startup script.
MOUNTS_PUBLISHED=$CURRENT/mounts

# All mount points, as the kernel spells them.
mount_points() { awk '{ print $5 }' /proc/self/mountinfo 2>/dev/null || true; }

# Filters lines that begin with a path: keeps those whose path may hold files of the member. Other mounts below the data
# directory come and go; ZFS, for example, mounts its snapshots there when somebody looks at one.
on_data_path() {
  awk -v data="$(readlink -m "$DATA_DIR")" '
    { path = $1; sub(/\/+$/, "", path) }
    path ~ /^\// && (index(data "/", path "/") == 1 || path == data "/member" || path == data "/member/wal" || path == data "/member/snap")'
}

data_mounts() { mount_points | on_data_path | sort -u; }

remember_mounts() {
  local mounts
  mounts=$(data_mounts)
  # An empty file means that nothing was mounted; no file means that nothing is known.
  if [ ! -e "$MOUNTS" ] || [ "$mounts" != "$(cat "$MOUNTS")" ]; then
    private_directory "$STATE_DIR"
    printf '%s' "${mounts:+$mounts$LINE_END}" | put_file "$MOUNTS" 600 root:root
  fi
  # Also if nothing has changed: a phase may have been killed before this.
  publish_mounts
}

publish_mounts() {
  if [ ! -e "$MOUNTS" ] || cmp -s "$MOUNTS" "$MOUNTS_PUBLISHED"; then return 0; fi
  put_file "$MOUNTS_PUBLISHED" 644 root:root <"$MOUNTS"
}

# What is mounted now but was not when the member was last healthy.
new_mounts() { [ ! -e "$MOUNTS" ] || data_mounts | grep -vxF -f "$MOUNTS" || true; }

# What should be mounted on the path of the data but is not, one per line: MOUNT_POINT REASON
unmounted() {
  not_mounted "$({
    configured_mounts
    [ ! -s "$MOUNTS" ] || sed 's/$/ was mounted when this member was last healthy and is not now/' "$MOUNTS"
  } | on_data_path)"
}

# unmounted_above PATH: the same for another path, as far as the host's configuration tells.
unmounted_above() {
  not_mounted "$(configured_mounts | awk -v below="$(readlink -m "$1")" 'index(below "/", $1 "/") == 1')"
}

# What is to be mounted at boot, one per line: MOUNT_POINT REASON
configured_mounts() {
  {
    # findmnt knows the format of fstab: comments, spaces in names, a last line without a line end.
    findmnt --fstab --tab-file /etc/fstab --noheadings --raw --output TARGET,OPTIONS 2>/dev/null || true
    # systemd has its enabled mount units in memory, because the target that wants them is loaded; listing the unit
    # files would take 2 s. Without --all, only active units are shown.
    systemctl show --all --property=Id,Where,UnitFileState '*.mount' 2>/dev/null || true
  } | awk '
    function tell() {
      if (enabled && where != "") print where, "should be mounted by " unit " but is not"
      unit = where = enabled = ""
    }
    # A file system with the option `noauto` is mounted only when somebody asks for it. The root is always mounted.
    /^\// {
      sub(/\/+$/, "", $1)
      if ($1 != "" && ("," $2 ",") !~ /,noauto,/) print $1, "is in /etc/fstab but not mounted"
    }
    /^Id=/ { unit = substr($0, 4) }
    /^Where=/ { where = substr($0, 7) }
    /^UnitFileState=enabled/ { enabled = 1 }
    /^$/ { tell() }
    END { tell() }'
}

# not_mounted LINES: prints those of such lines at whose mount point nothing is mounted, one for each mount point.
not_mounted() {
  [ -n "$1" ] || return 0
  { mount_points && printf '\n%s\n' "$1"; } | awk '
    $0 == "" { listed = 1; next }
    !listed { mounted[$0]; next }
    !($1 in mounted) && !seen[$1]++'
}

check_mounted() {
  check_reading
  unmounted | while read -r mount_point why; do
    way="mount $mount_point"
    case $why in
      *"last healthy"*)
        way="$way; if the data are to be elsewhere from now on: rm -f $MOUNTS $MOUNTS_PUBLISHED, and apply again"
        ;;
    esac
    refusal "data directory" "$mount_point $why, so $DATA_DIR would be on another disk" "$way"
  done
}

# A file system that has failed, or whose server is gone, is still mounted. The shell finds no file on it: the member
# would look as if it had no data, or no mark that it once had some.
check_reading() {
  local reason
  reason=$(reading_fault "$DATA_DIR" "$STATE_DIR")
  [ -z "$reason" ] || refusal "data directory" \
    "what is in $DATA_DIR or $STATE_DIR cannot be read ($reason), so it is unknown whether this member has data" \
    "correct that, and apply again; if the disk is lost, mount an empty one in its place (docs/lost-data.md#a-disk-that-fails)"
}

# reading_fault PATH…: why not all of these can be read; nothing if they can. What does not exist yet, or what etcd has
# just deleted, is not there.
reading_fault() {
  local answer
  answer=$(find "$@" -maxdepth 3 2>&1 >/dev/null) && return
  printf '%s\n' "${answer:-find was ended}" | grep -v ': No such file or directory$' | head -n 1 | sed 's/^find: //'
}
