# Writes the operator's credentials on the operator's machine. Terraform runs this as the last step of a deploy: a
# deploy that is refused leaves the previous files in place, and those are still the right ones. Each file is written
# under another name and then renamed. The contents come from the environment, so that they appear on no command line.
set -eu
umask 077

put() {
  printf %s "$2" >"$CREDENTIALS_DIRECTORY/.$1.new"
  mv -f "$CREDENTIALS_DIRECTORY/.$1.new" "$CREDENTIALS_DIRECTORY/$1"
}

mkdir -p "$CREDENTIALS_DIRECTORY"
put ca.pem "$CA_PEM"
put client.pem "$CLIENT_PEM"
put client-key.pem "$CLIENT_KEY_PEM"
put etcdctl.env "$ETCDCTL_ENV"
