# Outrider: everything a user or developer runs. `make help` lists it.
SHELL := /bin/bash
VENV := .venv
BIN := $(VENV)/bin
# A Python that every user of the machine can run: one in another's home folder can't be.
PYTHON ?= $(shell for each in /usr/bin/python3 python3 python3.13 python3.12 python3.11; do \
	$$each -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null && command -v $$each && break; done)

.DEFAULT_GOAL := help

.PHONY: help
help: ## List these commands
	@grep -hE '^[a-z-]+:.*##' $(MAKEFILE_LIST) | sed -E 's/:.*## /\t/' | expand -t 14

.PHONY: run
run: setup ## Start Outrider with its own database and worker; Ctrl-C stops it
	@exec $(BIN)/outrider serve

.PHONY: demo
demo: setup ## Show the main job on local mail servers, in under a minute
	@$(BIN)/outrider demo

.PHONY: doctor
doctor: setup ## Check this installation and say what to do
	@$(BIN)/outrider doctor

.PHONY: setup
setup: $(VENV)/.installed ## Make the environment alone

.PHONY: test
test: check mail-servers emulator ## Check and test everything, installing what that needs
	$(BIN)/pytest -n 3 --dist loadfile --no-loadscope-reorder -m "not faults"

.PHONY: test-faults
test-faults: $(VENV)/.developing mail-servers ## Run the long fault drills
	$(BIN)/pytest -m faults -s

.PHONY: check
check: $(VENV)/.developing ## Format, lint, types, import rules, contracts
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/mypy
	$(BIN)/lint-imports --no-cache
	$(BIN)/python -m scripts.contracts --check
	$(BIN)/python -m scripts.console --check
	$(BIN)/python -m scripts.wording --check

.PHONY: bench
bench: $(VENV)/.developing ## Print ratios against peers and limits: make bench [NAME=syncing] [MAIL=folder]
	$(BIN)/python -m bench $(NAME) $(if $(MAIL),--mail "$(MAIL)")

.PHONY: judge
judge: $(VENV)/.developing ## Measure the reading of incoming mail: make judge DATA=folder [ERRORS=1]
	@$(BIN)/python -m bench.judge $(if $(DATA),"$(DATA)",tests/data/judging) $(if $(ERRORS),--errors)

.PHONY: format
format: $(VENV)/.developing ## Format the code and mend what can be mended
	$(BIN)/ruff format .
	$(BIN)/ruff check --fix .

.PHONY: contracts
contracts: $(VENV)/.developing ## Write OpenAPI, Postman collection and reference pages anew
	$(BIN)/python -m scripts.contracts

.PHONY: console
console: $(VENV)/.developing ## Build the console's files anew, with Node from PyPI
	$(BIN)/python -m scripts.console

.PHONY: lock
lock: $(VENV)/.developing ## Resolve the dependencies anew into requirements/*.lock
	$(BIN)/uv pip compile -q --upgrade --generate-hashes --no-header --no-emit-index-url pyproject.toml -o requirements/main.lock
	$(BIN)/uv pip compile -q --upgrade --generate-hashes --no-header --no-emit-index-url --extra dev \
		-c requirements/main.lock pyproject.toml -o requirements/dev.lock

.PHONY: mail-servers
mail-servers:
	@scripts/install-mail-servers

.PHONY: emulator
emulator: $(VENV)/.developing
	@scripts/install-emulator

.PHONY: clean
clean: ## Remove the environment and caches; data stays
	rm -rf $(VENV) .mypy_cache .ruff_cache .pytest_cache .hypothesis build dist

$(BIN)/uv:
	@test -n "$(PYTHON)" || { echo "Outrider needs Python 3.11 or newer: apt-get install python3 python3-venv"; exit 1; }
	@$(PYTHON) -c 'import ensurepip' 2>/dev/null || { test "$$(id -u)" = 0 \
		&& apt-get update -qq && DEBIAN_FRONTEND=noninteractive apt-get install -y -qq python3-venv; } \
		|| { echo "Python's venv is missing: apt-get install python3-venv"; exit 1; }
	$(PYTHON) -m venv $(VENV)
	$(BIN)/pip install --quiet --disable-pip-version-check uv

$(VENV)/.installed: $(BIN)/uv requirements/main.lock pyproject.toml
	$(BIN)/uv pip install --quiet --python $(BIN)/python --require-hashes -r requirements/main.lock
	$(BIN)/uv pip install --quiet --python $(BIN)/python --no-deps --editable .
	@touch $@

$(VENV)/.developing: $(VENV)/.installed requirements/dev.lock
	$(BIN)/uv pip install --quiet --python $(BIN)/python --require-hashes -r requirements/dev.lock
	@touch $@
