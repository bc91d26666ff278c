# What must hold on a host before anything changes there. Each check prints its refusals; none stops, so all are seen at once.

MIN_FREE_INSTALL_MB=300 # an archive and what it unpacks to: 100 MB in 3.6
MIN_FREE_DATA_MB=512    # first WAL segments (64 MB each, two preallocated), snapshots, and room to react
MAX_CLOCK_SKEW_S=60     # a leaf certificate is not valid before the operator's clock said so

check_architecture() {
  [ "$(uname -s)" = Linux ] || refusal "operating system" "$(uname -s) is not Linux" "use a Linux host"
  [ -n "$(archive_sha256)" ] || refusal "architecture" "no sha256 is known for the archive of etcd $VERSION for $(architecture)" \
    "give the digest of that archive with the release"
}

check_tools() {
  missing=
  for tool in awk base64 bash find findmnt flock gzip ip sed sha256sum ss systemctl tar timeout useradd; do
    command -v "$tool" >/dev/null 2>&1 || missing="$missing $tool"
  done
  [ -z "$missing" ] || refusal "tools" "not on this host:$missing" "install them (packages coreutils, iproute2, util-linux, …)"
  command -v supervisorctl >/dev/null 2>&1 || package_manager >/dev/null ||
    refusal "supervisor" "it is not installed, and there is no apt-get, dnf or yum" "install supervisor"
}

# free_mb PATH: of the file system that will hold PATH
free_mb() {
  existing=$1
  while [ ! -e "$existing" ]; do existing=$(dirname "$existing"); done
  df -Pm "$existing" | awk 'NR == 2 { print $4 }'
}

check_disk() {
  has_binaries || [ "$(free_mb "$INSTALL_ROOT")" -ge "$MIN_FREE_INSTALL_MB" ] ||
    refusal "free disk" "$(free_mb "$INSTALL_ROOT") MB free for $INSTALL_ROOT, $MIN_FREE_INSTALL_MB MB are needed" "make room, or set paths.installRoot"
  has_wal || [ "$(free_mb "$DATA_DIR")" -ge "$MIN_FREE_DATA_MB" ] ||
    refusal "free disk" "$(free_mb "$DATA_DIR") MB free for $DATA_DIR, $MIN_FREE_DATA_MB MB are needed" "make room, or set paths.dataDir"
}

# A listener on the port that is not this member's etcd, on an address that this member wants.
check_port() {
  own=$(own_pid)
  loopback=0
  [ "$1" != client ] || loopback=$INSECURE_LOOPBACK
  ss -Hltnp "sport = :$2" | awk -v own="pid=${own:-none}," -v ip="$ADDRESS" -v loopback="$loopback" '
    index($0, own) { next }
    { local = $4; sub(/:[0-9]+$/, "", local); gsub(/[][]|%.*/, "", local) }
    local == "*" || local == "0.0.0.0" || local == "::" || local == ip || (loopback && local ~ /^127\.|^::1$/) { print $4, $6; exit }' |
    while read -r where who; do
      refusal "$1 port" "port $2 is taken on $where by ${who:-another process}" "stop that program, or set ports.$1"
    done
}

check_address() {
  [ -n "$(ip -o address show to "$ADDRESS")" ] ||
    refusal "address" "$ADDRESS is on none of this host's interfaces ($(ip -o address show scope global | awk '{ sub(/\/.*/, "", $4); printf "%s%s", sep, $4; sep = " " }'))" \
      "set the member's address to one of them; behind NAT, etcd's peers must reach the address itself"
}

check_clock() {
  operator=$(date -d "$OPERATOR_TIME" +%s) || return 0
  skew=$(($(date +%s) - operator))
  [ "${skew#-}" -le "$MAX_CLOCK_SKEW_S" ] ||
    refusal "clock" "it differs from the operator's by ${skew#-} s, limit $MAX_CLOCK_SKEW_S s" "set the time on both (chrony, systemd-timesyncd)"
}

# An etcd of somebody else that has, or at its next start would take, our data directory or ports.
check_other_etcd() {
  for unit in $(systemctl list-unit-files --no-legend --type=service 'etcd*' 2>/dev/null | awk '{ print $1 }'); do
    systemctl -q is-enabled "$unit" 2>/dev/null || systemctl -q is-active "$unit" 2>/dev/null || continue
    refusal "other etcd" "the systemd unit $unit is enabled or active on this host" "systemctl disable --now $unit, or use another host"
  done
  for process in $(etcd_processes); do
    [ "${process#/proc/}" != "$(etcd_pid)" ] || continue
    has_argument "$process" "$DATA_DIR" || has_argument "$process" "--data-dir=$DATA_DIR" || continue
    refusal "other etcd" "process ${process#/proc/} is an etcd on $DATA_DIR that this package did not start" "stop it, or set paths.dataDir"
  done
  include=$(supervisor_include 2>/dev/null) || return 0
  for ini in "$(dirname "$include")"/*; do
    if [ ! -f "$ini" ] || [ -L "$ini" ]; then continue; fi
    program=$(program_of "$ini")
    if [ "$ini" = "$(program_ini)" ]; then
      [ "$program" = "$MEMBER" ] || refusal "supervisor program" "$ini is of the program '$program'" "remove that program, or set paths.supervisorIni"
    elif [ "$program" = "$MEMBER" ]; then
      refusal "supervisor program" "a program '$MEMBER' is registered in $ini already" "remove it, or name the member otherwise"
    fi
  done
}

check_data() {
  [ ! -e "$CURRENT" ] || [ -L "$CURRENT" ] ||
    refusal "installation" "$CURRENT is not a link" "move it away, or set paths.installRoot"
  [ -d "$DATA_DIR" ] && [ -n "$(ls -A "$DATA_DIR")" ] || return 0
  # A first start that was killed leaves `member` without a write-ahead log.
  [ "$(ls -A "$DATA_DIR")" != member ] || has_wal || return 0
  has_wal || { refusal "data directory" "$DATA_DIR is not empty and is no data of etcd" "move it away, or set paths.dataDir" && return; }
  has_mark || { refusal "data directory" "$DATA_DIR holds the data of an etcd that this package did not make" "move it away, or set paths.dataDir" && return; }
  [ "$(cat "$STATE_DIR/started")" = "$PEER_URL" ] ||
    refusal "data directory" "$DATA_DIR belongs to the member with peer URL $(cat "$STATE_DIR/started"), not $PEER_URL: that is what its cluster knows it by" \
      "set the member's address and ports.peer back; or, if these data are no longer needed, move them away"
}

# etcd loads its CAs only at start, and its leaf at every handshake: a leaf of a CA that was not there at start would cut a running member off.
check_ca() {
  is_running && [ -f "$CURRENT/certs/ca.pem" ] || return 0
  case $(one_line <"$CURRENT/certs/ca.pem") in
    *"$(decode "$AUTHORITY_PEM_BASE64" | one_line)"*) ;;
    *) refusal "certificate authority" "the running member does not trust the CA of the new certificates ($CURRENT/certs/ca.pem has another); a lost Terraform state makes a new one" \
      "restore the state, or import the old CA (CertificateAuthority.fromPem); for a new CA on purpose see docs/certificates.md" ;;
  esac
  # What lies here is what runs only once the last change has been rolled out.
  [ ! -e "$RESTART_PENDING" ] || [ "$(decode "$CA_PEM_BASE64" | one_line)" = "$(one_line <"$CURRENT/certs/ca.pem")" ] ||
    refusal "certificate authority" "the last change of this member is not finished: it has not been restarted yet" "set certificates back, deploy, and change the CA then"
}

one_line() { tr -d '\r\n'; }

# A running etcd as another user would lose its data directory the moment that stage gives it to the new one.
check_user() {
  has_wal && has_mark || return 0
  owner=$(stat -c %U "$DATA_DIR")
  [ "$owner" = "$ETCD_USER" ] ||
    refusal "user" "$DATA_DIR belongs to $owner; another user cannot be given to a member that has data" "set user back to $owner"
}

# What a member is known by cannot be changed under it.
check_shape() {
  for pid in $(own_pid); do
    shape "/proc/$pid" data-dir "$DATA_DIR" "data are not moved from one directory to another under a member" \
      "set paths.dataDir back; to move, take the member out of the program, deploy, and add it again with the new directory"
    shape "/proc/$pid" initial-advertise-peer-urls "$PEER_URL" "the peer URL is what the cluster knows the member by" \
      "set address and ports.peer back; to move, take the member out of the program, deploy, and add it again"
  done
}

# shape PROCESS FLAG WANTED WHY TODO
shape() {
  running=$(argument_of "$1" "$2")
  # None: it has ended meanwhile, as one does that stops again and again.
  [ -z "$running" ] || [ "$running" = "$3" ] || refusal "changed $2" "the running member has $running, the program says $3; $4" "$5"
}

# Adding and removing needs every member that stays; said by the first of them that can.
check_members() {
  is_running && answers_healthy || return 0
  list=$(members_of "$(own_url)")
  staying=$(printf '%s\n' "$list" | desired)
  leaving=$(printf '%s\n' "$list" | undesired)
  joining=$(desired_peer_urls | grep -vxF "$(printf '%s\n' "$staying" | awk '{ print $3 }')" || true)
  [ -n "$leaving$joining" ] || return 0
  # Not those that never started: a join that was cut short goes on in this deploy.
  not_healthy=$(printf '%s\n' "$staying" | started | voters | unhealthy)
  [ -n "$not_healthy" ] || return 0
  first=$(printf '%s\n' "$staying" | grep -vxF "$not_healthy" | sort -k 2 | head -n 1)
  [ "$(printf '%s\n' "$first" | awk '{ print $3 }')" != "$PEER_URL" ] ||
    refusal "membership" "$(printf '%s\n' "$not_healthy" | named) is not healthy, and members are added and removed only while all that stay are" \
      "bring it back, or take it out of the program too"
}

# With authentication on, etcd takes a change of the membership from the user root alone, and a certificate's common name is its user.
check_authentication() {
  is_running && accepts_connections "$(own_url)" || return 0
  answer=$(etcdctl_at "$(own_url)" alarm list 2>&1) || case $answer in
    *"permission denied"* | *"user name"* | *"invalid auth"*)
      refusal "authentication" "it is on, and the user of the member's certificate may not administer the cluster: $(printf '%s\n' "$answer" | tail -n 1)" \
        "etcdctl user add NAME --no-password; etcdctl user grant-role NAME root; NAME is certificates.commonName (default k8s-etcd)"
      ;;
  esac
}

all_checks() {
  check_architecture
  check_tools
  check_disk
  check_shape
  check_user
  check_port peer "$PEER_PORT"
  check_port client "$CLIENT_PORT"
  check_address
  check_clock
  check_other_etcd
  check_data
  check_mounted
  check_ca
  check_authentication
  check_version
  check_members
}
