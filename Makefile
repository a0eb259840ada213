# Everything a developer types. `make run` and `make test` install what is missing and say so.

CARGO ?= cargo
# llama.cpp is compiled once; another profile or checkout takes it from the compiler cache.
COMPILER_CACHE = $(if $(shell command -v ccache 2>/dev/null),CMAKE_C_COMPILER_LAUNCHER=ccache CMAKE_CXX_COMPILER_LAUNCHER=ccache)
MODEL ?= smollm2-135m

.PHONY: help run test ci lint fmt fmt-check clippy doc deny release model bench need-build need-test

help: ## Show this list
	@grep -hE '^[a-z-]+:.*## ' $(MAKEFILE_LIST) | sed -E 's/:[^#]*## /\t/' | expand -t 14

run: need-build ## Build, fetch the model, and serve http://127.0.0.1:8080
	$(COMPILER_CACHE) $(CARGO) run --release --locked --bin causerie -- models pull $(MODEL)
	$(COMPILER_CACHE) $(CARGO) run --release --locked --bin causerie -- run

test: need-build need-test model ## Run every test, with the real model, a real browser and a real Redis
	$(COMPILER_CACHE) $(CARGO) test --workspace --locked

model: need-build ## Fetch the model that the tests and the first run use
	$(COMPILER_CACHE) $(CARGO) run --locked --bin causerie -- models pull $(MODEL)

ci: lint test release ## All that CI runs

lint: fmt-check clippy doc ## Format, lints and documentation, warnings refused

fmt: ## Format the code
	$(CARGO) fmt --all

fmt-check:
	$(CARGO) fmt --all --check

clippy: need-build
	$(COMPILER_CACHE) $(CARGO) clippy --workspace --all-targets --locked -- -D warnings

doc: need-build ## Build the documentation of all crates
	RUSTDOCFLAGS="-D warnings" $(COMPILER_CACHE) $(CARGO) doc --workspace --no-deps --locked

deny: ## Check licences, bans and sources of all dependencies (needs cargo-deny)
	$(CARGO) deny --locked check bans licenses sources

release: need-build ## Build the binary that is shipped
	@case "$$RUSTFLAGS $$CARGO_BUILD_RUSTFLAGS $$CARGO_ENCODED_RUSTFLAGS" in *target-cpu=*) \
		echo "RUSTFLAGS names a target-cpu: the binary would run on few machines. Unset it." >&2; exit 1;; esac
	$(COMPILER_CACHE) $(CARGO) build --release --locked --bin causerie

bench: need-build ## Measure: turns, the server from outside, and the local model
	$(COMPILER_CACHE) $(CARGO) bench --locked -p causerie --bench turns
	$(COMPILER_CACHE) $(CARGO) bench --locked -p causerie-local --bench serve

need-build:
	@scripts/need build

need-test:
	@scripts/need test
