# Two commands do everything on a machine that has only Python: `make demo` and `make test`.
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
STAMP := $(VENV)/.ready
VIDEO ?=
OUT ?= demo/clips

# Tests start hundreds of processes of ours, and each would compile the same modules again.
unexport PYTHONDONTWRITEBYTECODE

.PHONY: help setup demo test check format bench soak docs lock clean

help: ## what there is to do
	@grep -E '^[a-z]+:.*##' $(MAKEFILE_LIST) | sed -E 's/:.*## /\t/' | expand -t 10

setup: $(STAMP) ## make .venv with cliply in it

$(STAMP): requirements/dev.txt pyproject.toml
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || { echo "Cliply needs Python 3.11 or newer. Name one: make PYTHON=python3.12 $(MAKECMDGOALS)"; exit 1; }
	@echo "Setting up: this takes a few minutes, and 1.3 GB on the disk."
	$(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --require-hashes -r requirements/dev.txt
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --no-deps --no-build-isolation --no-index -e .
	@touch $@

demo: $(STAMP) ## make clips from VIDEO=path, or from a short talk that is made on the spot
ifeq ($(strip $(VIDEO)),)
	@test -f demo/talk.mp4 || { mkdir -p demo && $(BIN)/python -m tools.make_demo_video demo/talk.mp4; }
	@$(BIN)/cliply clip demo/talk.mp4 --out "$(OUT)"
else
	@$(BIN)/cliply clip "$(VIDEO)" --out "$(OUT)"
endif
	@echo "Look at them: open $(OUT)/index.html in a browser."

test: $(STAMP) ## run the tests: of units, then with a database and servers, then those that run models and renders (with Node 20, a few more)
	@command -v npm >/dev/null || echo "Node is not here, so tests against an independent OIDC server are skipped. Install Node 20 or newer, with npm, to run them."
	$(BIN)/python -m pytest -m "not integration and not slow and not soak" -n 2
	$(BIN)/python -m pytest -m "integration and not slow and not soak" -n 2
	@# Reordered, files with the fewest tests would come last, and some of those take minutes.
	$(BIN)/python -m pytest -m "slow and not soak" -n 2 --dist loadfile --no-loadscope-reorder

check: $(STAMP) ## lint, types, import directions, and docs that match the code
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/lint-imports
	$(BIN)/python -m tools.docs --check

format: $(STAMP) ## put the code in its usual form
	$(BIN)/ruff format .
	$(BIN)/ruff check --fix .

docs: $(STAMP) ## write the reference pages that are made from the code
	$(BIN)/python -m tools.docs

bench: $(STAMP) ## measure speed and quality; writes docs/reference/benchmarks.md
	$(BIN)/python -m benchmarks

soak: $(STAMP) ## long crash, fuzz and length runs
	$(BIN)/python -m pytest -m soak

lock: ## renew the pinned, hashed dependencies (needs uv)
	uv pip compile --quiet --universal --generate-hashes --no-emit-index-url --python-version 3.11 --group dev pyproject.toml -o requirements/dev.txt

clean: ## remove what was set up and made
	rm -rf $(VENV) demo
