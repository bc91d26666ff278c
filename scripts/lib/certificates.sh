# The CA, the leaf and the key change together: each set has a directory of its own, and a link to it is renamed. etcd
# reads its leaf at every handshake, but its CAs only at start. So a new leaf takes effect at once, and new CAs are
# staged beside the old ones until a restart.

# Sets `leaf_pem` to the member's new certificate.
know_leaf() { [ -n "$leaf_pem" ] || leaf_pem=$(decode "$LEAF_PEM_BASE64"); }
# Sets `ca_pem` to its CAs.
know_ca() { [ -n "$ca_pem" ] || ca_pem=$(decode "$CA_PEM_BASE64"); }
leaf_pem='' ca_pem=''

install_certificates() {
  key=$INBOX/etcd-peer-key.pem
  [ -s "$key" ] ||
    fail "no private key in $INBOX: another deploy has staged this member in the meantime, or the upload was interrupted" \
      "apply again"
  know_leaf
  know_ca
  if is_running && [ "$(cat "$CURRENT/certs/etcd-peer.pem" 2>/dev/null)" != "$leaf_pem" ]; then
    private_directory "$STATE_DIR"
    : >"$LEAF_PENDING"
  fi
  wanted=$ca_pem
  # The CAs that the running etcd trusts stay in place until it restarts. Preflight has checked that they include the CA
  # of the new leaf.
  loaded=$(cat "$CURRENT/certs/ca.pem" 2>/dev/null) || loaded=
  if is_running && [ -n "$loaded" ] && [ "$loaded" != "$wanted" ]; then
    place_certificates "$(readlink -f "$CURRENT")" certs "$loaded"
    if [ "$(readlink -f "$CURRENT")" = "$VERSIONED" ]; then next=$CERTS_NEXT; else next=$VERSIONED/certs; fi
    place_certificates "$VERSIONED" "${next##*/}" "$wanted"
  else
    rm -f "$CERTS_NEXT"
    place_certificates "$VERSIONED" certs "$wanted"
    # While an upgrade has not been rolled out yet, the version that runs gets the new leaf too.
    if [ -L "$CURRENT" ] && [ "$(readlink -f "$CURRENT")" != "$VERSIONED" ]; then
      place_certificates "$(readlink -f "$CURRENT")" certs "$wanted"
    fi
  fi
  drop_inbox
  load_leaf
}

# place_certificates DIRECTORY LINK CA_PEM: installs the leaf, the key and these CAs, and makes DIRECTORY/LINK point to
# them.
place_certificates() {
  set_name=certs.$({ printf '%s\n' "$3" "$LEAF_PEM_BASE64" && cat "$key"; } | sha256sum | cut -c1-16)
  set_dir=$1/$set_name
  # The files may be empty after a power cut: an older version of this package did not bring them to the disk. And etcd
  # may have another user from now on, who cannot read the key of the former one.
  if [ "$(readlink "$1/$2")" != "$set_name" ] || [ ! -s "$set_dir/ca.pem" ] || [ ! -s "$set_dir/etcd-peer.pem" ] ||
    [ ! -s "$set_dir/etcd-peer-key.pem" ] || ! is_etcds "$set_dir/etcd-peer-key.pem"; then
    rm -rf "$set_dir"
    mkdir -m 700 "$set_dir"
    put_file "$set_dir/ca.pem" 644 root:root "$3"
    put_decoded "$set_dir/etcd-peer.pem" 644 root:root "$LEAF_PEM_BASE64"
    # This is the only file here that belongs to etcd's user: nobody else may read it.
    put_file "$set_dir/etcd-peer-key.pem" 600 "$ETCD_USER:" <"$key"
    verify_certificates "$set_dir"
    chmod 755 "$set_dir"
    put_link "$set_name" "$1/$2"
    say "installed the certificates in $1/$2"
  fi
  drop_other_sets "$1"
}

# Also removes the sets that a killed run left behind, because each holds a private key.
drop_other_sets() {
  for old_set in "$1"/certs.*; do
    if [ "$old_set" = "$1/certs.next" ] || [ "$old_set" -ef "$1/certs" ] || [ "$old_set" -ef "$1/certs.next" ]; then
      continue
    fi
    rm -rf "$old_set"
  done
}

# A key that does not match its certificate, or a chain that does not verify, must never reach a running etcd.
verify_certificates() {
  local reason
  [ "$(openssl x509 -in "$1/etcd-peer.pem" -noout -pubkey)" = "$(openssl pkey -in "$1/etcd-peer-key.pem" -pubout)" ] ||
    fail "the private key does not belong to the certificate" "apply again"
  reason=$(chain_fault "$(cat "$1/ca.pem")" "$(cat "$1/etcd-peer.pem")")
  [ -z "$reason" ] ||
    fail "the certificate of this member does not verify against its CA: $reason" "$(chain_advice "$reason")"
}

# chain_fault CAS LEAF: prints openssl's reason why this leaf was not issued by one of these CAs; prints nothing if it
# was. etcd accepts each of these CAs as the end of the chain, whether it is a root or not; -partial_chain makes openssl
# do the same.
chain_fault() {
  local answer
  answer=$(
    openssl verify -partial_chain -CAfile /dev/fd/3 2>&1 3<<CAS <<LEAF
$1
CAS
$2
LEAF
  ) && return
  # The format is `error NUMBER at DEPTH depth lookup: REASON`; openssl before 1.1 has no space before REASON.
  printf '%s\n' "$answer" | sed -n 's/^error [0-9]* at [0-9]* depth lookup *: *//p' | head -n 1 | grep . ||
    printf '%s\n' "$answer" | tail -n 1
}

# chain_advice REASON: prints what to do about openssl's reason.
chain_advice() {
  case $1 in
    *"not yet valid"*)
      echo "set this host's clock (it says $(date -u '+%Y-%m-%d %H:%M:%S') UTC); if that is right, the operator's was ahead when the certificate was signed, see docs/certificates.md#a-certificate-that-is-not-valid-yet"
      ;;
    *expired*)
      echo "set this host's clock (it says $(date -u '+%Y-%m-%d %H:%M:%S') UTC); if the CA itself has expired, see docs/certificates.md#a-ca-that-has-expired"
      ;;
    *"invalid CA"* | *"path length"* | *"key usage"*)
      echo "import a CA that may sign leaf certificates (basicConstraints CA:TRUE with a sufficient path length, and keyCertSign if it has keyUsage)"
      ;;
    *"issuer certificate"* | *"self"?"signed"* | *"signature failure"*)
      echo "import the certificate that belongs to the CA's private key: it is not among those in CertificateAuthority.fromPem"
      ;;
    *) echo "check the CA that was imported" ;;
  esac
}

# The running etcd has the certificates of another paths.installRoot, and is restarted by the rollout for that.
runs_from_elsewhere() {
  read_arguments "/proc/$found_etcd"
  look_for_value cert-file
  [ "$flag_value" != "$CURRENT/certs/etcd-peer.pem" ]
}

# A running etcd has a new leaf and was not yet seen to serve it. A stage that failed or was killed before that leaves
# this to the next one, which finds the leaf installed.
LEAF_PENDING=$STATE_DIR/leaf-pending

# Checks that a running etcd serves a new leaf; if this version reads its leaf only at start, requests a restart
# instead.
load_leaf() {
  local url silent=
  [ -e "$LEAF_PENDING" ] || return 0
  # It reads the leaf when it is started.
  if is_stopped || runs_from_elsewhere; then
    rm -f "$LEAF_PENDING"
    return 0
  fi
  if [ "$RELOADS_LEAF" = 0 ]; then
    mv -f "$LEAF_PENDING" "$RESTART_PENDING"
    return
  fi
  for url in $(own_url) "$PEER_URL"; do
    if wait_until 10 serves_leaf "$url"; then continue; fi
    # An etcd that is not part of the cluster (yet) serves no certificate; when it starts to serve, it reads the new
    # one.
    [ -z "$(served_leaf "$url")" ] ||
      fail "$url does not serve the new certificate" "see $LOG_DIR/etcd.log, and apply again"
    silent="$silent $url"
  done
  rm -f "$LEAF_PENDING"
  if [ -z "$silent" ]; then
    say "both listeners serve the new certificate"
  else
    say "no certificate is served at$silent, so the new one could not be verified there"
  fi
}
