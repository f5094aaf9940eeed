//! What the security APIs around Scanyard promise, as data: the catalogue of their failures and the wire types of the
//! Scan API. The server answers from it, the client decodes with it, the documentation is printed from it.
//!
//! This crate must not know an HTTP client or server, a database or the clock.

pub mod catalogue;
pub mod finding;
pub mod scan;
pub mod scan_api;
pub mod timestamp;
pub mod wire;

pub use catalogue::{Category, Kind, Retry, Row};
pub use finding::{Confidence, Finding, Location, Severity};
pub use scan::{Priority, Scan, ScanStatus, ScanType, TargetType};
pub use scan_api::Code;
pub use timestamp::Timestamp;
