# Everyday commands; `make help` lists them.

VENV := .venv
BIN := $(VENV)/bin
READY := $(VENV)/.ready
# The first of these that is Python 3.11 or 3.12.
PYTHON ?= $(shell for python in python3 python3.12 python3.11; do \
	$$python -c 'import sys; sys.exit(sys.version_info[:2] not in ((3, 11), (3, 12)))' 2>/dev/null \
	&& echo $$python && break; done)
PIP := $(BIN)/python -m pip --disable-pip-version-check
# Processes among which the tests' files are shared; each takes about 2 GB.
TEST_WORKERS ?= 2

.PHONY: help venv run test test-slow test-ray reliability verify verify-table baselines record-baselines bench bler lint docs schema clean

help:  ## list these commands
	@sed -n 's/^\([a-z-]*\):.*## /\1\t/p' Makefile | expand -t 12

venv: $(READY)  ## make .venv with everything that users and tests need

$(READY): setup.cfg pyproject.toml constraints.txt
	@test -n "$(PYTHON)" || { echo "linksim needs Python 3.11 or 3.12: install one, or name it with make PYTHON=..."; exit 1; }
	@$(PYTHON) -m venv $(VENV) || { echo "$(PYTHON) cannot make virtual environments: install python3-venv"; exit 1; }
	@echo "Installing into $(VENV): about 3 GB, some minutes the first time."
	$(PIP) install --quiet --constraint constraints.txt pip setuptools wheel numpy scipy numba
	@# pyldpc's build imports numpy: it has to be there before, and the build not isolated from it.
	$(PIP) install --quiet --constraint constraints.txt --no-build-isolation pyldpc
	$(PIP) install --quiet --constraint constraints.txt --no-build-isolation --editable .[test,pyldpc]
	@touch $@

run: $(READY)  ## run scenarios/quickstart.yaml on packaged photographs
	$(BIN)/linksim run scenarios/quickstart.yaml

test: $(READY)  ## run the tests, in TEST_WORKERS processes
	$(BIN)/python -m pytest --numprocesses $(TEST_WORKERS) --dist loadfile --ignore tests/verification

test-slow: $(READY)  ## run the tests that take minutes
	$(BIN)/python -m pytest -m slow --ignore tests/benchmarks --ignore tests/reliability

$(VENV)/.ray: $(READY)
	$(PIP) install --quiet --constraint constraints.txt --no-build-isolation --editable .[cluster]
	@touch $@

test-ray: $(VENV)/.ray  ## install Ray; run on a cluster of two nodes on this machine, and kill one
	$(BIN)/python -m pytest -m slow tests/evaluation/test_ray.py

reliability: $(READY)  ## kill, starve and mistreat runs; write the table of docs/reliability.md
	$(BIN)/python -m pytest tests/reliability -m "" --table docs/reliability.md

verify: $(READY)  ## hold each block of the physical layer against values from outside
	$(BIN)/python -m pytest tests/verification

verify-table: $(READY)  ## verify, and write the table of docs/verification.md
	$(BIN)/python -m pytest tests/verification --table docs/verification.md

# What is held: a scenario each, reduced so that all take less than five minutes on two cores.
BASELINES := quickstart photos_tdl papers/deepjscc_q_fig7 papers/ujscc_fig5
REDUCED := --set pictures=null --set 'metrics=[psnr]' --set 'figures=[{y: psnr_db, file: psnr_vs_snr}]'
REDUCED_quickstart := --set images.limit=2 --set 'channel.snr_db={from: -3, to: 21, step: 3}' \
	--set systems.0.mcs.decode=needed --set stop.trials=8
REDUCED_photos_tdl := --set images.limit=2 --set 'images.crop=[192, 288]' --set 'channel.snr_db=[6, 14, 22]' \
	--set 'systems.2.mcs.indices=[1, 4, 9, 15, 21]' --set stop.trials=24
REDUCED_papers/deepjscc_q_fig7 := --set images.limit=24 --set 'channel.snr_db=[0, 8, 16, 24]' \
	--set 'systems.4.mcs.indices=[1, 4, 9, 15, 21, 27]' --set stop.trials=8
REDUCED_papers/ujscc_fig5 := --set images.limit=24 --set 'channel.snr_db=[0, 8, 15, 22, 28]' \
	--set 'systems.7.mcs.indices=[1, 4, 9, 15, 21, 27]' --set stop.trials=8
# Beyond the interval, in dB: other machines round otherwise.
BASELINE_TOLERANCE := 0.02

baselines: $(BASELINES:%=baseline/%)  ## run reduced scenarios and hold them against baselines/measured

record-baselines: $(BASELINES:%=record/%)  ## write baselines/measured anew, after a change that is meant

$(BASELINES:%=baseline/%): baseline/%: reduced/%
	$(BIN)/linksim compare .baselines/$(notdir $*) baselines/measured/$(notdir $*).json \
		--tolerance $(BASELINE_TOLERANCE)

$(BASELINES:%=record/%): record/%: reduced/%
	$(BIN)/linksim record .baselines/$(notdir $*) --out baselines/measured/$(notdir $*).json

$(BASELINES:%=reduced/%): reduced/%: $(READY)
	$(BIN)/linksim run scenarios/$*.yaml $(REDUCED) $(REDUCED_$*) --fresh --out .baselines/$(notdir $*)

bench: $(READY)  ## measure speed in ratios; JSON in .benchmarks
	@mkdir -p .benchmarks
	$(BIN)/python -m pytest tests/benchmarks -m "" --benchmark-only --benchmark-quiet \
		--benchmark-json .benchmarks/linksim.json

bler: $(READY)  ## compare block error rates with Sionna's decoder, all codes and modulations (more than an hour)
	@mkdir -p .benchmarks
	$(BIN)/python tests/phy/ldpc/test_block_error_rate.py .benchmarks/bler.tsv

lint: $(READY)  ## check style with ruff
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .

docs: $(VENV)/.docs  ## build the site of the documentation in docs/_build/html; warnings are errors
	$(BIN)/python -m sphinx --quiet --fresh-env --fail-on-warning --keep-going docs docs/_build/html
	@echo "Look at docs/_build/html/index.html"

$(VENV)/.docs: $(READY)
	$(PIP) install --quiet --constraint constraints.txt --no-build-isolation --editable .[docs]
	@touch $@

schema: $(READY)  ## write the JSON Schema of scenarios anew
	$(BIN)/python -c "from linksim.scenario.loader import json_schema; print(json_schema(), end='')" \
		> linksim/scenario/scenario.schema.json

clean:  ## remove the environment and caches
	rm -rf $(VENV) build docs/_build *.egg-info .pytest_cache .ruff_cache .hypothesis .benchmarks .baselines
