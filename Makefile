# Everything a developer or a new user runs. `make demo` and `make test` need only Python (3.10 or newer) and make.
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
JOBS ?= auto

.PHONY: demo test test-lowest check format soak bench bench-postgres notebooks servers clean

# One environment, made once per change of pyproject.toml; each stamp records the extras it holds.
$(VENV)/.base: pyproject.toml
	$(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --editable .
	@touch $@

$(VENV)/.test: $(VENV)/.base
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --editable '.[test]'
	@touch $@

$(VENV)/.check: $(VENV)/.test
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --editable '.[check]'
	@touch $@

$(VENV)/.bench: $(VENV)/.base
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --editable '.[bench]'
	@touch $@

demo: $(VENV)/.base
	$(BIN)/python -m langgraph_filesaver demo

test: $(VENV)/.test
	$(BIN)/python -m pytest -n $(JOBS) --dist worksteal -m "not soak"

test-lowest: pyproject.toml tests/lowest-versions.txt
	$(PYTHON) -m venv $(VENV)-lowest
	$(VENV)-lowest/bin/python -m pip install --quiet --disable-pip-version-check --editable '.[test]' \
		--constraint tests/lowest-versions.txt
	$(VENV)-lowest/bin/python -m pytest -n $(JOBS) --dist worksteal -m "not soak"

check: $(VENV)/.check
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/lint-imports --no-cache

format: $(VENV)/.check
	$(BIN)/ruff format .
	$(BIN)/ruff check --fix .

soak: $(VENV)/.test
	$(BIN)/python -m pytest -n $(JOBS) -m soak --timeout 3600

# Beside the savers that people use today, on the disk of this folder; BENCH="--only chat --json new.json" chooses.
bench: $(VENV)/.bench
	$(BIN)/python -m benchmarks $(BENCH)

# The same with a PostgreSQL of its own, which Debian's package brings (root).
bench-postgres: $(VENV)/.bench
	$(BIN)/python -m benchmarks.postgres $(BENCH)

# Runs the notebooks and stores what they give.
notebooks: $(VENV)/.test
	$(BIN)/python -m tests.notebooks.execution

# What tests need beyond Python (root on Debian): real servers, and file systems whose power is cut. Without it they are
# skipped with the reason.
servers:
	tests/servers/install

clean:
	rm -rf $(VENV) $(VENV)-lowest .mypy_cache .ruff_cache .pytest_cache .hypothesis .servers
