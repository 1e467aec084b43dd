#!/usr/bin/env bash
# system.sh tests|samples: what is needed beside Python: a PostgreSQL server, a browser and a C compiler for the
# tests, voices for the samples. As root on Debian and Ubuntu it installs them; otherwise it says in one line what to install. Nothing
# happens when all is there.
set -euo pipefail
# shellcheck source=scripts/lib.sh
. "$(dirname "$0")/lib.sh"

missing=()
# need PROGRAM PACKAGE
need() { command -v "$1" >/dev/null || missing+=("$2"); }

# A Chromium that starts: Ubuntu's package of that name is a stub that asks for another one.
has_browser() {
    local name
    for name in chromium chromium-browser google-chrome google-chrome-stable; do
        if PATH=$venv/bin:$PATH "$name" --version >/dev/null 2>&1; then return; fi
    done
    return 1
}

# Ubuntu has no Chromium among its packages: Playwright brings its own there, found under .venv/bin.
browser_from_playwright() {
    local with_deps=()
    [ "$(id -u)" != 0 ] || with_deps=(--with-deps)
    scripts/setup.sh dev
    say "Installing Chromium (from Playwright)"
    quietly playwright "$venv/bin/playwright" install "${with_deps[@]}" chromium
    ln -sf "$("$venv/bin/python" -c '
from playwright.sync_api import sync_playwright
with sync_playwright() as playwright:
    print(playwright.chromium.executable_path)
')" "$venv/bin/chromium"
    has_browser || die "Preparing the tests: install Chromium or Google Chrome, then run make again"
}

case ${1:-} in
tests)
    # Playwright's own Node.js needs it, and says so to nobody.
    compgen -G '/usr/lib/*/libatomic.so.1' >/dev/null || compgen -G '/lib*/libatomic.so.1' >/dev/null || missing+=(libatomic1)
    has_compiler || missing+=(gcc libc6-dev "$(python_package dev)")
    compgen -G '/usr/lib/postgresql/*/bin/initdb' >/dev/null || need initdb postgresql
    if ! has_browser; then
        if grep -qs '^ID=ubuntu' /etc/os-release; then browser_from_playwright; else missing+=(chromium); fi
    fi
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
