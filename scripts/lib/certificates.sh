# CA, leaf and key change together: a directory for each set, and a link that is renamed.

install_certificates() {
  place_certificates
  drop_other_sets
  # Gone with what it held; the directory above may serve another member.
  rm -rf "$INBOX"
  rmdir "$(dirname "$INBOX")" 2>/dev/null || true
}

place_certificates() {
  key=$INBOX/etcd-peer-key.pem
  [ -s "$key" ] || fail "no private key in $INBOX" "apply again"
  set_name=certs.$({ printf '%s\n' "$CA_PEM_BASE64" "$LEAF_PEM_BASE64" && cat "$key"; } | sha256sum | cut -c1-16)
  if [ "$(readlink "$VERSIONED/certs")" = "$set_name" ]; then
    return
  fi
  set_dir=$VERSIONED/$set_name
  rm -rf "$set_dir"
  mkdir -m 700 "$set_dir"
  decode "$CA_PEM_BASE64" | put_file "$set_dir/ca.pem" 644 "$ETCD_USER:$ETCD_USER"
  decode "$LEAF_PEM_BASE64" | put_file "$set_dir/etcd-peer.pem" 644 "$ETCD_USER:$ETCD_USER"
  put_file "$set_dir/etcd-peer-key.pem" 600 "$ETCD_USER:$ETCD_USER" <"$key"
  verify_certificates "$set_dir"
  chown "$ETCD_USER:$ETCD_USER" "$set_dir"
  chmod 755 "$set_dir"
  put_link "$set_name" "$VERSIONED/certs"
  say "installed the certificates in $CURRENT/certs"
}

# Also those that a killed run left: each holds a private key.
drop_other_sets() {
  for old_set in "$VERSIONED"/certs.*; do
    [ "${old_set##*/}" = "$set_name" ] || rm -rf "$old_set"
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
