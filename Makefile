# Bindery's tasks. `make` alone prints them, grouped.

PYTHON   ?= python3
VENV     ?= .venv
HOST     ?= 127.0.0.1
PORT     ?= 8000
DATA_DIR ?= .data
CONFIG   ?= examples/bindery.yaml
SEEDS    ?= 20

BIN      := $(VENV)/bin
PIP      := $(BIN)/python -m pip --disable-pip-version-check --quiet
RUNTIME  := $(VENV)/.installed-runtime
DEV      := $(VENV)/.installed-dev
INPUTS   := requirements.lock pyproject.toml

.DEFAULT_GOAL := help
.DELETE_ON_ERROR:
.PHONY: help

help:
	@awk 'BEGIN {FS = ":.*## "} \
	  /^##@ / {printf "\n%s\n", substr($$0, 5)} \
	  /^[a-z-]+:.*## / {printf "  make %-12s %s\n", $$1, $$2}' $(MAKEFILE_LIST)
	@printf '\nVariables: PORT=%s HOST=%s DATA_DIR=%s CONFIG=%s PYTHON=%s\n' '$(PORT)' '$(HOST)' '$(DATA_DIR)' '$(CONFIG)' '$(PYTHON)'

##@ Use it
.PHONY: install run demo

install: $(RUNTIME) ## install what the service needs into .venv (does nothing when up to date)

run: $(RUNTIME) ## start API, consumers and clock in one process on the embedded engines
	$(BIN)/bindery run --config $(CONFIG) --data-dir $(DATA_DIR) --host $(HOST) --port $(PORT)

demo: $(RUNTIME) ## post signed sample webhooks to a running service and show the bindings
	$(BIN)/python examples/demo.py --port $(PORT) --data-dir $(DATA_DIR)

# The interpreter is checked before anything is created, so that a wrong one leaves nothing behind.
$(BIN)/python:
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null || { \
	  echo "Bindery needs Python 3.11 or newer, and '$(PYTHON)' is: $$($(PYTHON) --version 2>&1)." >&2; \
	  echo "Install one and name it: make PYTHON=python3.12 $(MAKECMDGOALS)" >&2; exit 1; }
	$(PYTHON) -m venv $(VENV)

$(RUNTIME): $(INPUTS) | $(BIN)/python
	$(PIP) install --require-hashes -r requirements.lock
	$(PIP) install --no-deps --no-build-isolation -e .
	@touch $@

$(DEV): requirements-dev.lock $(RUNTIME)
	$(PIP) install --require-hashes -r requirements-dev.lock
	@touch $@

##@ Work on it
.PHONY: install-dev test lint types schemas docs lock clean

install-dev: $(DEV) ## add the tools of the tests, and a MongoDB in a wheel

test: lint types ## lint, types, then all tests; with real engines where Java and Maven are present
	@if absent=$$($(BIN)/python -c 'from deploy.engines import Engines; print("\n".join(Engines.missing()))') && [ -z "$$absent" ]; then \
	  exec $(BIN)/python -m tests; \
	fi; \
	printf '\n%s\n' '!!! REAL ENGINES ARE NOT TESTED !!!' "$$absent" ''; \
	if [ "$(CI)" = true ]; then echo 'CI=true asks for the engines: this run fails.' >&2; exit 1; fi; \
	exec $(BIN)/pytest

lint: $(DEV) ## ruff, the Dockerfile, the compose file, the shell scripts
	$(BIN)/ruff check
	$(BIN)/ruff format --check
	bash -n .ci/run
	$(BIN)/check-jsonschema --builtin-schema vendor.compose-spec deploy/compose.yaml
	@if [ -x $(BIN)/hadolint ]; then echo '$(BIN)/hadolint Dockerfile'; $(BIN)/hadolint Dockerfile; \
	else echo 'hadolint has no build for this platform: the Dockerfile was NOT linted.'; fi

types: $(DEV) ## mypy --strict
	$(BIN)/mypy app consumers schemas deploy docs tests

schemas: $(DEV) ## regenerate the JSON Schemas and the AsyncAPI document
	$(BIN)/python -m schemas.generate

docs: $(DEV) ## write the pages of the vendors anew
	$(BIN)/python docs/sources/generate.py

# The locks carry hashes and no address, so that they install from whatever index the machine is set up for.
LOCK := $(BIN)/uv pip compile --quiet --universal --python-version 3.11 --generate-hashes --no-header --no-annotate \
  --no-emit-index-url --no-emit-find-links

lock: $(DEV) ## pin the dependencies of pyproject.toml anew, with hashes (UPGRADE=--upgrade takes newer ones)
	@echo 'setuptools>=77' > .build-requires.in
	$(LOCK) $(UPGRADE) pyproject.toml .build-requires.in -o requirements.lock
	$(LOCK) $(UPGRADE) --extra dev --extra engines -c requirements.lock pyproject.toml .build-requires.in -o requirements-dev.lock
	@rm .build-requires.in

clean: ## remove everything that was generated, .venv and the data of `make run` excepted
	rm -rf .mypy_cache .ruff_cache .pytest_cache .hypothesis build dist *.egg-info
	find app consumers schemas deploy tests examples -name __pycache__ -type d -prune -exec rm -rf {} +

##@ Measure it
.PHONY: bench soak engines

bench: $(DEV) ## speed, latency and memory beside baselines, on real engines
	$(BIN)/python -m tests.bench

soak: $(DEV) ## the crash tests, many more crashes and seeds (SEEDS=20)
	$(BIN)/python -m tests.crash --seeds $(SEEDS)

engines: $(DEV) ## run a real Kafka and MongoDB here until Ctrl-C, without Docker
	$(BIN)/python -m deploy.engines run
