# The file systems that the data lie on. Where one is not mounted, data look lost, or older ones show that lay there before it.

# Where something was mounted when this member was last healthy: above the data directory, at it or below it, by whatever mounted it.
MOUNTS=$STATE_DIR/mounts
# A copy that etcd's user may read, for the startup script.
MOUNTS_PUBLISHED=$CURRENT/mounts

# All mount points, in the kernel's own spelling.
mount_points() { awk '{ print $5 }' /proc/self/mountinfo 2>/dev/null || true; }

# Filters lines that begin with a path: those of the paths on which a file of the member may lie. What else is mounted below the data directory comes
# and goes: ZFS shows its snapshots like that, to whoever looks at one.
on_data_path() {
  awk -v data="$(readlink -m "$DATA_DIR")" '
    { path = $1; sub(/\/+$/, "", path) }
    path ~ /^\// && (index(data "/", path "/") == 1 || path == data "/member" || path == data "/member/wal" || path == data "/member/snap")'
}

data_mounts() { mount_points | on_data_path | sort -u; }

remember_mounts() {
  # An empty file says that nothing was mounted; none says that nobody knows.
  if [ -e "$MOUNTS" ] && [ "$(data_mounts)" = "$(cat "$MOUNTS")" ]; then return; fi
  private_directory "$STATE_DIR"
  data_mounts | put_file "$MOUNTS" 600 root:root
  publish_mounts
}

publish_mounts() { [ ! -e "$MOUNTS" ] || put_file "$MOUNTS_PUBLISHED" 644 root:root <"$MOUNTS"; }

# Mounted now, and not when the member was last healthy.
new_mounts() { [ ! -e "$MOUNTS" ] || data_mounts | grep -vxF -f "$MOUNTS" || true; }

# What is meant to be mounted on the data's path and is not, a line each: MOUNT_POINT REMEDY
unmounted() {
  {
    # findmnt knows the format: comments, blanks in names, a last line without an end. What is `noauto` is mounted when somebody asks for it.
    findmnt --fstab --tab-file /etc/fstab --noheadings --raw --output TARGET,OPTIONS 2>/dev/null |
      awk '("," $2 ",") !~ /,noauto,/ { sub(/\/+$/, "", $1); print $1, "is in /etc/fstab and not mounted" }'
    enabled_mounts
    [ ! -e "$MOUNTS" ] || sed 's/$/ was mounted when this member was last healthy and is not now/' "$MOUNTS"
  } | on_data_path | while read -r mount_point why; do
    mount_points | grep -qxF -e "$mount_point" || printf '%s %s\n' "$mount_point" "$why"
  done | awk '!seen[$1]++'
}

# What systemd's enabled mount units say. Those are in its memory, since the target that wants them is: to list the files of all units takes it
# 2 s. Without --all it tells of what is active only.
enabled_mounts() {
  systemctl show --all --property=Id,Where,UnitFileState '*.mount' 2>/dev/null | awk '
    function tell() {
      if (enabled && where != "") print where, "is to be mounted by " unit " and is not"
      unit = where = enabled = ""
    }
    /^Id=/ { unit = substr($0, 4) }
    /^Where=/ { where = substr($0, 7) }
    /^UnitFileState=enabled/ { enabled = 1 }
    /^$/ { tell() }
    END { tell() }'
}

check_mounted() {
  unmounted | while read -r mount_point why; do
    way_out="mount $mount_point"
    case $why in
      *"last healthy"*) way_out="$way_out; if the data shall lie elsewhere from now on: rm -f $MOUNTS $MOUNTS_PUBLISHED, and apply again" ;;
    esac
    refusal "data directory" "$mount_point $why, $DATA_DIR would lie on another disk" "$way_out"
  done
}
