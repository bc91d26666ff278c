# Writes the operator's credentials on the operator's machine. Terraform runs this as the last step of a deploy: a
# deploy that is refused leaves the previous files in place, and those are still the right ones. The contents come from
# the environment, so that they appear on no command line.
set -eu
umask 077

# Terraform shows what is printed here only if this fails.
trap '[ "$?" -eq 0 ] || echo "operatorCredentials: the files in $CREDENTIALS_DIRECTORY are not the current ones, for the reason above; to do: correct that, or set operatorCredentials.directory to another directory, and apply again" >&2' EXIT

mkdir -p "$CREDENTIALS_DIRECTORY"
cd "$CREDENTIALS_DIRECTORY"
# Other users may be able to write here, as in a checkout that a team shares, and could have put a file or a link where
# the key is about to be written. They can do nothing in a directory that has just been made and belongs to this user.
# From there, each file is renamed to its place.
rm -rf .new
mkdir .new
cd .new
[ "$(ls -ldn . | awk '{ print $3 }')" = "$(id -u)" ] || {
  echo "somebody else has just put $CREDENTIALS_DIRECTORY/.new there" >&2
  exit 1
}
printf %s "$CA_PEM" >ca.pem
printf %s "$CLIENT_PEM" >client.pem
printf %s "$CLIENT_KEY_PEM" >client-key.pem
printf %s "$ETCDCTL_ENV" >etcdctl.env
for file in ca.pem client.pem client-key.pem etcdctl.env; do
  [ ! -d "../$file" ] || {
    echo "$CREDENTIALS_DIRECTORY/$file is a directory" >&2
    exit 1
  }
  mv -f "$file" "../$file"
done
cd ..
rmdir .new
