.PHONY: streams
streams: ## Compares every value of a million rows, read by pandas, DuckDB, COPY FROM and others, and kills 100 streams; ROWS=10000 tries it
	@deploy/local/prerequisites test $(TOOLS)
	@tools/streams/prerequisites
	@cargo build -p reader -p worker -p manage -p streams --bins
	TEST_PYTHON=$(TOOLS)/python/bin/python $(TARGET)/debug/streams $(if $(SEED),--seed $(SEED)) \
		$(if $(ROWS),--rows $(ROWS) --forms $(ROWS),--report docs/reports/streams.md) $(if $(KILLS),--kills $(KILLS))
