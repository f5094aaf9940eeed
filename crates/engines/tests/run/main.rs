//! Runs of real processes: the supervisor and its runner, and live engines against listeners on loopback.

mod bounds;
mod common;
mod nmap;
mod process;
