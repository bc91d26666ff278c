# Writes the operator's credentials, on the operator's machine: each file aside, then renamed. Terraform runs it when all of a deploy is done: a deploy
# that was refused leaves those of before, which still are the right ones. What it writes comes by the environment: nothing of it is in a command line.
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
