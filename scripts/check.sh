#!/usr/bin/env bash
# check.sh: format, lint, types, import rules, and the pages that are made from the code. Changes nothing.
set -euo pipefail
# shellcheck source=scripts/lib.sh
. "$(dirname "$0")/lib.sh"

"$venv/bin/ruff" format --check --quiet .
"$venv/bin/ruff" check --quiet .
"$venv/bin/mypy" --no-error-summary
quietly imports "$venv/bin/lint-imports" --no-cache
"$venv/bin/python" scripts/make_reference.py --check
say "check: format, lint, types, import rules and generated pages are in order"
