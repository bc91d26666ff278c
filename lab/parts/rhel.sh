# shellcheck shell=bash
# Hosts that imitate the RHEL family: real dnf and rpm over the Debian root, nothing of apt or dpkg, and supervisor from
# an RPM in the layout of EPEL's. What they do not have: RHEL's kernel, systemd and OpenSSL, SELinux, firewalld.
set -euo pipefail

rhel_families="el9 el8 el7"
# What a host of the family gets besides the Debian root; createrepo-c makes the package repository.
rhel_packages="dnf rpm gawk curl createrepo-c"
# The last Debian that has Python 2.7. Its packages do not change any more, so these are their last versions.
el7_suite=bullseye
el7_python="python2.7-minimal=2.7.18-8+deb11u1 libpython2.7-minimal=2.7.18-8+deb11u1
  libpython2.7-stdlib=2.7.18-8+deb11u1 libssl1.1=1.1.1w-0+deb11u1 libffi7=3.3-6"
# What supervisor 3 imports; the module meld3 of Python 3 runs in Python 2.7, too.
el7_modules="python-pkg-resources=44.1.1-1 python3-meld3=1.0.2-3"

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
    *) printf '%s:%s' "$(rhel_layer "$1")" "$(rhel_lower el9)" ;;
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
    *) lower=$(rhel_lower el9) ;;
  esac
  if [[ $family == el7 ]]; then
    el7_download "$entry/debs" "$entry/code"
  else
    for package in supervisor python3-pkg-resources; do
      dpkg-deb --extract "$(debian_repo)/${package}"_*.deb "$entry/code"
    done
  fi
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

# el7_download PYTHON CODE: unpacks Python 2.7 in the one directory, and supervisor 3.4.0 with what it imports in the
# other. apt verifies the packages by Debian's signature.
el7_download() {
  local python=$1 code=$2 package
  mkdir "$python/all"
  # shellcheck disable=SC2016 # the hook's own shell expands these
  DEBS=$python/all PACKAGES=$(tr '\n' ' ' <<<"$el7_python $el7_modules") mmdebstrap --quiet --variant=custom \
    --customize-hook='cd "$DEBS" && APT_CONFIG=$MMDEBSTRAP_APT_CONFIG apt-get -qq -o APT::Sandbox::User=root download $PACKAGES' \
    "$el7_suite" "$python/root" >&2
  rm -rf "$python/root"
  for package in $el7_modules; do dpkg-deb --extract "$python/all/${package%%=*}"_*.deb "$code"; done
  for package in $el7_python; do dpkg-deb --extract "$python/all/${package%%=*}"_*.deb "$python"; done
  rm -rf "$python/all"
  el7_supervisor "$code"
}

# el7_supervisor CODE: gets the source of supervisor 3.4.0 with pip, which verifies its digest and unpacks it. Then pip
# fails, because it asks setup.py for more, which does not run in Python 3; what it has unpacked is all that is needed.
el7_supervisor() {
  local answer
  mkdir "$1/pip"
  answer=$(TMPDIR=$1/pip python3 -m pip download --no-clean --no-deps --no-binary :all: --no-build-isolation \
    --require-hashes --requirement "$LAB_CODE/build/rhel/el7/requirements.txt" --dest "$1/pip" 2>&1) || true
  mv "$1"/pip/pip-download-*/supervisor_*/supervisor "$1" 2>/dev/null ||
    die "pip has not unpacked the source of supervisor: $answer"
  rm -rf "$1/pip"
}
