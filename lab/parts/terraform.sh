# shellcheck shell=bash
# Terraform: the one on PATH, or one built from its Go module.
set -euo pipefail

terraform_key() { printf 'terraform-%s' "$(recipe_hash "$LAB_CODE"/build/terraform/go.{mod,sum})"; }

prepare_terraform() {
  if command -v terraform >/dev/null; then
    say "Terraform: using $(command -v terraform)"
    return
  fi
  cache_entry "$(terraform_key)" terraform_build
  say "Terraform: ready (the lab's own build)"
}

# The directory that `lab exec` adds to PATH; empty where Terraform is on PATH.
terraform_directory() {
  command -v terraform >/dev/null || printf '%s/%s' "$(cache_dir)" "$(terraform_key)"
}

terraform_build() {
  require_go
  die "terraform is not on PATH"
}
