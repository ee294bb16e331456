# Everything a checkout needs is Python 3.11+ and make.
.DEFAULT_GOAL := help
.PHONY: help demo init run notify postgres s3 install uninstall wheelhouse dist test test-long lint bench measure trace reference pictures sheets counterparts roots lock clean

BIN := .venv/bin
# Of Debian 12 and 13, Ubuntu 24.04 and 26.04.
PYTHONS ?= 3.11 3.12 3.13 3.14
WHEELHOUSE ?= wheelhouse
# What was skipped is said, with what it needs; in CI also what took long.
PYTEST = $(BIN)/python -m pytest -q -n auto -rs $(if $(CI),--durations=25)
PYTHON := $(shell for p in python3.13 python3.12 python3.11 python3; do \
	command -v $$p >/dev/null && $$p -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null && echo $$p && break; done)

# A virtual environment keeps the path it was made at: after a move it is made anew.
MADE_AT := $(shell sed -n 's/^command = .* -m venv \(--[a-z-]* \)*//p' .venv/pyvenv.cfg 2>/dev/null)
ifneq ($(MADE_AT),)
ifneq ($(shell readlink -f '$(MADE_AT)'),$(shell readlink -f .venv))
$(info == this folder was $(MADE_AT:/.venv=) before: making .venv anew)
$(shell rm -rf .venv)
endif
endif

help: ## List the targets
	@sed -n 's/^\([a-z0-9-]*\):.*## \(.*\)/  make \1\t\2/p' $(MAKEFILE_LIST)

demo: .venv/run ## Show the whole product with a pretend Notion (ARGS="--lan" for other devices)
	@$(BIN)/postbrush demo $(ARGS)

init: .venv/run ## Set up postbrush: five questions, then a test of the set-up
	@$(BIN)/postbrush init $(ARGS)

run: .venv/run ## Run postbrush in this terminal, with ./postbrush.toml and secrets/
	@$(BIN)/postbrush run $(ARGS)

notify: .venv/run ## Install Apprise, for notifications
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check --require-hashes -r daemon/service/notify.lock

postgres: .venv/run ## Install psycopg, for a PostgreSQL database
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check --require-hashes -r db/postgres.lock

s3: .venv/run ## Install obstore, for an S3 image store
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check --require-hashes -r daemon/imaging/store/s3.lock

install: ## Install or upgrade the systemd service (as root)
	@NOTIFY="$(NOTIFY)" POSTGRES="$(POSTGRES)" S3="$(S3)" sh systemd/install.sh

uninstall: ## Remove the service and keep the data; PURGE=1 removes the data (as root)
	@PURGE="$(PURGE)" sh systemd/uninstall.sh

wheelhouse: $(BIN)/python ## Download the packages for an installation without network access
	@for version in $(PYTHONS); do \
		$(BIN)/python -m pip download --quiet --disable-pip-version-check --require-hashes --only-binary=:all: \
			--python-version $$version --dest $(WHEELHOUSE) -r requirements.lock -r daemon/service/notify.lock -r db/postgres.lock -r daemon/imaging/store/s3.lock || exit 1; done

dist: .venv/test ## Build a release in dist/: wheel, source, wheels of the dependencies, SBOM
	@rm -rf dist && $(BIN)/python -m hatchling build -d dist
	@$(BIN)/python -m tests.make_sbom dist/postbrush-*.whl
	@$(MAKE) --no-print-directory --silent wheelhouse WHEELHOUSE=dist/wheels
	@cd dist && sha256sum *.whl *.tar.gz *.json wheels/* >SHA256SUMS && ls

test: .venv/test ## Check a change: style, types, import contracts, schema, tests (5 minutes)
	@began=$$(date +%s); $(MAKE) --no-print-directory lint && \
	echo "== tests" && $(PYTEST) $(or $(ARGS),-m "not long") && \
	echo "== make test took $$(($$(date +%s) - began)) s$(if $(ARGS),,; the long tests run with: make test-long)"

test-long: .venv/test ## Run the long tests: searches, crashes, booted Debians, PostgreSQL
	@began=$$(date +%s); echo "== long tests and long searches" && \
	POSTBRUSH_TEST_SEARCH=long $(PYTEST) -m "long or search" $(ARGS) && \
	echo "== these took $$(($$(date +%s) - began)) s"
	@began=$$(date +%s); \
	if [ -n "$$CI" ] || ls /usr/lib/postgresql/*/bin/postgres >/dev/null 2>&1; then \
		echo "== the daemon's tests on PostgreSQL" && \
		POSTBRUSH_TEST_DATABASE=postgres $(PYTEST) $(or $(ARGS),tests/daemon tests/crash) && \
		echo "== these took $$(($$(date +%s) - began)) s"; \
	else echo "== skipped, the daemon's tests on PostgreSQL: no server is installed (apt install postgresql)"; fi

lint: .venv/test ## Check style, types, import contracts and the schema
	@echo "== ruff"
	@$(BIN)/ruff check --quiet . && $(BIN)/ruff format --check --quiet .
	@echo "== mypy"
	@$(BIN)/mypy
	@echo "== import contracts"
	@$(BIN)/lint-imports --no-logo
	@echo "== schema"
	@mkdir -p .schema && rm -f .schema/check.db
	@$(BIN)/alembic -q -x db=.schema/check.db upgrade head && $(BIN)/alembic -q -x db=.schema/check.db check
	@rm -rf .schema

bench: .venv/test ## Measure speed, memory and requests (ARGS="--json", ARGS=scale)
	@$(BIN)/python -m tests.bench $(ARGS)

measure: .venv/test ## Print size and shape of the code beside their limits
	@$(BIN)/python -m tests.measure

trace: .venv/test ## Print the modules that one post passes through (ARGS=--ticked)
	@$(BIN)/python -m tests.trace $(ARGS)

sheets: .venv/test ## Write contact sheets of the cards for the test posts to .sheets
	@$(BIN)/python -m tests.sheets

counterparts: .venv-counterparts/made ## Install the real servers and clients that tests can ask (1 GB)

reference: .venv/test ## Update the list of settings in docs/configuration.md, and docs/schemas
	@$(BIN)/python -m tests.make_reference
	@$(BIN)/python -m tests.make_schemas

pictures: .venv/test ## Update the pictures in README and docs (needs Chromium)
	@$(BIN)/python -m tests.sheets --docs
	@$(BIN)/python -m tests.daemon.web.pictures
	@$(BIN)/python -m tests.daemon.web.gesture_pictures

roots: $(BIN)/python ## Build the Debians that tests boot, and the wheels of the container (as root)
	@$(PYTHON) -m tests.systemd.machine
	@$(MAKE) --no-print-directory --silent wheelhouse PYTHONS=3.13 WHEELHOUSE=.roots/wheels

lock: ## Update the pinned dependencies (for maintainers)
	@$(BIN)/uv pip compile --quiet --generate-hashes --universal --python-version 3.11 \
		--no-strip-extras --no-header --no-emit-index-url --group build pyproject.toml -o requirements.lock
	@$(BIN)/uv pip compile --quiet --generate-hashes --universal --python-version 3.11 \
		--no-strip-extras --no-header --no-emit-index-url --extra test --group build pyproject.toml -o tests/requirements.lock
	@echo apprise | $(BIN)/uv pip compile --quiet --generate-hashes --universal --python-version 3.11 \
		--no-strip-extras --no-header --no-emit-index-url --constraint requirements.lock --constraint tests/requirements.lock - -o daemon/service/notify.lock
	@echo 'psycopg[binary]' | $(BIN)/uv pip compile --quiet --generate-hashes --universal --python-version 3.11 \
		--no-strip-extras --no-header --no-emit-index-url --constraint requirements.lock --constraint tests/requirements.lock - -o db/postgres.lock
	@echo obstore | $(BIN)/uv pip compile --quiet --generate-hashes --universal --python-version 3.11 \
		--no-strip-extras --no-header --no-emit-index-url --constraint requirements.lock --constraint tests/requirements.lock - -o daemon/imaging/store/s3.lock
	@$(BIN)/uv pip compile --quiet --generate-hashes --universal --python-version 3.11 \
		--no-strip-extras --no-header --no-emit-index-url --override tests/counterparts/overrides.txt --group counterparts -o tests/counterparts/requirements.lock

clean: ## Remove .venv and caches, never your data
	@rm -rf .venv .venv-counterparts .bench .sheets .roots wheelhouse dist .schema .mypy_cache .ruff_cache .pytest_cache .hypothesis .import_linter_cache .coverage htmlcov
	@find . -name __pycache__ -type d -prune -exec rm -rf {} +

.venv/bin/python:
	@test -n "$(PYTHON)" || { echo "postbrush needs Python 3.11 or newer, and this machine has $$(python3 --version 2>/dev/null || echo none): \
	apt install python3, on an older release python3.11 python3.11-venv, or run postbrush as a container"; exit 2; }
	@echo "== making .venv with $(PYTHON)"
	@$(PYTHON) -m venv .venv || { rm -rf .venv; echo "the venv module is missing: apt install python3-venv"; exit 2; }

.venv/run: .venv/bin/python requirements.lock pyproject.toml
	@test -e .venv/test || { echo "== installing what postbrush needs"; \
		$(BIN)/python -m pip install --quiet --disable-pip-version-check --require-hashes -r requirements.lock && \
		$(BIN)/python -m pip install --quiet --disable-pip-version-check --no-build-isolation --no-deps --editable .; }
	@touch $@

.venv/test: .venv/bin/python tests/requirements.lock pyproject.toml
	@echo "== installing what postbrush and its tests need"
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check --require-hashes -r tests/requirements.lock
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check --no-build-isolation --no-deps --editable .
	@touch $@ .venv/run

.venv-counterparts/made: tests/counterparts/requirements.lock
	@echo "== installing the real counterparts of the image services"
	@$(PYTHON) -m venv .venv-counterparts
	@.venv-counterparts/bin/python -m pip install --no-compile --no-deps --quiet --disable-pip-version-check --require-hashes -r $<
	@touch $@
