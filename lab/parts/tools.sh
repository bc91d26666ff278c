# shellcheck shell=bash
# A repository of Debian packages that a scenario may install on its hosts: the programs that docs/backups.md copies
# backups with, and faketime, which changes the clock of one host. It is not part of the other one, because every host
# is built from that.
set -euo pipefail

debian_tools="age rclone restic faketime"

# shellcheck disable=SC2154 # debian.sh sets them
tools_key() { printf 'tools-%s' "$(recipe_hash "$debian_suite" "$debian_root_packages" "$debian_tools")"; }

# Prints the directory of the packages, or nothing if they are not prepared.
tools_directory() {
  local directory
  directory=$(cache_dir)/$(tools_key)
  [[ ! -d $directory ]] || printf '%s' "$directory"
}

prepare_tools() {
  cache_entry "$(tools_key)" tools_build
  say "repository of $debian_tools: ready"
}

# The root is thrown away: apt only needs to know what the hosts have already.
tools_build() {
  say "repository of $debian_tools: downloading (about a minute, once)"
  # shellcheck disable=SC2016 # the hook's own shell expands these
  REPO=$1 PACKAGES=$debian_tools mmdebstrap --quiet --variant=minbase --format=null --include="$debian_root_packages" \
    --dpkgopt=force-unsafe-io \
    --customize-hook='APT_CONFIG=$MMDEBSTRAP_APT_CONFIG apt-get -qq --yes --no-install-recommends --download-only install $PACKAGES' \
    --customize-hook='mv "$1"/var/cache/apt/archives/*.deb "$REPO"' \
    "$debian_suite" /dev/null >&2
  debian_index "$1"
}
