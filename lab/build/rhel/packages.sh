# build_packages PYTHON [SPEC]: builds the RPMs, whose Python is at that path, installs the one of what the host has
# already, and makes a repository of the others. supervisor is unpacked in /code, and /repo becomes the repository.
build_packages() {
  local top=/tmp/rpmbuild spec
  mkdir -p "$top"
  for spec in lab-release "${2:-supervisor}"; do
    rpmbuild -bb --quiet --define "_topdir $top" --define "python $1" --define 'code /code' \
      --define 'layout /build/supervisor' --define '__os_install_post %{nil}' --define 'debug_package %{nil}' \
      --define '_build_id_links none' "/build/$spec.spec"
  done
  rpm --install "$top"/RPMS/noarch/lab-release-*.rpm
  rm "$top"/RPMS/noarch/lab-release-*.rpm
  cp "$top"/RPMS/noarch/*.rpm /repo
  createrepo_c --quiet /repo
  rm -rf "$top"
}

# hide_python: takes python3 from PATH. As RHEL 8 has it, the system's tools have a Python of their own.
hide_python() {
  mkdir -p /usr/libexec
  mv /usr/bin/python3.11 "${platform}3.11"
  ln -s platform-python3.11 "$platform"
  rm -f /usr/bin/python3* /usr/bin/py3* /usr/bin/pydoc3*
  sed -i "1s|.*|#!$platform -s|" /usr/bin/dnf-3
}
platform=/usr/libexec/platform-python

# be_release NUMBER: changes the release of the host that el9.sh has made.
be_release() {
  sed -i "s/9/$1/" /usr/lib/os-release /etc/redhat-release /etc/dnf/vars/releasever
  rpm --erase lab-release
}
