#!/usr/bin/env bash
# The reference for day 2: what a careful person would do with ssh and etcdctl, on the cluster that bench/reference.sh
# deployed, for each operation of bench/day2.ts. It uses one SSH session per step and host, and works on all hosts at
# the same time where it may. bench/day2.ts lists what it leaves out.
# usage (in the operator's namespace, with SSH_PRIVATE_KEY_FILE set):
#   bench/day2-reference.sh WORKDIR OPERATION [ARGUMENT…]
# shellcheck disable=SC2016 # text in single quotes is for the shells on the hosts
set -euo pipefail
cd "$1"
operation=$2
shift 2
members=(etcd-server-7-12=10.4.7.12 etcd-server-7-21=10.4.7.21 etcd-server-7-22=10.4.7.22)
more=(etcd-server-7-23=10.4.7.23 etcd-server-7-24=10.4.7.24)
first=${members[0]#*=}

ssh=(ssh -i "$SSH_PRIVATE_KEY_FILE" -o StrictHostKeyChecking=no -o UserKnownHostsFile=/dev/null -o LogLevel=ERROR)
on() { "${ssh[@]}" "root@${1#*=}" sh -s; } # NAME=ADDRESS: runs standard input as a script on this member's host

# on_all SCRIPT MEMBER…: runs what `SCRIPT MEMBER` prints on each member's host, on all of them at the same time
on_all() {
  local script=$1 member pid pids=()
  shift
  for member; do
    "$script" "$member" | on "$member" &
    pids+=($!)
  done
  for pid in "${pids[@]}"; do wait "$pid"; done
}

helpers() { # MEMBER: prints what all scripts on the hosts have in common
  printf 'set -eu\nname=%s own=https://%s:2379 first=https://%s:2379\n' "${1%%=*}" "${1#*=}" "$first"
  cat <<'SCRIPT'
ctl() { /opt/etcd/etcdctl --cacert /opt/etcd/certs/ca.pem --cert /opt/etcd/certs/etcd-peer.pem --key /opt/etcd/certs/etcd-peer-key.pem --command-timeout 3s --endpoints "$@"; }
wait_for() { end=$(($(date +%s) + 60)); until "$@" >/dev/null 2>&1; do [ "$(date +%s)" -lt $end ] || { echo "timed out: $*" >&2; "$@" >&2; exit 1; }; sleep 0.1; done; }
id_of() { ctl "$first" member list | awk -F', ' -v name="$1" '$3 == name { print $1 }'; }
leads() { ctl "$1" endpoint status -w fields | awk '$1 == "\"MemberID\"" { id = $3 "" } $1 == "\"Leader\"" { leader = $3 "" } END { exit id != leader }'; }
all_healthy() { wait_for ctl "$own" endpoint health --cluster; }
restart() { # NEXT_LEADER
  if leads "$own"; then ctl "$own" move-leader "$(id_of "$1")" >/dev/null; fi
  supervisorctl restart "$name" >/dev/null
  all_healthy
}
add() { # PEER_URL: adds this member as a learner
  wait_for ctl "$first" member add "$name" --learner --peer-urls "$1"
  initial=$(ctl "$first" member list | awk -F', ' -v url="$1" -v name="$name" '{ printf "%s%s=%s", sep, $4 == url ? name : $3, $4; sep = "," }')
  sed -i "s#--initial-cluster [^ ]*#--initial-cluster $initial#; s/--initial-cluster-state new/--initial-cluster-state existing/" /opt/etcd/etcd-server-startup.sh
}
promote() { # PEER_URL: etcd refuses this until the learner has caught up
  wait_for ctl "$first" member promote "$(ctl "$first" member list | awk -F', ' -v url="$1" '$4 == url { print $1 }')"
  all_healthy
}
SCRIPT
}

# rolling SCRIPT: restarts the members one by one, each after what SCRIPT prints was run on it; leadership moves to a
# member that has already been restarted
rolling() {
  local member before=${members[-1]}
  for member in "${members[@]}"; do
    { helpers "$member" && "$1" && echo "restart ${before%%=*}"; } | on "$member"
    before=$member
  done
}

fetch() { # URL SHA256 VERSION: prints the commands that install this version on a host
  cat <<SCRIPT
dir=/opt/etcd-v$3
curl -fsS -o /opt/etcd.tar.gz $1
echo "$2  /opt/etcd.tar.gz" | sha256sum -c --quiet
mkdir -p \$dir/certs
tar -xzf /opt/etcd.tar.gz --strip-components=1 --no-same-owner -C \$dir
rm /opt/etcd.tar.gz
SCRIPT
}

put() { # FILE PATH MODE: prints the commands that install a file of this directory on a host, by a rename
  printf 'umask 077\ncat >%s.new <<"END"\n%s\nEND\nchown etcd:etcd %s.new\nchmod %s %s.new\nmv %s.new %s\numask 022\n' \
    "$2" "$(cat "$1")" "$2" "$3" "$2" "$2" "$2"
}

issue_leaf() { # CA FILE MEMBER…: issues FILE.pem, signed by CA.pem, for the one key that all members use
  local ca=$1 file=$2
  shift 2
  openssl req -new -key etcd-peer-key.pem -subj /CN=k8s-etcd -out leaf.csr
  openssl x509 -req -in leaf.csr -CA "$ca.pem" -CAkey "$ca-key.pem" -CAcreateserial -days 3650 -out "$file.pem.new" \
    -extfile <(printf 'subjectAltName=%s\nextendedKeyUsage=serverAuth,clientAuth\n' \
      "$(printf '%s\n' "${@#*=}" | sed 's/^/IP:/' | paste -sd,)") 2>/dev/null
  mv "$file.pem.new" "$file.pem"
}

put_leaf() { # MEMBER: etcd uses the new certificate for new handshakes at once
  helpers "$1"
  put etcd-peer.pem /opt/etcd/certs/etcd-peer.pem 644
  echo 'all_healthy'
}
put_trust() { put trust.pem /opt/etcd/certs/ca.pem 644; }

case $operation in
  credentials) # not measured: writes the credentials that clients use, the writer among them
    cp ca.pem trust.pem
    mkdir -p credentials
    urls=$(printf 'https://%s:2379\n' "${members[@]#*=}" | paste -sd,)
    printf 'export ETCDCTL_ENDPOINTS=%s ETCDCTL_CACERT=%s ETCDCTL_CERT=%s ETCDCTL_KEY=%s\n' \
      "$urls" "$PWD/trust.pem" "$PWD/etcd-peer.pem" "$PWD/etcd-peer-key.pem" >credentials/etcdctl.env
    ;;

  restart) # QUOTA
    quota=$1
    set_quota() {
      echo "sed -i 's/--initial-cluster-state/--quota-backend-bytes $quota &/' /opt/etcd/etcd-server-startup.sh"
    }
    rolling set_quota
    ;;

  upgrade) # URL SHA256 VERSION
    arguments=("$@")
    prepare() {
      echo 'set -eu'
      fetch "${arguments[@]}"
      printf '%s\n' 'cp -a /opt/etcd/certs /opt/etcd/etcd-server-startup.sh $dir/' 'chown -R etcd:etcd $dir'
    }
    switch() { echo "ln -sfn /opt/etcd-v${arguments[2]} /opt/etcd"; }
    on_all prepare "${members[@]}"
    {
      helpers "${members[0]}"
      printf '%s\n' 'umask 077' 'ctl "$own" snapshot save /root/before.db >/dev/null 2>&1' \
        '/opt/etcd/etcdutl snapshot status /root/before.db >/dev/null'
    } | on "${members[0]}"
    rolling switch
    ;;

  grow) # URL SHA256 VERSION
    arguments=("$@")
    issue_leaf ca more-peer "${more[@]}"
    # The files are the first member's, with another name and other addresses. The list of members is filled in when the
    # member joins.
    "${ssh[@]}" "root@$first" cat /opt/etcd/etcd-server-startup.sh >startup.sh
    "${ssh[@]}" "root@$first" cat /etc/supervisor/conf.d/etcd-server.conf >program.conf
    install_member() {
      local name=${1%%=*} address=${1#*=}
      sed "s/--name [^ ]*/--name $name/; s#https://$first:#https://$address:#g" startup.sh >"startup-$name.sh"
      sed "s/^\[program:.*/[program:$name]/" program.conf >"program-$name.conf"
      printf '%s\n' 'set -eu' 'id etcd >/dev/null 2>&1 || useradd -r -s /sbin/nologin -M etcd'
      fetch "${arguments[@]}"
      printf '%s\n' 'ln -sfn $dir /opt/etcd' 'mkdir -p /data/etcd/etcd-server /data/logs/etcd-server'
      put trust.pem /opt/etcd/certs/ca.pem 644
      put more-peer.pem /opt/etcd/certs/etcd-peer.pem 644
      put etcd-peer-key.pem /opt/etcd/certs/etcd-peer-key.pem 600
      put "startup-$name.sh" /opt/etcd/etcd-server-startup.sh 755
      put "program-$name.conf" /root/etcd-server.conf 644
      printf '%s\n' 'chown -R etcd:etcd $dir /data/etcd /data/logs/etcd-server' 'chmod 700 /data/etcd/etcd-server'
    }
    on_all install_member "${more[@]}"
    for member in "${more[@]}"; do
      {
        helpers "$member"
        echo "add https://${member#*=}:2380"
        # supervisor starts the program as soon as it reads the file, so the member must have been added before.
        echo "mv /root/etcd-server.conf /etc/supervisor/conf.d/ && supervisorctl update >/dev/null"
        echo "promote https://${member#*=}:2380"
      } | on "$member"
    done
    ;;

  shrink)
    for member in "${more[@]}"; do
      {
        helpers "${members[0]}"
        printf 'leaving=%s url=https://%s:2379\n' "${member%%=*}" "${member#*=}"
        printf '%s\n' 'if leads "$url"; then ctl "$url" move-leader "$(id_of "$name")" >/dev/null; fi' \
          'wait_for ctl "$own" member remove "$(id_of "$leaving")"' all_healthy
      } | on "$first"
    done
    stop() {
      printf 'supervisorctl stop %s >/dev/null || true\nrm /etc/supervisor/conf.d/etcd-server.conf\nsupervisorctl update >/dev/null\n' \
        "${1%%=*}"
    }
    on_all stop "${more[@]}"
    ;;

  replace) # the last member, whose data are lost
    member=${members[-1]}
    {
      helpers "$member"
      # supervisor must not start it meanwhile: without data, it would found its old identity again.
      echo 'supervisorctl stop "$name" >/dev/null || true'
      printf '%s\n' 'wait_for ctl "$first" member remove "$(id_of "$name")"' 'rm -rf /data/etcd/etcd-server/member'
      echo "add https://${member#*=}:2380"
      echo 'supervisorctl start "$name" >/dev/null'
      echo "promote https://${member#*=}:2380"
    } | on "$member"
    ;;

  leaf)
    issue_leaf ca etcd-peer "${members[@]}"
    on_all put_leaf "${members[@]}"
    ;;

  ca-trust) # a second CA is trusted in addition to the first
    openssl ecparam -name prime256v1 -genkey -noout -out second-ca-key.pem
    openssl req -x509 -new -key second-ca-key.pem -subj /CN=second-ca -days 3650 -out second-ca.pem
    cat ca.pem second-ca.pem >trust.pem
    rolling put_trust
    ;;

  ca-sign) # the second CA signs the leaf certificates
    issue_leaf second-ca etcd-peer "${members[@]}"
    on_all put_leaf "${members[@]}"
    ;;

  ca-alone) # the first CA is no longer trusted
    cp second-ca.pem trust.pem
    rolling put_trust
    ;;

  *)
    echo "unknown operation: $operation" >&2
    exit 2
    ;;
esac
