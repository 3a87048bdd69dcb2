# All tasks of the project; `make` lists them.
SHELL := /bin/bash
.DEFAULT_GOAL := help
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
PROTO_VENV := .venv-proto
ROOT_VENV := .venv-root
ALIENPY_VENV := .venv-alienpy
NODE := .node
BUF := $(NODE)/node_modules/.bin/buf
STAMP := $(VENV)/.set-up
unexport PYTHONDONTWRITEBYTECODE

.PHONY: help root setup demo test check docs rows bench faults simulation fuzz lock audit wire proto proto-check buf buf-image api node fmt lint types dist clean

help: ## list the tasks
	@grep -E '^[a-z-]+:.*##' $(MAKEFILE_LIST) | sed -E 's/^([a-z-]+):.*## /  \1|/' | column -t -s '|'

setup: $(STAMP) ## create .venv with aliend and alienctl, and install the required system packages

$(STAMP): pyproject.toml tests/setup.sh
	tests/setup.sh
	test -x $(BIN)/python || $(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --upgrade 'pip>=25.1'
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --group dev --editable .
	$(BIN)/python -m compileall -q aliend alienctl $(VENV)/lib
	touch $@

demo: setup ## run the main job on a sandbox grid: listing, upload, download that survives kill -9; every step verified
	@PATH="$(CURDIR)/$(BIN):$$PATH" tests/demo.sh

test: setup $(ALIENPY_VENV)/.done $(BUF) ## run all tests, on real processes and real XRootD servers
	$(BIN)/python -m compileall -q aliend alienctl
	$(BIN)/python -m pytest -n 4 --dist loadgroup

check: setup lint types proto-check ## run before every commit: format, lint, types, contract, unit and property tests
	HYPOTHESIS_PROFILE=quick $(BIN)/python -m pytest -q -n logical --maxprocesses 8 --dist loadgroup tests/unit tests/property

faults: setup ## kill, stop and corrupt everything, then compare; PART=kill-daemon ROUNDS=N SEED=S select
	$(BIN)/python -m tests.faults $(PART:%=--part %) $(ROUNDS:%=--rounds %) $(SEED:%=--seed %)

simulation: setup ## run the scheduler against 1,000 simulated workers and 1 million files; FILES=N WORKERS=N PLOT=FILE
	$(BIN)/python -m tests.simulation $(FILES:%=--files %) $(WORKERS:%=--workers %) $(PLOT:%=--plot %)

fuzz: $(VENV)/.fuzz ## fuzz everything that reads foreign input, 5 minutes a target; MINUTES=N TARGET=name, SEEDED=1 finds seeded defects
	$(BIN)/python -m tests.fuzz $(TARGET:%=--target %) $(MINUTES:%=--minutes %) $(SEEDED:%=--seeded)

$(VENV)/.fuzz: $(STAMP)
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --group fuzz || echo "no atheris for this Python: inputs are mutated blindly"
	touch $@

lock: setup ## write the versions and hashes of everything that development uses into requirements-dev.lock
	$(BIN)/uv pip compile --quiet --universal --generate-hashes --no-header --no-emit-index-url --no-emit-find-links --group dev pyproject.toml -o requirements-dev.lock

audit: setup ## look up known weaknesses of the locked dependencies; needs the network
	$(BIN)/uv tool run --quiet pip-audit --strict --progress-spinner off --disable-pip --require-hashes -r requirements-dev.lock \
	|| { echo "weaknesses or packages without an answer are listed above, or the advisory service was unreachable" >&2; exit 1; }

docs: setup ## build the documentation as HTML in build/site; warnings are errors
	$(BIN)/mkdocs build --strict

rows: setup ## write the table of alien.py's features and their tests into docs/parity.md
	@$(BIN)/python -m tests.parity_table

wire: setup ## replay recordings of a real service (WIRE=FILE.jsonl for others) and print the differences
	@$(BIN)/python -m tests.contract.replay $(WIRE)

bench: setup ## measure against alienpy and xrdcp in one run; ONLY=startup,small picks parts
	ONLY="$(ONLY)" tests/bench/run.sh

proto: $(PROTO_VENV)/.done ## generate aliend/v1 from proto/
	$(PROTO_VENV)/bin/python -m grpc_tools.protoc -Iproto --python_out=. --pyi_out=. --grpc_python_out=. proto/aliend/v1/*.proto

proto-check: $(PROTO_VENV)/.done ## fail if aliend/v1 is not what proto/ generates
	@out=$$(mktemp -d) && trap 'rm -rf "$$out"' EXIT && \
	$(PROTO_VENV)/bin/python -m grpc_tools.protoc -Iproto --python_out=$$out --pyi_out=$$out --grpc_python_out=$$out proto/aliend/v1/*.proto && \
	diff -r -x __pycache__ -x __init__.py $$out/aliend/v1 aliend/v1 || { echo "aliend/v1 is not what proto/ generates; run: make proto" >&2; exit 1; }

buf: $(BUF) ## lint proto/, and compare it with the committed image of the contract: additions only
	$(BUF) lint
	$(BUF) breaking --against proto/contract.binpb
	@$(BUF) build --exclude-source-info -o -#format=binpb | cmp -s - proto/contract.binpb || \
	{ echo "proto/contract.binpb lacks the latest additions; run: make buf-image" >&2; exit 1; }

api: setup ## write the reference of the gRPC calls and the table of commands into docs/
	@$(BIN)/python -m tests.api_pages

buf-image: $(BUF) ## write the image of the contract, after additions or for a new contract number
	$(BUF) build --exclude-source-info -o proto/contract.binpb

node: $(BUF) ## install buf and the packages of the Node.js example

$(BUF): Makefile examples/node/package.json
	npm install --silent --no-audit --no-fund --no-save --prefix $(NODE) @bufbuild/buf@1.75.0 \
	    @grpc/grpc-js@1.14.7 @grpc/proto-loader@0.8.1
	touch $@

$(PROTO_VENV)/.done: pyproject.toml
	$(PYTHON) -m venv $(PROTO_VENV)
	$(PROTO_VENV)/bin/python -m pip install --quiet --disable-pip-version-check --upgrade 'pip>=25.1'
	$(PROTO_VENV)/bin/python -m pip install --quiet --disable-pip-version-check --group proto
	touch $@

$(ALIENPY_VENV)/.done: Makefile
	test -x $(ALIENPY_VENV)/bin/python || $(PYTHON) -m venv $(ALIENPY_VENV)
	$(ALIENPY_VENV)/bin/python -m pip install --quiet --disable-pip-version-check alienpy==1.7.0 xrootd==5.9.9
	touch $@

fmt: setup ## format the code
	$(BIN)/ruff format .
	$(BIN)/ruff check --fix-only --quiet .

lint: setup ## lint
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .

types: setup ## check the types
	$(BIN)/mypy

dist: setup ## build the wheel and the source archive into dist/
	rm -rf dist
	$(BIN)/python -m build --outdir dist .

root: $(ROOT_VENV)/.done ## install ROOT (240 MB) for the tests of its plugin

$(ROOT_VENV)/.done: pyproject.toml
	test -x $(ROOT_VENV)/bin/python || $(PYTHON) -m venv $(ROOT_VENV)
	$(ROOT_VENV)/bin/python -m pip install --quiet --disable-pip-version-check --upgrade 'pip>=25.1'
	$(ROOT_VENV)/bin/python -m pip install --quiet --disable-pip-version-check --group root
	touch $@

clean: ## remove everything that these tasks created
	rm -rf $(VENV) $(PROTO_VENV) $(ALIENPY_VENV) $(ROOT_VENV) $(NODE) build dist .mypy_cache .ruff_cache .pytest_cache .hypothesis
	find . -name __pycache__ -type d -prune -exec rm -rf {} +
