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
  for tool in awk base64 bash find flock gzip ip sed sha256sum ss systemctl tar timeout useradd; do
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
  has_wal || { refusal "data directory" "$DATA_DIR is not empty and is no data of etcd" "move it away, or set paths.dataDir" && return; }
  has_mark || { refusal "data directory" "$DATA_DIR holds the data of an etcd that this package did not make" "move it away, or set paths.dataDir" && return; }
  [ "$(cat "$STATE_DIR/started")" = "$PEER_URL" ] ||
    refusal "data directory" "$DATA_DIR belongs to the member with peer URL $(cat "$STATE_DIR/started"), not $PEER_URL" "set the member's address and ports.peer back"
}

# etcd loads its CA only at start, and its leaf at every handshake: a leaf of a new CA would cut a running member off.
check_ca() {
  is_running && [ -f "$CURRENT/certs/ca.pem" ] || return 0
  [ "$(decode "$CA_PEM_BASE64" | sha256sum)" = "$(sha256sum <"$CURRENT/certs/ca.pem")" ] ||
    refusal "certificate authority" "the running member trusts another CA ($CURRENT/certs/ca.pem); a lost Terraform state makes a new one" \
      "restore the state, or import the old CA (CertificateAuthority.fromPem); for a new CA on purpose see docs/security.md"
}

# A running etcd as another user would lose its data directory the moment that stage gives it to the new one.
check_user() {
  has_wal && has_mark || return 0
  owner=$(stat -c %U "$DATA_DIR")
  [ "$owner" = "$ETCD_USER" ] ||
    refusal "user" "$DATA_DIR belongs to $owner; another user cannot be given to a member that has data" "set user back to $owner"
}

# Where a member lies and listens cannot be changed under it; a rolling change of these is not supported yet.
check_shape() {
  for process in $(etcd_processes); do
    has_argument "$process" "--name=$MEMBER" || continue
    shape "$process" --data-dir "$DATA_DIR" paths.dataDir
    shape "$process" --initial-advertise-peer-urls "$PEER_URL" "address and ports.peer"
    shape "$process" --advertise-client-urls "$CLIENT_URL" "address and ports.client"
  done
}

# shape PROCESS FLAG WANTED PROP
shape() {
  running=$(tr '\0' '\n' <"$1/cmdline" | sed -n "s|^$2=||p")
  [ "$running" = "$3" ] || refusal "changed ${2#--}" "the running member has $running, the program says $3; this cannot be changed yet" "set $4 back"
}

# The members of a living cluster, compared on a host where one runs: adding and removing are not supported yet.
check_members() {
  is_running && accepts_connections "$CLIENT_URL" && is_healthy "$CLIENT_URL" || return 0
  actual=$(etcdctl_at "$CLIENT_URL" member list | awk -F', ' '{ print $4 }' | sort)
  desired=$(printf '%s\n' "$INITIAL_CLUSTER" | tr , '\n' | sed 's/^[^=]*=//' | sort)
  for url in $(printf '%s\n' "$actual" | grep -vxF "$desired"); do
    refusal "scale in" "the cluster has the member with peer URL $url, which the program no longer names; removing members is not supported yet" "put it back into the program"
  done
  for url in $(printf '%s\n' "$desired" | grep -vxF "$actual"); do
    refusal "scale out" "the program names a member with peer URL $url, which the cluster does not have; adding members is not supported yet" "take it out of the program"
  done
}

# Upgrades of a member that has data come with their own rules.
check_version() {
  has_wal && [ -L "$CURRENT" ] || return 0
  installed=$(basename "$(readlink "$CURRENT")")
  [ "$installed" = "etcd-v$VERSION" ] ||
    refusal "version" "this member has data of ${installed#etcd-v} and upgrades are not supported yet" "set version back to ${installed#etcd-v}"
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
  check_ca
  check_version
  check_members
}
