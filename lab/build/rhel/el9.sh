# Makes a host of the RHEL family of the Debian root in which this runs. dnf and rpm are in /debs, as Debian's packages,
# and this directory is /build.
set -eu
# shellcheck source=packages.sh
. /build/packages.sh
apt-get -qq --yes --no-install-recommends -o Dpkg::Use-Pty=0 install /debs/*.deb
cp -r /build/root/. /
ln -sf bash /usr/bin/sh
ln -sf dnf-3 /usr/bin/yum
ln -sf /dev/null /etc/systemd/system/dnf-makecache.timer
rpm --initdb
build_packages /usr/bin/python3
# Nothing must find out, or work, by Debian's own means.
rm -rf /etc/apt /var/lib/apt /var/cache/apt
rm -f /usr/bin/apt* /usr/bin/dpkg* /usr/sbin/dpkg* /usr/bin/debconf* /usr/bin/deb-systemd* /usr/sbin/update-rc.d
