//! The binary as its user meets it.

mod call;
mod clients;
mod explain;
mod offline;
mod scans;
mod server;
mod simulate;
mod support;
mod tls;
mod trivy;
