# One command each for running and developing; all set-up is theirs. Needed beforehand: Python 3.11 or newer, nothing else.
#   make run         measure this host with the defaults; ARGS="--mode standard" passes flags to `bench run`
#   make test        tests of the fast tier, JOBS (2) at a time (ARGS goes to pytest); make test-full: all of them
#   make lint        ruff (rules and format), mypy --strict
#   make perf        speed of the harness itself, with pytest-benchmark; ARGS="--benchmark-compare" beside what was saved
#                    (results/baselines/perf), ARGS="--benchmark-save=NAME" saves
#   make perf-opencl the OpenCL engine beside onnxruntime, all networks (ARGS="--rounds 5 --json rows.json")
#   make gpu-regression   is HEAD slower than BASE on this machine's GPU? (.ci/gpu-regression says what it takes)
#   make clean       remove the environments, builds and tool caches; results stay
# PYTHON=/path/to/python chooses the interpreter the environments are made with.

ARGS ?=
JOBS ?= 2
# Two environments, so that what is measured with is the install a user gets: no torch, no test tools.
RUN_VENV := .venv
DEV_VENV := .venv-dev
DEV_EXTRAS := dev,torch,openvino,opencl,mlperf,video,endpoint,fleet,pdf

USABLE := import sys, venv, ensurepip; sys.exit(sys.version_info < (3, 11))
PYTHON ?= $(shell for name in python3.11 python3 python3.12 python3.13 python3.14; do \
	"$$name" -c "$(USABLE)" 2>/dev/null && { echo "$$name"; break; }; done)

# The caller's pip settings say where packages come from, and stay; those that say where they go, or how, do not apply here.
export PIP_USER := 0
export PIP_REQUIRE_VIRTUALENV := 0
export PIP_NO_INPUT := 1
export PIP_DISABLE_PIP_VERSION_CHECK := 1
unexport PIP_TARGET PIP_PREFIX PIP_ROOT PIP_DRY_RUN PIP_NO_DEPS PIP_NO_BUILD_ISOLATION PIP_REQUIRE_HASHES PIP_PYTHON
unexport PYTHONHOME PYTHONPATH

.PHONY: help run test test-full perf perf-opencl gpu-regression lint clean
.DEFAULT_GOAL := help

help:
	@sed -n '/^#/!q; s/^# \{0,1\}//p' Makefile

run: $(RUN_VENV)/installed
	@$(RUN_VENV)/bin/bench run $(ARGS)

test: $(DEV_VENV)/installed
	$(DEV_VENV)/bin/python -m pytest -n $(JOBS) --dist loadfile $(ARGS)

test-full: $(DEV_VENV)/installed
	$(DEV_VENV)/bin/python -m pytest --full -n $(JOBS) --dist loadfile $(ARGS)
	$(DEV_VENV)/bin/python -m pytest --full -m alone $(ARGS) || [ $$? = 5 ]  # 5: none among those that ARGS chooses

perf: $(DEV_VENV)/installed
	$(DEV_VENV)/bin/python -m pytest --perf tests/perf --benchmark-storage=file://$(CURDIR)/results/baselines/perf $(ARGS)

perf-opencl: $(DEV_VENV)/installed
	$(DEV_VENV)/bin/python -m tests.perf.opencl $(ARGS)

gpu-regression: $(RUN_VENV)/installed
	@.ci/gpu-regression

lint: $(DEV_VENV)/installed
	$(DEV_VENV)/bin/python -m ruff check .
	$(DEV_VENV)/bin/python -m ruff format --check .
	$(DEV_VENV)/bin/python -m mypy --strict bench

clean:
	rm -rf $(RUN_VENV) $(DEV_VENV) build dist inference_bench.egg-info
	rm -rf .pytest_cache .mypy_cache .ruff_cache .hypothesis .benchmarks .coverage .coverage.*
	find bench backends models tests -name __pycache__ -type d -prune -exec rm -rf {} +

$(RUN_VENV)/installed: REQUIREMENT := .
$(DEV_VENV)/installed: REQUIREMENT := .[$(DEV_EXTRAS)]

# The stamp is written last, so an interrupted installation is taken up again; while it is newer than both files
# nothing is installed and pip is not even started.
%/installed: pyproject.toml constraints.txt
	@test -n "$(PYTHON)" && "$(PYTHON)" -c "$(USABLE)" || { \
		echo "No usable Python: \`$(or $(PYTHON),python3)\` is missing, older than 3.11 or lacks venv and ensurepip" \
			"(Debian, Ubuntu: apt install python3-venv). Say which one to use: make $(or $(MAKECMDGOALS),run) PYTHON=/path/to/python3.11" >&2; \
		exit 1; }
	@$*/bin/python -m pip --version >/dev/null 2>&1 || "$(PYTHON)" -m venv --clear $*
	@echo "Installing $(REQUIREMENT) into $* (once; some minutes)"
	@$*/bin/python -m pip install --quiet --constraint constraints.txt --editable '$(REQUIREMENT)'
	@touch $@
