#!/usr/bin/env bash
# lock.sh [--upgrade]: rewrites the hashed locks from pyproject.toml; pins stay as they are unless told to upgrade.
# The locks name no index: whoever installs uses the one that their machine is set up for.
set -euo pipefail
# shellcheck source=scripts/lib.sh
. "$(dirname "$0")/lib.sh"
ensure_uv

compile() {
    local out=$1
    shift
    "$tools/bin/uv" pip compile -q --universal --python-version 3.11 --generate-hashes --no-annotate --no-header \
        --no-emit-index-url --constraints scripts/lock-constraints.txt "${upgrade[@]}" --output-file "$out" "$@" >/dev/null
}

upgrade=("$@")
compile requirements.lock pyproject.toml
compile requirements-engines.lock --constraints requirements.lock --all-extras pyproject.toml
compile requirements-dev.lock --constraints requirements-engines.lock --all-extras --group dev pyproject.toml
compile requirements-bench.lock --constraints requirements.lock --group bench pyproject.toml
for tool in uv node build; do
    compile "scripts/$tool.lock" "scripts/$tool.in"
done
