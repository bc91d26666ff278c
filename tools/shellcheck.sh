#!/bin/sh
# Checks every shell script in the checkout. If shellcheck is not installed on the machine, the check is skipped with a
# message.
set -eu
if ! command -v shellcheck >/dev/null; then
  echo "SKIPPED: the shell scripts were not checked, because shellcheck is not installed" >&2
  exit 0
fi
git ls-files --cached --others --exclude-standard | while read -r file; do
  # Library files have no #! line; they are recognized by their shellcheck directive.
  if [ -f "$file" ] && head -n 2 "$file" | grep -qE '^#!.*sh$|^# shellcheck shell='; then echo "$file"; fi
done | xargs -r shellcheck -x
# The host scripts are sent as one text, in which one file uses what another one sets. That text is checked as a whole, by
# __tests__/scripts/shellcheck.test.ts.
