# Makes a host without `python3` on PATH of the host that el9.sh has made: as RHEL 8 has it, the system's tools have a
# Python of their own.
set -eu
# shellcheck source=packages.sh
. /build/packages.sh
hide_python
be_release 8
build_packages "$platform"
