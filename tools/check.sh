#!/usr/bin/env bash
# Everything that needs no running program: lint, types, the import picture, gofmt, vet, rustfmt, clippy.
#   tools/check.sh BIN      (BIN: the virtual environment's bin folder)
set -uo pipefail
cd "$(dirname "$0")/.."
bin=$1
failed=0

run() {
  local name=$1
  shift
  if "$@"; then printf 'ok    %s\n' "$name"; else printf 'FAIL  %s\n' "$name"; failed=1; fi
}

go=$(command -v go || ls -d .cache/go/*/bin/go 2>/dev/null | tail -n 1)
export GOTOOLCHAIN=local GOFLAGS=-mod=mod GOPROXY=off GOWORK=off
gofmt_clean() {
  local unformatted
  unformatted=$("$(dirname "$(realpath "$go")")/gofmt" -l agent lab tests benchmarks) || return 1
  test -z "$unformatted" || { printf '%s\n' "$unformatted"; return 1; }
}
vet() { (cd "$1" && "$(realpath "../$go" 2>/dev/null || echo "$go")" vet ./...); }
clippy() {
  cargo clippy --version >/dev/null 2>&1 || { echo "clippy is not installed: rustup component add clippy"; return 1; }
  (cd native && cargo clippy --quiet --all-targets -- -D warnings)
}

run "ruff check" "$bin/ruff" check --quiet src tests tools benchmarks
run "ruff format" "$bin/ruff" format --check --quiet src tests tools benchmarks
run "mypy" "$bin/mypy" --no-error-summary
run "imports" "$bin/python" tools/check_imports.py
run "gofmt" gofmt_clean
run "go vet agent" vet agent
run "go vet lab" vet lab
run "rustfmt" cargo fmt --manifest-path native/Cargo.toml --check
run "clippy" clippy
run "cargo test" cargo test --quiet --manifest-path native/Cargo.toml
"$bin/python" tools/check_sizes.py
exit $failed
