//! The binary as its user meets it.

mod offline;
mod scans;
mod server;
mod support;
mod tls;
mod trivy;
