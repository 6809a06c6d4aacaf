# Every target takes STACK= (default dev) and asks nothing. `make` alone lists them.
STACK ?= dev
# text | markdown: for `make preview`
FORMAT ?= text
# Hosts to leave out, of a stack with several: b, or b,c
EXCLUDE ?=
# For `make status`: 1 looks again every two seconds.
WATCH ?=
# For `make restore`: a snapshot's id, latest, or a file *.rdb; a time instead, such as 2026-11-27T18:00:00Z; and, each
# with 1: another stack's, only look, drop all that is there before it is loaded.
FROM ?=
ANY_STACK ?=
CHECK ?=
AT ?=
EMPTY_FIRST ?=
# For `make import`: FROM=redis://... (with its password in SOURCE_PASSWORD, or in the URL); with 1: put it in the place
# of what is there, or do not pause the source's writes; seconds that the source is kept from taking writes afterwards.
REPLACE ?=
NO_PAUSE ?=
HOLD ?=
# For `make rotate`: password, system or certs; and 1 when all clients have the new password.
WHAT ?=
FINISH ?=
# Where `make metrics-targets` writes to.
FILE ?= monitoring/targets/$(STACK).json
# Further arguments for pulumi, pytest, the drill or the bench.
ARGS ?=

SHELL := /bin/sh
PY := .venv/bin/python
PULUMI := ./pulumiw
SCRIPTS := pulumiw .ci/run configs/install-python $(shell grep -lE '^#!.*\bsh|^#!.*\bbash' bootstrap/* backup/* configs/bin/* tests/hosts/* tests/bare/* 2>/dev/null)
# Of the failures, those whose tests have no time to measure.
UNTIMED := $(patsubst %,tests/deploy/failures/test_%.py,everything replica sentinel)
# The tests that measure times, or how long clients are out: one after the other, and nothing beside them.
ALONE := $(filter-out $(UNTIMED),$(wildcard tests/deploy/failures/test_*.py)) tests/deploy/data/test_backup_load.py tests/hosts
# Those that two workers share, a stack each; what takes longest first. Targets of their own, for the time that they take:
# tests/interrupted, tests/monitoring and tests/clients.
TESTS := tests/engines tests/preview tests/deploy $(patsubst %,--ignore %,$(ALONE)) tests/endpoint tests/agent
TWO_WORKERS := -n 2 --dist loadgroup --no-loadscope-reorder

comma := ,
EXCLUDED := $(foreach host,$(subst $(comma), ,$(EXCLUDE)),--exclude '**.$(host)')

.DEFAULT_GOAL := help
.PHONY: help up preview policy refresh destroy status outputs connect backup backups restore import metrics-targets certs rotate pins to-pulumi test test-unit test-program test-agent test-endpoint test-preview test-interrupted \
	test-deploy test-engines test-clients test-monitoring test-hosts test-bare drill chaos bench lint fmt clean venv venv-dev daemon rig-tools monitoring-tools client-tools

help: ## Lists the targets
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "  make %-16s %s\n", $$1, $$2 }' $(firstword $(MAKEFILE_LIST))
	@echo "Each takes STACK=name (default dev) and ARGS='further arguments'."

# --skip-preview: nothing is asked, so the program need not run twice.
up: ## Brings the cluster up, or changes it to what the settings say; prints where to connect
	@$(PULUMI) up --yes --skip-preview --stack $(STACK) $(EXCLUDED) $(ARGS)
	@$(PY) -m ops.connect $(STACK)

preview: ## Shows what `make up` would change (FORMAT=markdown: as a comment for a pull request)
ifeq ($(FORMAT),markdown)
	@bootstrap/preview-comment $(STACK) $(EXCLUDED) $(ARGS)
else
	@$(PULUMI) preview --diff --stack $(STACK) $(EXCLUDED) $(ARGS)
endif

policy: policy/venv/installed ## A preview that must keep to the rules of policy/
	@$(PULUMI) preview --policy-pack policy --stack $(STACK) $(EXCLUDED) $(ARGS)

# The pack's own virtual environment: it wants an older protobuf than the program has.
policy/venv/installed: policy/requirements.txt | venv
	@$(PY) -m venv policy/venv
	@policy/venv/bin/pip --disable-pip-version-check install -q --no-input -r $<
	@cp $< $@

refresh: ## Reads what is really there and says what has drifted
	@$(PULUMI) refresh --yes --stack $(STACK) $(EXCLUDED) $(ARGS)

destroy: ## Removes all that `make up` has made (data too, unless retainData is set)
	@$(PULUMI) destroy --yes --skip-preview --stack $(STACK) $(EXCLUDED) $(ARGS)
	@$(PY) -m ops.images $(STACK)

status: venv ## What each node is, what the Sentinels say, and a verdict (WATCH=1: again and again; ARGS=--json)
	@$(PY) -m ops.status --stack $(STACK) $(if $(WATCH),--watch) $(ARGS)

outputs: ## The stack's outputs, secrets masked
	@$(PULUMI) stack output --stack $(STACK) $(ARGS)

connect: venv ## Where to connect, with lines to paste
	@$(PY) -m ops.connect $(STACK)

backup: venv ## Takes a snapshot now, checks and keeps it (with the setting `backup`)
	@$(PY) -m ops.backup now --stack $(STACK) $(ARGS)

backups: venv ## The snapshots that are kept
	@$(PY) -m ops.backup list --stack $(STACK) $(ARGS)

restore: venv ## Brings the stack to a snapshot's data: FROM=id|latest|file.rdb or AT=time (CHECK=1, ANY_STACK=1, EMPTY_FIRST=1)
	@$(PY) -m ops.backup restore --stack $(STACK) --from '$(FROM)' $(if $(AT),--at '$(AT)') $(if $(ANY_STACK),--any-stack) $(if $(CHECK),--check) $(if $(EMPTY_FIRST),--empty-first) $(ARGS)

import: venv ## Live from a running Redis or Valkey: FROM=redis://... (CHECK=1, REPLACE=1, EMPTY_FIRST=1, NO_PAUSE=1, HOLD=300)
	@$(PY) -m ops.live_import --stack $(STACK) --from '$(FROM)' $(if $(CHECK),--check) $(if $(REPLACE),--replace) $(if $(EMPTY_FIRST),--empty-first) $(if $(NO_PAUSE),--no-pause) $(if $(HOLD),--hold $(HOLD)) $(ARGS)

metrics-targets: ## What a Prometheus is to scrape, as a file that it takes (FILE=, default monitoring/targets/STACK.json)
	@mkdir -p $(dir $(FILE)) && $(PULUMI) stack output metrics --json --stack $(STACK) >$(FILE).new || { rm -f $(FILE).new; exit 1; }
	@mv $(FILE).new $(FILE)
	@echo $(FILE)

certs: venv ## A CA and certificates for development, encrypted in the stack's config; again: a new certificate
	@$(PY) -m redis_ha.tls.dev_certificates --stack $(STACK)

rotate: venv ## A new password, system password or certificate, step by step: WHAT=password|system|certs (FINISH=1)
	@$(PY) -m ops.rotate $(or $(WHAT),$(error WHAT= is missing: password, system or certs)) --stack $(STACK) $(if $(FINISH),--finish) $(ARGS)

pins: venv ## Pins the stack's images by digest to what their registries have now, in its file
	@$(PY) -m ops.pins $(STACK)

to-pulumi: venv ## Hands a stack that the embedded engine has made over to Pulumi; nothing of it is touched
	@$(PY) -m ops.to_pulumi $(STACK)

test: venv-dev daemon rig-tools policy/venv/installed ## All tests: unit, agent, endpoint, preview and, on clusters of their own, after deployment and over hosts
	@$(PY) -m pytest -n 2 tests/unit tests/program $(ARGS)
	@$(PY) -m pytest $(TWO_WORKERS) $(TESTS) $(ARGS)
	@$(PY) -m pytest $(ALONE) $(ARGS)

test-unit: venv ## Unit tests: seconds, no Docker
	@$(PY) -m pytest -n 2 tests/unit $(ARGS)

test-program: venv-dev ## The program, its commands and scripts, without Docker: a minute
	@$(PY) -m pytest -n 2 tests/program $(ARGS)

test-agent: venv-dev daemon ## Process 1: its decisions, as real processes, in the image
	@$(PY) -m pytest tests/agent $(ARGS)

test-endpoint: venv-dev daemon ## The endpoint's decisions, among nodes that are not real
	@$(PY) -m pytest tests/endpoint $(ARGS)

test-preview: venv daemon policy/venv/installed ## Previews
	@$(PY) -m pytest tests/preview $(ARGS)

test-interrupted: venv-dev daemon ## Runs of the embedded engine that are cut off at ENGINE_POINTS (2) ever later moments, by each signal
	@$(PY) -m pytest tests/interrupted --timeout 3600 $(ARGS)

test-deploy: venv-dev daemon ## Failures against a real cluster
	@$(PY) -m pytest tests/deploy $(ARGS)

test-engines: venv daemon policy/venv/installed ## What differs between the embedded engine and Pulumi, on both where `pulumi` is on the PATH
	@$(PY) -m pytest tests/engines $(ARGS)

test-clients: venv daemon client-tools ## redis-py, jedis, lettuce, ioredis, node-redis and go-redis through failovers
	@$(PY) -m pytest tests/clients $(ARGS)

test-monitoring: venv daemon monitoring-tools ## Alert rules and dashboard in a real Prometheus: each fault fires its rules
	@$(PY) -m pytest tests/monitoring $(ARGS)

test-hosts: venv daemon rig-tools ## Failures of whole hosts, on three Docker daemons on this machine (needs root)
	@$(PY) -m pytest tests/hosts $(ARGS)

test-bare: ## The commands of the README on a machine that has nothing, in namespaces (needs root)
	@tests/bare/run

drill: venv-dev daemon ## Breaks the running stack on purpose and reports what clients felt
	@$(PY) -m drills --stack $(STACK) $(ARGS)

chaos: venv-dev daemon ## Faults at random on the running stack (SEED= MINUTES=10), and what must hold
	@$(PY) -m drills.chaos --stack $(STACK) $(if $(SEED),--seed $(SEED)) --minutes $(or $(MINUTES),10) $(ARGS)

bench: venv-dev daemon ## Measures this against the plain alternatives
	@$(PY) -m drills.bench $(ARGS)

lint: venv-dev ## ruff, mypy (strict), shellcheck; actionlint where it is installed
	@$(PY) -m ruff check .
	@$(PY) -m ruff format --check .
	@$(PY) -m mypy
	@.venv/bin/shellcheck -x $(SCRIPTS)
	@if command -v actionlint >/dev/null; then actionlint; fi

fmt: venv-dev ## Formats the Python code and mends what ruff can mend
	@$(PY) -m ruff check --fix-only --quiet .
	@$(PY) -m ruff format .

clean: ## Removes .venv and the tools' caches; no stack, no container
	rm -rf .venv .venv.lock .pytest_cache .mypy_cache .ruff_cache
	find . -name __pycache__ -type d -prune -exec rm -rf {} +

venv:
	@bootstrap/venv

venv-dev:
	@bootstrap/venv --dev

# Docker and the base image, for tests that start containers without pulumiw.
daemon:
	@bootstrap/base-image redis:8-alpine

# What the hosts of tests/hosts need beside Docker.
rig-tools:
	@bootstrap/rig-tools client-tools

# What the clients in other languages are built and run with.
client-tools: venv
	@bootstrap/client-tools

# Prometheus, as Debian has it.
monitoring-tools:
	@bootstrap/monitoring-tools
