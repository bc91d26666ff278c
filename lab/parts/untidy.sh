# shellcheck shell=bash
# Makes a host untidy: adds what real hosts have besides etcd, such as other programs, the site's settings and the habits
# of an admin. Every lab has one such host by default, so that each scenario meets it.
set -euo pipefail

# The second of the runbook's hosts is untidy, unless the lab was started with `up --tidy yes`.
host_is_untidy() { [[ ${LAB_TIDY:-no} != yes && $(host_address "$1") == *.21 ]]; }

# host_untidy HOST ROOT HOME
host_untidy() {
  local root=$2 disk
  # A separate disk for etcd, in the state in which mkfs leaves it.
  disk=$(host_dir "$1")/disk.d/data
  install -d "$disk" "$root/data/etcd"
  install -d -m 700 "$disk/lost+found"
  untidy_environment "$root"
  untidy_login "$root" "$3"
  untidy_neighbour "$root"
}

# Sets a proxy of the site, at which nothing answers, for every login and for supervisord with all programs that it
# starts; and variables that change the behaviour of tools.
untidy_environment() {
  local root=$1 proxy=http://10.4.7.250:3128 unit=supervisor.service
  [[ $LAB_FAMILY == debian ]] || unit=supervisord.service
  cat >>"$root/etc/environment" <<EOF
http_proxy=$proxy
https_proxy=$proxy
HTTP_PROXY=$proxy
HTTPS_PROXY=$proxy
no_proxy=localhost,127.0.0.1,$(operator_address)
NO_PROXY=localhost,127.0.0.1,$(operator_address)
ETCDCTL_ENDPOINTS=https://127.0.0.1:2379
ETCDCTL_CACERT=/etc/ssl/certs/nothing.pem
ETCDCTL_DIAL_TIMEOUT=1ns
GREP_OPTIONS=--color=always
TAR_OPTIONS=--keep-old-files
POSIXLY_CORRECT=1
CDPATH=/etc:/usr
PYTHONPATH=/nowhere
EOF
  install -d "$root/etc/systemd/system/$unit.d"
  cat >"$root/etc/systemd/system/$unit.d/site.conf" <<EOF
[Service]
Environment=HTTPS_PROXY=$proxy HTTP_PROXY=$proxy ETCD_NAME=old ETCD_DATA_DIR=/var/lib/etcd/default ETCD_ENABLE_PPROF=true
EOF
}

# Writes an admin's .bashrc. It prints to standard error, because output of a login to standard output breaks scp, and
# with it Terraform.
untidy_login() {
  local root=$1 home=$2
  cat >"$root$home/.bashrc" <<'EOF'
echo "authorized use only" >&2
export ETCDCTL_CERT=/root/old.pem ETCDCTL_KEY=/root/old-key.pem
umask 077
alias rm='rm -i' mv='mv -i' cp='cp -i'
EOF
  chown --reference="$root$home" "$root$home/.bashrc"
}

# Adds an unrelated program under supervisor, whose file has an edit that nobody has applied. The program records each
# of its starts.
untidy_neighbour() {
  local root=$1 file=/etc/supervisor/conf.d/jobs.conf
  [[ $LAB_FAMILY == debian ]] || file=/etc/supervisord.d/jobs.ini
  install -d "$root${file%/*}"
  cat >"$root/usr/local/bin/jobs" <<'EOF'
#!/bin/sh
cat /proc/sys/kernel/random/boot_id >>/var/log/jobs.starts
sed -i '/^environment=/d' "$1"
echo "environment=EDITED=\"$$\"" >>"$1"
exec sleep 1000000
EOF
  chmod 755 "$root/usr/local/bin/jobs"
  printf '[program:jobs]\ncommand=/usr/local/bin/jobs %s\n' "$file" >"$root$file"
}
