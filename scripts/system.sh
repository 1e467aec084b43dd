#!/usr/bin/env bash
# system.sh: what the tests need beside Python: a PostgreSQL server and a Chromium. As root on Debian and Ubuntu
# it installs them; otherwise it says in one line what to install. Nothing happens when both are there.
set -euo pipefail
# shellcheck source=scripts/lib.sh
. "$(dirname "$0")/lib.sh"

missing=()
compgen -G '/usr/lib/postgresql/*/bin/initdb' >/dev/null || command -v initdb >/dev/null || missing+=(postgresql)
command -v chromium >/dev/null || missing+=(chromium)
if [ ${#missing[@]} -gt 0 ]; then
    system_packages "Preparing the tests" "${missing[@]}"
fi
