# shellcheck shell=bash
# Terraform: the one on PATH or, if there is none, one that is built from its Go module.
set -euo pipefail

# These backends of Terraform are modules that no Go module proxy has. Nothing in the lab keeps its state in them.
terraform_left_out="azure consul cos gcs kubernetes oss pg s3"

terraform_key() { printf 'terraform-%s' "$(recipe_hash "$LAB_CODE"/build/terraform/go.{mod,sum})"; }

prepare_terraform() {
  if command -v terraform >/dev/null; then
    say "Terraform: using $(command -v terraform)"
    return
  fi
  cache_entry "$(terraform_key)" terraform_build
  say "Terraform: ready (the lab's own build)"
}

# Prints the directory that `lab exec` adds to PATH, or nothing if Terraform is already on PATH.
terraform_directory() {
  command -v terraform >/dev/null || printf '%s/%s' "$(cache_dir)" "$(terraform_key)"
}

terraform_build() {
  local output=$1 name
  require_go
  say "Terraform: building (about three minutes, once)"
  mkdir "$output/source"
  cp "$LAB_CODE"/build/terraform/go.{mod,sum} "$output/source"
  for name in $terraform_left_out; do
    terraform_stub "$output/source/stub/$name" "backend/remote-state/$name"
    printf 'package %s\n\nimport "github.com/hashicorp/terraform/internal/backend"\n\nfunc New() backend.Backend { panic("not in this build") }\n' \
      "$name" >"$output/source/stub/$name/stub.go"
  done
  terraform_stub "$output/source/stub/legacy" legacy
  # Without dev=no, Terraform reports the version 1.11.4-dev, which does not satisfy a version constraint.
  go_build "$output/source" "$output/terraform" github.com/hashicorp/terraform \
    '-X github.com/hashicorp/terraform/version.dev=no'
  rm -r "$output/source"
}

terraform_stub() {
  mkdir -p "$1"
  printf 'module github.com/hashicorp/terraform/internal/%s\n\ngo 1.23.3\n' "$2" >"$1/go.mod"
}
