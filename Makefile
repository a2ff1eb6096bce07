# `make demo` and `make test` do all the set-up on a machine with git, make and Python >= 3.10.
SHELL := /bin/bash
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
READY := $(VENV)/.ready
WALK_STEPS ?= 200000
# How many processes run tests: as many as there are cores (pytest-xdist); 0 for none of its own.
WORKERS ?= logical

.PHONY: help setup demo check test lint types test-substrate test-clients test-torch test-ray test-network \
        test-ipfs test-node node runtime lock docs bench walk clean

help:  ## what there is to make
	@grep -E '^[a-z-]+:.*##' $(MAKEFILE_LIST) | sed 's/:.*##/\t/' | expand -t 18

$(READY): requirements.lock pyproject.toml scripts/setup.sh
	@PYTHON=$(PYTHON) VENV=$(VENV) bash scripts/setup.sh
	@touch $(READY)

setup: $(READY)  ## make .venv with everything that the demo and the tests need

demo: setup  ## the main job, every role, on this machine
	@$(BIN)/decentralml demo

check: setup  ## all that must pass, what is independent side by side (PARTS="test-ipfs demo": these)
	@$(BIN)/python scripts/check_all.py $(PARTS)

test: setup lint types  ## what needs Python alone, with coverage
	$(BIN)/coverage erase
	$(BIN)/coverage run -m pytest -n $(WORKERS) --dist worksteal \
	  $(addprefix --ignore=tests/,clients torch network ipfs cloud)
	@$(BIN)/coverage combine -q && $(BIN)/python scripts/coverage_gate.py

lint: setup
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .

types: setup
	$(BIN)/mypy

test-substrate: setup  ## the pallet's rules, clippy, and that the blob is what the sources give
	bash scripts/test_substrate.sh

walk: setup  ## a longer random walk over all calls of the pallet (WALK_STEPS=200000)
	DECENTRALML_WALK_STEPS=$(WALK_STEPS) bash scripts/test_substrate.sh --walk

test-clients: setup  ## clients that nobody here wrote: @polkadot/api and others
	bash tests/clients/run.sh

test-torch:  ## PyTorch, Hugging Face and Flower participants, in an environment of their own
	PYTHON=$(PYTHON) bash scripts/test_torch.sh

test-ray:  ## simulations on a Ray cluster of this machine, in an environment of their own
	PYTHON=$(PYTHON) bash scripts/test_ray.sh

node: setup  ## build the real node, where it is not built yet; prints where it is
	@bash scripts/build_node.sh

test-node:  ## the node's own tests and lints
	bash scripts/test_node.sh

test-network: setup  ## the client, the roles and the faults on a network of real nodes
	bash scripts/test_network.sh

test-ipfs: setup  ## IPFS daemons and buckets: real ones, built once
	bash scripts/test_ipfs.sh

runtime: setup  ## build the runtime's WebAssembly into pallets_mock/runtime/
	$(BIN)/python scripts/build_runtime.py

lock: setup  ## pin every dependency anew
	$(BIN)/uv pip compile pyproject.toml --extra keras --extra dev --universal \
	  --python-version 3.10 --generate-hashes --no-emit-index-url -q -o requirements.lock

docs: setup  ## write the reference pages from the code
	$(BIN)/python scripts/write_reference.py

bench: setup  ## every figure in benchmarks/, one after another
	@missed=0; for file in benchmarks/*.py; do \
	  echo "== $$file"; $(BIN)/python $$file || missed=1; done; exit $$missed

clean:  ## remove what make made in this folder
	rm -rf $(VENV) .venv-* .pytest_cache .mypy_cache .ruff_cache .hypothesis .coverage* substrate/target
