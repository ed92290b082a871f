# The one list of commands; CI calls the same ones. `make help` explains them.

SHELL := /bin/bash
.DEFAULT_GOAL := help

TARGET := $(abspath $(or $(CARGO_TARGET_DIR),target))
TOOLS := $(TARGET)/tools
BENCH = $(if $(wildcard $(TOOLS)/node_modules/fauxqs),TEST_NODE_MODULES=$(TOOLS)/node_modules) \
	$(TARGET)/release/bench --programs $(TARGET)/bench/programs \
	$(if $(BASE),--base $(TARGET)/bench/base/programs --base-name "$(BASE)")

.PHONY: help
help: ## Shows this list
	@grep -hE '^[a-z_]+:.*## ' $(MAKEFILE_LIST) | awk -F ':.*## ' '{ printf "  make %-10s %s\n", $$1, $$2 }'

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

.PHONY: test
test: ## Installs what is missing, starts a PostgreSQL of its own and runs all tests; TEST=name runs some
	@deploy/local/prerequisites test $(TOOLS)
	cargo build --workspace --all-targets
	TEST_PYTHON=$(TOOLS)/python/bin/python TEST_NODE_MODULES=$(TOOLS)/node_modules \
		$(TARGET)/debug/with-postgres -- cargo nextest run --workspace $(TEST)

.PHONY: lint
lint: ## Checks format, clippy, documentation, and what may depend on what
	@deploy/local/prerequisites lint
	cargo fmt --all --check
	cargo clippy --workspace --all-targets -- -D warnings
	RUSTDOCFLAGS="-D warnings" cargo doc --workspace --no-deps --document-private-items
	cargo deny --offline check bans licenses sources

.PHONY: bench
bench: release ## Measures how much the services take and store, into docs/benchmarks.md; BASE=revision compares, BACKLOG=1000000
	$(BENCH) --backlog $(or $(BACKLOG),200000) $(if $(BASE),,--docs docs)

.PHONY: count
count: release ## Counts instructions per submission with valgrind, into docs/benchmarks.md; BASE=revision compares
	@deploy/local/prerequisites count
	$(BENCH) count --docs docs

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
