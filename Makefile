# make demo   train on text found on every Python machine, then write
# make test   the test suite        make check  ruff, mypy, imports       make bench  speed against the machine's
# make clients  an environment with others' clients of `rhapsode serve`, and their tests; `make test` uses it from then on
# make quick  while you edit: `make check`, and the tests that say most in the least time
# make pages  pictures of every page of the studio, in build/pages/pictures; the first time, it trains models for some minutes
# make wheels for Linux, macOS and Windows, into dist/       make wasm   kernel.wasm, after a change of kernel.c
#
# Each sets itself up in $(VENV) first; the second time it starts at once.
# On Linux without a GPU, TORCH_INDEX=https://download.pytorch.org/whl/cpu saves a download of gigabytes.

PYTHON ?= python3
VENV ?= .venv
TORCH_INDEX ?=
ARGS ?=

BIN = $(VENV)/bin
CLIENTS = $(VENV)-clients
PIP = $(BIN)/python -m pip install --quiet --disable-pip-version-check -c constraints.txt

# The tests of what everything else stands on. All together take less than half a minute.
QUICK = tests/test_layout.py tests/test_saved.py tests/data/test_framing.py tests/data/test_resets.py \
	tests/nn/test_heads.py tests/inference/test_model.py tests/cli/test_verbs.py tests/files/test_formats.py

KERNEL = src/rhapsode/arithmetic/kernel.c src/rhapsode/arithmetic/learning.c src/rhapsode/arithmetic/build.py

.PHONY: demo test clients check quick bench pages wheels wasm clean
.DELETE_ON_ERROR:

demo: $(VENV)/.demo
	$(BIN)/rhapsode demo $(ARGS)

test: $(VENV)/.dev
	RHAPSODE_CLIENTS=$(wildcard $(abspath $(CLIENTS))/bin/python) \
		$(BIN)/python -m pytest -n auto --maxprocesses 4 --dist worksteal $(ARGS)

clients: $(VENV)/.dev $(CLIENTS)/.done
	RHAPSODE_CLIENTS=$(abspath $(CLIENTS))/bin/python $(BIN)/python -m pytest tests/serving/test_clients.py $(ARGS)

check: $(VENV)/.dev
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/lint-imports --no-cache
	$(BIN)/mypy

quick: check
	$(BIN)/python -m pytest -q -n auto --maxprocesses 4 $(QUICK)

bench: $(VENV)/.demo
	$(BIN)/rhapsode bench $(ARGS)

pages: $(VENV)/.dev
	$(BIN)/python benchmarks/pages.py build/pages $(ARGS)

wheels: $(VENV)/.zig
	$(BIN)/python -m rhapsode.arithmetic.build --wheels dist

wasm: $(VENV)/.zig
	$(BIN)/python -m rhapsode.arithmetic.build --wasm

# torch first and by itself: it is the largest, and it may come from an index of its own.
$(VENV)/.torch: constraints.txt
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11) and "Rhapsode needs Python 3.11 or later: make PYTHON=python3.11")'
	@echo "Setting up $(VENV), once: some minutes, most of it the download of torch."
	$(PYTHON) -m venv $(VENV)
	$(PIP) $(if $(TORCH_INDEX),--extra-index-url $(TORCH_INDEX)) "$$(grep '^torch==' constraints.txt)"
	@touch $@

$(VENV)/.demo: $(VENV)/.torch pyproject.toml setup.py $(KERNEL)
	$(PIP) -e .
	@touch $@

$(VENV)/.dev: $(VENV)/.demo
	$(PIP) -e '.[test,check]'
	-$(PIP) --no-deps tinysoundfont  # what it needs to play aloud is not built everywhere
	@touch $@

# Not in $(VENV): a client needs nothing of ours, and must not choose the versions of our packages.
$(CLIENTS)/.done: constraints.txt
	$(PYTHON) -m venv $(CLIENTS)
	$(CLIENTS)/bin/python -m pip install --quiet --disable-pip-version-check --no-compile -c constraints.txt \
		'lm-eval[api]' llm langchain-openai schemathesis
	@touch $@

$(VENV)/.zig: $(VENV)/.demo
	$(PIP) ziglang
	@touch $@

clean:
	rm -rf $(VENV) $(CLIENTS) build dist .pytest_cache .mypy_cache .ruff_cache .hypothesis .coverage
