PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin

.PHONY: demo test check snapshots translations pictures recordings limits clean

demo: $(VENV)/.installed
	$(BIN)/luna-tui demo

test: $(VENV)/.installed-test
	$(BIN)/python -m pytest

check: $(VENV)/.installed-dev
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/mypy
	$(BIN)/python -m pytest

snapshots: $(VENV)/.installed-test
	$(BIN)/python -m pytest tests/tui --snapshot-update

translations: $(VENV)/.installed-test
	PYTHONPATH=tests:. $(BIN)/python -m catalogue

pictures: $(VENV)/.installed-test
	PYTHONPATH=tests:. $(BIN)/python -m tui.pictures

recordings: $(VENV)/.installed-test
	PYTHONPATH=tests:. $(BIN)/python -m engine.limiter_recorder

limits: $(VENV)/.installed
	$(BIN)/python -m benchmarks.limits_virtual

clean:
	rm -rf $(VENV) build dist .pytest_cache .mypy_cache .ruff_cache .hypothesis

$(BIN)/python:
	$(PYTHON) -m venv $(VENV)

$(VENV)/.installed: $(BIN)/python pyproject.toml
	$(BIN)/python -m pip install --quiet --disable-pip-version-check -e .
	touch $@

$(VENV)/.installed-test: $(BIN)/python pyproject.toml
	$(BIN)/python -m pip install --quiet --disable-pip-version-check -e '.[test]'
	touch $@ $(VENV)/.installed

$(VENV)/.installed-dev: $(BIN)/python pyproject.toml
	$(BIN)/python -m pip install --quiet --disable-pip-version-check -e '.[dev]'
	touch $@ $(VENV)/.installed-test $(VENV)/.installed
