# Everything a person runs. `make demo` and `make test` need Rust, a C toolchain and make; the rest they get themselves.
.PHONY: demo test check bench generated help

help: ## This list
	@grep -hE '^[a-z]+:.*##' $(MAKEFILE_LIST) | sed 's/:.*## /\t/'

demo: ## A real scan of a weak target of our own, on loopback
	cargo run --release --locked --package scanyard -- demo

test: ## The whole suite, on SQLite and on PostgreSQL
	scripts/prepare nmap postgresql strace
	cargo test --locked --workspace
	scripts/with-postgres cargo test --locked --workspace --test api --test store

check: ## Format, lints, documentation, licences, generated files
	cargo fmt --all --check
	cargo clippy --locked --workspace --all-targets -- --deny warnings
	RUSTDOCFLAGS='--deny warnings' cargo doc --locked --workspace --no-deps --document-private-items
	scripts/check-dependencies

generated: ## Print the generated files again: docs/errors, docs/SENTINEL.md, docs/openapi.json
	cargo run --quiet --locked --package scanyard-contract --example print-errors
	cargo run --quiet --locked --package scanyard-engines --example print-sentinel > docs/SENTINEL.md
	cargo run --quiet --locked --package scanyard -- openapi > docs/openapi.json

bench: ## The figures of docs/BENCHMARKS.md
	scripts/prepare nmap iproute2 util-linux
	cargo bench --locked --package scanyard --bench scanyard
