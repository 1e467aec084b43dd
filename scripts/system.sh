#!/usr/bin/env bash
# system.sh tests|samples: what is needed beside Python: a PostgreSQL server and a Chromium for the tests, voices for
# the samples. As root on Debian and Ubuntu it installs them; otherwise it says in one line what to install. Nothing
# happens when all is there.
set -euo pipefail
# shellcheck source=scripts/lib.sh
. "$(dirname "$0")/lib.sh"

missing=()
# need PROGRAM PACKAGE
need() { command -v "$1" >/dev/null || missing+=("$2"); }

case ${1:-} in
tests)
    compgen -G '/usr/lib/postgresql/*/bin/initdb' >/dev/null || need initdb postgresql
    need chromium chromium
    ;;
samples)
    need flite flite
    need espeak-ng espeak-ng
    ;;
*) die "usage: scripts/system.sh tests|samples" ;;
esac

if [ ${#missing[@]} -gt 0 ]; then
    system_packages "Preparing the $1" "${missing[@]}"
fi
