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
mod openapi;
mod proxies;
mod scans;
mod sessions;
mod status;
#[path = "../support/mod.rs"]
mod support;
mod tcp;
mod tenants;
mod users;
mod vault;
