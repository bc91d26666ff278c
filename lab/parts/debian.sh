# shellcheck shell=bash
# The Debian that the hosts boot: a root file system, a layer on top of it in which supervisor is installed, and a
# repository of the packages that hosts may install.
set -euo pipefail

debian_suite=bookworm
debian_root_packages=systemd-sysv,dbus,openssh-server,sudo,iproute2,ca-certificates
# The packages that a host can install with apt; the repository also has their dependencies.
debian_repo_packages="supervisor curl wget"

# This file, without its comments, is the recipe.
debian_key() { printf 'debian-%s' "$(recipe_hash "$(grep -v '^ *#' "${BASH_SOURCE[0]}")")"; }
debian_root() { printf '%s/%s/root' "$(cache_dir)" "$(debian_key)"; }
debian_repo() { printf '%s/%s/repo' "$(cache_dir)" "$(debian_key)"; }
debian_supervisor_layer() { printf '%s/%s/supervisor' "$(cache_dir)" "$(debian_key)"; }

prepare_debian() {
  cache_entry "$(debian_key)" debian_build
  say "Debian $debian_suite root, supervisor layer and package repository: ready"
}

debian_build() {
  local entry=$1
  say "Debian $debian_suite: building the root (about a minute, once)"
  mkdir "$entry/repo"
  # The hook downloads with the same settings and sources as the root, so the versions always match.
  # dpkg makes no fsync and installs no documentation: hosts are thrown away, and installing takes most of the time.
  # shellcheck disable=SC2016 # the hook's own shell expands these
  REPO=$entry/repo REPO_PACKAGES=$debian_repo_packages mmdebstrap --quiet --variant=minbase \
    --include="$debian_root_packages" \
    --dpkgopt=force-unsafe-io --dpkgopt='path-exclude=/usr/share/doc/*' --dpkgopt='path-exclude=/usr/share/man/*' \
    --customize-hook='APT_CONFIG=$MMDEBSTRAP_APT_CONFIG apt-get -qq --yes --no-install-recommends --download-only install $REPO_PACKAGES' \
    --customize-hook='mv "$1"/var/cache/apt/archives/*.deb "$REPO"' \
    "$debian_suite" "$entry/root" >&2
  debian_index "$entry/repo"
  debian_settle "$entry/root"
  say "Debian $debian_suite: building the layer with supervisor installed"
  debian_build_supervisor "$entry"
}

# Turns a directory of .deb files into a repository that apt can use.
debian_index() (
  cd "$1"
  apt-ftparchive packages . >Packages
  gzip -kn Packages
  apt-ftparchive release . >Release.next
  mv Release.next Release
)

# Removes what is different on each host, and what only costs time at boot.
debian_settle() {
  local root=$1 unit
  rm -f "$root"/etc/ssh/ssh_host_* "$root"/etc/machine-id "$root"/var/lib/dbus/machine-id "$root"/etc/hostname
  rm -rf "$root"/etc/apt/sources.list.d/* "$root"/etc/resolv.conf
  : >"$root/etc/apt/sources.list"
  : >"$root/etc/resolv.conf"
  echo 'Acquire::Languages "none";' >"$root/etc/apt/apt.conf.d/90lab"
  for unit in apt-daily.timer apt-daily-upgrade.timer dpkg-db-backup.timer e2scrub_all.timer e2scrub_reap.service \
    fstrim.timer console-getty.service systemd-journal-catalog-update.service; do
    ln -sf /dev/null "$root/etc/systemd/system/$unit"
  done
  # These files must be newer than /usr. Otherwise systemd takes the first boot for the first one after an update, and
  # repeats the work that belongs to it.
  touch "$root/etc/.updated" "$root/var/.updated"
}

# Installs supervisor in an overlay over the root. The upper directory of the overlay becomes the layer.
debian_build_supervisor() {
  local entry=$1
  mkdir "$entry/supervisor" "$entry/work" "$entry/merged"
  # The mounts are in a mount namespace of their own, so they disappear with it even if this is killed.
  # shellcheck disable=SC2016 # the inner shell expands these
  unshare --mount bash -euc '
    entry=$1; shift
    mount -t overlay overlay -o "lowerdir=$entry/root,upperdir=$entry/supervisor,workdir=$entry/work" "$entry/merged"
    mount -t proc proc "$entry/merged/proc"
    mkdir "$entry/merged/repo"
    mount --bind "$entry/repo" "$entry/merged/repo"
    printf "#!/bin/sh\nexit 101\n" >"$entry/merged/usr/sbin/policy-rc.d"
    chmod 755 "$entry/merged/usr/sbin/policy-rc.d"
    echo "deb [trusted=yes] file:/repo ./" >"$entry/merged/etc/apt/sources.list"
    in_root() { chroot "$entry/merged" env DEBIAN_FRONTEND=noninteractive PATH=/usr/sbin:/usr/bin:/sbin:/bin "$@"; }
    in_root apt-get -qq update
    in_root apt-get -qq -o Dpkg::Use-Pty=0 --yes --no-install-recommends install "$@"
    in_root apt-get clean
    rm -rf "$entry/merged/var/lib/apt/lists"/*
    : >"$entry/merged/etc/apt/sources.list"
    rm "$entry/merged/usr/sbin/policy-rc.d"
    umount "$entry/merged/repo"
    rmdir "$entry/merged/repo"
    touch "$entry/merged/etc/.updated" "$entry/merged/var/.updated"
  ' prepare "$entry" supervisor >"$entry/supervisor.log" 2>&1 </dev/null || die "installing supervisor failed: $(cat "$entry/supervisor.log")"
  rm -rf "$entry/work" "$entry/merged"
}
