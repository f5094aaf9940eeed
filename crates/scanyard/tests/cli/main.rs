//! The binary as its user meets it.

mod call;
mod clients;
mod doctor;
mod explain;
mod imports;
mod offline;
mod own_api;
mod quotas;
mod scans;
mod server;
mod simulate;
mod simulator;
mod support;
mod tenable;
mod tls;
mod trivy;
