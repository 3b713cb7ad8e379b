# make demo       from nothing to swapped pedestrians in outputs/demo/
# make test       every test; those that need CUDA or a browser are skipped where there is none
# make test-fast  the tests that take less than about 0.3 s each
# make test-gpu   the tests that need CUDA
# make fuzz       files of every kind, thousands of cases
# make parity     every case of the tests against numbers of the original code
# make costs      every test; then the most expensive ones, and the peak memory of all processes together
# make coverage   every test, and how much of each room's code they run; coverage-fast: of the fast tests
# make lint       every gate: style, imports, types, copies
#
# Each makes the virtual environment first if it is not there: the demo installs what it needs, the others the tools of
# development, too. Variables: PYTHON (which Python makes it), VENV (where it is), WORKERS (how many processes test).

PYTHON ?= python3
VENV ?= .venv
WORKERS ?= 2

BIN := $(VENV)/bin
# Written when an installation is complete; older than the files that say what to install, it is made anew.
RUN := $(VENV)/.installed-run
DEVELOPMENT := $(VENV)/.installed-development
PACKAGES := dgnet eval reid_heads visual tools
# A process that has finished its tests takes some over from the other one. Without byte code each would compile every
# file anew.
PYTEST := PYTHONDONTWRITEBYTECODE= $(BIN)/python -m pytest --numprocesses $(WORKERS) --dist worksteal

FAST := -m 'not slow and not large and not browser and not gpu'

.PHONY: demo test test-fast test-gpu fuzz parity costs coverage coverage-fast lint style imports types copies venv

demo: $(RUN)
	$(BIN)/python tools/demo.py

test: $(DEVELOPMENT)
	$(PYTEST)

test-fast: $(DEVELOPMENT)
	$(PYTEST) $(FAST)

test-gpu: $(DEVELOPMENT)
	$(BIN)/python -m pytest -m gpu

fuzz: $(DEVELOPMENT)
	HYPOTHESIS_PROFILE=long $(PYTEST) --timeout 7200 tests/fuzz

parity: $(DEVELOPMENT)
	DGNET_ALL_CASES=1 $(PYTEST) --timeout 1200 tests/test_oracle_parity.py tests/dgnet/training/test_parity.py \
		tests/reid_heads/test_parity.py

costs: $(DEVELOPMENT)
	$(PYTEST) -p tests.costs

coverage: $(DEVELOPMENT)
	$(PYTEST) --cov --cov-report=
	$(BIN)/python tests/coverage_by_room.py

coverage-fast: $(DEVELOPMENT)
	$(PYTEST) $(FAST) --cov --cov-report=
	$(BIN)/python tests/coverage_by_room.py

lint: style imports types copies

style: $(DEVELOPMENT)
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .

imports: $(DEVELOPMENT)
	$(BIN)/lint-imports

types: $(DEVELOPMENT)
	$(BIN)/mypy

copies: $(DEVELOPMENT)
	find $(PACKAGES) tests -name '*.py' -exec $(BIN)/pylint {} +

venv: $(DEVELOPMENT)

$(RUN) $(DEVELOPMENT): setup.cfg pyproject.toml
	@command -v "$(PYTHON)" >/dev/null || { \
		echo "error: no $(PYTHON) here; install Python 3.10 or newer, or name one: make PYTHON=/path/to/python3" >&2; exit 1; }
	@"$(PYTHON)" -c 'import sys; sys.exit(sys.version_info < (3, 10))' || { \
		echo "error: Python 3.10 or newer is needed, $(PYTHON) is $$("$(PYTHON)" --version 2>&1); name another: make PYTHON=/path/to/python3" >&2; exit 1; }
	@test -x "$(BIN)/python" || "$(PYTHON)" -c 'import venv, ensurepip' 2>/dev/null || { \
		echo "error: $(PYTHON) has no venv module; install it (Debian, Ubuntu: apt install python3-venv) or name another: make PYTHON=/path/to/python3" >&2; exit 1; }
	test -x "$(BIN)/python" || "$(PYTHON)" -m venv "$(VENV)"
	@echo "Installing into $(VENV): minutes and some GB, most of it torch"
	"$(BIN)/python" -m pip install --quiet --disable-pip-version-check --editable '.$(EXTRAS)'
	@touch $@

$(DEVELOPMENT): EXTRAS := [test,lint]
