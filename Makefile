# `make` builds the library; `make help` lists the rest. All that is needed is Python 3.10+.

PYTHON ?= python3
DOCKER ?= docker
VENV := .venv
BIN := $(VENV)/bin
LIBRARY := src/mocknvml/lib/libnvidia-ml.so.1
# The default of native/init.c, as in the Dockerfile; tests/e2e compares both with what the library says.
DRIVER := 550.54.15

# What the compiled library is made of.
SOURCES := pyproject.toml hatch_build.py $(shell find src/mocknvml -name __pycache__ -prune -o \
    -path src/mocknvml/lib -prune -o -path src/mocknvml/cli -prune -o -type f -print)

.PHONY: all
all: build/lib/libnvidia-ml.so  ## Build the library as a driver names it, in build/lib (the default)

.PHONY: help
help:  ## List the targets
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "  make %-14s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

.PHONY: demo
demo: $(LIBRARY)  ## Show eight simulated GPUs in an unmodified nvitop
	@$(BIN)/mocknvml run -- $(BIN)/nvitop --once

.PHONY: test
test: $(LIBRARY)  ## Run all fast tests
	$(BIN)/pytest --numprocesses auto

.PHONY: test-slow
test-slow: $(LIBRARY)  ## Run the slow tests: installation, heavy clients, sanitizers
	$(BIN)/pytest -m slow --numprocesses auto --dist loadfile --no-loadscope-reorder

.PHONY: sanitize
sanitize: $(LIBRARY)  ## Run tests under AddressSanitizer, UBSan and ThreadSanitizer (wants gcc)
	$(BIN)/pytest -m slow tests/sanitizers

.PHONY: fuzz
fuzz: $(LIBRARY)  ## Random calls and damaged nodes under ASan and UBSan, FUZZ_SECONDS each (60; wants gcc)
	$(BIN)/pytest -m slow tests/fuzz

.PHONY: bench
bench: $(LIBRARY)  ## Compare with an empty library, in ratios; BASE=REF: with that commit's
	$(BIN)/python tests/bench/run.py $(if $(BASE),--base $(BASE))
	$(if $(BASE),,$(BIN)/python tests/bench/fixture.py)

.PHONY: reliability
reliability: $(LIBRARY)  ## Kill writers of a node 2000 times, and say what became of it
	$(BIN)/python -m tests.processes.writers

.PHONY: lint
lint: $(LIBRARY)  ## Check style and types
	$(BIN)/ruff check
	$(BIN)/ruff format --check
	$(BIN)/mypy

.PHONY: docs
docs: $(LIBRARY)  ## Write the reference pages
	$(BIN)/python -m mocknvml.codegen docs docs/reference

.PHONY: wheels
wheels: $(LIBRARY)  ## Build the wheels for x86_64 and aarch64 into dist
	MOCKNVML_TARGET=x86_64 $(BIN)/python -m build --wheel --no-isolation
	MOCKNVML_TARGET=aarch64 $(BIN)/python -m build --wheel --no-isolation

.PHONY: docker-build
docker-build:  ## Build build/lib in a container
	$(DOCKER) build --output build/lib .

.PHONY: clean
clean:  ## Remove all that make has built, .venv too
	rm -rf $(VENV) build dist src/mocknvml/lib

# An editable install compiles the library into src/mocknvml/lib (hatch_build.py).
$(LIBRARY): $(VENV)/ready $(SOURCES)
	$(BIN)/pip install --quiet --no-build-isolation --no-deps --editable .
	@touch $@

$(VENV)/ready: pyproject.toml
	$(PYTHON) -m venv $(VENV)
	$(BIN)/pip install --quiet pip==26.3
	$(BIN)/pip install --quiet --group dev
	@touch $@

build/lib/libnvidia-ml.so: $(LIBRARY)
	install -D --mode=644 $(LIBRARY) $(@D)/libnvidia-ml.so.$(DRIVER)
	ln -sf libnvidia-ml.so.$(DRIVER) $(@D)/libnvidia-ml.so.1
	ln -sf libnvidia-ml.so.1 $@
