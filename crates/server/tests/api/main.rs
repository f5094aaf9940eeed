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
mod openapi;
mod proxies;
mod receiver;
mod scans;
mod status;
#[path = "../support/mod.rs"]
mod support;
mod tcp;
mod tenants;
mod vault;
mod webhook_guard;
mod webhooks;
