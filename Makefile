# Every task of the project. `make` alone lists them; each installs first what it needs, so any of them works on a fresh clone.
#   make test ARGS="-k story -x"      ARGS go to the program behind the target
#   make test WORKERS=0               one process, for a debugger
#   make check TESTS=                 with the tests that need servers, as CI does
#   make install PYTHON=python3.13    another interpreter than the one found

.DEFAULT_GOAL := help
.PHONY: help install run test test-all s3-server check fmt lint types arch cov traced untraced bench-media bench-uploads bench-events bench-live lifecycles chaos demo migrate lock clean

PYTHON ?=
ARGS ?=
WORKERS ?= auto
KILLS ?= 500

BIN := .venv/bin
STAMP := .venv/.installed
S3_SERVER := .tools/swift/.installed
# Processes that are started again and again should not compile their modules each time.
unexport PYTHONDONTWRITEBYTECODE

# Tests make many small databases, and each waits for its disk; memory keeps nobody waiting. Where there is enough of it.
MEMORY := $(shell test -w /dev/shm && ! grep -q ' /dev/shm .*noexec' /proc/mounts && \
	test "$$(df -Pk /dev/shm | awk 'NR == 2 {print $$4}')" -ge 4000000 && echo TMPDIR=/dev/shm)
PYTEST := $(MEMORY) $(BIN)/pytest
BY_GROUP := -n $(WORKERS) --dist loadgroup --no-loadscope-reorder

OFFLINE := not (postgres or redis or s3 or e2e)
TESTS ?= $(OFFLINE)
# To trace costs half as much again: only the tests are traced that reach every branch between them.
COVERING := tests/unit tests/contract/sql tests/contract/test_dead_letters.py \
	$(addprefix tests/http/,test_webhooks.py test_export.py test_import.py test_moderation.py)

help: ## List the targets
	@awk -F ':.*## ' '/^[a-z-]+:.*## / {printf "  \033[1m%-13s\033[0m %s\n", $$1, $$2}' $(MAKEFILE_LIST)

install: $(STAMP) ## Make .venv with the locked packages and the project in it; nothing to do when it is current

run: $(STAMP) ## Serve the API with everything embedded: no database, no Redis, no configuration
	@$(BIN)/stories serve $(ARGS)

test: $(STAMP) ## Run the quick tests: no server, no network, a minute or so
	@$(PYTEST) -n $(WORKERS) -m "$(OFFLINE) and not slow" $(ARGS)

test-all: $(STAMP) ## Run every test with coverage; a missing server is skipped, or fails when CI=true
	@$(PYTEST) $(BY_GROUP) --cov $(ARGS)

s3-server: $(S3_SERVER) ## Install the S3 server that tests of the object store start

check: lint types arch cov ## What a change has to pass: lint, types, arch, cov

fmt: $(STAMP) ## Format the code and sort the imports
	@$(BIN)/ruff check --quiet --select I --fix .
	@$(BIN)/ruff format .

lint: $(STAMP) ## Check formatting and lint
	@$(BIN)/ruff format --check .
	@$(BIN)/ruff check .

types: $(STAMP) ## Check types, strictly
	@$(BIN)/mypy

arch: $(STAMP) ## Check who imports whom
	@$(BIN)/lint-imports --no-logo

cov: traced untraced ## Run every test that needs no server; every branch of domain and application must be covered

traced: $(STAMP)
	@$(PYTEST) $(COVERING) $(BY_GROUP) -m "$(TESTS)" --cov $(ARGS)

untraced: $(STAMP)
	@$(PYTEST) $(addprefix --ignore=,$(COVERING)) $(BY_GROUP) -m "$(TESTS)" $(ARGS)

bench-media: $(STAMP) ## Compare what renditions cost with the plain tools; fails if a promise is not kept
	@$(BIN)/python -m tests.bench.media

bench-uploads: $(STAMP) ## Watch the server take 20 uploads of 100 MB at once; fails if a promise is not kept
	@$(BIN)/python -m tests.bench.uploads

bench-events: $(STAMP) ## Write 100,000 events, archive 10,000 stories, wipe Redis: nothing may be missed (ARGS=read, sweep, wipe)
	@$(BIN)/python -m tests.bench.events $(ARGS)

bench-live: $(STAMP) ## Tell one of 5,000 who are connected; fails if others hear it too, or it takes long
	@$(BIN)/python -m tests.bench.live

LIFECYCLES ?= 300
lifecycles: $(STAMP) ## Kill server and worker over LIFECYCLES files, in a folder and in S3; nothing may be lost or left
	@LIFECYCLES=$(LIFECYCLES) $(BIN)/pytest -n 0 -s -m "" $(ARGS) tests/e2e/test_media_lifecycles.py

chaos: $(STAMP) ## Kill everything, KILLS=500 times, under a load that is written down; and show that the rig sees faults
	@CHAOS_KILLS=$(KILLS) $(BIN)/pytest -n 0 -s tests/chaos $(ARGS)

demo: $(STAMP) ## Fill the service with a few people and stories, and print lines to look around
	@$(BIN)/stories demo $(ARGS)

migrate: $(STAMP) ## Bring the configured database to the newest schema
	@$(BIN)/stories migrate $(ARGS)

lock: ## Pin every package of pyproject.toml anew (ARGS=--upgrade for newer versions)
	@eval "$$TOOLBOX"; lock

clean: ## Remove what the other targets made, except data
	@rm -rf .venv .tools dist htmlcov .coverage .coverage.* .mypy_cache .pytest_cache .ruff_cache .import_linter_cache .hypothesis
	@find src tests -name __pycache__ -type d -prune -exec rm -rf {} +

$(STAMP): pyproject.toml requirements-dev.txt
	@eval "$$TOOLBOX"; install .venv requirements-dev.txt --editable .
	@touch $@

$(S3_SERVER): requirements-s3.txt | $(STAMP) # one after the other: both may have to fetch uv
	@eval "$$TOOLBOX"; install .tools/swift requirements-s3.txt
	@touch $@

# --- How the above get their packages -----------------------------------------------------------------------------
# uv does the work: the one on the PATH, or a pinned one that pip puts into .tools. uv reads neither pip's environment
# nor pip.conf, so the first is translated, and when uv still cannot reach an index, pip installs the same locked files.

UV_VERSION := 0.13.9

define TOOLBOX
set -eu

say() { printf '%s\n' "$$*" >&2; }

recent() { "$$1" -c 'import sys; sys.exit(sys.version_info < (3, 11))' >/dev/null 2>&1; }

# Oldest supported first: every package has wheels for it.
find_python() {
	for each in $(or $(PYTHON),python3.11 python3.12 python3.13 python3.14 python3 python); do
		if recent "$$each"; then
			python=$$("$$each" -c 'import sys; print(sys.executable)')
			return
		fi
	done
	say "Python 3.11 or newer is needed, and none of $(or $(PYTHON),python3.11 ... python3.14, python3, python) is that."
	say "Install one (Debian, Ubuntu: apt-get install python3 python3-venv) or name it: make install PYTHON=/path/to/python"
	exit 1
}

find_uv() {
	uv=uv
	uv --version >/dev/null 2>&1 && return
	home=.tools/uv-$(UV_VERSION)
	uv=$$home/bin/uv
	"$$uv" --version >/dev/null 2>&1 && return
	rm -rf "$$home"
	say "Fetching uv $(UV_VERSION) into $$home"
	if "$$python" -c 'import ensurepip, venv' >/dev/null 2>&1; then
		"$$python" -m venv "$$home" && "$$home/bin/python" -m pip install -qq --disable-pip-version-check uv==$(UV_VERSION)
	elif "$$python" -m pip --version >/dev/null 2>&1; then
		"$$python" -m pip install -qq --disable-pip-version-check --target "$$home" uv==$(UV_VERSION)
	else
		say "$$python can make no virtual environment with pip: its ensurepip is missing."
		say "Install it (Debian, Ubuntu: apt-get install python3-venv), or uv, or name another: make install PYTHON=..."
		exit 1
	fi
}

translate_pip_settings() {
	if [ -n "$${PIP_INDEX_URL:-}" ]; then export UV_DEFAULT_INDEX="$${UV_DEFAULT_INDEX:-$$PIP_INDEX_URL}"; fi
	if [ -n "$${PIP_EXTRA_INDEX_URL:-}" ]; then
		export UV_INDEX="$${UV_INDEX:-$$PIP_EXTRA_INDEX_URL}"
		export UV_INDEX_STRATEGY="$${UV_INDEX_STRATEGY:-unsafe-best-match}" # what pip does; the hashes keep it honest
	fi
	if [ -n "$${PIP_FIND_LINKS:-}" ]; then
		export UV_FIND_LINKS="$${UV_FIND_LINKS:-$$(echo "$$PIP_FIND_LINKS" | tr -s ' ' ',')}"
	fi
	if [ -n "$${PIP_TRUSTED_HOST:-}" ]; then export UV_INSECURE_HOST="$${UV_INSECURE_HOST:-$$PIP_TRUSTED_HOST}"; fi
	if [ -n "$${PIP_CERT:-}" ]; then export SSL_CERT_FILE="$${SSL_CERT_FILE:-$$PIP_CERT}"; fi
	for store in /etc/ssl/certs/ca-certificates.crt /etc/pki/tls/certs/ca-bundle.crt; do
		if [ -s "$$store" ]; then export UV_SYSTEM_CERTS="$${UV_SYSTEM_CERTS:-true}"; fi # a company's own authority counts
	done
}

install_with_uv() {
	home=$$1 locked=$$2
	shift 2
	translate_pip_settings &&
		{ recent "$$home/bin/python" || "$$uv" venv --quiet --python "$$python" "$$home"; } &&
		"$$uv" pip sync --quiet --python "$$home/bin/python" --require-hashes "$$locked" &&
		{ [ $$# = 0 ] || "$$uv" pip install --quiet --python "$$home/bin/python" --no-deps --no-build-isolation "$$@"; }
}

install_with_pip() {
	home=$$1 locked=$$2
	shift 2
	"$$python" -m venv --clear "$$home" &&
		"$$home/bin/python" -m pip install -qq --disable-pip-version-check --require-hashes -r "$$locked" &&
		{ [ $$# = 0 ] || "$$home/bin/python" -m pip install -qq --disable-pip-version-check --no-deps --no-build-isolation "$$@"; }
}

install() { # home locked [project]: an environment with exactly the locked packages, and the project
	find_python
	recent "$$1/bin/python" || rm -rf "$$1"
	say "Installing the packages of $$2 into $$1 ($$python)"
	if find_uv && ( install_with_uv "$$@" ); then return; fi
	say "uv could not do it; trying pip"
	install_with_pip "$$@"
}

# Without extras, pip would not find what it installs for them in the list.
compile() { "$$uv" pip compile --quiet --universal --no-strip-extras --python-version 3.11 --generate-hashes --custom-compile-command "make lock" "$$@" $(ARGS); }

lock() {
	find_python
	find_uv
	compile pyproject.toml --output-file requirements.txt
	compile pyproject.toml --group dev --constraint requirements.txt --output-file requirements-dev.txt
	compile --group s3-server --output-file requirements-s3.txt
	if grep -n -e '://' -e '^--' requirements*.txt; then
		say "The lines above tie the lock to one package index; take them out."
		exit 1
	fi
}
endef
export TOOLBOX
