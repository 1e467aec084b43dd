#!/usr/bin/env bash
# bench.sh [NAME…]: runs the benchmarks, all of them or those named, beside their peers. Figures go to build/bench:
# a JSON file for each, and all tables in summary.md. Leave the machine alone meanwhile.
set -euo pipefail
# shellcheck source=scripts/lib.sh
. "$(dirname "$0")/lib.sh"
out=build/bench
peer=$root/.venv-bench

print=$(fingerprint requirements-bench.lock)
if ! is_done "$peer/.stamp" "$print"; then
    ensure_uv
    say "Installing the peers (requirements-bench.lock)"
    "$tools/bin/uv" venv -q --clear --no-python-downloads --python "$venv/bin/python" "$peer"
    UV_LINK_MODE=copy quietly peers "$tools/bin/uv" pip install --python "$peer/bin/python" --require-hashes \
        -r requirements-bench.lock
    mark_done "$peer/.stamp" "$print"
fi

[ $# -gt 0 ] || set -- media_frames media_server latency
mkdir -p "$out"
{
    echo "# Benchmarks"
    echo
    echo "$(nproc) cores, $(sed -n 's/^model name\s*: //p' /proc/cpuinfo | head -n 1), $("$venv/bin/python" --version)," \
        "$(date -u +%Y-%m-%d). Absolute figures depend on the machine and on what else it does; ratios are what counts."
} >"$out/summary.md"
for name; do
    say "Running $name"
    "$venv/bin/python" "benchmarks/$name.py" --json "$out/$name.json" | tee "$out/$name.txt"
    {
        printf '\n## %s\n\n' "$name"
        sed 's/^/    /' "$out/$name.txt"
    } >>"$out/summary.md"
done
say "All tables are in $out/summary.md"
