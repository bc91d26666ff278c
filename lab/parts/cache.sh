# shellcheck shell=bash
# The cache. Every entry is built under a temporary name, with a lock held, and then renamed, so an entry that exists is
# complete.
set -euo pipefail

# cache_entry KEY BUILD…: calls `BUILD… DIRECTORY` to fill the entry, unless it already exists.
cache_entry() {
  local entry lock
  entry=$(cache_dir)/$1
  shift
  if [[ -e $entry ]]; then return; fi
  mkdir -p "$(dirname "$entry")"
  exec {lock}>"$entry.lock"
  flock --nonblock "$lock" || {
    say "waiting for another prepare, which is building $(basename "$entry")"
    flock "$lock"
  }
  # Another prepare may have built it while this one waited.
  if [[ ! -e $entry ]]; then
    rm -rf "$entry.part"
    mkdir "$entry.part"
    "$@" "$entry.part"
    mv -T "$entry.part" "$entry"
  fi
  exec {lock}>&-
}

# recipe_hash FILE-OR-WORD…: prints a short hash of a recipe, so that a changed recipe leads to a new cache entry.
recipe_hash() {
  local part
  for part in "$@"; do
    if [[ -f $part ]]; then cat "$part"; else printf '%s\n' "$part"; fi
  done | sha256sum | cut -c1-12
}
