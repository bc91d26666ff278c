# CA, leaf and key change together: a directory for each set, and a link that is renamed.
# etcd reads its leaf at every handshake, and its CAs at start only. So a new leaf goes in at once, and new CAs wait for a restart beside it.

install_certificates() {
  key=$INBOX/etcd-peer-key.pem
  [ -s "$key" ] || fail "no private key in $INBOX: another deploy has staged this member meanwhile, or its upload was cut short" "apply again"
  leaf_before=$(sha256sum 2>/dev/null <"$CURRENT/certs/etcd-peer.pem" || true)
  wanted=$(decode "$CA_PEM_BASE64")
  # What the running etcd trusts stays with it until it restarts; preflight has seen that the new leaf's CA is among that.
  loaded=$(cat "$CURRENT/certs/ca.pem" 2>/dev/null || true)
  if is_running && [ -n "$loaded" ] && [ "$loaded" != "$wanted" ]; then
    place_certificates "$(readlink -f "$CURRENT")" certs "$loaded"
    if [ "$(readlink -f "$CURRENT")" = "$VERSIONED" ]; then next=$CERTS_NEXT; else next=$VERSIONED/certs; fi
    place_certificates "$VERSIONED" "${next##*/}" "$wanted"
  else
    rm -f "$CERTS_NEXT"
    place_certificates "$VERSIONED" certs "$wanted"
    # While an upgrade waits for its turn, what runs has the new leaf too.
    if [ -L "$CURRENT" ] && [ "$(readlink -f "$CURRENT")" != "$VERSIONED" ]; then place_certificates "$(readlink -f "$CURRENT")" certs "$wanted"; fi
  fi
  drop_inbox
  load_leaf
}

# place_certificates DIRECTORY LINK CA_PEM: leaf, key and these CAs, behind DIRECTORY/LINK.
place_certificates() {
  set_name=certs.$({ printf '%s\n' "$3" "$LEAF_PEM_BASE64" && cat "$key"; } | sha256sum | cut -c1-16)
  if [ "$(readlink "$1/$2")" != "$set_name" ]; then
    set_dir=$1/$set_name
    rm -rf "$set_dir"
    mkdir -m 700 "$set_dir"
    printf '%s\n' "$3" | put_file "$set_dir/ca.pem" 644 root:root
    decode "$LEAF_PEM_BASE64" | put_file "$set_dir/etcd-peer.pem" 644 root:root
    # The one file here that is etcd's: nobody else may read it.
    put_file "$set_dir/etcd-peer-key.pem" 600 "$ETCD_USER:" <"$key"
    verify_certificates "$set_dir"
    chmod 755 "$set_dir"
    put_link "$set_name" "$1/$2"
    say "installed the certificates in $1/$2"
  fi
  drop_other_sets "$1"
}

# Also those that a killed run left: each holds a private key.
drop_other_sets() {
  for old_set in "$1"/certs.*; do
    case ${old_set##*/} in
      certs.next | "$(readlink "$1/certs")" | "$(readlink "$1/certs.next")") ;;
      *) rm -rf "$old_set" ;;
    esac
  done
}

# A pair that does not match, or a chain that does not verify, must never meet a running etcd.
verify_certificates() {
  local reason
  [ "$(openssl x509 -in "$1/etcd-peer.pem" -noout -pubkey)" = "$(openssl pkey -in "$1/etcd-peer-key.pem" -pubout)" ] ||
    fail "the private key does not belong to the certificate" "apply again"
  reason=$(chain_fault "$(cat "$1/ca.pem")" "$(cat "$1/etcd-peer.pem")")
  [ -z "$reason" ] || fail "the certificate of this member does not verify against its CA: $reason" "$(chain_advice "$reason")"
}

# chain_fault CAS LEAF: openssl's reason why this leaf is not of these CAs; nothing when it is. To etcd each of them is an end of the chain, whether it
# is a root or not: -partial_chain says the same to openssl.
chain_fault() {
  local answer
  answer=$(
    openssl verify -partial_chain -CAfile /dev/fd/3 2>&1 3<<CAS <<LEAF
$1
CAS
$2
LEAF
  ) && return
  # `error NUMBER at DEPTH depth lookup: REASON`, before openssl 1.1 without the space.
  printf '%s\n' "$answer" | sed -n 's/^error [0-9]* at [0-9]* depth lookup *: *//p' | head -n 1 | grep . || printf '%s\n' "$answer" | tail -n 1
}

# chain_advice REASON: what to do about openssl's reason.
chain_advice() {
  case $1 in
    *"not yet valid"* | *expired*) echo "set this host's clock (it says $(date -u '+%Y-%m-%d %H:%M:%S') UTC); if the CA itself has expired, see docs/certificates.md" ;;
    *"invalid CA"* | *"path length"* | *"key usage"*) echo "import a CA that may sign leaf certificates (basicConstraints CA:TRUE with room in its path length, keyUsage keyCertSign if it has one)" ;;
    *"issuer certificate"* | *"self"?"signed"* | *"signature failure"*) echo "import the certificate that belongs to the CA's private key: it is not among those in CertificateAuthority.fromPem" ;;
    *) echo "see the CA that was imported" ;;
  esac
}

# A new leaf under a running etcd: seen to be served, or, where this version reads it at start only, left to a restart.
load_leaf() {
  local url silent=
  is_running && [ "$(sha256sum <"$CURRENT/certs/etcd-peer.pem")" != "$leaf_before" ] || return 0
  if [ "$RELOADS_LEAF" = 0 ]; then
    private_directory "$STATE_DIR"
    : >"$RESTART_PENDING"
    return
  fi
  for url in $(own_url) "$PEER_URL"; do
    if wait_until 10 serves_leaf "$url"; then continue; fi
    # One that is not in the cluster (yet) shows none, and reads the new one when it does.
    [ -z "$(served_leaf "$url")" ] || fail "$url does not serve the new certificate" "see $LOG_DIR/etcd.log, and apply again"
    silent="$silent $url"
  done
  if [ -z "$silent" ]; then say "both listeners serve the new certificate"; else say "nobody shows a certificate at$silent, so it was not seen there"; fi
}
