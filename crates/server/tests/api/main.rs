//! The API through its real router and a real database.

mod audit;
mod auth;
mod bad_input;
mod bootstrap;
mod conformance;
mod deliveries;
mod dns;
mod failures;
mod harness;
mod hooked;
mod launch;
mod openapi;
mod proxies;
mod quota;
mod receiver;
mod scans;
mod status;
#[path = "../support/mod.rs"]
mod support;
mod tcp;
mod templates;
mod tenants;
mod tls;
mod usage;
mod vault;
mod webhook_guard;
mod webhooks;
mod wire;
