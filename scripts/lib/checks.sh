# Checks that must pass on a host before anything changes there. Each check prints its refusals, and none of them stops
# the phase, so that all refusals are seen at once.

MIN_FREE_INSTALL_MB=300 # an archive and its contents: 100 MB in 3.6
MIN_FREE_DATA_MB=512    # first WAL segments (64 MB each, two preallocated), snapshots, and room to react
MIN_FREE_MB=16          # where only small files are written
MIN_FREE_RUN_MB=2       # locks, and what the commands of a phase complain of; df rounds up
MIN_FREE_INODES=200     # an archive contains about ten files
MAX_CLOCK_SKEW_S=60     # a leaf certificate is not valid before the time of the operator's clock at its signing

# Every command that these scripts call without checking first whether it exists; a test compares this list with the
# scripts.
TOOLS="awk base64 bash cat chmod chown cmp cp cut date dd df dirname env find findmnt flock getent grep gzip head id install ip ln ls mkdir mkfifo mv od openssl readlink rm rmdir
  sed setpriv sha1sum sha256sum sleep sort ss stat sync systemctl tail tar timeout tr uname useradd"

check_architecture() {
  [ "$(uname -s)" = Linux ] || refusal "operating system" "$(uname -s) is not Linux" "use a Linux host"
  know_archive
  [ -n "$archive_sha256" ] ||
    refusal "architecture" "no sha256 is known for the archive of etcd $VERSION for $known_architecture" \
      "specify the digest of that archive with the release"
  [ "$known_architecture" != arm64 ] || ! older "$VERSION" 3.5.0 ||
    tr '\0' '\n' 2>/dev/null <"$(supervisord_process)/environ" | grep -qxF ETCD_UNSUPPORTED_ARCH=arm64 ||
    refusal "architecture" \
      "etcd before 3.5 starts on arm64 only if supervisord's environment has ETCD_UNSUPPORTED_ARCH=arm64" \
      "set version to 3.5.0 or later; or put Environment=ETCD_UNSUPPORTED_ARCH=arm64 into supervisord's unit, and restart it"
}

check_tools() {
  missing=
  for tool in $TOOLS; do
    command -v "$tool" >/dev/null 2>&1 || missing="$missing $tool"
  done
  [ -z "$missing" ] || refusal "tools" "not on this host:$missing" \
    "install them (packages coreutils, diffutils, gawk, iproute2, openssl, util-linux, …)"
}

# needed_data_mb ENDPOINT: the space that a member without data needs. A member that joins copies the cluster's whole
# database; if ENDPOINT is empty, the size of the database is unknown.
needed_data_mb() {
  local database=0
  if [ -n "$1" ] && look_for_status "$1"; then
    database=$(printf '%s\n' "$found_status" | awk '{ print int($6 / 1048576) + 256 }')
  fi
  if [ "$database" -gt "$MIN_FREE_DATA_MB" ]; then echo "$database"; else echo "$MIN_FREE_DATA_MB"; fi
}

# An endpoint of the cluster, if the cluster is alive and this host has an etcdctl to ask it with.
known_endpoint() { [ ! -x "$CURRENT/etcdctl" ] || live_endpoint || true; }

check_disk() {
  local data=0 binaries=$MIN_FREE_INSTALL_MB include ini
  # Where there are data already, only etcd itself writes, and it has its quota.
  has_wal || data=$(needed_data_mb "$(known_endpoint)")
  ! has_binaries || binaries=$MIN_FREE_MB
  check_room "$INSTALL_ROOT" "$binaries" "set paths.installRoot"
  check_room "$DATA_DIR" "$data" "set paths.dataDir"
  check_room "$LOG_DIR" "$MIN_FREE_MB" "set paths.logDir"
  check_room "$STATE_DIR" "$MIN_FREE_MB" "move something off that file system"
  check_room /run/cdktf-etcd "$MIN_FREE_RUN_MB" "delete something there"
  [ -z "$BACKUP_DIR" ] || check_room "$BACKUP_DIR" "$MIN_FREE_MB" "set backups.directory"
  ! set_program_files || check_room "${include%/*}" "$MIN_FREE_MB" "move something off that file system"
  check_exec "$INSTALL_ROOT"
}

# check_room PATH MB OTHERWISE: files can be created at PATH, and MB megabytes fit there. OTHERWISE is what to do if
# that is not possible. Modes do not tell whether root can write: root cannot write to a file system that is mounted
# read-only, or to a directory that chattr has made immutable.
check_room() {
  local existing
  look_for_existing "$1"
  if [ ! -d "$existing" ]; then
    refusal "directory" "$existing is not a directory, so nothing can be created in $1" "move it away, or $3"
  elif [ ! -w "$existing" ]; then
    refusal "read-only" "nothing can be written to $existing: $(why_not_writable "$existing")" "make it writable, or $3"
  elif [ "$2" -gt 0 ]; then
    look_for_room "$existing"
    [ "${free_mb:-0}" -ge "$2" ] || refusal "free disk" "$free_mb MB free for $1, $2 MB are needed" "make room, or $3"
    [ "${inodes:-0}" = 0 ] || [ "$free_inodes" -ge "$MIN_FREE_INODES" ] || refusal "free disk" \
      "$free_inodes inodes free for $1, $MIN_FREE_INODES are needed: there are too many files" "delete some, or $3"
  fi
}

why_not_writable() {
  case ,$(findmnt -n -o OPTIONS -T "$1"), in
    *,ro,*) echo "its file system is mounted read-only" ;;
    *) echo "it is immutable (lsattr -d $1)" ;;
  esac
}

# etcd and its startup script are run from this directory.
check_exec() {
  local existing
  look_for_existing "$1"
  case ,$(findmnt -n -o OPTIONS -T "$existing"), in
    *,noexec,*) refusal "noexec" "the file system of $1 is mounted noexec, and etcd is run from there" \
      "remount it with exec, or set paths.installRoot" ;;
  esac
}

# Functions for awk that bring an IP address, however it is spelled, into the one form in which it can be compared.
# shellcheck disable=SC2016 # awk expands it
CANONICAL_IP='
  function canonical(ip,   sides, left, right, count, i, text) {
    ip = tolower(ip); gsub(/[][]|%.*/, "", ip)
    if (ip ~ /\./) { sub(/^.*:/, "", ip); return ip }
    if (ip !~ /:/) return ip
    split(ip, sides, "::")
    count = split(sides[1], left, ":")
    for (i = 1; i <= count; i++) text = text shortened(left[i])
    if (ip ~ /::/) {
      right[1] = ""; i = split(sides[2], right, ":")
      for (count += i; count < 8; count++) text = text "0:"
      for (count = 1; count <= i; count++) text = text shortened(right[count])
    }
    return text
  }
  function shortened(group) { sub(/^0+/, "", group); return (group == "" ? "0" : group) ":" }'

# For each flag that makes etcd listen (LISTENS has words of the form FLAG=URL), the port must be free on that address,
# or already belong to this member.
check_ports() {
  ss -ltnp | awk -v own="pid=$(own_pid)," -v listens="$LISTENS" "$CANONICAL_IP"'
    BEGIN {
      count = split(listens, words, " ")
      for (i = 1; i <= count; i++) {
        flag[i] = words[i]; sub(/=.*/, "", flag[i])
        ip[i] = words[i]; sub(/^[^=]*=[^:]*:\/\//, "", ip[i]); port[i] = ip[i]
        sub(/.*:/, "", port[i]); sub(/:[0-9]+$/, "", ip[i]); ip[i] = canonical(ip[i])
      }
    }
    function any(ip) { return ip == "*" || ip == "0.0.0.0" || ip == canonical("::") }
    function meets(wanted, taken) {
      if (wanted == "localhost") return taken == "127.0.0.1" || taken == canonical("::1") || any(taken)
      return any(wanted) || any(taken) || wanted == taken
    }
    $1 != "LISTEN" || index($0, own) { next }
    {
      taken_port = $4; sub(/.*:/, "", taken_port); taken = $4; sub(/:[0-9]+$/, "", taken); taken = canonical(taken)
      for (i = 1; i <= count; i++)
        if (port[i] == taken_port && meets(ip[i], taken) && !said[flag[i], port[i]]++) print flag[i], port[i], $4, $6
    }' | while read -r flag port where who; do
    refusal "$(port_name "$flag")" "port $port is taken on $where by ${who:-another process}" \
      "stop that program, or set $(port_prop "$flag")"
  done
  check_privileged_ports
}

port_name() {
  case $1 in
    listen-peer-urls) echo "peer port" ;;
    listen-client-urls) echo "client port" ;;
    listen-metrics-urls) echo "metrics port" ;;
    *) echo "port of $1" ;;
  esac
}

port_prop() {
  case $1 in
    listen-peer-urls) echo ports.peer ;;
    listen-client-urls) echo ports.client ;;
    listen-metrics-urls) echo listenMetricsUrls ;;
    *) echo "extraFlags, $1" ;;
  esac
}

# Only root may listen on low ports, unless the kernel is configured otherwise.
check_privileged_ports() {
  local first="" listen port
  know_etcd_uid
  [ "$ETCD_UID" != 0 ] || return 0
  { read -r first </proc/sys/net/ipv4/ip_unprivileged_port_start; } 2>/dev/null || first=1024
  for listen in $LISTENS; do
    port=${listen##*:}
    case $port in '' | *[!0-9]*) continue ;; esac
    [ "$port" -ge "$first" ] || refusal "$(port_name "${listen%%=*}")" \
      "$ETCD_USER may not listen on port $port: only root may listen on ports below $first" \
      "set $(port_prop "${listen%%=*}") to a higher port, or set net.ipv4.ip_unprivileged_port_start=$port permanently with sysctl"
  done
}

# Terraform notes the time before it connects, and tries to connect for up to CONNECT_SECONDS. The host's clock may seem
# to be ahead by that much, but never behind.
check_clock() {
  local operator ahead
  operator=$(date -d "$OPERATOR_TIME" +%s) || return 0
  ahead=$((${STARTED_AT:-$(date +%s)} - operator))
  if [ "$ahead" -lt "-$MAX_CLOCK_SKEW_S" ]; then
    refusal "clock" "this host's clock is ${ahead#-} s behind the operator's; the limit is $MAX_CLOCK_SKEW_S s" \
      "synchronize both clocks (chrony, systemd-timesyncd)"
  elif [ "$ahead" -gt "$((MAX_CLOCK_SKEW_S + CONNECT_SECONDS))" ]; then
    refusal "clock" \
      "this host's clock is at least $((ahead - CONNECT_SECONDS)) s ahead of the operator's; the limit is $MAX_CLOCK_SKEW_S s" \
      "synchronize both clocks (chrony, systemd-timesyncd)"
  fi
}

# The systemd services that may run an etcd and are enabled or active, one per line: UNIT BINARY. The name of a unit
# proves nothing: a backup of etcd is not an etcd. What counts is what the unit runs, also through a shell, as RHEL's
# own unit does: a path in its command that ends in /etcd, and must be an executable file. Every enabled unit is loaded
# in systemd, because the target that wants it is loaded; listing all unit files would take systemd longer than all the
# rest of a preflight. Even the loaded ones take it a tenth of a second, so they are listed only if there is a file of a
# unit that has etcd in its text or, because of specifiers, in its name.
etcd_units() {
  local paths
  paths=$(systemctl show --property=UnitPath 2>/dev/null) || return 0
  # shellcheck disable=SC2086 # its words are directories
  set -- ${paths#*=}
  [ $# -eq 0 ] || grep -Rqs -D skip etcd "$@" || [ -n "$(find -L "$@" -name '*etcd*' -print -quit 2>/dev/null)" ] ||
    return 0
  systemctl show --all --property=Id,ActiveState,UnitFileState,ExecStart '*.service' 2>/dev/null | awk '
    BEGIN { RS = ""; FS = "\n" }
    /(^|\n)UnitFileState=enabled|(^|\n)ActiveState=(active|activating|reloading|deactivating)/ && /(^|\n)ExecStart=[^\n]*\/etcd[ ";\047]/ {
      id = ""; start = ""
      for (i = 1; i <= NF; i++) {
        if (sub(/^Id=/, "", $i)) id = $i
        else if (sub(/^ExecStart=/, "", $i)) start = start " " $i
      }
      if (seen[id]++) next
      count = split(start, words, /[ "\047;=()]+/)
      for (i = 1; i <= count; i++) if (words[i] ~ /^\/.*\/etcd$/ && !seen[id, words[i]]++) print id, words[i]
    }'
}

# Refuses an etcd of somebody else that uses this member's data directory or ports, or would use them after its next
# start.
check_other_etcd() {
  etcd_units | while read -r unit binary; do
    if [ ! -f "$binary" ] || [ ! -x "$binary" ]; then continue; fi
    refusal "other etcd" "the systemd unit $unit, which is enabled or active on this host, runs $binary" \
      "systemctl disable --now $unit, or use another host"
  done
  look_for_etcd
  for process in /proc/[0-9]*; do
    { is_named_etcd "$process" && [ "${process#/proc/}" != "$found_etcd" ] && is_of_member "$process"; } || continue
    has_argument "$process" "$DATA_DIR" || has_argument "$process" "--data-dir=$DATA_DIR" || continue
    refusal "other etcd" \
      "process ${process#/proc/} is an etcd that uses $DATA_DIR and that this package did not start" \
      "stop it, or set paths.dataDir"
  done
}

# etcd loads its CAs only when it starts, but its leaf certificate at every handshake. A leaf of a CA that was not
# loaded at the start would cut a running member off from the others.
check_ca() {
  local trusted authority
  is_running || return 0
  # This is the file that the running etcd was started with: a new installRoot has none yet.
  read_arguments "/proc/$found_etcd"
  look_for_value trusted-ca-file
  trusted=${flag_value:-$CURRENT/certs/ca.pem}
  [ -f "$trusted" ] || return 0
  know_ca
  authority=$ca_pem
  [ "$AUTHORITY_PEM_BASE64" = "$CA_PEM_BASE64" ] || authority=$(decode "$AUTHORITY_PEM_BASE64")
  case $(one_line <"$trusted") in
    *"$(printf '%s\n' "$authority" | one_line)"*) ;;
    *) refusal "certificate authority" \
      "the running member does not trust the CA of the new certificates ($trusted has another one); if the Terraform state was lost, the new state has created a new CA" \
      "restore the state, or import the old CA (CertificateAuthority.fromPem); to change the CA on purpose, see docs/certificates.md" ;;
  esac
  # Only after the last change has been rolled out do the files here match what the running etcd has loaded.
  [ ! -e "$RESTART_PENDING" ] || [ "$(printf '%s\n' "$ca_pem" | one_line)" = "$(one_line <"$trusted")" ] ||
    refusal "certificate authority" \
      "the last change of this member is not finished: the member has not been restarted yet" \
      "set certificates back, deploy, and then change the CA"
}

# Checks, before anything changes, that the new leaf was signed by one of these CAs, and that neither of them has
# expired.
check_certificates() {
  # This check needs openssl; if it is missing, check_tools has refused.
  case " ${missing:-} " in *" openssl "*) return 0 ;; esac
  know_ca
  know_leaf
  reason=$(chain_fault "$ca_pem" "$leaf_pem")
  [ -z "$reason" ] || refusal "certificates" \
    "the certificate of this member does not verify against its CA: $reason" "$(chain_advice "$reason")"
}

one_line() { tr -d '\r\n'; }

# Members are added and removed only while all members that stay are healthy. The refusal comes from the first healthy
# member by name, and from a member that is to be re-provisioned.
check_members() {
  [ -n "$known_members" ] || return 0
  list=$known_members
  staying=$(printf '%s\n' "$list" | desired)
  leaving=$(printf '%s\n' "$list" | undesired)
  joining=$(desired_peer_urls | grep -vxF "$(printf '%s\n' "$staying" | awk '{ print $3 }')" || true)
  rejoining=
  # A member whose data are gone need not be healthy: its etcd ends by itself within half a minute, perhaps just now.
  if is_to_be_provisioned_anew && ! has_wal; then rejoining=yes staying=$(printf '%s\n' "$staying" | others); fi
  [ -n "$leaving$joining$rejoining" ] || return 0
  if [ -n "$joining" ] && ! is_to_be_restored; then check_joining_clusters; fi
  # Members that have never started do not count: an interrupted join continues in this deploy.
  not_healthy=$(printf '%s\n' "$staying" | started | voters | unhealthy_for_long)
  [ -n "$not_healthy" ] || return 0
  first=$(printf '%s\n' "$staying" | grep -vxF "$not_healthy" | sort -k 2 | head -n 1)
  { [ -z "$rejoining" ] && [ "$(printf '%s\n' "$first" | awk '{ print $3 }')" != "$PEER_URL" ]; } ||
    refusal "membership" \
      "$(ailing), and members are added or removed only while all members that stay are healthy" \
      "bring it back, or remove it from the program too"
}

# Members are added only if all that run are of one cluster. After a restore without them, hosts may have come back and
# serve with the old cluster's data; or this member is the one that runs with other data. Nobody here knows which.
check_joining_clusters() {
  local endpoint cluster own='' theirs=
  while read -r endpoint cluster _; do
    own=${own:-$cluster}
    if [ -z "$endpoint" ] || [ "$cluster" = "$own" ]; then continue; fi
    theirs="$theirs, $endpoint in $(printf '%x' "$cluster")"
  done <<LIST
$(endpoint_status "$(own_url),$ENDPOINTS")
LIST
  [ -z "$theirs" ] || refusal "membership" \
    "the program's members run in different clusters: this one in $(printf '%x' "$own")$theirs" \
    "decide which cluster is the right one, see docs/lost-data.md#the-members-are-of-two-clusters, and apply again"
}

# With authentication enabled, etcd accepts a change of the membership only from a user with the role root, and the
# common name of a certificate is its user. Listing the users needs that role too, and changes nothing.
check_authentication() {
  local wanted
  is_running && accepts_connections "$(own_url)" || return 0
  if has_same_common_name; then
    answer=$(etcdctl_at "$(own_url)" user list 2>&1) || ! is_forbidden "$answer" ||
      refusal "authentication" \
        "the member's certificate is not allowed to administer the cluster; etcd says: $(last_line "$answer")" \
        "$(how_to_allow)"
    return 0
  fi
  # If it is the common name in use that lacks the role, etcd cannot be asked, and a new common name is the way out.
  case $(etcdctl_at "$(own_url)" auth status 2>/dev/null) in *"Status: true"*) ;; *) return 0 ;; esac
  answer=$(etcdctl_at "$(own_url)" user get "$wanted" 2>&1) ||
    case $answer in *"user name not found"*) ;; *) return 0 ;; esac
  printf '%s\n' "$answer" | grep -qw root ||
    refusal "authentication" \
      "authentication is on, and $wanted, the common name of the new certificate, is not a user with the role root" \
      "etcdctl user add $wanted --no-password; etcdctl user grant-role $wanted root; then apply again"
}

# Whether the new certificate has the same common name as the one in use; if not, sets `wanted` to that name.
has_same_common_name() {
  set_client_directory
  know_leaf
  [ "$leaf_pem" != "$(cat "$client/certs/etcd-peer.pem" 2>/dev/null)" ] || return 0
  ! has_same_subject || return 0
  wanted=$(printf '%s\n' "$leaf_pem" | common_name)
  [ "$wanted" = "$(common_name <"$client/certs/etcd-peer.pem")" ]
}

# Mostly, the whole subject is the same, and openssl says that sooner than the common names.
has_same_subject() {
  local subjects first
  subjects=$({ printf '%s\n' "$leaf_pem" && cat "$client/certs/etcd-peer.pem"; } 2>/dev/null |
    certificate_text 2>/dev/null | grep '^ *Subject: ') || return 1
  first=${subjects%%"$LINE_END"*}
  [ "$subjects" = "$first$LINE_END$first" ]
}

# The common name of the certificate (PEM) on standard input.
common_name() { openssl x509 -noout -subject -nameopt multiline 2>/dev/null | sed -n 's/^ *commonName *= //p'; }

# A new leaf takes effect at once, and the running members check it by the flags with which they were started.
check_allowed_names() {
  local pid name flag
  look_for_etcd
  pid=$found_etcd
  [ -n "$pid" ] || return 0
  read_arguments "/proc/$pid"
  know_leaf
  look_for_value peer-cert-allowed-cn
  if [ -n "$flag_value" ]; then
    name=$(printf '%s\n' "$leaf_pem" | common_name)
    case ,$flag_value, in
      *",$name,"*) ;;
      *) not_allowed peer-cert-allowed-cn "the common name $name" ;;
    esac
  fi
  for flag in peer-cert-allowed-hostname client-cert-allowed-hostname; do
    look_for_value "$flag"
    name=$flag_value
    [ -z "$name" ] || printf '%s\n' "$leaf_pem" | openssl x509 -noout -checkhost "$name" | grep -q ' does match ' ||
      not_allowed "$flag" "a certificate without $name"
  done
}

not_allowed() {
  refusal "certificates" \
    "the running members do not accept $2, because of their $1=$(argument_of "/proc/$pid" "$1")" \
    "remove $1 from extraFlags and deploy; change the certificates and deploy; then add $1 again with the new name"
}

CHECKED_SECONDS=15 # the other hosts' preflights may take that much longer than this one's

# Writes down that all checks have passed, unless another phase is working on this member at this moment: it may be
# changing what was checked. If this cannot be written, the stage checks again.
note_checks() {
  set_uptime
  (
    private_directory /run/cdktf-etcd && exec 9>>"$LOCK" && flock -n 9 &&
      printf '%s %s\n' "$uptime" "$CHECKED_SHA256" >"$CHECKED"
  ) || true
}

# The preflight of this very deploy has passed some seconds ago, and no other phase has worked on this member since.
has_just_been_checked() {
  local noted=${checked%% *}
  case $noted in '' | *[!0-9]*) return 1 ;; esac
  set_uptime
  [ "${checked#* }" = "$CHECKED_SHA256" ] && [ "$uptime" -ge "$noted" ] &&
    [ "$((uptime - noted))" -le "$CHECKED_SECONDS" ]
}

# Repeats checks after the preflight: minutes later, or days later if only this phase is run again.
repeat_checks() {
  ! has_just_been_checked || return 0
  refuse_any check_identity
  refuse_any check_places_and_data
}

# A refusal of check_identity is printed alone: whoever followed the other refusals would stop a healthy member and move
# its data away.
all_checks() {
  local identity
  identity=$(check_identity)
  if [ -n "$identity" ]; then
    printf '%s\n' "$identity"
  else
    check_surroundings
    check_places_and_data
  fi
}

# Checks whether this is the right host, who owns the places that a stage writes to, and what is in them. Every stage
# repeats these checks, because another deploy may have come in between.
check_places_and_data() {
  check_address
  check_version
  check_architecture
  check_tools
  check_disk
  check_shape
  check_user
  check_ports
  check_supervisor
  check_ownership
  check_installation
  check_mounted
  check_hidden
  check_readable
  check_data
  check_certificates
  check_allowed_names
  check_ca
}

# Checks what is around the host: its network, its clock, other programs and the cluster. What goes wrong there after
# the preflight is refused by a rollout, or fails at the health gate.
check_surroundings() {
  check_names
  check_routes
  check_clock
  check_other_etcd
  check_authentication
  check_quota
  check_members
  # A restore moves the data aside.
  is_to_be_restored || check_former_cluster
  check_restore
}
