//! Runs of real processes: the supervisor and its runner, and live engines against listeners on loopback.

mod common;
mod nmap;
mod process;
mod trivy;
