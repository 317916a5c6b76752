# Bindery's tasks. `make` alone prints them, grouped.

PYTHON   ?= python3
VENV     ?= .venv
HOST     ?= 127.0.0.1
PORT     ?= 8000
DATA_DIR ?= .data
CONFIG   ?= examples/bindery.yaml

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
	$(BIN)/python examples/demo.py --port $(PORT)

##@ Work on it
.PHONY: install-dev test lint types schemas lock clean

install-dev: $(DEV) ## add the tools of the tests and the real engines' binaries

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
