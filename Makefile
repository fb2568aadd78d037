# Every target works on a fresh clone: it makes the virtual environment that it needs.
SHELL := bash
.SHELLFLAGS := -euo pipefail -c
.DEFAULT_GOAL := help

PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
SOURCES := operator runtime tests demo benchmarks
COMPILE := $(BIN)/uv pip compile --quiet --universal --python-version 3.11 --generate-hashes --no-emit-index-url \
	--custom-compile-command "make constraints"

.PHONY: help
help: ## list the targets
	@grep -hE '^[a-z0-9-]+:.*## ' $(MAKEFILE_LIST) | sed -E 's/:.*## /\t/' | awk -F'\t' '{printf "  make %-17s %s\n", $$1, $$2}'
	@echo
	@echo '  CLUSTER=current make demo    run the demo on your own cluster: docs/demo.md says what it needs'

$(VENV)/installed: constraints.txt operator/pyproject.toml runtime/pyproject.toml
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11) and "Python 3.11 or newer is needed; this is " + sys.version.split()[0] + ". Name another: make PYTHON=python3.12 ...")'
	@$(PYTHON) -c 'import ensurepip' 2>/dev/null || { echo 'Python has no venv module here. Install it: apt-get install python3-venv'; exit 1; }
	@echo 'Making the virtual environment (some minutes at the first time)'
	$(PYTHON) -m venv --clear $(VENV)
	$(BIN)/python -m pip install --quiet --require-hashes --requirement constraints.txt
	$(BIN)/python -m pip install --quiet --no-deps --no-build-isolation --editable operator --editable runtime
	@touch $@

.PHONY: venv
venv: $(VENV)/installed ## make the virtual environment with the pinned dependencies

.PHONY: setup
setup: venv ## install the system packages that the local cluster needs (apt, as root)
	$(BIN)/python -m tests.cluster setup

.PHONY: demo
demo: $(if $(filter current,$(CLUSTER)),venv,setup) ## run the main job on a real local cluster (root); the cluster stays up
	$(BIN)/python -m demo

.PHONY: demo-down
demo-down: venv ## take the demo and its cluster down
	$(BIN)/python -m demo down

.PHONY: test
test: unit contract chart integration e2e ## run all tests (root: the e2e tests bring a real cluster up)

.PHONY: unit
unit: venv ## run the pure tests
	$(BIN)/pytest --numprocesses auto tests/unit

.PHONY: contract
contract: venv ## run the tests of the server as its clients see it
	$(BIN)/pytest --numprocesses auto --dist loadfile --durations=10 tests/contract

.PHONY: chart
chart: venv ## lint and render the Helm chart
	$(BIN)/pytest tests/chart

.PHONY: integration
integration: setup ## run the operator against a real API server, with pods played by KWOK
	$(BIN)/pytest --durations=10 tests/integration

.PHONY: e2e
e2e: setup ## run the tests on a real cluster of one node (root)
	$(BIN)/pytest --durations=10 tests/e2e

SOAK_MINUTES ?= 45
.PHONY: soak
soak: setup ## roll out, abort, drain and kill under load until 1,000,000 requests were answered; writes docs/benchmarks.md (root)
	SOAK_REQUESTS=1000000 SOAK_MINUTES=$(SOAK_MINUTES) SOAK_WRITE=docs/benchmarks.md $(BIN)/pytest -s tests/e2e/test_soak.py

.PHONY: bench-operator
bench-operator: setup ## measure the operator with KWOK and write docs/benchmarks.md (most of an hour; wants an idle machine)
	$(BIN)/python -m benchmarks.operator --write docs/benchmarks.md

.PHONY: bench-server
bench-server: venv ## measure the server beside others and write docs/benchmarks.md (an hour, root, idle machine); QUICK=1 tells what fell
	$(BIN)/python -m benchmarks.server $(if $(QUICK),--quick,--write docs/benchmarks.md --write-ratios benchmarks/server/ratios.json)

.PHONY: bench-forwarding
bench-forwarding: venv ## measure what forwarding costs a pod and write docs/benchmarks.md (three minutes, idle machine)
	$(BIN)/python -m benchmarks.forwarding --write docs/benchmarks.md

.PHONY: bench-rollout
bench-rollout: setup ## measure how soon bad versions are caught, and what it costs; write docs/benchmarks.md (ten minutes, root)
	$(BIN)/python -m benchmarks.rollout --write docs/benchmarks.md

.PHONY: bench-shadow
bench-shadow: venv ## measure what copies of requests cost clients and write docs/benchmarks.md (half an hour, idle machine)
	$(BIN)/python -m benchmarks.shadow --write docs/benchmarks.md

.PHONY: bench-endurance
bench-endurance: venv ## count what is lost in drains, and what malformed requests do; write docs/benchmarks.md (six minutes)
	$(BIN)/python -m benchmarks.endurance --write docs/benchmarks.md

.PHONY: lint
lint: venv ## check format, rules, types and layers
	$(BIN)/ruff format --check $(SOURCES)
	$(BIN)/ruff check $(SOURCES)
	$(BIN)/mypy operator/onnx_operator runtime/onnx_server
	$(BIN)/mypy demo benchmarks tests/cluster tests/integration tests/e2e tests/chart tests/unit/operator tests/unit/benchmarks
	$(BIN)/lint-imports --no-logo

.PHONY: format
format: venv ## format the code and mend what can be mended
	$(BIN)/ruff check --fix --quiet $(SOURCES) || true
	$(BIN)/ruff format $(SOURCES)

.PHONY: crds
crds: venv ## generate crds/ and the chart's copy from the API types
	$(BIN)/onnx-operator crd > crds/onnxmodels.yaml
	cp crds/onnxmodels.yaml charts/onnx-operator/files/onnxmodels.yaml

.PHONY: protos
protos: venv ## compile the server's .proto files to descriptors.binpb
	cd runtime/onnx_server/grpc && $(abspath $(BIN))/python -m grpc_tools.protoc -I. \
		--descriptor_set_out=descriptors.binpb open_inference.proto health.proto

.PHONY: values
values: venv ## bring the comments of the chart's values.yaml into its schema and README
	$(BIN)/python -m tests.chart.values

.PHONY: docs
docs: venv ## make what docs/ has of generated files: the picture of `kubectl onnx status`, Argo CD's ConfigMap
	$(BIN)/python -m tests.unit.operator.kubectl.generated

.PHONY: images
images: setup ## build the two shipped images and print their sizes
	$(BIN)/python -m tests.cluster images

.PHONY: constraints
constraints: venv ## pin the newest versions of all dependencies, with hashes
	$(COMPILE) --upgrade --group dev --extra cpu --extra otel --extra image operator/pyproject.toml runtime/pyproject.toml --output-file constraints.txt
	echo 'onnxruntime-gpu[cuda,cudnn]' | $(COMPILE) --no-annotate --constraint constraints.txt \
		--output-file runtime/constraints-gpu.txt -

.PHONY: clean
clean: ## remove the virtual environment and caches of tools; the cluster's cache stays
	rm -rf $(VENV) .mypy_cache .ruff_cache .pytest_cache .import_linter_cache .hypothesis
