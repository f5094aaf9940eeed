//! Runs of real processes: the supervisor and its runner, and live engines against listeners on loopback.

mod bounds;
mod common;
mod nikto;
mod nmap;
mod process;
mod sqlmap;
mod version;
mod wapiti;
mod web;
mod zap;
