# The system in containers; the names of 2016.

.PHONY: run
run: ## Runs the system in containers: every required DIRECTORY_FORM_DATA_… variable must be set
	@deploy/docker/start run

.PHONY: run_debug
run_debug: ## The same with defaults for all but the two AWS keys; LOCAL_SQS=1 needs no AWS at all
	@deploy/docker/start debug

.PHONY: run_test
run_test: images ## Builds the images, tests them end to end in containers of their own, and takes those down
	@deploy/docker/end-to-end

.PHONY: images
images: ## Builds the images; RUST_IMAGE, RUNTIME_IMAGE, WORKER_RUNTIME_IMAGE: other base images
	@deploy/docker/images

.PHONY: logs
logs: ## Follows what the containers say, until Ctrl-C
	@LOCAL_SQS=1 deploy/docker/compose logs --follow --tail 100

.PHONY: down
down: ## Stops the containers; rows and queued messages are kept
	@LOCAL_SQS=1 deploy/docker/compose down

# Input that is no terminal is read to its end: `make psql <query.sql`.
.PHONY: psql
psql: ## Opens psql on the rows
	@deploy/docker/compose exec $$([[ -t 0 ]] || echo -T) postgres \
		sh -c 'exec psql -U "$$POSTGRES_USER" -d "$$POSTGRES_DB"'

.PHONY: worker_bash
worker_bash: ## Opens a shell in the worker's container
	@deploy/docker/compose exec $$([[ -t 0 ]] || echo -T) worker bash

# Its image has no shell. The worker's has one: as the same user it sees the api's processes, its network, and its files
# below /proc/1/root.
.PHONY: api_bash
api_bash: ## Opens a shell beside the api, which sees its processes, its network and, below /proc/1/root, its files
	@api=$$(deploy/docker/compose ps -q api) || exit 1; test -n "$$api" || { echo "The api does not run." >&2; exit 1; }; \
		"$${DOCKER:-docker}" run --rm --interactive $$([[ -t 0 ]] && echo --tty) --no-healthcheck --read-only \
			--pid "container:$$api" --network "container:$$api" --entrypoint bash directory-form-data-worker:latest

.PHONY: test_docker docker_test docker_run docker_debug
test_docker: run_test ## The same as run_test, by an older name
docker_test: run_test ## The same as run_test, by an older name
docker_run: run ## The same as run, by its older name
docker_debug: run_debug ## The same as run_debug, by its older name
