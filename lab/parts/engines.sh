# shellcheck shell=bash
# The engine that deploys, Terraform or OpenTofu. With LAB_ENGINE, it is one of this table, which is built from its Go
# module. Without, it is the Terraform on PATH or, if there is none, the first of the table.
set -euo pipefail

# Each line has an engine's name and its Go package. Its version is in its go.mod.
engine_table="
terraform github.com/hashicorp/terraform
terraform-1.13 github.com/hashicorp/terraform
tofu github.com/opentofu/opentofu/cmd/tofu
"

engines() { awk 'NF { print $1 }' <<<"$engine_table"; }

require_engine() {
  engines | grep -qxF -e "$1" || die "no such engine: $1; the lab has $(engines | paste -sd' ')"
}

engine_pins() { printf '%s/build/engines/%s' "$LAB_CODE" "$1"; }
engine_key() { printf '%s-%s' "$1" "$(recipe_hash "$(engine_pins "$1")"/go.{mod,sum})"; }

# Prints the engine to build, or nothing if the lab uses the Terraform on PATH.
engine_to_build() {
  if [[ -n ${LAB_ENGINE:-} ]]; then
    require_engine "$LAB_ENGINE"
    printf '%s' "$LAB_ENGINE"
  elif ! command -v terraform >/dev/null; then
    printf terraform
  fi
}

prepare_engine() {
  local engine
  engine=$(engine_to_build)
  if [[ -z $engine ]]; then
    say "Terraform: using $(command -v terraform)"
    return
  fi
  cache_entry "$(engine_key "$engine")" engine_build "$engine"
  say "$engine: ready (the lab's own build)"
}

# Prints the directory that `lab exec` adds to PATH, or nothing if Terraform is already on PATH. Whichever engine it has
# is called terraform there, too.
engine_directory() {
  local engine
  engine=$(engine_to_build)
  [[ -z $engine ]] || printf '%s/%s' "$(cache_dir)" "$(engine_key "$engine")"
}

# engine_build ENGINE DIRECTORY
engine_build() {
  local engine=$1 output=$2 package
  require_go
  package=$(awk -v name="$engine" '$1 == name { print $2 }' <<<"$engine_table")
  say "$engine: building (three to eight minutes, once)"
  mkdir "$output/source"
  cp "$(engine_pins "$engine")"/go.{mod,sum} "$output/source"
  engine_stubs "$output/source"
  # Without dev=no, it reports a version like 1.11.4-dev, which does not satisfy a version constraint.
  go_build "$output/source" "$output/${engine%%-*}" "$package" "-X ${package%/cmd/*}/version.dev=no"
  [[ -e $output/terraform ]] || ln -s "${engine%%-*}" "$output/terraform"
  rm -r "$output/source"
}

# engine_stubs SOURCE: some backends of Terraform are modules that no Go module proxy has. Its go.mod replaces each by a
# directory here. Nothing in the lab keeps its state in them.
engine_stubs() {
  local module directory name
  sed -n 's|^replace \([^ ]*\) => ./\(stub/.*\)|\1 \2|p' "$1/go.mod" | while read -r module directory; do
    mkdir -p "$1/$directory"
    printf 'module %s\n\ngo 1.23.3\n' "$module" >"$1/$directory/go.mod"
    name=${directory##*/}
    [[ $module == */remote-state/* ]] || continue
    printf 'package %s\n\nimport "github.com/hashicorp/terraform/internal/backend"\n\nfunc New() backend.Backend { panic("not in this build") }\n' \
      "$name" >"$1/$directory/stub.go"
  done
}
