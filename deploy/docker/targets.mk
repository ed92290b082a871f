# The system in containers; the target names are those of 2016.

##@ With Docker

.PHONY: run
run: ## Runs the system in containers: every required DIRECTORY_FORM_DATA_… variable must be set
	@deploy/docker/start run

.PHONY: run_debug
run_debug: ## Like run, with defaults for everything except the two AWS keys; LOCAL_SQS=1 needs no AWS at all
	@deploy/docker/start debug

.PHONY: run_test
run_test: images ## Builds the images, tests them end to end in their own containers, and removes those
	@deploy/docker/end-to-end

.PHONY: images
images: ## Builds the images; RUST_IMAGE, RUNTIME_IMAGE and WORKER_RUNTIME_IMAGE set other base images
	@deploy/docker/images

.PHONY: logs
logs: ## Follows the logs of the containers until Ctrl-C
	@LOCAL_SQS=1 deploy/docker/compose logs --follow --tail 100

.PHONY: down
down: ## Stops the containers; keeps rows and queued messages
	@LOCAL_SQS=1 deploy/docker/compose down

# Also reads a query from standard input: `make psql <query.sql`.
.PHONY: psql
psql: ## Opens psql on the database
	@deploy/docker/compose exec $$([[ -t 0 ]] || echo -T) postgres \
		sh -c 'exec psql -U "$$POSTGRES_USER" -d "$$POSTGRES_DB"'

.PHONY: worker_bash
worker_bash: ## Opens a shell in the worker's container
	@deploy/docker/compose exec $$([[ -t 0 ]] || echo -T) worker bash

# The api's image has no shell, the worker's has: started as the same user in the api's namespaces, it sees the api's
# processes and network, and its files below /proc/1/root.
.PHONY: api_bash
api_bash: ## Opens a shell beside the api that sees its processes, its network and, below /proc/1/root, its files
	@api=$$(deploy/docker/compose ps -q api) || exit 1; test -n "$$api" || { echo "The api is not running." >&2; exit 1; }; \
		"$${DOCKER:-docker}" run --rm --interactive $$([[ -t 0 ]] && echo --tty) --no-healthcheck --read-only \
			--pid "container:$$api" --network "container:$$api" --entrypoint bash directory-form-data-worker:latest

.PHONY: test_docker docker_test docker_run docker_debug
test_docker: run_test ## An older name of run_test
docker_test: run_test ## An older name of run_test
docker_run: run ## An older name of run
docker_debug: run_debug ## An older name of run_debug
