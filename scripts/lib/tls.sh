# Queries over TLS. They use openssl, because not every host has Python (RHEL 7) or curl (Debian).

# tls_connect URL OPTION…: sends standard input and prints the output of openssl and of the server. It presents the
# certificate that is in use on this host.
tls_connect() {
  local authority client
  authority=${1#*://}
  authority=${authority%%/*}
  shift
  set_client_directory
  timeout "${tls_seconds:-5}" openssl s_client -connect "$authority" -CAfile "$client/certs/ca.pem" \
    -cert "$client/certs/etcd-peer.pem" -key "$client/certs/etcd-peer-key.pem" "$@" 2>&1
}

# served_leaf URL: the certificate that the server presents in a handshake, in PEM. It is not verified, because the
# callers only compare it.
served_leaf() { tls_connect "$1" </dev/null | first_certificate; }

# The first certificate (PEM) of the text on standard input.
first_certificate() { sed -n '1,/^-----END CERTIFICATE-----/{/^-----BEGIN CERTIFICATE-----/,$p;}'; }

# The text of the certificates (PEM) on standard input, in their order. `openssl x509` of OpenSSL 3.0 would take five
# times as long for one of them.
certificate_text() { openssl crl2pkcs7 -nocrl -certfile /dev/stdin | openssl pkcs7 -print_certs -text -noout; }

# serves_leaf URL: true if the server presents the leaf certificate that is installed here.
serves_leaf() { [ "$(served_leaf "$1")" = "$(first_certificate <"$CURRENT/certs/etcd-peer.pem")" ]; }

# certificate_end LEAF: until when this certificate, which a server presents, can be used, as `to 2036-11-22`; `-` if it
# is empty. This is the expiry date of the certificate, or of the CA on this host that signed it if that is earlier.
# Only a CA that expires earlier is checked for being that CA.
certificate_end() {
  local leaf=$1 end authority_end i
  [ -n "$leaf" ] || { echo - && return; }
  end=$(printf '%s\n' "$leaf" | ends_of)
  i=0
  for authority_end in ${authority_ends:-$(ends_of_authorities)}; do
    i=$((i + 1))
    if [ "$authority_end" -lt "$end" ] && [ -z "$(chain_fault "$(nth_authority "$i")" "$leaf")" ]; then
      end=$authority_end
    fi
  done
  echo "$end" | sed 's/^\(.*\)\(..\)\(..\)$/to \1-\2-\3/'
}

# The expiry dates of the CAs on this host, in their order in the file. They are looked up once for all members.
ends_of_authorities() { ends_of <"$(client_directory)/certs/ca.pem"; }

# The expiry dates of the certificates on standard input, as 20361122. The shell computes them, because `date -d` would
# be one more process per certificate.
ends_of() {
  local month day year months_before
  certificate_text 2>/dev/null | sed -n 's/^ *Not After *: *//p' | while read -r month day _ year _; do
    months_before=JanFebMarAprMayJunJulAugSepOctNovDec
    months_before=${months_before%%"$month"*}
    printf '%d%02d%02d\n' "$year" "$((${#months_before} / 3 + 1))" "$day"
  done
}

nth_authority() { awk -v n="$1" '/-----BEGIN/ { i++ } i == n' "$(client_directory)/certs/ca.pem"; }

# The options with which openssl's client breaks off if the CAs on this host do not verify the server. Without -verify,
# openssl 1.0.2 (RHEL 7) would go on whatever it has found.
VERIFY="-verify 9 -verify_return_error -partial_chain"

# https_get URL PATH [BODY]: the response of a server that the CAs on this host verify, including its headers; or
# openssl's error. At its peer port, etcd often keeps the connection open for 5 s after its response, although the
# request is HTTP/1.0. The connection is therefore closed on this side, by the end of openssl's input, which waits at a
# FIFO until the response is complete.
https_get() {
  local gate
  # Several servers may be asked at the same time. With the names of a member and a server, the file's name could be too
  # long.
  gate=/run/cdktf-etcd/$$.$(printf %s "$1" | sha1sum | cut -c1-40).gate
  private_directory /run/cdktf-etcd
  rm -f "$gate"
  mkfifo -m 600 "$gate"
  # Opened for both, a FIFO never blocks, and keeps what is in it.
  exec 6<>"$gate"
  rm -f "$gate"
  # shellcheck disable=SC2086 # words
  {
    printf 'GET %s HTTP/1.0\r\n%s\r\n%s' "$2" "${3:+Content-Length: ${#3}$CARRIAGE_RETURN$LINE_END}" "${3:-}"
    read -r _ <&6
  } 2>/dev/null | tls_connect "$1" -quiet -no_ign_eof $VERIFY 6>&- | {
    whole_response
    echo >&6
  }
  exec 6>&-
}

# Passes an HTTP response on, and ends with its last byte, which its header tells. A member could send without end, and
# whoever asks keeps the answer in memory, so it also ends after a megabyte. The answers to all questions are shorter.
whole_response() {
  local line length=
  while IFS= read -r line || [ -n "$line" ]; do
    printf '%s\n' "$line"
    case $line in
      [Cc]ontent-[Ll]ength:*) length=$(printf '%s' "${line#*:}" | tr -cd 0-9) ;;
      "$CARRIAGE_RETURN") break ;;
    esac
  done
  case $length in '' | ???????*) length=1000000 ;; esac
  head -c "$length"
}
CARRIAGE_RETURN=$(printf '\r')

# tls_reason TEXT: the line of openssl's output that says what went wrong, without openssl's error numbers.
tls_reason() {
  printf '%s\n' "$1" |
    sed -n -e 's/^\(error [0-9]* at .*\)$/\1/p' -e 's/^verify error:num=[0-9]*://p' \
      -e 's/.*:error:[^:]*:[^:]*:[^:]*:\([^:]*\):.*/\1/p' -e 's/.*connect:errno=111.*/Connection refused/p' \
      -e 's/.*\(errno=[0-9]*\).*/\1/p' | head -n 1 | grep . ||
    echo "no answer"
}
