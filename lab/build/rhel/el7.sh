# Makes a host with Python 2.7 and yum alone of the host that el9.sh has made. The files of Python 2.7 are in /debs. yum
# is dnf under that name, with a Python of its own.
set -eu
# shellcheck source=packages.sh
. /build/packages.sh
hide_python
rm -f /usr/bin/yum /usr/bin/dnf
mv /usr/bin/dnf-3 /usr/bin/yum
cp -r --preserve=mode,links /debs/. /
ln -s python2.7 /usr/bin/python2
ln -s python2 /usr/bin/python
ldconfig
be_release 7
build_packages /usr/bin/python el7/supervisor
