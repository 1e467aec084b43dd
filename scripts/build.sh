#!/usr/bin/env bash
# build.sh: the wheel and the source archive in dist/, with the built console inside. The wheel is for every machine,
# so it goes without the modules in C; an installation from the source archive builds them.
set -euo pipefail
# shellcheck source=scripts/lib.sh
. "$(dirname "$0")/lib.sh"
ensure_uv
rm -rf dist
CC=none quietly build "$tools/bin/uv" build --python "$venv/bin/python" --build-constraints scripts/build.lock --require-hashes .
ls -l dist/*.whl dist/*.tar.gz
