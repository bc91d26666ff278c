# Makes a host without `python3` on PATH of the host that el9.sh has made: as RHEL 8 has it, the system's tools have a
# Python of their own.
set -eu
# shellcheck source=packages.sh
. /build/packages.sh
platform=/usr/libexec/platform-python
mkdir -p /usr/libexec
mv /usr/bin/python3.11 "${platform}3.11"
ln -s platform-python3.11 "$platform"
rm -f /usr/bin/python3* /usr/bin/py3* /usr/bin/pydoc3*
sed -i "1s|.*|#!$platform -s|" /usr/bin/dnf-3
sed -i 's/9/8/' /usr/lib/os-release /etc/redhat-release /etc/dnf/vars/releasever
rpm --erase lab-release
build_packages "$platform"
