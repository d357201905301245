# Two commands do all the set-up: `make demo` and `make test`. Both go through `make setup`.
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin

.PHONY: help setup demo test prove torture vm-test live-test deb box-test power-test bench lock clean

help:
	@echo "make demo       three shops on a simulated street, their numbers on a page; Ctrl-C ends it"
	@echo "make test       all tests, lint, types and rules"
	@echo "make prove      every promise about privacy attacked, with planted leaks that must be seen: a table (10 minutes)"
	@echo "make torture    every fault in full, some as root: kills, restarts, bad lines, bad disks, bad clocks: a table (an hour or more)"
	@echo "make vm-test    as root: Wi-Fi and Bluetooth radios in a throw-away machine, a table (half an hour)"
	@echo "make deb        the sensor's Debian package for arm64 (make deb ARCH=amd64 for the other), in dist/"
	@echo "make box-test   as root: the package installed, upgraded and removed in a container, a table (ten minutes)"
	@echo "make power-test as root: power to the first number, and power cuts in an upgrade, in a throw-away machine, a table (ten minutes)"
	@echo "make live-test  as root: the tests on kernel interfaces, a capture through to the API among them"
	@echo "make bench      the figures of docs/benchmarks.md and docs/accuracy.md, measured again (half an hour)"
	@echo "make lock       resolve requirements.lock anew"
	@echo "make clean      remove what setup and demo made"

setup: $(VENV)/complete

$(VENV)/complete: requirements.lock pyproject.toml
	@command -v $(PYTHON) >/dev/null || { echo "Python is missing: install it, on Debian with 'sudo apt-get install python3 python3-venv'."; exit 1; }
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || { echo "Python 3.11 or newer is needed; $(PYTHON) is older. Name another one: make PYTHON=python3.12 ..."; exit 1; }
	@$(PYTHON) -c 'import ensurepip, venv' 2>/dev/null || { echo "Python's venv module is missing: install it, on Debian with 'sudo apt-get install python3-venv'."; exit 1; }
	@echo "Setting up $(VENV) (once, about a minute)"
	@$(PYTHON) -m venv --clear $(VENV)
	@$(BIN)/python -m pip install -qq --disable-pip-version-check --require-hashes -r requirements.lock
	@$(BIN)/python -m pip install -qq --disable-pip-version-check --no-deps --no-build-isolation --editable .
	@touch $@

demo: setup
	@$(BIN)/footfall-cloud demo $(DEMO)

test: setup
	@$(BIN)/python -m pytest $(PYTEST)

prove: setup
	@$(BIN)/python -m tests.privacy $(PROVE)

torture: setup
	@$(BIN)/python -m tests.faults $(TORTURE)

vm-test: setup
	@$(BIN)/python -m tests.radios $(VM)

live-test: setup
	@$(BIN)/python -m pytest -m root --run-root -s

deb: setup
	@$(BIN)/python firmware_config/debian/build.py $(if $(ARCH),--arch $(ARCH))

box-test: setup
	@$(BIN)/python -m tests.boxes $(BOX)

power-test: setup
	@$(BIN)/python -m tests.boxes.power

bench: setup
	@for script in $(filter-out benchmarks/parts.py,$(wildcard benchmarks/*.py benchmarks/counting/*.py)); do \
	  echo "== $$script"; PYTHONPATH=. $(BIN)/python $$script || exit 1; done

lock:
	@$(BIN)/uv pip compile pyproject.toml --all-extras --universal --python-version 3.11 --generate-hashes \
	  --no-emit-index-url --no-header --upgrade --quiet --output-file requirements.lock

clean:
	rm -rf $(VENV) demo-data build dist *.egg-info .pytest_cache .mypy_cache .ruff_cache .hypothesis .import_linter_cache
