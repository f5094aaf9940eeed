//! The binary as its user meets it.

mod imports;
mod offline;
mod scans;
mod server;
mod support;
mod tls;
