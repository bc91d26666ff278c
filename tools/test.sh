#!/bin/sh
# npm test (fast) and npm run test:lab (lab): what runs, in which order, and what is skipped, said loudly.
# usage: tools/test.sh fast|lab [jest arguments…]
set -eu
cd "$(dirname "$0")/.."
suite=$1
shift

step() { printf '\n== %s\n' "$*"; }
# A caller that wants the counts (.ci/run) names a directory for them.
results() { [ -z "${TEST_RESULTS:-}" ] || printf -- '--json --outputFile=%s/%s.json' "$TEST_RESULTS" "$1"; }
# The lab boots hosts with systemd-nspawn, in network namespaces.
can_run_lab() { [ "$(uname -s)" = Linux ] && [ "$(id -u)" -eq 0 ] && command -v apt-get >/dev/null; }

if ! can_run_lab; then
  skipped="the lab needs root on Debian: NO REAL DEPLOY WAS TESTED"
  [ "$suite" = fast ] || { echo "SKIPPED: $skipped" >&2 && exit 1; }
fi

case $suite in
  fast)
    if can_run_lab; then
      step "What the tests need (built once, then cached)"
      lab/prepare
    fi
    step "Build, lint, types"
    npm run --silent build
    npm run --silent lint
    npm run --silent typecheck
    step "Unit tests"
    if command -v go >/dev/null; then
      (cd lab/writer && go test ./...)
    else
      echo "SKIPPED: the writer's own tests, go is not installed" >&2
    fi
    # shellcheck disable=SC2046 # several words, or none
    npx jest --maxWorkers=2 $(results unit)
    if can_run_lab; then
      step "One real deploy, in the lab"
      # shellcheck disable=SC2046
      npx jest -c jest.lab.config.js first-deploy $(results first-deploy)
    else
      printf '\nSKIPPED: %s\n' "$skipped" >&2
    fi
    ;;
  lab)
    step "What the scenarios need (built once, then cached)"
    lab/prepare --etcd all
    npm run --silent build
    step "Every lab scenario"
    # shellcheck disable=SC2046
    npx jest -c jest.lab.config.js "$@" $(results lab)
    ;;
esac
