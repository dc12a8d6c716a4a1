# What people and CI run. `make` alone lists it. Each target does all of its own set-up, in .venv.

.DEFAULT_GOAL := help
.PHONY: help run test check format prove bench lock clean

bin := .venv/bin

help: ## this list
	@echo "Saywhen: one agent core, every channel, a person's word before anything risky."
	@echo
	@sed -n 's/^\([a-z]*\):.*## \(.*\)/  make \1|\2/p' $(MAKEFILE_LIST) | awk -F'|' '{ printf "%-14s %s\n", $$1, $$2 }'

run: ## the bot, with simulators where credentials are missing; honours PORT, DATABASE_URL and .env
	@.ci/set-up runtime
	@exec $(bin)/bot dev $(ARGS)

test: ## all tests; ARGS="-k name" for some
	@.ci/set-up dev
	@exec .ci/test $(ARGS)

check: ## format, lint, types, imports: what CI checks before the tests
	@.ci/set-up dev
	$(bin)/ruff format --check .
	$(bin)/ruff check .
	$(bin)/mypy
	$(bin)/lint-imports --no-logo

format: ## put the code in order
	@.ci/set-up dev
	$(bin)/ruff format .
	$(bin)/ruff check --fix .

prove: ## the reliability sweep, with a table at the end; SHORT=1 for a short one
	@.ci/set-up dev
	@exec $(bin)/python -m bench.prove $(ARGS)

bench: ## the benchmarks, with a table at the end; SHORT=1 for a short one
	@.ci/set-up bench
	@exec $(bin)/python -m bench $(ARGS)

lock: ## the lock files from pyproject.toml; UPGRADE=1 takes the newest versions
	@.ci/set-up dev
	@.ci/make-locks $(if $(UPGRADE),--upgrade)

clean: ## remove .venv and what tools leave behind; databases and settings stay
	rm -rf .venv .venv.lock .mypy_cache .ruff_cache .pytest_cache .hypothesis .import_linter_cache build dist
	find . -name __pycache__ -type d -prune -exec rm -rf {} +

# SHORT reaches prove and bench through the environment.
export SHORT
