# shellcheck shell=bash
# Builds Go programs from pinned modules. With the committed go.sum, Go verifies every source by its digest.
set -euo pipefail

# go_build PINS OUTPUT PACKAGE [LDFLAGS]: builds PACKAGE with the go.mod and go.sum of the directory PINS.
go_build() {
  local pins=$1 output=$2 package=$3 ldflags=${4:-}
  (
    cd "$pins"
    # -mod=readonly: if the pins are not enough, this is an error, and Go does not edit a committed file.
    CGO_ENABLED=0 GOFLAGS=-buildvcs=false GOWORK=off \
      go build -mod=readonly -trimpath -ldflags "$ldflags" -o "$output" "$package"
  )
}

require_go() { command -v go >/dev/null || die "lab/prepare needs Go (1.25.8 or newer) on PATH"; }
