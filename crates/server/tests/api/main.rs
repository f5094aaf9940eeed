//! The API through its real router and a real database.

mod audit;
mod auth;
mod bad_input;
mod bootstrap;
mod conformance;
mod deletes;
mod deliveries;
mod dns;
mod events;
mod failures;
mod harness;
mod hooked;
mod isolation;
mod launch;
mod log;
mod openapi;
mod proxies;
mod quota;
mod receiver;
mod record;
mod reports;
mod scan_lists;
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
