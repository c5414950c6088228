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
test: setup ## All checks, those with clusters included
	@$(BIN)/python tests/run.py

.PHONY: lint types unit functional browser sanity adoption molecule
lint types unit functional browser sanity adoption molecule: setup ## One group of checks
	@$(BIN)/python tests/run.py $@

.PHONY: bench
bench: setup ## Speed and cost as figures, in build/bench.json
	@$(BIN)/python tests/bench/run.py

.PHONY: build
build: setup ## The collection archive, in build/; the same commit gives the same bytes
	@$(BIN)/python tests/galaxy.py build

.PHONY: galaxy
galaxy: setup ## What Galaxy would say: two builds compared, galaxy-importer, release notes, execution environment
	@$(BIN)/python tests/galaxy.py check

.PHONY: docs
docs: setup ## The documentation site, in build/site/html; nothing is fetched but the tools
	@$(BIN)/python docs/build.py

.PHONY: cores
cores: setup ## Sanity, unit tests and lint on every supported ansible-core and every Python that is here
	@$(BIN)/python tests/cores.py

.PHONY: sabotage
sabotage: setup ## Break things while a cluster is hardened (SABOTAGE_KUBECONFIG=..., see tests/sabotage)
	@mkdir -p build
	@$(BIN)/python -m pytest tests/sabotage -q --override-ini 'pythonpath=.ansible/collections tests/sabotage' --override-ini junit_family=xunit1 --junitxml build/sabotage.xml

# Proofs on a cluster of the lab, beside `make test`: LAB_KUBECONFIG is a cluster that nobody else uses, with two nodes and
# Hubble relay (tests/lab/README.md says how to make one).
.PHONY: faults
faults: setup ## Make every fault that cilium_status names (LAB_KUBECONFIG=...)
	@$(BIN)/python tests/faults/status_faults.py "$(LAB_KUBECONFIG)"

.PHONY: parity
parity: setup ## Compare hubble_flows with `hubble observe`, filter by filter (LAB_KUBECONFIG=...)
	@$(BIN)/python tests/parity/hubble.py --kubeconfig "$(LAB_KUBECONFIG)"

.PHONY: probe
probe: setup ## Allow and deny each protocol of connectivity_probe (LAB_KUBECONFIG=...)
	@ansible-playbook tests/probe/prove.yml -e kubeconfig="$(LAB_KUBECONFIG)"

.PHONY: old-versions
old-versions: prepare ## Cilium 1.15 and 1.19 on clusters of their own; builds them first
	@$(BIN)/python -m pytest tests/old_versions -s --override-ini 'pythonpath=.ansible/collections tests/old_versions'
