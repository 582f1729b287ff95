# Everything runs in .venv, which the targets make and fill themselves; none needs to be activated.
# PYTHON=/path/to/python3.11 names the interpreter that .venv is made from.
#
# On Linux, pip fetches torch with its CUDA libraries (gigabytes). Without a GPU, the CPU build is enough:
#   PIP_EXTRA_INDEX_URL=https://download.pytorch.org/whl/cpu make demo

PYTHON ?= python3
# Other options for the tools, such as: make test PYTEST='-k config'   make test-all PYTEST='-k slurm'
#   make demo SNAKEMAKE=--dry-run   make faults FAULTS='--seed 7 --faults 40'
# Two files of tests at a time, in the order of tests/conftest.py; with more cores and memory to spare,
# PYTEST='-n 4 --dist loadfile --no-loadscope-reorder'.
PYTEST ?= -n 2 --dist loadfile --no-loadscope-reorder
SNAKEMAKE ?=
FAULTS ?=

export PYTHON
export PATH := $(CURDIR)/.venv/bin:$(PATH)
RUN := .venv/bin/

.DEFAULT_GOAL := help
.PHONY: help demo study record test test-all faults lint env release clean

help:  ## List the targets.
	@echo 'Targets (see the top of the Makefile for options):'
	@sed -n 's/^\([a-z-]*\):[^#]*## \(.*\)/  \1|\2/p' Makefile | awk -F'|' '{ printf "%-11s %s\n", $$1, $$2 }'

demo: env  ## Run the whole study that config/config.yaml describes (as shipped: the demo, minutes on a laptop).
	@echo 'running the study: snakemake all'
	@$(RUN)snakemake all $(SNAKEMAKE)
	@echo "report: results/$$(sed -n 's/^scale:[[:space:]]*\([A-Za-z0-9_-]*\).*/\1/p' config/config.yaml)/report/index.html"

study: env  ## Run every arm with three seeds, and measure what a gain comes from (config/study.yaml): hours, on two cores.
	@echo 'running the whole study: snakemake all --configfile config/study.yaml'
	@$(RUN)snakemake all --configfile config/study.yaml $(SNAKEMAKE)

record: env  ## Run the demo as DVC does, and record it: afterwards dvc.lock and docs/demo are true, and can be committed.
	@echo 'running and recording the study: dvc repro'
	@$(RUN)dvc repro
	@$(RUN)dvc status
	@mkdir -p docs/demo && rm -f docs/demo/*
	@install -m 644 results/demo/summary.json $$(find results/demo/report -maxdepth 1 -type f) docs/demo
	@echo 'to commit: git add dvc.lock docs/demo'

test: env lint  ## Check style, types and the workflow, then run the tests, but for the slow ones.
	@echo "running the tests: pytest -m 'not slow'"
	@$(RUN)python -m pytest -m 'not slow' $(PYTEST)

test-all: env lint  ## The same with the slow tests: whole studies, kills, SLURM. What continuous integration runs.
	@echo 'running all tests: pytest'
	@$(RUN)python -m pytest $(PYTEST)

faults: env  ## Inject 220 faults into a small study, each followed by a rerun, and print what came of them (half an hour).
	@cd tests && ../$(RUN)python -m faults $(FAULTS)

lint: env  ## Check style, types and the workflow only.
	@echo 'checking: ruff, mypy, snakefmt, snakemake --lint'
	@$(RUN)ruff check .
	@$(RUN)ruff format --check .
	@$(RUN)mypy
	@$(RUN)snakefmt --check Snakefile workflow
	@$(RUN)snakemake --lint

env:  ## Make or update .venv.
	@scripts/env

release: env  ## Build both packages and the release note into dist (VERSION=0.2.0 sets that version first).
	@$(RUN)python scripts/release $(VERSION)

clean:  ## Remove the demo's results and all caches (not .venv, not the results of other scales).
	rm -rf results/demo work/demo .pytest_cache .mypy_cache .ruff_cache build
	find src tests -name __pycache__ -type d -prune -exec rm -rf {} +
