# shellcheck shell=bash
# The three Terraform providers, built from their Go modules into a filesystem mirror, so that no registry is needed.
set -euo pipefail

# Each line has a provider's name, the version that the CDKTF binding asks for, and the Go package.
provider_table="
null 3.2.4 github.com/terraform-providers/terraform-provider-null
local 2.6.1 github.com/terraform-providers/terraform-provider-local
tls 4.1.0 github.com/hashicorp/terraform-provider-tls
"

# The versions that the bindings of cdktn ask for (LAB_FRAMEWORK=cdktn): the lab has the same builds under these, too.
cdktn_table="
null 3.3.2
local 2.9.1
tls 4.4.1
"

providers_key() { printf 'providers-%s' "$(recipe_hash "$provider_table" "$LAB_CODE"/build/providers/*/go.{mod,sum})"; }
providers_mirror() { printf '%s/%s' "$(cache_dir)" "$(providers_key)"; }

# providers_link DIRECTORY: fills a filesystem mirror with links to the builds. A provider that is named without a
# registry is looked up under the engine's own.
providers_link() {
  local name version of_cdktn
  while read -r name version _; do
    [[ -n $name ]] || continue
    of_cdktn=$(awk -v name="$name" '$1 == name { print $2 }' <<<"$cdktn_table")
    provider_link "$1" "$name" "$version" "$version"
    provider_link "$1" "$name" "$version" "$of_cdktn"
  done <<<"$provider_table"
}

# provider_link DIRECTORY NAME VERSION AS: links a build into the mirror under the number of a version.
provider_link() {
  local registry directory
  for registry in registry.terraform.io registry.opentofu.org; do
    directory=$1/$registry/hashicorp/$2/$4
    mkdir -p "$directory"
    ln -s "$(providers_mirror)/registry.terraform.io/hashicorp/$2/$3/linux_amd64" "$directory/linux_amd64"
  done
}

prepare_providers() {
  cache_entry "$(providers_key)" providers_build
  say "Terraform providers null, local and tls (the lab's own builds, see lab/README.md): ready"
}

providers_build() {
  local mirror=$1 name version package directory
  require_go
  while read -r name version package; do
    [[ -n $name ]] || continue
    say "provider $name: building (about half a minute, once)"
    directory=$mirror/registry.terraform.io/hashicorp/$name/$version/linux_amd64
    mkdir -p "$directory"
    go_build "$LAB_CODE/build/providers/$name" "$directory/terraform-provider-${name}_v${version}_x5" "$package"
  done <<<"$provider_table"
}
