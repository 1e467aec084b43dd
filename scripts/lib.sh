# shellcheck shell=bash
# What the scripts share; sourced, never run. Leaves the caller at the root of the checkout.

root=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)
cd "$root" || exit
# shellcheck disable=SC2034
venv=$root/.venv
tools=$root/.venv-tools
logs=$root/build/logs

say() { printf '%s\n' "$*" >&2; }

die() {
    say "$*"
    exit 1
}

# A user without a home of their own (a service account) still needs a place for download caches.
if [ ! -d "${HOME:-/nonexistent}" ] || [ ! -w "${HOME:-/nonexistent}" ]; then
    export HOME=$root/build/home
    mkdir -p "$HOME"
fi

# quietly NAME COMMAND…: output goes to a log, and its end to the screen only when the command fails.
quietly() {
    local log=$logs/$1.log
    shift
    mkdir -p "$logs"
    if ! "$@" >"$log" 2>&1 </dev/null; then
        tail -n 30 "$log" >&2
        say "failed: $*"
        say "the whole log is in ${log#"$root"/}"
        return 1
    fi
}

# fingerprint FILE…: changes with the content of the files, their names, and the place of the checkout.
fingerprint() { { pwd && sha256sum "$@"; } | sha256sum | cut -d' ' -f1; }

is_done() { [ -f "$1" ] && [ "$(cat "$1")" = "$2" ]; }

mark_done() { mkdir -p "$(dirname "$1")" && printf '%s\n' "$2" >"$1"; }

# system_packages PURPOSE PACKAGE…: Debian packages, installed as root, otherwise asked for in one line.
system_packages() {
    local purpose=$1
    shift
    command -v apt-get >/dev/null || die "$purpose: install what Debian calls $*, then run make again"
    [ "$(id -u)" = 0 ] || die "$purpose: run  sudo apt-get install $*  then run make again"
    say "Installing $* ($purpose)"
    export DEBIAN_FRONTEND=noninteractive
    quietly apt-update apt-get update -qq || true
    quietly apt-install apt-get install -qq -y --no-install-recommends -o Acquire::Retries=3 "$@"
}

# has_compiler: whether the modules in C can be built for the environment's Python, or for the one it will have.
has_compiler() {
    local python=$venv/bin/python
    [ -x "$python" ] || python=$(find_python)
    command -v "${CC:-cc}" >/dev/null &&
        [ -f "$("$python" -c 'import sysconfig; print(sysconfig.get_path("include"))')/Python.h" ]
}

# python_package SUFFIX: Debian's name of a package that belongs to the environment's Python, such as python3.11-dev.
python_package() {
    local python=$venv/bin/python
    [ -x "$python" ] || python=$(find_python)
    "$python" -c 'import sys; print("python%d.%d-%s" % (*sys.version_info[:2], sys.argv[1]))' "$1"
}

# find_python: the interpreter to build on; PYTHON=… on make's command line overrides.
find_python() {
    local candidate
    for candidate in ${PYTHON:-python3 python3.13 python3.12 python3.11}; do
        if "$candidate" -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null; then
            "$candidate" -c 'import sys; print(sys.executable)'
            return
        fi
    done
    die "Python 3.11 or newer is needed: install it (on Ubuntu 22.04: sudo apt-get install python3.11 python3.11-venv), then run make again"
}

# uv reads its own settings, not pip's: hand over an index or certificates that pip was told of.
follow_pip_settings() {
    local index=${PIP_INDEX_URL:-}
    [ -n "$index" ] || index=$("$tools/bin/python" -m pip config get global.index-url 2>/dev/null || true)
    if [ -n "$index" ] && [ -z "${UV_DEFAULT_INDEX:-}${UV_INDEX_URL:-}" ]; then
        export UV_DEFAULT_INDEX=$index
    fi
    if [ -n "${PIP_CERT:-}" ] && [ -z "${SSL_CERT_FILE:-}" ]; then
        export SSL_CERT_FILE=$PIP_CERT
    fi
}

# ensure_uv: uv, pinned by hash, in a small environment of its own.
ensure_uv() {
    local python print stamp=$tools/.stamp-uv
    print=$(fingerprint scripts/uv.lock)
    if ! is_done "$stamp" "$print" || ! "$tools/bin/uv" --version >/dev/null 2>&1; then
        python=$(find_python)
        say "Installing uv"
        make_tools_environment "$python"
        quietly uv "${pip[@]}" install --disable-pip-version-check --require-hashes -r scripts/uv.lock
        mark_done "$stamp" "$print"
    fi
    follow_pip_settings
}

# Debian keeps venv's half (ensurepip) in a package of its own; a pip found elsewhere serves as well.
make_tools_environment() {
    local python=$1
    rm -rf "$tools"
    pip=("$tools/bin/python" -m pip)
    if "$python" -m venv "$tools" >/dev/null 2>&1; then
        return
    fi
    rm -rf "$tools"
    if "$python" -m pip --version >/dev/null 2>&1; then
        "$python" -m venv --without-pip "$tools"
        pip=("$python" -m pip --python "$tools/bin/python")
        return
    fi
    system_packages "Making a virtual environment" "$(python_package venv)"
    "$python" -m venv "$tools"
}

# use_node: puts a Node.js that can build the console on PATH, from PyPI where the machine has none.
use_node() {
    local stamp=$tools/.stamp-node print
    if command -v npm >/dev/null && node -e '
        const [major, minor] = process.versions.node.split(".").map(Number);
        process.exit(major > 22 || (major === 22 && minor >= 12) || (major === 20 && minor >= 19) ? 0 : 1);
    ' 2>/dev/null; then
        return
    fi
    ensure_uv
    print=$(fingerprint scripts/node.lock)
    if ! is_done "$stamp" "$print"; then
        say "Installing Node.js (from PyPI)"
        "$tools/bin/uv" pip install -q --python "$tools/bin/python" --require-hashes -r scripts/node.lock
        mark_done "$stamp" "$print"
    fi
    export PATH=$tools/bin:$PATH
}
