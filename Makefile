# `make demo` runs the main job, `make test` the tests; both install what they need into the user's cache.
SHELL := /bin/bash
PYTHON ?= python3
CACHE := $(or $(XDG_CACHE_HOME),$(HOME)/.cache)/tenantry
# One environment a checkout and set of dependencies: two clones never share one.
LOCK := $(shell { pwd; cat pyproject.toml constraints.txt; } | sha256sum | cut -c1-16)
VENV := $(CACHE)/venv-$(LOCK)
BIN := $(VENV)/bin
# No cache is ever written into the repository.
unexport PYTHONDONTWRITEBYTECODE
export PYTHONPYCACHEPREFIX := $(CACHE)/pycache
export MYPY_CACHE_DIR := $(CACHE)/mypy
export RUFF_CACHE_DIR := $(CACHE)/ruff
export HYPOTHESIS_STORAGE_DIRECTORY := $(CACHE)/hypothesis
export PATH := $(BIN):$(PATH)
# Test runs side by side, each on a sandbox of its own: a test waits for servers about half of its time.
WORKERS ?= 3
PYTEST := $(BIN)/python -m pytest -o cache_dir=$(CACHE)/pytest

.DEFAULT_GOAL := help
.PHONY: help
help:
	@awk -F ': .*## ' '/^[a-z-]+:.*## / {printf "make %-12s %s\n", $$1, $$2}' Makefile

.PHONY: demo
demo: setup ## start the sandbox and provision the example government
	@$(BIN)/tenantry demo
	@echo 'The command lies in $(BIN); for this shell: export PATH="$$(make -s path):$$PATH"'

.PHONY: test
test: setup lint toolchain host-tools ## lint, types and all tests that fit CI, on the real sandbox
	$(PYTEST) -n $(WORKERS) --dist worksteal -m "not rgw and not load and not faults and not hosts"

.PHONY: lint
lint: setup ## ruff, mypy --strict, yamllint and ansible-lint
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy -p tenantry
	$(BIN)/yamllint --strict --config-file playbooks/.yamllint playbooks
	@# In the folder of its configuration, or it takes every YAML file of the tree for a playbook.
	cd playbooks && ANSIBLE_CONFIG=ansible.cfg $(BIN)/ansible-lint --offline -q .

# What boots test hosts: Debian's packages, installed where that is possible; elsewhere their tests say what lacks.
SUDO := $(if $(filter 0,$(shell id -u)),,sudo)
APT_INSTALL := $(SUDO) apt-get install -y -qq --no-install-recommends
.PHONY: host-tools container-tools
host-tools: TOOLS := qemu-system-x86 qemu-utils mmdebstrap genext2fs e2fsprogs openssh-client
container-tools: TOOLS := systemd-container iproute2 mount
host-tools container-tools:
	@dpkg -s $(TOOLS) >/dev/null 2>&1 || { $(SUDO) apt-get update -qq && $(APT_INSTALL) $(TOOLS); } \
	  || echo "Test hosts need $(TOOLS), which couldn't be installed; their tests are skipped."

.PHONY: test-hosts
test-hosts: setup toolchain host-tools container-tools ## the roles that prepare hosts, on guests of QEMU and containers of systemd-nspawn
	$(PYTEST) -m hosts tests/hosts

.PHONY: toolchain
toolchain: setup
	@$(BIN)/tenantry toolchain build

.PHONY: test-load
test-load: setup toolchain ## provision hundreds of tenants of the real estate in one run
	$(PYTEST) -m load

.PHONY: test-faults
test-faults: setup toolchain ## kills of each component, full disks and slow sites, at more moments
	$(PYTEST) -n $(WORKERS) --dist worksteal -m faults

.PHONY: mutation
mutation: setup ## each expression of the policies weakened in turn; a case has to notice
	PYTHONPATH=tests $(BIN)/python -m mutation

.PHONY: bench
bench: setup toolchain ## the figures: ratios against kubectl, gator and conftest, start-up times, memory
	PYTHONPATH=tests $(BIN)/python -m bench

# The stock modules that it compares with come from PyPI, in the package that carries Ansible's collections.
.PHONY: bench-hosts
bench-hosts: setup host-tools ## the figures of preparing hosts: against facts alone, and against stock modules
	$(BIN)/python -m pip install --quiet --disable-pip-version-check -c constraints.txt -e '.[bench]'
	PYTHONPATH=tests:tests/hosts $(BIN)/python -m bench.hosts $(ARGS)

.PHONY: parity
parity: setup toolchain ## thousands of objects and policies, judged offline and by a real API server
	PYTHONPATH=tests:tests/policy $(BIN)/python -m parity $(ARGS)

.PHONY: isolation
isolation: setup toolchain ## every tenant's own credentials tried on everything that isn't its own: a page and JSON
	PYTHONPATH=tests:tests/fleet $(BIN)/python -m isolation $(ARGS)

.PHONY: path
path: ## print the folder of the tenantry command, for your PATH
	@echo $(BIN)

.PHONY: setup
setup: $(VENV)/.ready

$(VENV)/.ready:
	@echo "Installing tenantry into $(VENV)"
	@$(PYTHON) -m venv --clear $(VENV)
	@# Packages are compiled where they lie: commands that a shell starts, which knows no cache of ours, are quick too.
	@env -u PYTHONPYCACHEPREFIX $(BIN)/python -m pip install --quiet --disable-pip-version-check -c constraints.txt -e '.[dev]'
	@touch $@

# The object store's tests against Ceph RGW, too. Its packages are Debian's; installing them needs root, once.
CEPH := ceph-mon ceph-osd radosgw ceph-common
.PHONY: test-rgw
test-rgw: setup ## the object store's tests against Ceph RGW (Debian's packages)
	@dpkg -s $(CEPH) >/dev/null 2>&1 || { $(SUDO) apt-get update -qq && $(APT_INSTALL) $(CEPH); }
	$(PYTEST) -m rgw tests/objectstore
