//! The Scan API server: HTTP, store, queue and worker.

pub mod config;
