# Everything a fresh machine needs: Python 3.11+, git, make, a C compiler, Rust. `make demo` does the rest.
PYTHON ?= python3
VENV   := .venv
BIN    := $(VENV)/bin
STAMP  := $(VENV)/.ready
NATIVE := $(shell find native/src -name '*.rs') native/Cargo.toml native/Cargo.lock

.PHONY: help env demo test check live soak bench fuzz docs lock clean
.DEFAULT_GOAL := help

help: ## show this list
	@awk -F':.*## ' '/^[a-z]+:.*## /{printf "  make %-8s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

env: $(STAMP) ## prepare .venv with everything (idempotent)

$(STAMP): requirements.lock pyproject.toml $(NATIVE) tools/bootstrap.sh
	@PYTHON=$(PYTHON) bash tools/bootstrap.sh $(VENV)
	@touch $@

demo: env ## find, fix and prove one real leak, end to end
	@$(BIN)/mapmedic demo $(ARGS)

test: env ## the tests (a sample of the live ones included; some 9 minutes)
	@$(BIN)/pytest $(ARGS)

check: env ## lint, types, import picture, gofmt, vet, clippy
	@bash tools/check.sh $(BIN)

live: env ## every lab scenario, from outside and inside, and every cell of the agent on every Go version; rewrites the matrices in docs/reference
	@$(BIN)/python -m tools.check_layouts
	@$(BIN)/python -m tests.live.matrix $(ARGS)
	@$(BIN)/python -m tests.live.matrix --inside
	@$(BIN)/python -m tests.live.heap_matrix
	@$(BIN)/python -m tests.live.big_program
	@$(BIN)/python -m tests.live.agent_matrix
	@$(BIN)/python -m tests.oracle.binary_matrix
	@MAPMEDIC_GO=all $(BIN)/pytest -n0 tests/live/test_entries.py tests/live/test_heap_builds.py \
		tests/live/test_stacks.py tests/live/test_owners.py tests/live/test_gc_words.py tests/live/test_corners.py \
		tests/live/test_large.py tests/live/test_call.py tests/live/test_core_looks.py \
		tests/live/test_live_iterators.py tests/live/test_struct.py

soak: env ## a thousand fixes from outside, hundreds of kills in the middle of one, contention, memory, stall; PART=fixes for one; rewrites its tables in docs/reference
	@$(BIN)/python -m tests.soak $(PART)

bench: env ## speed and size beside the peers, with bars; rewrites docs/reference/benchmarks.md
	@$(BIN)/python -m benchmarks.run $(ARGS)

fuzz: env ## a minute of random bytes for each parser, and of lies in the memory of a process
	@$(BIN)/python -m tests.fuzz.run $(ARGS)
	@$(BIN)/python -m tests.fuzz.memory

docs: env ## write docs/reference/cli.md anew from --help
	@$(BIN)/python -m tools.cli_reference

lock: env ## write requirements.lock anew from pyproject.toml
	@bash tools/lock.sh

clean: ## remove what `make env` made
	rm -rf $(VENV) native/target .cache/uv
