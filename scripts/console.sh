#!/usr/bin/env bash
# console.sh [build|check]: the browser console. `build` puts it where the server serves it from, and does
# nothing when its sources have not changed; `check` runs its linter, type checker and tests.
set -euo pipefail
# shellcheck source=scripts/lib.sh
. "$(dirname "$0")/lib.sh"
task=${1:-build}
out=src/ringfence/web/console
built=build/console.stamp
installed=console/node_modules/.stamp

mapfile -t sources < <(find console -type f -not -path '*/node_modules/*' -not -name '*.tsbuildinfo' | LC_ALL=C sort)
print=$(fingerprint "${sources[@]}")
if [ "$task" = build ] && is_done "$built" "$print" && [ -f "$out/index.html" ]; then
    exit 0
fi

use_node
packages=$(fingerprint console/package-lock.json)
if ! is_done "$installed" "$packages"; then
    say "Installing the console's packages (npm ci)"
    (cd console && quietly npm-ci npm ci --no-audit --no-fund --loglevel=error)
    mark_done "$installed" "$packages"
fi

case $task in
build)
    say "Building the console"
    (cd console && quietly console npm run build)
    [ -f "$out/index.html" ] || die "the console's build left no $out/index.html"
    mark_done "$built" "$print"
    ;;
check)
    (cd console && quietly console-check npm run --silent check)
    say "console: linter, types and tests are in order"
    ;;
*) die "usage: scripts/console.sh [build|check]" ;;
esac
