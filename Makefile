# The commands a person types. `make help` lists them.
SHELL := /bin/sh
.DEFAULT_GOAL := help
SLIPWAY_ROOT := $(CURDIR)
export SLIPWAY_ROOT
# Every recipe runs on the Node this checkout pins.
NODE := . tools/node/env.sh && node
BIN := node_modules/.bin

.PHONY: help setup setup-demo setup-test setup-bench format check test test-faults fuzz bench bench-fleet demo docs sea clean

help: ## list the commands
	@grep -hE '^[a-z-]+:.*## ' Makefile | sed -E 's/^([a-z-]+):.*## /  make \1\t/' | expand -t 22

setup: ## install what the sources need: Node, npm packages, the addon
	@tools/setup/setup.sh workshop

setup-demo:
	@tools/setup/setup.sh workshop demo

setup-test:
	@tools/setup/setup.sh workshop demo test

format: setup ## rewrite the sources in the house format
	@$(NODE) $(BIN)/biome check --write .

check: setup ## format, lint, types, import rules, dead code, quick unit tests: under a minute
	@$(NODE) tools/test/check.ts

test: setup-test ## everything `check` does, then whole systems: registries, disks, virtual machines; TESTS='console delta' names files
	@$(NODE) tools/test/check.ts --without-unit
	@$(NODE) tools/test/test.ts $(TESTS)

test-faults: setup-test ## break hosts in every way there is and count what survives; SLIPWAY_FAULTS=quick takes minutes, FAULTS_SEED repeats a run
	@$(NODE) tools/test/faults.ts

fuzz: setup ## try the readers of hostile input with new seeds; FUZZ='--target tar --rounds 1000000' says which and how long
	@$(NODE) tools/fuzz/fuzz.ts $(FUZZ)

setup-bench:
	@tools/setup/setup.sh workshop test bench

bench: setup-bench ## compare speed with the reference tools, in the same run: each bench to its end, then one table
	@$(NODE) bench/all.ts

bench-fleet: setup ## a fleet server under the check-ins of DEVICES=100000 every EVERY=60 seconds for SECONDS_RUN=300, into build/bench-fleet.json
	@$(NODE) bench/fleet-load.ts

demo: setup-demo ## build a host, boot it, update it, roll it back, and tell the story
	@$(NODE) tools/demo/demo.ts

sea: setup ## the single-executable slipway, as build/slipway
	@$(NODE) tools/sea/build.ts -o build/slipway

docs: setup ## regenerate the reference pages from the command table and the error catalogue, and build/api from the sources
	@$(NODE) tools/docs/generate.ts
	@$(NODE) $(BIN)/typedoc --logLevel Warn

clean: ## remove what was built, keep what was fetched
	rm -rf build packages/linux/native/build
