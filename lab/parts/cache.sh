# shellcheck shell=bash
# The cache: every entry is built aside under a lock and renamed into place, so that an entry that exists is whole.
set -euo pipefail

# cache_entry KEY BUILD…: calls `BUILD… DIRECTORY` to fill the entry, unless it is there already.
cache_entry() {
  local entry lock
  entry=$(cache_dir)/$1
  shift
  if [[ -e $entry ]]; then return; fi
  mkdir -p "$(dirname "$entry")"
  exec {lock}>"$entry.lock"
  flock --nonblock "$lock" || {
    say "waiting for another prepare that makes $(basename "$entry")"
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

# recipe_hash FILE-OR-WORD…: a short name for a recipe, so that a changed recipe makes a new entry.
recipe_hash() {
  local part
  for part in "$@"; do
    if [[ -f $part ]]; then cat "$part"; else printf '%s\n' "$part"; fi
  done | sha256sum | cut -c1-12
}
