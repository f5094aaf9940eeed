//! The binary as its user meets it.

mod explain;
mod offline;
mod scans;
mod server;
mod support;
mod tls;
