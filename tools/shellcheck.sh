#!/bin/sh
# Checks every shell script of the checkout; shellcheck comes from the system, so a machine without it skips, loudly.
set -eu
if ! command -v shellcheck >/dev/null; then
  echo "SKIPPED: shell scripts were not checked, shellcheck is not installed" >&2
  exit 0
fi
git ls-files --cached --others --exclude-standard | while read -r file; do
  # Library files have no #!, they are known by their directive.
  if [ -f "$file" ] && head -n 2 "$file" | grep -qE '^#!.*sh$|^# shellcheck shell='; then echo "$file"; fi
done | xargs -r shellcheck -x
# The host scripts are parts of one text: what one file sets, another uses.
shellcheck -s dash -e SC2034,SC2153,SC2154 scripts/*/*.sh
