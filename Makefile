# Needs: Python 3.11 or newer, make, and a network to the package registries. Everything else is set up here.
# The work is done in scripts/; a second run does only what has changed.

.DEFAULT_GOAL := help
MAKEFLAGS += --no-print-directory
.NOTPARALLEL:
bin := .venv/bin
.PHONY: help setup demo test check format bench engines samples console docs lock build clean setup-dev system

help: ## list these targets
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "  make %-9s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

setup: ## install what running needs; leaves the program at .venv/bin/ringfence
	@scripts/setup.sh base
	@scripts/console.sh build

demo: setup ## place simulated phone calls and watch them being judged, on 127.0.0.1:8000
	@$(bin)/ringfence demo

test: setup system setup-dev check ## run every test, browser and PostgreSQL included
	@scripts/console.sh check
	@PATH="$(CURDIR)/$(bin):$$PATH" $(bin)/pytest -q $(TESTS)

check: setup-dev ## lint, types, import rules, generated pages
	@scripts/check.sh

format: setup-dev ## rewrite the Python files in the house's format
	@$(bin)/ruff check --quiet --fix . ; $(bin)/ruff format --quiet .

bench: setup-dev ## benchmarks beside their peers; figures in build/bench
	@scripts/bench.sh

engines: setup ## install the local speech engines that need a model: sherpa and whisper
	@scripts/setup.sh engines

samples: setup-dev ## synthesise the demo's calls again from their scripts
	@scripts/system.sh samples
	@$(bin)/python scripts/make_samples.py

console: ## build the browser console
	@scripts/console.sh build

docs: setup-dev ## rewrite the pages that are made from the code
	@$(bin)/python scripts/make_reference.py

lock: ## pin the dependencies again after a change in pyproject.toml
	@scripts/lock.sh $(LOCK)

build: setup-dev ## make the wheel and the source archive in dist/
	@scripts/build.sh

clean: ## remove everything that was built or installed here; calls and secrets stay
	rm -rf .venv .venv-tools .venv-bench build dist console/node_modules src/ringfence/web/console
	find src -name '*.so' -delete
	rm -rf .mypy_cache .ruff_cache .pytest_cache .hypothesis .import_linter_cache

setup-dev: setup
	@scripts/setup.sh dev

system:
	@scripts/system.sh tests
