# `make demo` and `make test` need nothing but Python 3.11 or newer: both make .venv on their own.
SHELL := /bin/bash
PYTHON ?= python3
BIN := .venv/bin
KGPRISM_HOME ?= $(CURDIR)/.demo
export RAY_USAGE_STATS_ENABLED := 0

.PHONY: demo test test-alone test-nodes lint docs wheel clean

demo: .venv/.installed
	KGPRISM_HOME=$(KGPRISM_HOME) $(BIN)/kgprism ablate demo

# pytest leaves with 5 where a mark collects nothing.
pytest = $(BIN)/python -m pytest -q $(1) || test $$? -eq 5

# What fails is told, and gets one more try by itself: these tests kill processes, start browsers and wait for clocks of
# Ray's, on machines that others use too. $(1) are words for pytest, $(2) is the chain's own memory of what failed.
define twice
	log=$$(mktemp) && once="-o cache_dir=.pytest_cache/$(2)" \
	&& { $(call pytest,$(1) --cache-clear $$once); } 2>$$log || { tail -n 40 $$log; echo "once more, what failed:"; \
	$(call pytest,$(1) --last-failed $$once); }
endef

# Tests on several nodes mostly wait for each other: the others run beside them. Torch has one thread a process then,
# since two that share a core with others wait for each other at every operation.
test: .venv/.installed
	OMP_NUM_THREADS=1 $(MAKE) --no-print-directory --output-sync=target -j2 test-alone test-nodes

test-alone:
	$(call twice,,alone)
	$(call twice,-m slow,alone)
	$(call twice,-m real,alone)

# Where Ray ends the process of the tests, its reason is in what it wrote last.
test-nodes:
	$(call twice,-m ray --capture=sys,nodes)
	$(call twice,-m cluster,nodes)

# The import path is not the folder path (docs/architecture.md: why platform/ has no __init__.py), so mypy reads links.
lint: .venv/.linters
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	tree=$$(mktemp -d) && trap 'rm -rf "$$tree"' EXIT && mkdir "$$tree/kgprism" \
	&& ln -s $(CURDIR)/{platform,methods,search_spaces,ablations} $(CURDIR)/platform/api/{__init__,testing}.py "$$tree/kgprism/" \
	&& cd "$$tree" && MYPYPATH="$$tree" $(CURDIR)/$(BIN)/mypy --config-file $(CURDIR)/pyproject.toml \
		--cache-dir $(CURDIR)/.mypy_cache -p kgprism

# README, guides and the reference of `import kgprism` as a site; a link that leads nowhere is an error.
docs: .venv/.linters
	NO_MKDOCS_2_WARNING=1 $(BIN)/mkdocs build --quiet --strict --config-file docs/site/mkdocs.yml
	@echo build/site/index.html

# What cluster.yaml brings to a cluster: one wheel, and the versions that it was tested with.
wheel: .venv/.installed
	rm -rf build dist
	$(BIN)/python -m build --quiet --wheel --no-isolation --outdir dist .
	cp constraints.txt dist
	rm -rf build

clean:
	rm -rf .venv .demo build dist *.egg-info .pytest_cache .mypy_cache .ruff_cache

.venv/.installed: pyproject.toml constraints.txt
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11) and "kgprism needs Python 3.11 or newer: make PYTHON=python3.11")'
	test -x $(BIN)/python || $(PYTHON) -m venv .venv
	$(BIN)/python -m pip install --quiet --disable-pip-version-check -c constraints.txt -e ".[test]"
	@touch $@

.venv/.linters: .venv/.installed
	$(BIN)/python -m pip install --quiet --disable-pip-version-check -c constraints.txt -e ".[dev]"
	@touch $@
