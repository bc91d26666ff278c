#!/usr/bin/env bash
# The reference for a first deploy: the script that a careful person would write by hand for a TLS-secured etcd cluster
# of three members. It works on all hosts in parallel, with one SSH session per host.
# usage (in the operator's namespace): bench/reference.sh URL SHA256 VERSION WORKDIR   with SSH_PRIVATE_KEY_FILE set
set -euo pipefail
url=$1 sha256=$2 version=$3 work=$4
members=(etcd-server-7-12=10.4.7.12 etcd-server-7-21=10.4.7.21 etcd-server-7-22=10.4.7.22)

cluster=$(printf ',%s' "${members[@]/=/=https://}" | sed 's/\(https:[^,]*\)/\1:2380/g; s/^,//')
addresses=$(printf ',IP:%s' "${members[@]#*=}")
mkdir -p "$work" && cd "$work"

openssl ecparam -name prime256v1 -genkey -noout -out ca-key.pem
openssl req -x509 -new -key ca-key.pem -subj /CN=etcd-ca -days 3650 -out ca.pem
openssl req -new -newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes -keyout etcd-peer-key.pem \
  -subj /CN=k8s-etcd -out etcd-peer.csr 2>/dev/null
openssl x509 -req -in etcd-peer.csr -CA ca.pem -CAkey ca-key.pem -CAcreateserial -days 3650 -out etcd-peer.pem \
  -extfile <(printf 'subjectAltName=%s\nextendedKeyUsage=serverAuth,clientAuth\n' "${addresses#,}") 2>/dev/null

install_member() { # NAME ADDRESS: prints the script for one host
  cat <<SCRIPT
set -eu
id etcd >/dev/null 2>&1 || useradd -r -s /sbin/nologin -M etcd
dir=/opt/etcd-v$version
curl -fsS -o /opt/etcd.tar.gz $url || wget -qO /opt/etcd.tar.gz $url
echo "$sha256  /opt/etcd.tar.gz" | sha256sum -c --quiet
mkdir -p \$dir /data/etcd/etcd-server /data/logs/etcd-server
tar -xzf /opt/etcd.tar.gz --strip-components=1 --no-same-owner -C \$dir
rm /opt/etcd.tar.gz
mkdir -p \$dir/certs
ln -sfn \$dir /opt/etcd
umask 077
$(for file in ca.pem etcd-peer.pem etcd-peer-key.pem; do printf 'cat >/opt/etcd/certs/%s <<"PEM"\n%s\nPEM\n' "$file" "$(cat "$file")"; done)
umask 022
cat >/opt/etcd/etcd-server-startup.sh <<"START"
#!/bin/sh
exec /opt/etcd/etcd --name $1 --data-dir /data/etcd/etcd-server \
  --listen-peer-urls https://$2:2380 --initial-advertise-peer-urls https://$2:2380 \
  --listen-client-urls https://$2:2379 --advertise-client-urls https://$2:2379 \
  --initial-cluster $cluster --initial-cluster-state new \
  --cert-file /opt/etcd/certs/etcd-peer.pem --key-file /opt/etcd/certs/etcd-peer-key.pem \
  --client-cert-auth --trusted-ca-file /opt/etcd/certs/ca.pem \
  --peer-cert-file /opt/etcd/certs/etcd-peer.pem --peer-key-file /opt/etcd/certs/etcd-peer-key.pem \
  --peer-client-cert-auth --peer-trusted-ca-file /opt/etcd/certs/ca.pem
START
chmod 755 /opt/etcd/etcd-server-startup.sh
chown -R etcd:etcd \$dir /data/etcd /data/logs/etcd-server
chmod 700 /data/etcd/etcd-server
cat >/etc/supervisor/conf.d/etcd-server.conf <<"INI"
[program:$1]
command=/opt/etcd/etcd-server-startup.sh
user=etcd
autorestart=true
stdout_logfile=/data/logs/etcd-server/etcd.log
redirect_stderr=true
INI
supervisorctl update >/dev/null
SCRIPT
}

ssh=(ssh -i "$SSH_PRIVATE_KEY_FILE" -o StrictHostKeyChecking=no -o UserKnownHostsFile=/dev/null -o LogLevel=ERROR)
pids=()
for member in "${members[@]}"; do
  install_member "${member%%=*}" "${member#*=}" | "${ssh[@]}" "root@${member#*=}" sh -s &
  pids+=($!)
done
for pid in "${pids[@]}"; do wait "$pid"; done

healthy() {
  local all
  all=$(printf ',https://%s:2379' "${members[@]#*=}")
  "${ssh[@]}" root@10.4.7.12 \
    "/opt/etcd/etcdctl --endpoints ${all#,} --cacert /opt/etcd/certs/ca.pem --cert /opt/etcd/certs/etcd-peer.pem --key /opt/etcd/certs/etcd-peer-key.pem endpoint health" >/dev/null 2>&1
}
deadline=$((SECONDS + 60))
until healthy; do
  ((SECONDS < deadline)) || exit 1
  sleep 0.05
done
