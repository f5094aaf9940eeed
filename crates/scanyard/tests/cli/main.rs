//! The binary as its user meets it.

mod call;
mod offline;
mod scans;
mod server;
mod support;
mod tls;
