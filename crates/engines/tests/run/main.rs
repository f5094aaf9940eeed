//! Runs of real processes: the supervisor and its runner, and live engines against listeners on loopback.

mod auth;
mod bounds;
mod common;
mod harvester;
mod nikto;
mod nmap;
mod nuclei;
mod process;
mod registry;
mod samples;
mod sqlmap;
mod sublist3r;
mod trivy;
mod version;
mod wapiti;
mod web;
mod zap;
