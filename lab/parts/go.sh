# shellcheck shell=bash
# Go builds from pinned modules: the committed go.sum makes Go verify every source by its digest.
set -euo pipefail

# go_build PINS OUTPUT PACKAGE [LDFLAGS]: builds PACKAGE with the go.mod and go.sum of the directory PINS.
go_build() {
  local pins=$1 output=$2 package=$3 ldflags=${4:-}
  (
    cd "$pins"
    # -mod=readonly: a pin that does not suffice is an error, never an edit of a committed file.
    CGO_ENABLED=0 GOFLAGS=-buildvcs=false GOWORK=off \
      go build -mod=readonly -trimpath -ldflags "$ldflags" -o "$output" "$package"
  )
}

require_go() { command -v go >/dev/null || die "prepare needs Go (1.25.8 or newer) on PATH"; }
