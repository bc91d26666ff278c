# build_packages PYTHON: builds the RPMs, whose Python is at that path, installs the one of what the host has already,
# and makes a repository of the others. Debian's supervisor is unpacked in /code, and /repo becomes the repository.
build_packages() {
  local top=/tmp/rpmbuild spec
  mkdir -p "$top"
  for spec in lab-release supervisor; do
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
