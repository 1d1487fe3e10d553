# Needs python3.11 with venv, and nothing else. `make` alone lists the targets.

PYTHON ?= python3.11
VENV   ?= .venv
BIN    := $(VENV)/bin
PIP    := $(BIN)/python -m pip --disable-pip-version-check --quiet
RUN    := $(VENV)/.run-installed
DEV    := $(VENV)/.dev-installed
ARGS   ?=

# Compiled modules are kept: a gateway that compiles them anew starts half as fast, and tests start hundreds.
unexport PYTHONDONTWRITEBYTECODE

.DEFAULT_GOAL := help
.DELETE_ON_ERROR:
.PHONY: help run test check format docs bench wheel sbom lock clean

help:
	@sed -n 's/^\([a-z]*\):.*## /\1\t/p' $(MAKEFILE_LIST) | expand -t 10

run: $(RUN) ## start the gateway with a built-in mock provider (ARGS="--listen 127.0.0.1:9000")
	@exec $(BIN)/python -m gateway serve --demo $(ARGS)

test: $(DEV) ## run the tests (ARGS="-k relay")
	@$(BIN)/python -m tests.together $(ARGS)

check: $(DEV) ## format, lint, types, architecture, fresh docs
	@$(BIN)/ruff format --check --quiet . || { $(BIN)/ruff format --check .; exit 1; }
	@$(BIN)/ruff check --quiet .
	@$(BIN)/mypy --no-error-summary
	@$(BIN)/python -m docs.generate --check
	@$(BIN)/python -m pytest -q tests/test_architecture.py tests/test_docs.py

format: $(DEV) ## put every file into shape
	@$(BIN)/ruff format --quiet .
	@$(BIN)/ruff check --quiet --fix .

docs: $(DEV) ## write the generated pages of docs/ anew
	@$(BIN)/python -m docs.generate

bench: $(DEV) ## measure against nginx and the bare mock (ARGS="--scenario plain-32")
	@$(BIN)/python -m benchmarks run $(ARGS)

wheel: $(DEV) ## build dist/*.whl
	@$(BIN)/python -m build --no-isolation --wheel --outdir dist .

sbom: $(BIN)/python ## write dist/sbom.json: what the container image installs, as CycloneDX
	@$(BIN)/python requirements/sbom.py requirements/full.txt dist/sbom.json

lock: ## compile requirements/*.txt anew from pyproject.toml
	@requirements/lock $(PYTHON)

clean: ## remove what was built and cached; .venv and data stay
	@rm -rf build dist .coverage .coverage.* .hypothesis .mypy_cache .pytest_cache .ruff_cache benchmarks/.build benchmarks/.work
	@find gateway web sql tests docs benchmarks -name __pycache__ -type d -prune -exec rm -rf {} + 2>/dev/null || true

$(BIN)/python:
	@command -v $(PYTHON) >/dev/null || { echo "$(PYTHON) is not installed; set PYTHON=... to another Python 3.11 or newer" >&2; exit 1; }
	@$(PYTHON) -m venv $(VENV)

$(RUN): requirements/run.txt | $(BIN)/python
	@echo "Installing the pinned requirements into $(VENV) (once)"
	@$(PIP) install --no-compile --require-hashes -r $<
	@touch $@

$(DEV): requirements/dev.txt | $(BIN)/python
	@echo "Installing the pinned requirements and the test tools into $(VENV) (once)"
	@$(PIP) install --no-compile --require-hashes -r $<
	@touch $(RUN) $@
