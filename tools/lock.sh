#!/usr/bin/env bash
# Write requirements.lock from pyproject.toml: every platform and Python, with hashes, no index named.
set -euo pipefail
cd "$(dirname "$0")/.."
uv=$(command -v uv || echo .cache/uv/bin/uv)
"$uv" pip compile --quiet --upgrade --universal --python-version 3.11 --generate-hashes \
  --no-emit-index-url --no-header --group dev pyproject.toml -o requirements.lock
