# shellcheck shell=bash
# The lab's etcd releases. They are built from pinned Go modules (3.4 comes from Debian) and packed in the layout of
# etcd's own releases.
set -euo pipefail

etcd_versions() { find "$LAB_CODE/build/etcd" -mindepth 1 -maxdepth 1 -type d -printf '%f\n' | sort -V; }
etcd_key() { printf 'etcd/%s-%s' "$1" "$(recipe_hash "$LAB_CODE/build/etcd/$1"/*)"; }
etcd_release() { printf 'etcd-v%s-linux-amd64' "$1"; }

# Prints the directory that contains the archive of a version and its digest.
etcd_directory() { printf '%s/%s' "$(cache_dir)" "$(etcd_key "$1")"; }

require_etcd_version() {
  [[ $1 =~ ^[0-9.]+$ && -d $LAB_CODE/build/etcd/$1 ]] ||
    die "there is no recipe for etcd '$1', only for: $(etcd_versions | paste -sd' ')"
}

prepare_etcd() {
  local version=$1
  require_etcd_version "$version"
  cache_entry "$(etcd_key "$version")" etcd_build "$version"
  say "etcd $version: ready, sha256 $(etcd_digest "$version")"
}

etcd_digest() {
  require_etcd_version "$1"
  local file
  file=$(etcd_directory "$1")/$(etcd_release "$1").tar.gz.sha256
  [[ -f $file ]] || die "etcd $1 is not built; run lab/prepare --etcd $1"
  cut -d' ' -f1 "$file"
}

etcd_build() {
  local version=$1 entry=$2 release
  release=$(etcd_release "$version")
  say "etcd $version: building (about a minute, once)"
  mkdir "$entry/$release"
  case $version in
    3.[0-3].*) etcd_build_old "$version" "$entry/$release" ;;
    3.4.*) etcd_unpack_debian "$version" "$entry/$release" ;;
    *) etcd_build_modules "$version" "$entry/$release" ;;
  esac
  etcd_check "$version" "$entry/$release"
  etcd_pack "$version" "$entry"
}

etcd_build_modules() {
  local pins=$LAB_CODE/build/etcd/$1 output=$2
  require_go
  go_build "$pins" "$output/etcd" go.etcd.io/etcd/server/v3
  go_build "$pins" "$output/etcdctl" go.etcd.io/etcd/etcdctl/v3
  go_build "$pins" "$output/etcdutl" go.etcd.io/etcd/etcdutl/v3
}

etcd_build_old() {
  local version=$1 pins=$LAB_CODE/build/etcd/$1 output=$2
  require_go
  # These versions panic at start if they are built by Go 1.22 or newer.
  case $version in 3.[0-2].*) local -x GOTOOLCHAIN=go1.21.13 ;; esac
  go_build "$pins" "$output/etcd" github.com/coreos/etcd
  go_build "$pins" "$output/etcdctl" github.com/coreos/etcd/etcdctl
}

# The modules of etcd 3.4 cannot be built outside etcd's own repository, but Debian has packages of it.
etcd_unpack_debian() {
  local version=$1 output=$2 package
  (
    umask 022
    mkdir "$output/debian"
    cd "$output/debian"
    # apt drops its privileges for downloads, and warns if it cannot; this makes it download as root.
    for package in etcd-server etcd-client; do
      apt-get -qq -o APT::Sandbox::User=root \
        download "$package=$(cat "$LAB_CODE/build/etcd/$version/debian-version")" ||
        die "apt cannot download $package; run 'apt-get update', or see 'apt-cache policy $package'"
      dpkg-deb --extract "$package"_*.deb .
    done
    install usr/bin/etcd usr/bin/etcdctl ..
  )
  rm -rf "$output/debian"
}

# A binary that reports another version than its directory's name would make every upgrade test meaningless.
etcd_check() {
  local version=$1 release=$2 reports
  reports=$("$release/etcd" --version && ETCDCTL_API=3 "$release/etcdctl" version)
  [[ ! -e $release/etcdutl ]] || reports+=$'\n'$("$release/etcdutl" version)
  # Each binary must print one line such as "etcdctl version: 3.6.14".
  [[ $(grep -cix "etcd[a-z]* version: $version" <<<"$reports") == $(find "$release" -name 'etcd*' -type f | wc -l) ]] ||
    die "etcd $version: the binaries do not report this version: $reports"
}

# Packs the archive reproducibly: the same input gives the same archive, byte for byte.
etcd_pack() {
  local version=$1 entry=$2 release
  release=$(etcd_release "$version")
  printf 'etcd %s, built by the lab of cdktf-etcd for its tests. Not a release of the etcd project.\n' \
    "$version" >"$entry/$release/README.md"
  chmod 755 "$entry/$release" "$entry/$release"/etcd*
  chmod 644 "$entry/$release/README.md"
  (
    cd "$entry"
    tar --create --sort=name --owner=0 --group=0 --numeric-owner --mtime=@0 --format=gnu "$release" |
      gzip -n >"$release.tar.gz"
    sha256sum "$release.tar.gz" >"$release.tar.gz.sha256"
    # etcd's own releases have had this file since 3.4.
    case $version in 3.[0-3].*) ;; *) cp "$release.tar.gz.sha256" SHA256SUMS ;; esac
    rm -r "$release"
  )
}
