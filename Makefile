# make run: set up and try it. make test: set up and test it.
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin

.DEFAULT_GOAL := help
.PHONY: help run test lint bench fuzz chaos screenshots schemas clean

help: ## this list
	@grep -E '^[a-z-]+:.*##' $(MAKEFILE_LIST) | sed "s/:.*## /\t/" | expand -t 12

run: $(VENV)/.installed ## set up, then run the bridge with an example backend on 127.0.0.1:8080
	@$(BIN)/rpcbridge demo

test: $(VENV)/.test-installed ## set up, then run every check: ruff, mypy, tests
	$(BIN)/ruff check .
	$(BIN)/mypy
	$(BIN)/pytest --numprocesses 3 --dist loadscope -m "not alone"
	$(BIN)/pytest --numprocesses 2 --dist loadscope -m alone --ignore tests/chaos
	$(BIN)/pytest -m alone tests/chaos

lint: $(VENV)/.test-installed ## ruff and mypy alone
	$(BIN)/ruff check .
	$(BIN)/mypy

bench: $(VENV)/.bench-installed ## set up, then measure: codec, proxies, held calls, memory; see benchmarks/README.md
	$(BIN)/python -m benchmarks

SECONDS ?= 120
fuzz: $(VENV)/.test-installed ## set up, then throw odd bodies, requests and answers at the bridge: make fuzz SECONDS=60
	$(BIN)/python -W ignore -m tests.fuzz $(SECONDS)

chaos: $(VENV)/.test-installed ## set up, then break everything under load and print what was lost; ROWS="worker-sqlite hung" chooses
	$(BIN)/python -m tests.chaos $(ROWS)

screenshots: $(VENV)/.test-installed ## take the README's pictures of the inspector from a real run, into docs/images
	$(BIN)/python -m tests.browser.screenshots docs/images

schemas: $(VENV)/.installed ## write docs/*.schema.json from the marshmallow schemas
	$(BIN)/python -m rpcbridge.schemas.jsonschema docs

clean: ## remove what make made
	rm -rf $(VENV) tests/judges/node_modules build dist *.egg-info

$(VENV)/bin/python:
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null || { \
	  echo "rpcbridge needs Python 3.11 or newer as $(PYTHON). Debian 12+, Ubuntu 24.04+:"; \
	  echo "  sudo apt-get install python3 python3-venv"; \
	  echo "or name another: make PYTHON=python3.12 $(MAKECMDGOALS)"; exit 1; }
	@$(PYTHON) -c 'import venv, ensurepip' 2>/dev/null || { \
	  echo "Python's venv module is missing. Install it with:"; \
	  echo "  sudo apt-get install python3-venv"; exit 1; }
	$(PYTHON) -m venv $(VENV)

$(VENV)/.installed: pyproject.toml | $(VENV)/bin/python
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --editable .
	@touch $@

$(VENV)/.test-installed: pyproject.toml tests/judges/package.json tests/browser/install.sh | $(VENV)/bin/python
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --editable '.[test]'
	@if command -v npm >/dev/null; then cd tests/judges && npm install --silent --no-audit --no-fund; else \
	  echo "npm is missing, the tests with node's XML-RPC client, axe-core and har-schema will be skipped. Install it with:"; \
	  echo "  sudo apt-get install npm"; fi
	@tests/browser/install.sh
	@touch $@

$(VENV)/.bench-installed: pyproject.toml | $(VENV)/bin/python
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --editable '.[bench]'
	@touch $@
