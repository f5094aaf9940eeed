//! The API through its real router and a real database.

mod auth;
mod bad_input;
mod bootstrap;
mod conformance;
mod deletes;
mod dns;
mod events;
mod failures;
mod harness;
mod openapi;
mod reports;
mod scan_lists;
mod scans;
#[path = "../support/mod.rs"]
mod support;
mod tcp;
