# Everything a person runs. `make demo` and `make test` need Rust, a C toolchain and make; the rest they get themselves.
.PHONY: demo test check live drill bench generated help

help: ## This list
	@grep -hE '^[a-z]+:.*##' $(MAKEFILE_LIST) | sed 's/:.*## /\t/'

demo: ## A real scan of a weak target of our own, on loopback
	cargo run --release --locked --package scanyard -- demo

test: ## The whole suite, on SQLite, on PostgreSQL, and on PostgreSQL with Kafka
	scripts/prepare default-jdk-headless libssl-dev maven pkg-config postgresql strace iproute2 util-linux openssl sqlmap wapiti
	scripts/install-engines
	scripts/check-secrets cargo test --locked --workspace
	scripts/with-postgres cargo test --locked --workspace --test api --test store --test cluster
	scripts/with-postgres scripts/with-kafka cargo test --locked --workspace --test api --test store --test kafka
	scripts/with-postgres scripts/with-kafka cargo test --locked --workspace --features scanyard-server/kafka-tls --test kafka

check: ## Format, lints, documentation, licences, generated files
	cargo fmt --all --check
	cargo clippy --locked --workspace --all-targets --test kafka -- --deny warnings
	RUSTDOCFLAGS='--deny warnings' cargo doc --locked --workspace --no-deps --document-private-items
	scripts/check-dependencies
	scripts/check-openapi --self-test
	scripts/check-openapi

live: ## A live server held against its OpenAPI document, the examples run, vendors' libraries held against the simulator
	scripts/prepare curl jq openssl iproute2 util-linux strace
	cargo build --locked --package scanyard
	scripts/test-openapi
	scripts/test-examples
	scripts/test-engines
	scripts/test-vendors

ROUNDS ?= 1
DRILL ?=

drill: ## Real nodes broken under load, every sum checked: docs/DRILLS.md. Longer by ROUNDS=10, one fault by DRILL='--only kill --times 1000'
	scripts/prepare default-jdk-headless maven openssl postgresql nmap
	cargo build --locked --workspace --bin scanyard --bin drill
	scripts/with-kafka target/debug/drill --rounds $(ROUNDS) $(DRILL)

generated: ## Print the generated files again: docs/errors, docs/SENTINEL.md, docs/sentinel, docs/openapi.json, docs/CONFORMANCE.md
	cargo run --quiet --locked --package scanyard-contract --example print-errors
	cargo run --quiet --locked --package scanyard-engines --example print-sentinel
	cargo run --quiet --locked --package scanyard -- openapi > docs/openapi.json
	SCANYARD_TEST_PRINT=1 cargo test --quiet --locked --package scanyard-server --test api -- each_code_is_provoked
	scripts/check-openapi --keep

bench: ## The figures of docs/BENCHMARKS.md
	scripts/install-engines --only nmap
	scripts/prepare default-jdk-headless iproute2 maven openssl postgresql util-linux
	cargo bench --profile dist --locked --package scanyard --bench scanyard
	DURABLE=1 scripts/with-postgres cargo bench --profile dist --locked --package scanyard --bench scanyard -- postgres
	DURABLE=1 scripts/with-postgres scripts/with-kafka cargo bench --profile dist --locked --package scanyard --bench scanyard -- queue
