# Two commands do everything on a fresh machine: make demo, make test. What they need, they install into .venv.
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
STAMP := $(VENV)/.installed

.DEFAULT_GOAL := help
.PHONY: help demo page test test-standalone test-native bench soak lint format pictures docs clean
EDITOR := flow_engine/public
PAGE := flow_engine/sqlite_host/assets/editor/index.html

help: ## This list
	@grep -hE '^[a-z-]+:.*##' $(MAKEFILE_LIST) | sed -E 's/:.*## /\t/' | expand -t 18

$(STAMP): setup.py requirements.txt
	$(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --quiet --disable-pip-version-check -e '.[test]'
	@touch $@

node_modules: package.json package-lock.json
	npm ci --no-audit --no-fund --loglevel=error
	@touch $@

# Only where a source of it has changed: the build takes a few seconds.
$(PAGE): node_modules vite.config.mjs $(shell find $(EDITOR) -name '*.vue' -o -name '*.js' -o -name '*.css') \
		$(wildcard flow_engine/translations/*.csv)
	npm run --silent build:page
	@touch $@

page: $(PAGE) ## Build the page that `flow-engine serve` serves

demo: $(STAMP) ## A signed contract, eleven months in a minute: on SQLite, with a virtual clock
	@$(BIN)/flow-engine demo

test: test-standalone test-native ## Everything: without a bench, then on the bench if there is one

test-standalone: $(STAMP) $(PAGE) ## Engine, SQLite host, API and browser; needs no bench
	$(BIN)/python -m pytest

test-native: $(STAMP) ## The suite on a real ERPNext site (FRAPPE_BENCH, default ~/frappe-bench)
	$(BIN)/python tests/run_native.py

bench: $(STAMP) ## Ratios against floors, in one run
	$(BIN)/python -m benchmarks

soak: $(STAMP) ## Half an hour of random kills on a bench (FRAPPE_BENCH, FRAPPE_SITE, SOAK_MINUTES, SOAK_SEED)
	$(BIN)/python tests/soak.py

lint: $(STAMP) node_modules ## ruff and prettier
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	npx --no-install prettier --check .

format: $(STAMP) node_modules ## Put everything in the house style
	$(BIN)/ruff check --fix --quiet . || true
	$(BIN)/ruff format --quiet .
	npx --no-install prettier --write --log-level warn .

pictures: $(STAMP) $(PAGE) ## Take the pictures of the documents anew: docs/images
	PICTURES=docs/images $(BIN)/python -m pytest -q tests/browser/test_pictures.py

docs: $(STAMP) ## Write what is generated: docs/kinds.md
	$(BIN)/python -m flow_engine.service.kinds_page > docs/kinds.md

clean: ## Remove what the commands above made
	rm -rf $(VENV) node_modules flow_engine/sqlite_host/assets/editor build *.egg-info .pytest_cache .ruff_cache .hypothesis
