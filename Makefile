# What a person types. Every target makes the virtual environment first, by package name.
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
STAMP := $(VENV)/.installed
STACK ?= sandbox
SECONDS ?= 600
UPGRADE ?=
# More than there are cores: many tests wait for a server, a browser or an engine.
WORKERS ?= $(shell echo $$(( $$(getconf _NPROCESSORS_ONLN) * 3 / 2 )))
# What `flexres init` writes beside the workflows.
INIT_LOCK := flexres/cli/templates/requirements.lock
# One set of pins for every Python and system, each with the hashes of its files.
LOCK = $(BIN)/uv pip compile --quiet --universal --python-version 3.11 --generate-hashes --no-header $(UPGRADE)

# For whatever runs Pulumi's engine: safe here, because every operation converges when repeated (docs/pulumi.md).
export PULUMI_SKIP_CHECKPOINTS ?= true
export PULUMI_SELF_MANAGED_STATE_GZIP ?= true
export PULUMI_CONTINUE_ON_ERROR ?= true
export PIP_DISABLE_PIP_VERSION_CHECK ?= 1

.DEFAULT_GOAL := help
.PHONY: help up check test lint types unit readme examples bad-stacks workflows requirements dist docs bench scale fuzz proof histories mutants coverage clean

help:                ## this list
	@grep -hE '^[a-z-]+:.*##' $(MAKEFILE_LIST) | sed -E 's/:.*## */\t/' | expand -t 16

$(STAMP): requirements.txt requirements-dev.txt pyproject.toml
	@echo "installing into $(VENV), which takes some minutes the first time"
	@test -x $(BIN)/python || $(PYTHON) -m venv $(VENV)
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check --require-hashes -r requirements-dev.txt
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check --no-deps \
		--no-build-isolation --editable .
	@touch $@

up: $(STAMP)         ## a local Flex: plan the sandbox stack, apply it, and see that nothing is left to do
	@$(BIN)/flexres sandbox run --state .sandbox/flex.db -- $(BIN)/flexres demo --stack $(STACK)

lint: $(STAMP)       ## ruff
	@$(BIN)/ruff check .
	@$(BIN)/ruff format --check .

types: $(STAMP)      ## mypy --strict
	@$(BIN)/mypy

unit: $(STAMP)       ## the unit tests
	@$(BIN)/pytest tests/unit -n auto

check: lint types unit  ## the inner loop: lint, types, unit tests

test: lint types     ## everything
	@sh tests/system-packages.sh
	@$(BIN)/pytest -n $(WORKERS)

readme: $(STAMP)     ## write the plan in README anew, as it really prints
	@FLEXRES_WRITE_README=1 $(BIN)/pytest tests/flow/test_readme.py

examples: $(STAMP)   ## write docs/examples anew: what a reviewer sees of a branch
	@FLEXRES_WRITE_EXAMPLES=1 $(BIN)/pytest tests/flow/test_page_examples.py

bad-stacks: $(STAMP) ## write anew what is told of each bad stack (tests/bad_stacks/*/*.problems)
	@FLEXRES_WRITE_BAD_STACKS=1 $(BIN)/pytest tests/unit/desired/test_bad_stacks.py

workflows: $(STAMP)  ## render .github/workflows from the templates that flexres init writes
	@FLEXRES_WRITE_WORKFLOWS=1 $(BIN)/pytest tests/flow/test_workflows.py -k rendered

requirements: $(STAMP)  ## pin anew what requirements*.txt lack: UPGRADE=--upgrade for newer versions
	@$(LOCK) --all-extras --output-file requirements.txt pyproject.toml
	@for name in dev audit; do $(LOCK) --output-file requirements-$$name.txt requirements-$$name.in; done
	@echo setuptools | $(LOCK) --no-annotate --extra pulumi --extra sso --constraint requirements.txt \
		--output-file $(INIT_LOCK) pyproject.toml -

docs: $(STAMP)       ## site/: the documentation, without a network, every link checked
	@NO_MKDOCS_2_WARNING=1 $(BIN)/mkdocs build --strict --quiet

dist: $(STAMP)       ## dist/: the wheel and the source distribution, checked as a registry does
	@rm -rf dist
	@SOURCE_DATE_EPOCH=$$(git log -1 --format=%ct) $(BIN)/python -m build --no-isolation --outdir dist . >/dev/null
	@$(BIN)/twine check --strict dist/*
	@$(BIN)/check-wheel-contents dist/*.whl

bench: $(STAMP)      ## what is measured against what, in one run
	@$(BIN)/python -m bench

scale: $(STAMP)      ## every command over 1,000, 5,000 and 15,000 users; writes the table and plot in docs/scale.md
	@$(BIN)/python -m bench.scale --write

fuzz: $(STAMP)       ## damaged input to every reader and every client of answers, for SECONDS (600); KEEP=1 for tests/fuzz/corpus
	@$(BIN)/python -m tests.fuzz $(SECONDS) $(if $(KEEP),--keep)

proof: $(STAMP)      ## every fault, signal and mishap, RUNS (10) times each; writes the table in docs/reliability.md
	@$(BIN)/python -m proof --runs $(or $(RUNS),10) --write

histories: $(STAMP)  ## others at their worst between any two requests of ours, in RUNS (1000) histories by chance
	@$(BIN)/python -m tests.histories $(or $(RUNS),1000)

mutants: $(STAMP)    ## changes every decision, and tells what no test notices; ONLY=reconcile/plan for another module
	@$(BIN)/python -m tests.mutants $(ONLY)

coverage: $(STAMP)   ## the branches that the tests reach, by package
	@$(BIN)/coverage erase
	-@$(BIN)/coverage run -m pytest tests/unit tests/sandbox tests/flow tests/pulumi -n $(WORKERS)
	@$(BIN)/coverage combine --quiet
	@$(BIN)/python -m tests.branches

clean:               ## remove the virtual environment and what was built
	@rm -rf $(VENV) .mypy_cache .ruff_cache .hypothesis .fuzz mutants .coverage* bench/out proof/out build dist site *.egg-info
