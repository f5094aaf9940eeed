//! The API through its real router and a real database.

mod audit;
mod auth;
mod bad_input;
mod bootstrap;
mod conformance;
mod dns;
mod failures;
mod harness;
mod openapi;
mod proxies;
mod scans;
mod status;
#[path = "../support/mod.rs"]
mod support;
mod tcp;
<<<<<<< HEAD
mod tenants;
=======
mod vault;
>>>>>>> f9a9d1b (vault: secrets at rest are sealed by a master key that is not in the database)
