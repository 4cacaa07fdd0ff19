# `make help` lists the targets. They need Python 3.11 to 3.13 with venv, and nothing from the environment.

VENV := .venv
BIN := $(VENV)/bin
STAMP := $(VENV)/.installed
BENCH_STAMP := $(VENV)/.installed-bench

# Another project's environment must not leak into this one; programs started by name come from the venv.
# Images of containers like to forbid bytecode: each of many processes would then compile Airflow anew, for seconds.
unexport PYTHONPATH PYTHONHOME VIRTUAL_ENV PYTHONDONTWRITEBYTECODE
SYSTEM_PATH := $(PATH)
export PATH := $(CURDIR)/$(BIN):$(PATH)

.DEFAULT_GOAL := help
.PHONY: help install demo up test bench lint format typecheck requirements migration clean

help: ## List the targets
	@awk -F ':.*## ' '/^[a-z]+:.*## / { printf "  make %-14s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

install: $(STAMP) ## Install everything into .venv (again only when requirements change)

demo: $(STAMP) ## Demo stores, the whole end-of-day run through Airflow's scheduler, and its summary; ARGS="--stores 3"
	@python -m commerce_airflow.local demo --with-parent $(ARGS)

up: $(STAMP) ## Airflow with its UI on the demo data, in the foreground; ARGS="--port 9000"
	@python -m commerce_airflow.local up --with-parent $(ARGS)

test: $(STAMP) ## All tests; ARGS="-k name" passes arguments to pytest
	@python -m pytest -n auto --maxprocesses 4 --dist loadgroup tests $(ARGS)

bench: $(BENCH_STAMP) ## The benchmarks, each beside its floor and its peer (docs/benchmarks.md); ARGS="--quick" for a look
	@python -m bench $(ARGS)

lint: $(STAMP) ## Style (ruff) and the direction of imports (import-linter)
	@ruff check
	@ruff format --check
	@lint-imports

format: $(STAMP) ## Put the code into shape (ruff)
	@ruff check --fix
	@ruff format

typecheck: $(STAMP) ## Types (mypy, strict)
	@mypy

requirements: $(STAMP) ## Compile requirements*.txt from requirements*.in; ARGS="--upgrade" takes newer versions
	@uv pip compile --quiet --universal --no-header --no-emit-index-url --python-version 3.11 requirements.in --output-file requirements.txt $(ARGS)
	@uv pip compile --quiet --universal --no-header --no-emit-index-url --python-version 3.11 requirements-dev.in --output-file requirements-dev.txt $(ARGS)
	@uv pip compile --quiet --universal --no-header --no-emit-index-url --python-version 3.11 requirements-bench.in --output-file requirements-bench.txt $(ARGS)

migration: $(STAMP) ## New revisions for what changed in commerce.schema; NAME="what_changed"
	@python -m commerce.migrations $(NAME)

clean: ## Stop the embedded server and remove .venv, .commerce and everything that was built
	@if [ -x $(BIN)/commerce ] && [ -d .commerce ]; then env -u COMMERCE_HOME $(BIN)/commerce server stop; fi
	@rm -rf $(VENV) .commerce build .pytest_cache .mypy_cache .ruff_cache .import_linter_cache .hypothesis include/*.egg-info

# uv installs the stack in seconds, pip in a minute or two. pip stands in where uv is missing or cannot reach the packages.
$(STAMP): requirements.txt requirements-dev.txt pyproject.toml
	@PATH="$(SYSTEM_PATH)"; python="$$(PYTHON="$(PYTHON)" sh .ci/find-python)" && "$$python" -m venv --clear $(VENV)
	@echo "Installing into $(VENV) ..."
	@install() { "$$@" --quiet --requirement requirements.txt --requirement requirements-dev.txt && \
			"$$@" --quiet --no-deps --no-build-isolation --editable .; }; \
		pip="$(BIN)/python -m pip --disable-pip-version-check"; \
		{ $$pip install --quiet "$$(grep -o '^uv==[^ ]*' requirements-dev.txt)" && \
			install $(BIN)/uv pip install --system-certs --python $(BIN)/python; } || \
		{ echo "uv did not do it; installing with pip, which takes longer." && install $$pip install; }
	@touch $@

# What only the benchmarks need comes on top.
$(BENCH_STAMP): $(STAMP) requirements-bench.txt
	@echo "Installing what the benchmarks need into $(VENV) ..."
	@uv pip install --quiet --system-certs --python $(BIN)/python --requirement requirements-bench.txt || \
		$(BIN)/python -m pip --disable-pip-version-check install --quiet --requirement requirements-bench.txt
	@touch $@
