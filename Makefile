# make demo   from nothing to swapped pedestrians in outputs/demo/
# make test   every test
# make lint   every gate: style, imports, types, copies
#
# Each makes the virtual environment first if it is not there. Variables: PYTHON (which Python makes it), VENV (where it
# is), WORKERS (how many processes test).

PYTHON ?= python3
VENV ?= .venv
WORKERS ?= 2

BIN := $(VENV)/bin
# Written when an installation is complete; older than the files that say what to install, it is made anew.
INSTALLED := $(VENV)/.installed
PACKAGES := dgnet eval reid_heads visual tools

.PHONY: demo test lint style imports types copies venv

demo: $(INSTALLED)
	$(BIN)/python tools/demo.py

test: $(INSTALLED)
	$(BIN)/python -m pytest --numprocesses $(WORKERS) --dist worksteal

lint: style imports types copies

style: $(INSTALLED)
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .

imports: $(INSTALLED)
	$(BIN)/lint-imports

types: $(INSTALLED)
	$(BIN)/mypy

copies: $(INSTALLED)
	find $(PACKAGES) tests -name '*.py' -exec $(BIN)/pylint {} +

venv: $(INSTALLED)

$(INSTALLED): setup.cfg pyproject.toml
	@command -v "$(PYTHON)" >/dev/null || { \
		echo "error: no $(PYTHON) here; install Python 3.10 or newer, or name one: make PYTHON=/path/to/python3" >&2; exit 1; }
	@"$(PYTHON)" -c 'import sys; sys.exit(sys.version_info < (3, 10))' || { \
		echo "error: Python 3.10 or newer is needed, $(PYTHON) is $$("$(PYTHON)" --version 2>&1); name another: make PYTHON=/path/to/python3" >&2; exit 1; }
	@test -x "$(BIN)/python" || "$(PYTHON)" -c 'import venv, ensurepip' 2>/dev/null || { \
		echo "error: $(PYTHON) has no venv module; install it (Debian, Ubuntu: apt install python3-venv) or name another: make PYTHON=/path/to/python3" >&2; exit 1; }
	test -x "$(BIN)/python" || "$(PYTHON)" -m venv "$(VENV)"
	@echo "Installing into $(VENV): minutes and some GB, most of it torch"
	"$(BIN)/python" -m pip install --quiet --disable-pip-version-check --editable '.[test,lint]'
	@touch $@
