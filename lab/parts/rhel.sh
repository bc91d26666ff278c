# shellcheck shell=bash
# Hosts that imitate the RHEL family: real dnf and rpm over the Debian root, nothing of apt or dpkg, and supervisor from
# an RPM in the layout of EPEL's. What they do not have: RHEL's kernel, systemd and OpenSSL, SELinux, firewalld.
set -euo pipefail

rhel_families="el9 el8"
# What a host of the family gets besides the Debian root; createrepo-c makes the package repository.
rhel_packages="dnf rpm gawk curl createrepo-c"

require_family() {
  [[ " debian $rhel_families " == *" $1 "* ]] || die "there is no family '$1', only: debian $rhel_families"
}

# rhel_key FAMILY. This file, without its comments, is a part of the recipe.
rhel_key() {
  local files
  mapfile -t files < <(find "$LAB_CODE/build/rhel" -type f | sort)
  printf 'rhel/%s-%s' "$1" "$(recipe_hash "$(grep -v '^ *#' "${BASH_SOURCE[0]}")" "$(debian_key)" "${files[@]}")"
}
rhel_layer() { printf '%s/%s/layer' "$(cache_dir)" "$(rhel_key "$1")"; }
rhel_repo() { printf '%s/%s/repo' "$(cache_dir)" "$(rhel_key "$1")"; }

# rhel_lower FAMILY: the directories of which a host's disk is made, as overlayfs wants them.
rhel_lower() {
  case $1 in
    el9) printf '%s:%s' "$(rhel_layer el9)" "$(debian_root)" ;;
    el8) printf '%s:%s' "$(rhel_layer el8)" "$(rhel_lower el9)" ;;
  esac
}

prepare_rhel() {
  [[ $1 == el9 ]] || prepare_rhel el9
  cache_entry "$(rhel_key "$1")" rhel_build "$1"
  say "hosts of the family $1: ready"
}

rhel_build() {
  local family=$1 entry=$2 lower package
  say "hosts of the family $family: building the layer (half a minute, once)"
  mkdir "$entry/debs" "$entry/code" "$entry/repo" "$entry/layer" "$entry/work" "$entry/merged"
  case $family in
    el9) lower=$(debian_root) && rhel_download "$entry/debs" ;;
    el8) lower=$(rhel_lower el9) ;;
  esac
  for package in supervisor python3-pkg-resources; do
    dpkg-deb --extract "$(debian_repo)/${package}"_*.deb "$entry/code"
  done
  # The mounts are in a mount namespace of their own, so they disappear with it even if this is killed.
  # shellcheck disable=SC2016 # the inner shell expands these
  unshare --mount bash -euc '
    family=$1 entry=$2 lower=$3 build=$4
    mount -t overlay overlay -o "lowerdir=$lower,upperdir=$entry/layer,workdir=$entry/work" "$entry/merged"
    mount -t proc proc "$entry/merged/proc"
    for directory in "$build" "$entry/debs" "$entry/code" "$entry/repo"; do
      name=${directory##*/}
      [[ $directory != "$build" ]] || name=build
      mkdir "$entry/merged/$name"
      mount --bind "$directory" "$entry/merged/$name"
    done
    chroot "$entry/merged" env -i DEBIAN_FRONTEND=noninteractive PATH=/usr/sbin:/usr/bin:/sbin:/bin sh "/build/$family.sh"
    for name in build debs code repo; do
      umount "$entry/merged/$name"
      rmdir "$entry/merged/$name"
    done
    touch "$entry/merged/etc/.updated" "$entry/merged/var/.updated"
  ' prepare "$family" "$entry" "$lower" "$LAB_CODE/build/rhel" >"$entry/log" 2>&1 </dev/null ||
    die "building the hosts of the family $family failed: $(tail -n 20 "$entry/log")"
  rm -rf "$entry/debs" "$entry/code" "$entry/work" "$entry/merged"
}

# Downloads what the Debian root lacks of the packages; nothing is installed.
rhel_download() {
  # shellcheck disable=SC2016,SC2154 # the hook's own shell expands these; debian.sh has the suite
  ROOT=$(debian_root) DEBS=$1 PACKAGES=$rhel_packages mmdebstrap --quiet --variant=custom \
    --customize-hook='APT_CONFIG=$MMDEBSTRAP_APT_CONFIG apt-get -qq --yes --no-install-recommends --download-only -o Dir::State::status="$ROOT/var/lib/dpkg/status" -o Dir::Cache::archives="$DEBS" install $PACKAGES' \
    "$debian_suite" "$1.root" >&2
  rm -rf "$1.root"
}
