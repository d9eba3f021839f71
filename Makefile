# `make test` and `make demo` do all the set-up that they need on a fresh machine.
SHELL := /bin/bash
VENV ?= .venv
BIN := $(VENV)/bin
STAMP := $(VENV)/.installed
DEMO ?= demo
PYTEST_ARGS ?=
# of the tests, a thread and a screen each
PROCESSES ?= 2

# Many small tensors: more threads than this only get in each other's way.
export OMP_NUM_THREADS ?= 2

.DEFAULT_GOAL := help
.PHONY: help setup system test lint demo picture clean distclean

help: ## Show this list
	@grep -hE '^[a-z]+:.*## ' $(MAKEFILE_LIST) | sed -E 's/^([a-z]+):.*## (.*)/  make \1\t\2/' \
		| expand -t 20

system:
	@scripts/system_packages.sh

setup: system $(STAMP) ## System libraries, virtual environment and pinned packages

# torch first and by name, so that an index that offers a CPU build of that version gives it.
$(STAMP): pyproject.toml constraints.txt | system
	test -x $(BIN)/python || { python="$$(scripts/find_python.sh)" && "$$python" -m venv $(VENV); }
	$(BIN)/python -m pip install --quiet "$$(grep '^torch==' constraints.txt)"
	$(BIN)/python -m pip install --quiet --constraint constraints.txt --editable '.[dev]'
	touch $@

lint: setup ## Style, types and import rules
	$(BIN)/ruff check
	$(BIN)/ruff format --check
	$(BIN)/mypy
	$(BIN)/lint-imports

# The seed: a change passes or fails by what it is. pytest by itself draws other examples every time.
test: lint ## All checks, then all tests
	OMP_NUM_THREADS=1 $(BIN)/python -m pytest --numprocesses $(PROCESSES) --dist loadfile \
		--hypothesis-seed=1 $(PYTEST_ARGS)

demo: setup ## Simulate particles, train a small job and show it (no display: make pictures)
	$(BIN)/conformix demo $(DEMO)

picture: setup ## Make the README's pictures from the running program
	$(BIN)/conformix demo $(DEMO) --pictures
	mkdir -p docs/images
	cp $(DEMO)/pictures/window.png $(DEMO)/pictures/paths.png docs/images/
	scripts/clusters_picture.sh $(BIN) $(DEMO)/states
	cp $(DEMO)/states/pictures/clusters.png docs/images/clusters.png

clean: ## Remove caches, builds and the demo
	rm -rf .mypy_cache .ruff_cache .pytest_cache .import_linter_cache .hypothesis dist $(DEMO)
	find src tests scripts -name __pycache__ -type d -prune -exec rm -rf {} +

distclean: clean ## The same, and the virtual environment
	rm -rf $(VENV)
