//! The scan engines: typed options, argv, process runner, parsers, findings, and the native engine sentinel.
//!
//! An engine is data plus pure functions; [`process`] alone spawns. This crate must not know an HTTP server or a database.

pub mod address;
mod asset;
pub mod auth;
pub mod collected;
pub mod engine;
mod files;
pub mod fingerprint;
pub mod harvester;
pub mod ids;
pub mod image;
pub mod job;
mod locate;
mod name_server;
pub mod nikto;
pub mod nmap;
pub mod nuclei;
pub mod options;
mod page;
pub mod policy;
pub mod ports;
pub mod probe;
pub mod process;
pub mod read;
pub mod resolve;
pub mod sentinel;
pub mod site;
pub mod sqlmap;
mod subject;
pub mod sublist3r;
pub mod target;
pub mod text;
pub mod trivy;
pub mod upload;
pub mod values;
pub mod version;
pub mod wapiti;
pub mod weak_target;
pub mod zap;

pub use engine::{Availability, Engine};
pub use job::{Control, Dns, Job, Outcome, Parsed, RawReport, Report, Settings, run};
pub use locate::{Installed, locate};
pub use options::Options;
pub use read::{Reader, Unnamed, reader};
pub use target::Target;
