#!/usr/bin/env bash
# setup.sh [base|engines|dev]: the Python side of the checkout in .venv, from hashed locks: what running needs, the
# local speech engines too, everything that development needs too. Does nothing when nothing changed.
set -euo pipefail
# shellcheck source=scripts/lib.sh
. "$(dirname "$0")/lib.sh"
part=${1:-base}

case $part in
base) lock=requirements.lock ;;
engines) lock=requirements-engines.lock ;;
dev) lock=requirements-dev.lock ;;
*) die "usage: scripts/setup.sh [base|engines|dev]" ;;
esac

mapfile -t native < <(find src -name '*.c' | LC_ALL=C sort)
print=$(fingerprint "$lock" pyproject.toml hatch_build.py scripts/build.lock "${native[@]}")
if has_compiler; then print+=-native; fi
stamp=$venv/.stamp-$part
if is_done "$stamp" "$print" && [ -x "$venv/bin/ringfence" ] && "$venv/bin/python" -c "" 2>/dev/null; then
    exit 0
fi

ensure_uv
if ! "$venv/bin/python" -c '' 2>/dev/null; then
    "$tools/bin/uv" venv -q --clear --no-python-downloads --python "$(find_python)" "$venv"
fi

# The bundled speech engine has no ready-made wheel for the newest Python: it is compiled there.
if "$venv/bin/python" -c 'import sys; sys.exit(sys.version_info < (3, 14))' && ! command -v c++ >/dev/null; then
    system_packages "Compiling pocketsphinx for this Python" build-essential "$(python_package dev)"
fi

say "Installing Python packages ($lock)"
export UV_LINK_MODE=${UV_LINK_MODE:-copy}
quietly "packages-$part" "$tools/bin/uv" pip install --python "$venv/bin/python" --require-hashes -r "$lock"
quietly package "$tools/bin/uv" pip install --python "$venv/bin/python" --no-deps \
    --build-constraints scripts/build.lock --reinstall-package ringfence --editable .
mark_done "$stamp" "$print"
