# Everything the project does, by name. Each target first makes what it needs.
# Plain `torch` on PyPI brings gigabytes of CUDA; TORCH_INDEX picks the build that fits the machine.

PYTHON  ?= python3
VENV    ?= .venv
TORCH   ?= torch==2.13.0
JOBS    ?= $(shell nproc 2>/dev/null || echo 2)
DATA    ?= data/sample
STORE   ?= data/sample-features
RUN     ?= runs/sample
CONFIG  ?= pipelines/configs/sample.toml

# Measuring line coverage costs time: `make test COVERAGE=` leaves it out.
COVERAGE ?= --cov --cov-report=term
# Files of tests run side by side; `make test PARALLEL=` runs them one after the other.
PARALLEL ?= --numprocesses auto --maxprocesses 4 --dist loadfile
# What test-quick runs. CONTRIBUTING.md says what that leaves out.
QUICK   ?= $(filter-out tests/test_site.py tests/test_leaderboard.py,$(wildcard tests/test_*.py)) \
           tests/mmemo $(addprefix --ignore tests/mmemo/,test_planted.py test_api.py metrics/test_consistency.py)

BIN     := $(VENV)/bin
MMEMO   := $(BIN)/mmemo
READY   := $(VENV)/.ready
# Without an NVIDIA driver: the CPU build's own index, where it can be reached.
CPU_INDEX := https://download.pytorch.org/whl/cpu
TORCH_INDEX ?= $(shell command -v nvidia-smi >/dev/null 2>&1 || $(PYTHON) -c \
  "import urllib.request as r; r.urlopen('$(CPU_INDEX)/', timeout=5)" 2>/dev/null && echo $(CPU_INDEX))

.PHONY: help setup sample features train evaluate predict serve default-model ablation test test-quick lint format docs picture bench clean

help: ## list the targets
	@grep -hE '^[a-z-]+:.*## ' $(MAKEFILE_LIST) | sed -E 's/^([a-z-]+):.*## /  make \1\t/' | expand -t 20

setup: $(READY) ## make the virtual environment in .venv and install everything into it

$(READY): pyproject.toml constraints.txt
	$(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --quiet --upgrade pip
	$(BIN)/python -m pip install --quiet $(if $(TORCH_INDEX),--extra-index-url $(TORCH_INDEX)) '$(TORCH)'
	@# setuptools warns of every editable installation at length
	PYTHONWARNINGS=ignore $(BIN)/python -m pip install --quiet --constraint constraints.txt --editable '.[sample,dev]'
	@touch $@

sample: $(READY) ## build the embedded sample corpus in data/sample
	$(BIN)/python -m pipelines.sample.corpus $(DATA) --jobs $(JOBS)

# The sample corpus is made first; a folder of your own is used as it is.
features: $(if $(filter data/sample,$(DATA)),sample,$(READY)) ## extract words, voice and face of every clip (DATA=folder STORE=folder)
	$(MMEMO) features $(DATA) --out $(STORE) --config $(CONFIG) --jobs $(JOBS)

train: features ## train on the sample corpus, evaluate on its test part, print the table
	$(MMEMO) train --config $(CONFIG) --data $(STORE) --out $(RUN) --force
	$(MMEMO) evaluate $(RUN) --data $(STORE)

evaluate: $(RUN)/checkpoint.json ## score the trained model again (RUN=folder STORE=folder)
	$(MMEMO) evaluate $(RUN) --data $(STORE)

predict: $(RUN)/checkpoint.json ## predict the emotions of a video: make predict CLIP=talk.mp4
	@test -n "$(CLIP)" || { echo "usage: make predict CLIP=talk.mp4" >&2; exit 2; }
	$(MMEMO) predict $(CLIP) --run $(RUN)

serve: $(RUN)/checkpoint.json ## serve a page to drop videos into
	$(MMEMO) serve --run $(RUN)

$(RUN)/checkpoint.json:
	$(MAKE) train

# VOICES: folders of labelled voices (RAVDESS, nEMO); FACES: FER2013. With WORDS=default the weights
# for words are those of the present model; without, they are trained.
default-model: $(READY) ## train the model that comes with the package (MOSEI=folder VOICES="folders" FACES=folder)
	@test -n "$(MOSEI)" -a -n "$(VOICES)" -a -n "$(FACES)" || \
	  { echo 'usage: make default-model MOSEI=folder VOICES="folder folder" FACES=folder' >&2; exit 2; }
	$(BIN)/python -m pipelines.default_model --mosei $(MOSEI) --voices $(VOICES) --faces $(FACES) \
	  $(if $(WORDS),--words $(WORDS)) --out mmemo/shipped_models/default --jobs $(JOBS)

ablation: features ## measure the contribution of each modality and decoder on the sample corpus
	$(BIN)/python -m benchmarks.sample_ablation --data $(STORE) --config $(CONFIG)

test: $(READY) ## run the tests; fails if they cover too few lines
	$(BIN)/python -m pytest $(PARALLEL) $(COVERAGE)

test-quick: $(READY) ## run the tests of mmemo/ and of the repository, with few random examples
	$(BIN)/python -m pytest -m "not slow and not shared" --hypothesis-profile quick $(QUICK)

lint: $(READY) ## check style, spelling, the house word list, licences and types
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/codespell
	$(BIN)/python tests/lint_words.py
	$(BIN)/python tests/lint_licences.py
	$(BIN)/mypy

format: $(READY) ## bring the code into the house style
	$(BIN)/ruff check --fix .
	$(BIN)/ruff format .

docs: $(READY) ## build the documents in build/site, to read without a network
	@# The theme announces its successor at every run; the variable silences it.
	NO_MKDOCS_2_WARNING=1 $(BIN)/mkdocs build --strict --quiet
	@echo build/site/index.html

picture: $(RUN)/checkpoint.json ## take the picture of the report page in the documents again (needs Chromium)
	$(BIN)/python -m docs.pictures --corpus $(DATA) --run $(RUN)

bench: $(READY) ## measure speed and memory
	$(BIN)/python -m benchmarks

clean: ## remove everything made here, except the environment and your own data
	rm -rf data/sample data/sample-features runs/sample build *.egg-info
