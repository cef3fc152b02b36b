# Set-up, demo, tests and checks. Needs Python 3.12 or newer, git and make; installs everything else.
SHELL := /bin/bash
.SHELLFLAGS := -eu -o pipefail -c
.DEFAULT_GOAL := help

UV_VERSION := 0.13.9
UV := $(shell command -v uv 2>/dev/null || echo .tools/bin/uv)
BIN := .venv/bin
# 3.12 if it is installed (see .python-version), else any newer version.
PYTHON := $(shell command -v python3.12 >/dev/null 2>&1 && echo 3.12 || echo '>=3.12')

# Use an installed interpreter and the package index only: no model hub, no code host.
export UV_PYTHON_DOWNLOADS := never
export UV_COMPILE_BYTECODE := 1
export HF_HUB_OFFLINE := 1
# Go modules come from the module proxy; their paths are those of repositories, which are not fetched.
export GOVCS := *:off

.PHONY: help docs setup demo test check format lint types imports prove faults test-cluster mutants train-model thresholds report-schema config-schemas reference lock clean

help:  ## list the targets
	@grep -hE '^[a-z-]+:.*## ' $(MAKEFILE_LIST) | sed -E 's/:.*## /\t/' | expand -t 16

setup: .venv/.installed  ## create .venv with the locked dependencies and chatsieve

.tools/bin/uv: requirements-uv.lock
	python3 -m venv .tools
	.tools/bin/python -m pip install --quiet --no-deps --require-hashes -r requirements-uv.lock

.venv/.installed: requirements.lock pyproject.toml .python-version | $(filter .tools/bin/uv,$(UV))
	$(UV) venv --quiet --allow-existing --no-project --python '$(PYTHON)' .venv
	VIRTUAL_ENV=$(CURDIR)/.venv $(UV) pip sync --quiet --require-hashes requirements.lock
	VIRTUAL_ENV=$(CURDIR)/.venv $(UV) pip install --quiet --no-deps --no-build-isolation --editable .
	$(BIN)/python -m compileall -q schemas transforms pipeline chatsieve
	$(BIN)/python -m pipeline.pages.chart_library
	touch $@

demo: setup  ## run the bundled example into out/demo
	$(BIN)/chatsieve run -c configs/demo.yaml

# Two processes of tests, one file at a time each; with ARGS, one process and these arguments of pytest.
test: setup  ## run the tests; ARGS="tests/decide -k retention" runs a part
	$(BIN)/python -m pytest $(if $(ARGS),$(ARGS),-n 2 --dist loadfile)

check: test check-rest  ## run every check of CI

check-rest: format-check lint types imports

.PHONY: format-check check-rest
format-check: setup
	$(BIN)/ruff format --check .

format: setup  ## format the code
	$(BIN)/ruff format .
	$(BIN)/ruff check --fix .

report-schema: setup  ## write docs/reference/report.schema.json from schemas/reports/document.py
	$(BIN)/python -c 'import sys; from schemas.reports.document import json_schema; sys.stdout.buffer.write(json_schema())' > docs/reference/report.schema.json

config-schemas: setup  ## write configs/schemas from the models of configurations
	$(BIN)/python -c 'from pathlib import Path; from schemas.config_schemas import MODELS, config_schema; [Path(f"configs/schemas/{name}.schema.json").write_bytes(config_schema(name)) for name in MODELS]'

reference: setup  ## write the generated pages of docs/reference, and the man pages
	$(BIN)/python -m pipeline.reference.pages

lint: setup  ## check the code with ruff
	$(BIN)/ruff check .

types: setup  ## check the types with mypy
	$(BIN)/mypy

imports: setup  ## check which packages import which
	$(BIN)/lint-imports

prove: setup  ## run the slow tests, and compare the engine with the reference on 200,000 random sessions
	$(BIN)/python -m pytest -m prove
	$(BIN)/python -m tests.prove.engine_against_reference --sessions 200000

faults: setup  ## disturb runs, fail 2,000 operations on files, check what is left (40 minutes)
	$(BIN)/python -m pytest -n 2 --dist loadfile -m faults
	$(BIN)/python -W ignore::DeprecationWarning -m tests.prove.faults $(ARGS)

# Servers that the cluster tests start, built from Go modules. A changed version is built again.
SERVERS := github.com/versity/versitygw/cmd/versitygw@v1.8.0 github.com/fsouza/fake-gcs-server@v1.56.1 github.com/apache/beam/sdks/v2/go/cmd/prism@v2.77.0
# Beam's program that starts the SDK worker in a container; the file of this name is the root of its module.
BOOT := github.com/apache/beam/sdks/v2/python/container@v2.77.0
.tools/servers/.installed: Makefile
	@command -v go >/dev/null || { echo "the cluster tests need Go 1.25 or newer" >&2; exit 1; }
	for module in $(SERVERS); do GOBIN=$(CURDIR)/.tools/servers go install $$module; done
	touch $@

# Airflow has pinned dependencies of its own, so it gets its own environment.
AIRFLOW := .tools/airflow
$(AIRFLOW)/.installed: requirements-airflow.lock | setup
	$(UV) venv --quiet --clear --no-project --python '$(PYTHON)' $(AIRFLOW)
	VIRTUAL_ENV=$(CURDIR)/$(AIRFLOW) $(UV) pip sync --quiet --require-hashes requirements-airflow.lock
	touch $@

# Zensical has dependencies of its own too.
DOCS := .tools/docs
$(DOCS)/.installed: requirements-docs.lock | setup
	$(UV) venv --quiet --clear --no-project --python '$(PYTHON)' $(DOCS)
	VIRTUAL_ENV=$(CURDIR)/$(DOCS) $(UV) pip sync --quiet --require-hashes requirements-docs.lock
	touch $@

# The pages and the files that they link to, at their places: links are the same in the clone and in the site.
docs: setup $(DOCS)/.installed  ## build the documentation as a site into build/docs; a wrong link is an error
	rm -rf build/docs build/docs-source .cache
	mkdir -p build/docs-source
	cp -r *.md LICENSE configs docs examples build/docs-source
	cp --parents schemas/tables.py transforms/deid/model/README.md build/docs-source
	find build/docs-source -name __pycache__ -exec rm -r {} +
	$(DOCS)/bin/zensical build --strict
	$(BIN)/python -m tests.docs.site build/docs

.PHONY: image-context
image-context: build/image/requirements.lock build/image/boot  ## fill build/image, the input of the Containerfile
	rm -rf build/image/wheels/chatsieve-*.whl build/source
	mkdir -p build/source
	cp -r LICENSE README.md pyproject.toml chatsieve configs examples pipeline schemas transforms build/source
	$(BIN)/python -m pip wheel -qq --disable-pip-version-check --no-index --no-build-isolation --no-deps \
	  --wheel-dir build/image/wheels build/source
	rm -rf build/source

# The part of requirements.lock that the program needs, and its wheels.
build/image/requirements.lock: requirements.lock pyproject.toml | setup
	rm -rf build/image/wheels $@
	mkdir -p build/image/wheels
	VIRTUAL_ENV=$(CURDIR)/.venv $(UV) pip compile --quiet --universal --generate-hashes --no-emit-index-url --no-emit-find-links \
	  --constraints requirements.lock --all-extras --output-file build/image/wheels/requirements.lock pyproject.toml
	$(BIN)/python -m pip download --quiet --disable-pip-version-check --only-binary :all: --no-deps --require-hashes \
	  --requirement build/image/wheels/requirements.lock --dest build/image/wheels
	mv build/image/wheels/requirements.lock $@

build/image/boot: Makefile
	@command -v go >/dev/null || { echo "the image needs Go 1.25 or newer, to build Beam's boot program" >&2; exit 1; }
	mkdir -p $(@D)
	CGO_ENABLED=0 GOBIN=$(CURDIR)/build/image go install $(BOOT)
	mv build/image/container $@
	touch $@

# Debian packages with programs that the cluster tests call.
NAMESPACES := iproute2 util-linux
.PHONY: namespace-programs
namespace-programs:
	@for each in ip ss unshare nsenter; do PATH="$$PATH:/usr/sbin:/sbin" command -v $$each >/dev/null || missing=$$each; done; \
	if [ -n "$${missing:-}" ]; then \
	  command -v apt-get >/dev/null || { echo "the cluster tests need $$missing: install $(NAMESPACES)" >&2; exit 1; }; \
	  apt-get -qq update && DEBIAN_FRONTEND=noninteractive apt-get -qq install -y --no-install-recommends $(NAMESPACES); \
	fi

test-cluster: setup namespace-programs .tools/servers/.installed $(AIRFLOW)/.installed $(DOCS)/.installed image-context  ## test object stores, other runners and schedulers, started here (20 minutes)
	$(BIN)/python -m pytest $(if $(ARGS),$(ARGS),-n 2 --dist loadfile -m cluster)

mutants: setup  ## test that the tests detect small changes of the decision code (an hour)
	$(BIN)/mutmut run --max-children 2
	$(BIN)/python -m tests.prove.mutants

.PHONY: samples
samples:
	@test -d "$(CHATSIEVE_SAMPLES)" || { echo "set CHATSIEVE_SAMPLES to the folder of public samples" >&2; exit 1; }

# Dependencies of the models that label training texts; outside of .venv, because nothing else needs them.
TEACHERS := build/teachers
$(TEACHERS)/.installed: requirements-train.lock | setup
	VIRTUAL_ENV=$(CURDIR)/.venv $(UV) pip install --quiet --require-hashes --no-deps --target $(TEACHERS) -r requirements-train.lock
	touch $@

SITE := .venv/lib/python3*/site-packages
RECORDED = $$(find $(CHATSIEVE_SAMPLES)/chat_datasets $(CHATSIEVE_SAMPLES)/claude_code $(CHATSIEVE_SAMPLES)/chatgpt $(CHATSIEVE_SAMPLES)/claude_ai \( -name '*.json' -o -name '*.jsonl' \) -size +1k) $(SITE)/*.dist-info/METADATA
DOCUMENTED = $$(find $(SITE)/{apache_beam,pandas,numpy,spacy,datasets,hypothesis,polars,pydantic,rich,faker} -name '*.py')
CODE = $$(find $(CHATSIEVE_SAMPLES)/claude_code -name '*.jsonl' -size +1k) $$(find $(SITE)/{apache_beam,pandas,numpy,spacy,datasets,hypothesis,polars,pydantic,rich,faker,jinja2,thinc,google,altair,duckdb} -size -200k -name '*.py' -o -size -200k -regex '.*[.]\(js\|css\|html\|pyx\|h\)')
train-model: samples $(TEACHERS)/.installed  ## train the small model from public samples and made-up texts (an hour)
	PYTHONPATH=$(TEACHERS) $(BIN)/python -m transforms.training.teachers --out build/taught-prose.jsonl --characters 1500000 $(RECORDED)
	$(BIN)/python -m transforms.training.teachers --lists --out build/taught-docstrings.jsonl --characters 1500000 $(DOCUMENTED)
	$(BIN)/python -m transforms.training.train --texts 60000 --epochs 5 --renamed 0 --frames 0 --out build/first-step \
	  --taught build/taught-prose.jsonl --taught build/taught-docstrings.jsonl --labelled $(CHATSIEVE_SAMPLES)/pii/wnut17_dev.jsonl
	$(BIN)/python -m transforms.training.train --from build/first-step/weights.npz --rate 0.0015 --texts 24000 --frames 9000 --epochs 1 --characters 600000 \
	  --taught build/taught-prose.jsonl --taught build/taught-docstrings.jsonl --labelled $(CHATSIEVE_SAMPLES)/pii/wnut17_dev.jsonl --out build/second-step $(CODE)
	$(BIN)/python -m transforms.training.train --from build/second-step/weights.npz --rate 0.0015 --texts 24000 --frames 70000 --epochs 3 --characters 600000 \
	  --taught build/taught-prose.jsonl --taught build/taught-docstrings.jsonl --labelled $(CHATSIEVE_SAMPLES)/pii/wnut17_dev.jsonl --out transforms/deid/model $(CODE)
	$(BIN)/python -m transforms.training.gate --texts 12000 --frames 12000 --characters 1200000 --out transforms/deid/model $(RECORDED) $(DOCUMENTED)

thresholds: samples setup  ## select the thresholds of the small model; writes benchmarks/thresholds.json
	$(BIN)/python -m benchmarks.choose_thresholds --labelled $(CHATSIEVE_SAMPLES)/pii/wnut17_dev.jsonl

lock: $(filter .tools/bin/uv,$(UV))  ## update requirements.lock from pyproject.toml
	$(UV) pip compile --quiet --universal --python-version 3.12 --generate-hashes --no-emit-index-url \
	  --no-emit-find-links --custom-compile-command 'make lock' --extra postgres --extra onnx --extra s3 --extra gcs --extra otel --extra dataflow --group dev --output-file requirements.lock pyproject.toml
	$(UV) pip compile --quiet --universal --python-version 3.12 --generate-hashes --no-emit-index-url \
	  --no-emit-find-links --no-deps --custom-compile-command 'make lock' --group train \
	  --output-file requirements-train.lock
	$(UV) pip compile --quiet --universal --python-version 3.12 --generate-hashes --no-emit-index-url \
	  --no-emit-find-links --custom-compile-command 'make lock' --group airflow --output-file requirements-airflow.lock
	$(UV) pip compile --quiet --universal --python-version 3.12 --generate-hashes --no-emit-index-url \
	  --no-emit-find-links --custom-compile-command 'make lock' --group docs --output-file requirements-docs.lock

clean:  ## remove the files of set-up and demo
	rm -rf .venv .tools .cache out build mutants *.egg-info
