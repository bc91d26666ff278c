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
    printf '%s\n' "$3" | put_file "$set_dir/ca.pem" 644 "$ETCD_USER:$ETCD_USER"
    decode "$LEAF_PEM_BASE64" | put_file "$set_dir/etcd-peer.pem" 644 "$ETCD_USER:$ETCD_USER"
    put_file "$set_dir/etcd-peer-key.pem" 600 "$ETCD_USER:$ETCD_USER" <"$key"
    verify_certificates "$set_dir"
    chown "$ETCD_USER:$ETCD_USER" "$set_dir"
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
  command -v openssl >/dev/null 2>&1 || return 0
  [ "$(openssl x509 -in "$1/etcd-peer.pem" -noout -pubkey)" = "$(openssl pkey -in "$1/etcd-peer-key.pem" -pubout)" ] ||
    fail "the private key does not belong to the certificate" "apply again"
  answer=$(openssl verify -CAfile "$1/ca.pem" "$1/etcd-peer.pem" 2>&1) ||
    fail "the leaf certificate does not verify against its CA: $(printf '%s\n' "$answer" | tail -n 1)" "see the host's clock and the CA that was imported"
}

# A new leaf under a running etcd: seen to be served, or, where this version reads it at start only, left to a restart.
load_leaf() {
  is_running && [ "$(sha256sum <"$CURRENT/certs/etcd-peer.pem")" != "$leaf_before" ] || return 0
  if [ "$RELOADS_LEAF" = 0 ]; then
    private_directory "$STATE_DIR"
    : >"$RESTART_PENDING"
    return
  fi
  for url in $(own_url) "$PEER_URL"; do
    wait_until 10 serves_leaf "$url" || fail "$url does not serve the new certificate" "see $LOG_DIR/etcd.log, and apply again"
  done
  say "both listeners serve the new certificate"
}

# serves_leaf URL: a TLS handshake shows the leaf that lies here.
serves_leaf() {
  address_and_port=${1#*://}
  address=${address_and_port%:*}
  address=${address#[}
  python3 -c '
import socket, ssl, sys
directory, address, port = sys.argv[1:]
context = ssl.create_default_context(cafile=directory + "/ca.pem")
context.check_hostname = False
context.load_cert_chain(directory + "/etcd-peer.pem", directory + "/etcd-peer-key.pem")
with socket.create_connection((address, int(port)), 5) as plain, context.wrap_socket(plain) as tls:
    served = tls.getpeercert(binary_form=True)
sys.exit(served != ssl.PEM_cert_to_DER_cert(open(directory + "/etcd-peer.pem").read()))' "$CURRENT/certs" "${address%]}" "${address_and_port##*:}" 2>/dev/null
}
