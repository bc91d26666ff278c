# shellcheck shell=bash
# The writer: a client that writes to the cluster while tests change it. Its module is lab/writer/.
set -euo pipefail

writer_key() { printf 'writer-%s' "$(recipe_hash "$LAB_CODE"/writer/*)"; }

# Prints the directory that `lab exec` adds to PATH, or nothing if the checkout has no writer.
writer_directory() {
  [[ ! -f $LAB_CODE/writer/go.mod ]] || printf '%s/%s' "$(cache_dir)" "$(writer_key)"
}

prepare_writer() {
  [[ -f $LAB_CODE/writer/go.mod ]] || return 0
  cache_entry "$(writer_key)" writer_build
  say "writer: ready"
}

writer_build() {
  require_go
  say "writer: building (once)"
  go_build "$LAB_CODE/writer" "$1/writer" .
}
