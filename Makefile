# The one list of commands; CI calls the same ones. `make help` explains them.

SHELL := /bin/bash
# As in 2016.
.DEFAULT_GOAL := run_test

TARGET := $(abspath $(or $(CARGO_TARGET_DIR),target))
TOOLS := $(TARGET)/tools
BENCH = $(if $(wildcard $(TOOLS)/node_modules/fauxqs),TEST_NODE_MODULES=$(TOOLS)/node_modules) \
	$(TARGET)/release/bench --programs $(TARGET)/bench/programs \
	$(if $(BASE),--base $(TARGET)/bench/base/programs --base-name "$(BASE)")

.PHONY: help
help: ## Shows this list
	@grep -hE '^[a-z_-]+:.*## ' $(MAKEFILE_LIST) | awk -F ':.*## ' '{ printf "  make %-22s %s\n", $$1, $$2 }'

.PHONY: local
local: ## Runs the whole system here, without AWS and Docker, until Ctrl-C; its data stays in .local/ (LOCAL_PORT=8000)
	@deploy/local/prerequisites run
	@cargo build --workspace --bins
	@LOCAL_PORT=$(LOCAL_PORT) exec $(TARGET)/debug/local

.PHONY: submit
submit: ## Sends a sample form to the running `make local` and shows its row; FORM=file.json TYPE=form sends that file
	@test -e .local/address || { echo "Nothing runs here yet: start it with \`make local\` in another terminal." >&2; exit 1; }
	@cargo build --quiet --workspace --bins
	@$(TARGET)/debug/submit "$(FORM)" "$(TYPE)"

# The parts one by one, as in 2016. Both services take enrolments too.
.PHONY: debug
debug: ## Builds the services and starts what they need in the background, without Docker: PostgreSQL and a queue
	@deploy/local/prerequisites run
	@cargo build --workspace --bins
	@LOCAL_PORT=$(LOCAL_PORT) deploy/local/surroundings start $(TARGET)/debug/local

.PHONY: debug_stop
debug_stop: ## Stops what `make debug` has started; its data stays in .local/
	@deploy/local/surroundings stop

.PHONY: debug_webserver
debug_webserver: debug ## Runs the api, until Ctrl-C
	@FORM_TYPES="$${FORM_TYPES:-form,enrolment}" exec $(TARGET)/debug/local api

.PHONY: debug_worker
debug_worker: debug ## Runs a worker, until Ctrl-C
	@FORM_TYPES="$${FORM_TYPES:-form,enrolment}" exec $(TARGET)/debug/local worker

.PHONY: debug_enrolment_worker
debug_enrolment_worker: debug ## Runs a worker for enrolments alone, until Ctrl-C
	@FORM_TYPES="$${FORM_TYPES:-form,enrolment}" exec $(TARGET)/debug/local enrolment-worker

.PHONY: debug_test
debug_test: test ## The same as test, by its name of 2016

.PHONY: test
test: ## Installs what is missing, starts a PostgreSQL of its own and runs all tests; TEST=name runs some
	@deploy/local/prerequisites test $(TOOLS)
	cargo build --workspace --all-targets
	TEST_PYTHON=$(TOOLS)/python/bin/python TEST_NODE_MODULES=$(TOOLS)/node_modules \
		$(TARGET)/debug/with-postgres -- cargo nextest run --workspace $(TEST)

.PHONY: reference
reference: ## Writes the generated parts of docs/reference/ from the code
	@deploy/local/prerequisites test $(TOOLS)
	WRITE_REFERENCE=1 cargo nextest run --workspace --test-threads 1 reference

.PHONY: chaos
chaos: chaos_programs ## Breaks the running system for SECONDS=60 and proves that no form is lost or doubled; SEED=… again
	@exec $(TARGET)/debug/chaos --seconds $(or $(SECONDS),60) $(if $(SEED),--seed $(SEED)) $(if $(REPORT),--report $(REPORT))

.PHONY: soak
soak: chaos_programs ## The same for SECONDS=3600 with fewer faults, watching the memory of an api and a worker that live on
	@exec $(TARGET)/debug/chaos --soak --seconds $(or $(SECONDS),3600) $(if $(SEED),--seed $(SEED)) $(if $(REPORT),--report $(REPORT))

.PHONY: chaos_programs
chaos_programs:
	@deploy/local/prerequisites run
	@cargo build -p api -p worker -p chaos --bins
	@cargo build -p local-sqs --bins --features faults

FUZZ := $(basename $(notdir $(wildcard fuzz/fuzz_targets/*.rs)))

# RUSTC_BOOTSTRAP lets the pinned compiler put the fuzzer's instruments in, which else nightly alone does. There is no
# unsafe code of ours for a sanitizer to look at. What is found is kept beside what is built, and the seeds stay as they are.
.PHONY: fuzz
fuzz: export RUSTC_BOOTSTRAP := 1
fuzz: ## Feeds parsers and signatures with what a fuzzer makes up, 60 s each; FUZZ=fields SECONDS=600 does that one for longer
	@deploy/local/prerequisites fuzz
	@for target in $(FUZZ); do \
		mkdir -p $(TARGET)/fuzz/found/$$target && \
		cargo fuzz run --sanitizer none --target-dir $(TARGET)/fuzz $$target \
			$(TARGET)/fuzz/found/$$target fuzz/corpus/$$target -- -dict=fuzz/$$target.dict \
			-max_total_time=$(or $(SECONDS),60) -timeout=10 -max_len=16384 -print_final_stats=1 || exit 1; \
	done

.PHONY: lint
lint: check_deploy ## Checks format, clippy, documentation, what may depend on what, and what deploy/ has for a cloud
	cargo fmt --all --check
	cargo clippy --workspace --all-targets -- -D warnings
	RUSTDOCFLAGS="-D warnings" cargo doc --workspace --no-deps --document-private-items
	cargo deny --offline check bans licenses sources

.PHONY: check_deploy
check_deploy: ## Checks manifests, policies and Terraform of deploy/, as far as that goes without a cloud
	@deploy/local/prerequisites lint $(TOOLS)
	$(TOOLS)/python/bin/python deploy/check

.PHONY: check_observability
check_observability: ## Runs the services under load with a Prometheus, asks it all that dashboard and alerts ask, and provokes each alert
	@deploy/local/prerequisites observability $(TOOLS)
	@cargo build -p api -p worker -p test-kit --bins
	@cargo build -p local-sqs --bins --features faults
	$(TARGET)/debug/with-postgres -- $(TOOLS)/python/bin/python deploy/observability/check --live $(TARGET)/debug

.PHONY: advisories
advisories: ## Looks for known vulnerabilities in what we depend on; needs the network, so it is no part of lint
	@deploy/local/prerequisites lint $(TOOLS)
	cargo deny check advisories

# cyclonedx writes beside each Cargo.toml, with the path of this directory in it. The time is that of the commit, so that
# the same source has the same SBOM.
SBOM_OF := api worker env-writer local-sqs
.PHONY: sbom
sbom: ## Writes what each service is made of to target/sbom/ (CycloneDX, one file for each)
	@deploy/local/prerequisites sbom
	SOURCE_DATE_EPOCH=$$(git log -1 --format=%ct) \
		cargo cyclonedx --quiet --format json --spec-version 1.5 --describe binaries
	@mkdir -p $(TARGET)/sbom
	@for service in $(SBOM_OF); do sed 's|file://$(CURDIR)/|file://|g' crates/$$service/$${service}_bin.cdx.json \
		>$(TARGET)/sbom/$$service.cdx.json || exit 1; done
	@rm -f crates/*/*.cdx.json
	@ls $(TARGET)/sbom/*.cdx.json

.PHONY: release-check
release-check: ## Checks that this commit may become the release that CHANGELOG.md tells of; docs/how-to/release.md
	@deploy/release-check
	$(MAKE) lint
	$(MAKE) test
	$(MAKE) run_test
	$(MAKE) sbom
	@version=$$(sed -n '0,/^version = "\(.*\)"/s//\1/p' Cargo.toml); echo "All of it holds: git tag -a v$$version -m $$version"

.PHONY: bench
bench: release ## Measures how much the services take and store, into docs/reports/benchmarks.md; BASE=revision compares, BACKLOG=1000000
	$(BENCH) --backlog $(or $(BACKLOG),200000) $(if $(BASE),,--docs docs/reports)

.PHONY: count
count: release ## Counts instructions per submission with valgrind, into docs/reports/benchmarks.md; BASE=revision compares
	@deploy/local/prerequisites count
	$(BENCH) count --docs docs/reports

# The services are built without the benchmark, whose features they would share; the queue with and without its fault hooks.
.PHONY: release
release:
	@deploy/local/prerequisites run
	mkdir -p $(TARGET)/bench/programs
	cargo build --release -p api -p worker -p local-sqs --features faults
	cp $(TARGET)/release/local-sqs $(TARGET)/bench/programs/local-sqs-hooked
	cargo build --release -p api -p worker -p local-sqs
	cd $(TARGET)/release && cp api worker local-sqs $(TARGET)/bench/programs/
	cargo build --release -p bench
	@if [[ -n "$(BASE)" ]]; then deploy/local/build-revision "$(BASE)" $(TARGET)/bench/base; fi

include deploy/docker/targets.mk
