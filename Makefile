# The two commands a newcomer needs are `make demo` and `make test`; `make help` lists the rest.
SHELL := /bin/bash
.DEFAULT_GOAL := help
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
COLLECTIONS := .ansible/collections
LINK := $(COLLECTIONS)/ansible_collections/cloudnet/aks_cilium
MACHINE := inventories/local/group_vars/all/machine.yml
export PATH := $(CURDIR)/$(BIN):$(PATH)

.PHONY: help
help: ## Show the targets
	@awk -F ':.*## ' '/^[a-z-]+:.*## / {printf "  %-10s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

# The virtual environment is made anew when one of the requirement files changes.
STAMP := $(VENV)/made-from-$(shell cat requirements.txt requirements-dev.txt | cksum | cut -d ' ' -f 1)
$(STAMP):
	@echo "== Python: installing ansible-core, the Azure and Kubernetes clients and the checkers into $(VENV) (1 to 3 minutes)"
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11) and "Python 3.11 or later is needed, this is " + sys.version)'
	@$(PYTHON) -m venv $(VENV)
	@$(BIN)/pip install --quiet --disable-pip-version-check --requirement requirements-dev.txt
	@rm -f $(VENV)/made-from-* && touch $@

$(LINK):
	@mkdir -p $(dir $@) && ln -s ../../../.. $@

.PHONY: setup
setup: $(STAMP) $(LINK) ## Python environment, and the checkout linked in as a collection

.PHONY: prepare
prepare: setup ## Docker engine, kind, helm and images for the local clusters
	@$(BIN)/python tests/lab/main.py prepare --output $(MACHINE)

.PHONY: demo
demo: setup ## From a bare machine to a hardened, observed Cilium cluster
	@$(BIN)/python tests/demo.py

.PHONY: teardown
teardown: setup ## Remove all that `make demo` made, the Docker engine that it started included
	@ansible-playbook playbooks/teardown.yml -i inventories/local
	@$(BIN)/python tests/lab/main.py stop

.PHONY: test
test: setup ## All checks: lint, types, unit, functional, sanity, Molecule on kind
	@$(BIN)/python tests/run.py

.PHONY: lint types unit functional sanity molecule
lint types unit functional sanity molecule: setup ## One group of checks
	@$(BIN)/python tests/run.py $@

.PHONY: bench
bench: setup ## Speed and cost as figures, in build/bench.json
	@$(BIN)/python tests/bench/run.py

.PHONY: build
build: setup ## The collection archive, in build/
	@ansible-galaxy collection build --force --output-path build

.PHONY: sabotage
sabotage: setup ## Break things while a cluster is hardened (SABOTAGE_KUBECONFIG=..., see tests/sabotage)
	@mkdir -p build
	@$(BIN)/python -m pytest tests/sabotage -q --override-ini 'pythonpath=.ansible/collections tests/sabotage' --override-ini junit_family=xunit1 --junitxml build/sabotage.xml
