//! The scan engines: typed options, argv, process runner, parsers, findings, and the native engine sentinel.
//!
//! An engine is data plus pure functions; [`process`] alone spawns. This crate must not know an HTTP server or a database.

pub mod address;
pub mod collected;
pub mod engine;
pub mod fingerprint;
pub mod job;
pub mod nmap;
pub mod options;
pub mod policy;
pub mod ports;
pub mod process;
pub mod read;
pub mod resolve;
pub mod sentinel;
pub mod target;
pub mod text;
pub mod weak_target;

pub use engine::{Availability, Engine, locate};
pub use job::{Control, Job, Outcome, Parsed, RawReport, Report, run};
pub use options::Options;
pub use read::{Reader, read, reader};
pub use target::Target;
