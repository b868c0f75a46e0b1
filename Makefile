# Gatepost: `make` lists what there is.

SHELL := /bin/bash
BIN := .venv/bin
ASSETS := $(shell find web -name node_modules -prune -o -path web/static -prune -o -type f \
	\( -path 'web/assets/*' -o -path 'web/templates/*' -o -name '*.js' -o -name '*.mjs' -o -name '*.json' -o -name looks.py \) -print 2>/dev/null)
CORPORA ?= ../shared/corpora

.DEFAULT_GOAL := help
.PHONY: help setup run demo test check bench torture fuzz score lock packages clean

help: ## Show this list
	@awk -F ':.*## ' '/^[a-z]+:.*## / { printf "  make %-9s %s\n", $$1, $$2 }' Makefile

setup: .venv/.installed web/static/.built ## Environment, dependencies and web assets; quick when nothing changed

run: setup ## Set up whatever is missing and serve on this machine
	@exec $(BIN)/gatepost serve --init

demo: setup ## Play a scene that shows every delivery state (while `make run` is running)
	@$(BIN)/gatepost demo

test: setup packages ## Every test, those on real servers and in a real browser included
	@$(BIN)/python -m pytest -n auto --dist worksteal $(ARGS)

check: .venv/.installed ## Style, types, layout and import direction
	@$(BIN)/ruff check .
	@$(BIN)/ruff format --check .
	@$(BIN)/mypy
	@$(BIN)/python -m pytest -p no:cacheprovider tests/test_layout.py tests/test_imports.py

bench: setup ## Benchmarks; they print their figures
	@for bench in bench/*.py; do [ -e "$$bench" ] || { echo "No benchmarks yet."; exit 0; }; \
		echo "== $$bench"; $(BIN)/python "$$bench" || exit 1; done

torture: setup packages ## Kills, power cuts, clock jumps, storms: minutes of each (NAMES="kill-storm" ARGS=--list)
	@$(BIN)/python -m tests.torture $(NAMES) $(ARGS)

fuzz: setup .venv/.fuzz ## A million mutated mails, then atheris (CORPORA=folder for more seeds; ARGS="--count 1000")
	@$(BIN)/python -m tests.fuzz $(if $(filter command line environment,$(origin CORPORA)),--corpora $(CORPORA)) $(ARGS)

score: .venv/.installed ## Score parsing and threading on a folder of real mail (CORPORA=folder)
	@if [ -x $(CORPORA)/score.py ]; then $(BIN)/python $(CORPORA)/score.py --gatepost $(BIN)/gatepost; \
		else echo "No score.py in $(CORPORA): set CORPORA to the folder that has it."; fi

packages: .venv/.installed
	@$(BIN)/python -m tests.rig.packages

lock: ## Write the locks anew from pyproject.toml (needs uv)
	@scripts/lock

clean: ## Remove what was built; keeps var/ (your mail) and gatepost.toml
	rm -rf .venv web/node_modules web/static build dist *.egg-info test-artifacts \
		.pytest_cache .mypy_cache .ruff_cache .hypothesis
	find . -path ./var -prune -o -path ./.git -prune -o -type d -name __pycache__ -prune -exec rm -rf {} +

.venv/.installed: requirements-dev.txt requirements-build.txt pyproject.toml scripts/python-setup
	@scripts/python-setup
	@touch $@

.PHONY: .venv/.fuzz
.venv/.fuzz: .venv/.installed
	@cmp -s requirements-fuzz.txt $@ || { $(BIN)/python -m pip --disable-pip-version-check --no-input install --quiet \
		--root-user-action=ignore --require-hashes --only-binary :all: -r requirements-fuzz.txt && cp requirements-fuzz.txt $@; } || true

web/static/.built: $(ASSETS) scripts/web-setup
	@scripts/web-setup
	@mkdir -p web/static && touch $@
