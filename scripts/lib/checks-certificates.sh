# Checks of the new certificates: against their CAs, and against the etcd that runs with the old ones.

# Checks, before anything changes, that the new leaf was signed by one of these CAs, and that neither of them has
# expired.
check_certificates() {
  # This check needs openssl; if it is missing, check_tools has refused.
  case " ${missing:-} " in *" openssl "*) return 0 ;; esac
  know_ca
  know_leaf
  is_verified || will_be_verified || refusal "certificates" \
    "the certificate of this member does not verify against its CA: $reason" "$(chain_advice "$reason")"
}

# Whether the new leaf verifies against the CAs; sets `reason` to why not.
is_verified() {
  reason=$(chain_fault "$ca_pem" "$leaf_pem")
  [ -z "$reason" ]
}

# A leaf that was signed a moment ago is not valid yet where the clock is behind the operator's. Within the limit for
# that, this waits until it is.
will_be_verified() {
  local ahead
  case $reason in *"not yet valid"*) ;; *) return 1 ;; esac
  compare_clocks && [ "$ahead" -lt 0 ] && [ "$ahead" -ge "-$MAX_CLOCK_SKEW_S" ] &&
    wait_until "$((1 - ahead))" is_verified
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
      "restore the state, or import the old CA (CertificateAuthority.fromPem); to change the CA on purpose, see docs/certificates.md#a-new-ca" ;;
  esac
  # Only after the last change has been rolled out do the files here match what the running etcd has loaded.
  [ ! -e "$RESTART_PENDING" ] || [ "$(printf '%s\n' "$ca_pem" | one_line)" = "$(one_line <"$trusted")" ] ||
    refusal "certificate authority" \
      "the last change of this member is not finished: the member has not been restarted yet" \
      "set certificates back, deploy, and then change the CA"
}

one_line() { tr -d '\r\n'; }

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
  is_authentication_on "$(own_url)" || return 0
  answer=$(etcdctl_at "$(own_url)" user get "$wanted" 2>&1) ||
    case $answer in *"user name not found"*) ;; *) return 0 ;; esac
  printf '%s\n' "$answer" | grep -qE '^Roles:(.* )?root( |$)' ||
    refusal "authentication" \
      "authentication is on, and $wanted, the common name of the new certificate, is not a user with the role root" \
      "run $(etcdctl_here "user add $wanted --no-password" "user grant-role $wanted root"), and apply again"
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

# The common name of the certificate (PEM) on standard input, in UTF-8. Without these options, openssl would write an
# umlaut as `\FC`, and a backslash twice.
common_name() {
  openssl x509 -noout -subject -nameopt multiline,utf8,-esc_msb,-esc_ctrl 2>/dev/null | sed -n 's/^ *commonName *= //p'
}
