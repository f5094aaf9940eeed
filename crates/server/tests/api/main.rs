//! The API through its real router and a real database.

mod api_keys;
mod audit;
mod auth;
mod bad_input;
mod bootstrap;
mod conformance;
mod dns;
mod failures;
mod harness;
mod impersonation;
mod isolation;
mod launch;
mod log;
mod openapi;
mod proxies;
mod quota;
mod record;
mod scans;
mod sessions;
mod status;
#[path = "../support/mod.rs"]
mod support;
mod tcp;
mod templates;
mod tenants;
mod tls;
mod usage;
mod users;
mod vault;
mod wire;
