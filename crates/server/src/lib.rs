//! The Scan API server: HTTP, domain, store, queue and worker.

pub mod config;
pub mod store;
