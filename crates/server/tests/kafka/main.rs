//! Hints and events over a real broker and a real database: `scripts/with-postgres scripts/with-kafka cargo test --test kafka`.

mod cluster;
mod events;
mod hints;
mod outage;
mod refused;
#[path = "../support/mod.rs"]
#[expect(dead_code, reason = "shared with tests that use more of it")]
mod support;
#[cfg(feature = "kafka-tls")]
mod tls;
