//! Runs of real processes: the supervisor and its runner, and live engines against listeners on loopback.

mod common;
mod harvester;
mod nmap;
mod nuclei;
mod process;
mod sublist3r;
