# Every step of setting up, running and testing this project is here.
SHELL := /bin/bash
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
STAMP := $(VENV)/.installed
PG ?= 18
export PG
# Every command is a process; compiling everything anew costs each of them a second.
unexport PYTHONDONTWRITEBYTECODE
JOBS ?= 2
SERVE ?= 1
MANAGE := $(BIN)/python manage.py
PIP := $(BIN)/python -m pip install -qq --disable-pip-version-check --require-hashes
COG = DJANGO_SETTINGS_MODULE=config.settings.development $(BIN)/cog -I . -I docs
PAGES = $(shell grep -rl --include='*.md' '\[\[\[cog' README.md docs)
# To stop and to remove needs nothing installed.
EMBEDDED = $(if $(wildcard $(BIN)/python),$(BIN)/python,$(PYTHON)) -m config.embedded

.DEFAULT_GOAL := help
.PHONY: help install demo demo-steps serve start stop clean lock format check typecheck \
	test coverage test-faults test-roles test-deep test-browser matrix bench docs docs-check

help: ## list the targets
	@grep -hE '^[a-z-]+:.*##' $(MAKEFILE_LIST) | sed 's/:.*## /\t/' | expand -t 16

install: $(STAMP) ## make the virtual environment

# uv takes a quarter of pip's time; where it cannot be had, pip installs the same lock.
$(STAMP): requirements-dev.txt requirements-uv.txt
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' \
		|| { echo "Python 3.11 or newer is needed; set PYTHON=/path/to/python3"; exit 1; }
	@test -x $(BIN)/pip || $(PYTHON) -m venv $(VENV)
	@echo "Installing the locked packages into $(VENV) ..."
	@$(PIP) --only-binary :all: -r requirements-uv.txt \
		&& $(BIN)/uv pip sync -q --require-hashes --python $(BIN)/python requirements-dev.txt \
		|| $(PIP) -r requirements-dev.txt
	@touch $@

demo: $(STAMP) ## seed a first schema, then migrate it for real; ends in the admin
	@$(BIN)/python -m config.embedded hold $(MAKE) --no-print-directory demo-steps

# The first set of migrations is what the fixtures need; what follows is pending.
demo-steps:
	$(MANAGE) safe_migrate accounts 0003
	$(MANAGE) safe_migrate households 0004
	$(MANAGE) safe_migrate rewards 0004
	@for app in account admin django_q sessions; do $(MANAGE) safe_migrate $$app -v 0 || exit; done
	$(MANAGE) seed --env development
	$(MANAGE) safe_migrate --plan
	$(MANAGE) safe_migrate --policy staging
	$(MANAGE) migration_status
	$(MANAGE) init_config
	$(MANAGE) generate_occurrences
ifeq ($(SERVE),1)
	@echo "The admin: http://127.0.0.1:8000/admin/  user demo, password demo (development only)"
	$(MANAGE) runserver --noreload
endif

lock: $(STAMP) ## write requirements*.txt anew from pyproject.toml
	$(BIN)/uv pip compile -q pyproject.toml --generate-hashes --universal --python-version 3.11 -o requirements.txt
	$(BIN)/uv pip compile -q pyproject.toml --group dev -c requirements.txt --generate-hashes --universal --python-version 3.11 -o requirements-dev.txt
	$(BIN)/uv pip compile -q --group bench -c requirements-dev.txt --generate-hashes --universal --python-version 3.11 -o requirements-bench.txt
	$(BIN)/uv pip compile -q --group install --generate-hashes --universal --python-version 3.11 -o requirements-uv.txt

format: $(STAMP) ## format and mend what can be mended
	$(BIN)/ruff format .
	$(BIN)/ruff check --fix .

typecheck: $(STAMP)
	$(BIN)/mypy

check: $(STAMP) ## format, lint, types, layers, migrations, settings
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/mypy
	$(BIN)/lint-imports --no-cache
	$(MANAGE) check --fail-level WARNING
	$(MANAGE) makemigrations --check --dry-run
	@$(MAKE) --no-print-directory docs-check

docs-check: $(STAMP)
	@$(COG) --check --diff --check-fail-msg="Run: make docs" $(PAGES)

docs: $(STAMP) ## print the parts of the documentation that are read from the code
	@PYTHONPATH=. $(BIN)/python docs/rules.py
	@$(COG) -r $(PAGES)

test: $(STAMP) ## unit, integration and a sample of every fault class
	$(BIN)/pytest -n $(JOBS) --dist worksteal $(ARGS)

coverage: $(STAMP) ## the same with branches counted, in processes too; htmlcov/index.html
	$(BIN)/pytest -n $(JOBS) --dist worksteal --cov --cov-report=term --cov-report=html $(ARGS)

test-faults: $(STAMP) ## the whole fault matrices, kept in docs/explanation/fault-matrix.md
	$(BIN)/pytest -m faults -n $(JOBS) --dist worksteal --record-faults=docs/explanation/fault-matrix.md $(ARGS)

# What starts servers of its own is a superuser there.
AS_OWNER = tests/integration --ignore-glob '*/test_embedded_*' --ignore-glob '*/test_own_*'
test-roles: $(STAMP) ## as owners without superuser, with and without CREATEDB
	for role in creator owner; do \
		ROLE=$$role $(BIN)/pytest tests/commands $(ARGS) || exit; \
		AS_OWNER=$$role $(BIN)/python -m tests.as_owner $(BIN)/pytest $(AS_OWNER) $(ARGS) || exit; \
	done

test-deep: $(STAMP) ## property-based tests at length
	$(BIN)/pytest -m deep $(ARGS)

test-browser: $(STAMP) ## headless Chromium
	$(BIN)/pytest -m browser $(ARGS)

matrix: $(STAMP) ## the suite on every server that the project carries
	for major in 16 18; do $(MAKE) --no-print-directory test PG=$$major || exit; done

bench: $(STAMP) ## every benchmark, one after the other; about an hour, on a quiet machine
	$(BIN)/uv pip install -q --require-hashes --python $(BIN)/python -r requirements-bench.txt
	for name in noop lint.speed lint.accuracy rehearsal.measure backfill backup outage domain; do \
		echo "== $$name"; $(BIN)/python -m benchmarks.$$name || exit; \
	done

stop: ## stop the embedded server
	@$(EMBEDDED) stop

start: $(STAMP) ## start the embedded server and leave it running
	@$(EMBEDDED) start

# Removes nothing while a server is in use or the tests run.
clean: ## remove everything that is not in git
	@$(EMBEDDED) remove
	rm -rf $(VENV) var .mypy_cache .ruff_cache .pytest_cache .hypothesis .import_linter_cache htmlcov .coverage*
