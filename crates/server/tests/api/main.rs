//! The API through its real router and a real database.

mod auth;
mod bad_input;
mod bootstrap;
mod conformance;
mod dns;
mod failures;
mod harness;
mod openapi;
mod scan_lists;
mod scans;
#[path = "../support/mod.rs"]
mod support;
mod tcp;
