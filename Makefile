# The one list of commands; CI calls the same ones. `make help` explains them.

SHELL := /bin/bash
# The default target of 2016.
.DEFAULT_GOAL := run_test

TARGET := $(abspath $(or $(CARGO_TARGET_DIR),target))
TOOLS := $(TARGET)/tools
BENCH = $(if $(wildcard $(TOOLS)/node_modules/fauxqs),TEST_NODE_MODULES=$(TOOLS)/node_modules) \
	$(TARGET)/release/bench --programs $(TARGET)/bench/programs \
	$(if $(BASE),--base $(TARGET)/bench/base/programs --base-name "$(BASE)")

##@ Without Docker

.PHONY: help
help: ## Shows this list
	@grep -hE '^(##@ |[a-z_-]+:.*## )' $(MAKEFILE_LIST) | \
		awk -F ':.*## ' '/^##@/ { print "\n" substr($$0, 5); next } { printf "  make %-22s %s\n", $$1, $$2 }'

.PHONY: local
local: ## Runs the whole system without AWS or Docker until Ctrl-C; keeps its data in .local/ (LOCAL_PORT=8000)
	@deploy/local/prerequisites run
	@cargo build --workspace --bins
	@LOCAL_PORT=$(LOCAL_PORT) exec $(TARGET)/debug/local

.PHONY: submit
submit: ## Sends a sample form to the running `make local` and shows its row; FORM=file.json TYPE=form sends that file
	@test -e .local/address || { echo "Nothing is running yet: start \`make local\` in another terminal." >&2; exit 1; }
	@cargo build --quiet --workspace --bins
	@$(TARGET)/debug/submit "$(FORM)" "$(TYPE)"

.PHONY: manage
manage: ## Runs a command for operators on the running `make local`: RUN='clients list'
	@test -e .local/address || { echo "Nothing is running yet: start \`make local\` in another terminal." >&2; exit 1; }
	@cargo build --quiet --workspace --bins
	@exec $(TARGET)/debug/local manage -- $(RUN)

# The parts one by one, as in 2016. The services also handle enrolments.
.PHONY: debug
debug: ## Builds the services and starts PostgreSQL and a queue in the background, without Docker
	@deploy/local/prerequisites run
	@cargo build --workspace --bins
	@LOCAL_PORT=$(LOCAL_PORT) deploy/local/surroundings start $(TARGET)/debug/local

.PHONY: debug_stop
debug_stop: ## Stops PostgreSQL and the queue of `make debug`; keeps their data in .local/
	@deploy/local/surroundings stop

.PHONY: debug_webserver
debug_webserver: debug ## Runs the api until Ctrl-C
	@FORM_TYPES="$${FORM_TYPES:-form,enrolment}" exec $(TARGET)/debug/local api

.PHONY: debug_worker
debug_worker: debug ## Runs a worker until Ctrl-C
	@FORM_TYPES="$${FORM_TYPES:-form,enrolment}" exec $(TARGET)/debug/local worker

.PHONY: debug_enrolment_worker
debug_enrolment_worker: debug ## Runs a worker for enrolments only until Ctrl-C
	@FORM_TYPES="$${FORM_TYPES:-form,enrolment}" exec $(TARGET)/debug/local enrolment-worker

.PHONY: debug_reader
debug_reader: debug ## Runs the reader until Ctrl-C; a worker must have run before
	@exec $(TARGET)/debug/local reader

##@ Tests and checks

.PHONY: test
test: ## Installs missing tools, starts its own PostgreSQL and runs all tests; TEST=name runs some
	@deploy/local/prerequisites test $(TOOLS)
	cargo build --workspace --all-targets
	TEST_PGBOUNCER=$(TOOLS)/pgbouncer/run TEST_PYTHON=$(TOOLS)/python/bin/python TEST_NODE_MODULES=$(TOOLS)/node_modules \
		$(TARGET)/debug/with-postgres -- cargo nextest run --workspace $(TEST)

.PHONY: debug_test
debug_test: test ## The name of `make test` in 2016

.PHONY: reference
reference: ## Writes the generated parts of docs/reference/ from the code
	@deploy/local/prerequisites test $(TOOLS)
	WRITE_REFERENCE=1 cargo nextest run --workspace --test-threads 1 reference

.PHONY: chaos
chaos: chaos_programs ## Breaks the running system for SECONDS=60 and proves that no form is lost or doubled, and that readers miss none; SEED=… repeats a run
	@exec $(TARGET)/debug/chaos --seconds $(or $(SECONDS),60) $(if $(SEED),--seed $(SEED)) $(if $(REPORT),--report $(REPORT))

.PHONY: soak
soak: chaos_programs ## Like chaos for SECONDS=3600 with fewer faults, watching the memory of one api and one worker
	@exec $(TARGET)/debug/chaos --soak --seconds $(or $(SECONDS),3600) $(if $(SEED),--seed $(SEED)) $(if $(REPORT),--report $(REPORT))

.PHONY: chaos_programs
chaos_programs:
	@deploy/local/prerequisites run
	@cargo build -p api -p worker -p reader -p manage -p chaos --bins
	@cargo build -p local-sqs --bins --features faults

FUZZ := $(basename $(notdir $(wildcard fuzz/fuzz_targets/*.rs)))

# RUSTC_BOOTSTRAP lets the pinned compiler add the fuzzer's instrumentation, which otherwise only nightly can. We have no
# unsafe code for a sanitizer to check. Findings are kept in the target directory, and the seeds stay unchanged.
.PHONY: fuzz
fuzz: export RUSTC_BOOTSTRAP := 1
fuzz: ## Fuzzes parsers and signature checks for 60 s each; FUZZ=fields SECONDS=600 runs one of them longer
	@deploy/local/prerequisites fuzz
	@for target in $(FUZZ); do \
		mkdir -p $(TARGET)/fuzz/found/$$target && \
		cargo fuzz run --sanitizer none --target-dir $(TARGET)/fuzz $$target \
			$(TARGET)/fuzz/found/$$target fuzz/corpus/$$target -- -dict=fuzz/$$target.dict \
			-max_total_time=$(or $(SECONDS),60) -timeout=10 -max_len=16384 -print_final_stats=1 || exit 1; \
	done

.PHONY: lint
lint: check_docs check_deploy ## Checks format, clippy, rustdoc, dependencies, documents and deploy/
	cargo fmt --all --check
	cargo clippy --workspace --all-targets -- -D warnings
	RUSTDOCFLAGS="-D warnings" cargo doc --workspace --no-deps --document-private-items
	cargo deny --offline check bans licenses sources

.PHONY: check_docs
check_docs: ## Checks that prose is plain English, that links resolve, that documents name real tests, and that no merge conflict is left
	checks/plain_english.py
	checks/links.py
	checks/named_tests.py
	! git grep -nE '^(<<<<<<<|>>>>>>>) '

.PHONY: check_deploy
check_deploy: ## Checks manifests, policies and Terraform in deploy/, as far as that is possible without a cloud
	@deploy/local/prerequisites lint $(TOOLS)
	$(TOOLS)/python/bin/python deploy/check

.PHONY: check_observability
check_observability: ## Runs the services and a Prometheus under load, evaluates every query of dashboard and alerts, provokes each alert
	@deploy/local/prerequisites observability $(TOOLS)
	@cargo build -p api -p worker -p reader -p manage -p test-kit --bins
	@cargo build -p local-sqs --bins --features faults
	$(TARGET)/debug/with-postgres -- $(TOOLS)/python/bin/python deploy/observability/check --live $(TARGET)/debug

##@ Releases and measurements

.PHONY: advisories
advisories: ## Looks for known vulnerabilities in dependencies; needs the network, so lint does not run it
	@deploy/local/prerequisites lint $(TOOLS)
	cargo deny check advisories

# cyclonedx writes next to each Cargo.toml and includes this directory's path. We use the commit's time, so that the same
# source gives the same SBOM.
SBOM_OF := api worker reader manage env-writer local-sqs
.PHONY: sbom
sbom: ## Writes each service's software bill of materials to target/sbom/ (CycloneDX)
	@deploy/local/prerequisites sbom
	SOURCE_DATE_EPOCH=$$(git log -1 --format=%ct) \
		cargo cyclonedx --quiet --format json --spec-version 1.5 --describe binaries
	@mkdir -p $(TARGET)/sbom
	@for service in $(SBOM_OF); do sed 's|file://$(CURDIR)/|file://|g' crates/$$service/$${service}_bin.cdx.json \
		>$(TARGET)/sbom/$$service.cdx.json || exit 1; done
	@rm -f crates/*/*.cdx.json
	@ls $(TARGET)/sbom/*.cdx.json

.PHONY: release-check
release-check: ## Checks that this commit can become a release; see docs/how-to/release.md
	@deploy/release-check
	$(MAKE) lint
	$(MAKE) test
	$(MAKE) run_test
	$(MAKE) sbom
	@version=$$(sed -n '0,/^version = "\(.*\)"/s//\1/p' Cargo.toml); echo "Ready to release: git tag -a v$$version -m $$version"

.PHONY: bench
bench: release ## Measures throughput, latency and memory into docs/reports/benchmarks.md; BASE=revision compares, BACKLOG=1000000
	$(if $(BASE),$(BENCH) pairs)
	$(BENCH) --backlog $(or $(BACKLOG),200000) $(if $(BASE),,--docs docs/reports)

.PHONY: large
large: release ## Measures a table with 30 million rows into docs/reports/large.md, with about 20 GB of disk; ROWS=300000 prints
	$(BENCH) large $(if $(ROWS),--rows $(ROWS),--docs docs/reports) $(if $(PAIRS),--pairs $(PAIRS)) \
		$(if $(MEMORY),--memory $(MEMORY)) $(if $(PART),--only $(PART))

.PHONY: bench-reader
bench-reader: release ## Measures what reading costs into docs/reports/reader.md, with about 10 GB of disk; ROWS=300000 prints
	@deploy/local/prerequisites test $(TOOLS)
	cargo build --release -p reader
	cp $(TARGET)/release/reader $(TARGET)/bench/programs/
	TEST_PYTHON=$(TOOLS)/python/bin/python $(BENCH) reader $(if $(ROWS),--rows $(ROWS)) $(if $(PART),--only $(PART)) \
		$(if $(PAIRS),--pairs $(PAIRS)) $(if $(ROWS)$(PART),,--docs docs/reports)

.PHONY: count
count: release ## Counts instructions per submission with valgrind into docs/reports/benchmarks.md; BASE=revision compares
	@deploy/local/prerequisites count
	$(BENCH) count --docs docs/reports

# The services are built separately from the benchmark, so that they do not share its features; the queue is built with
# and without its fault hooks.
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
include tools/streams/targets.mk
