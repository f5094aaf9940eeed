//! What the security APIs around Scanyard promise, as data: the catalogue of their failures and the wire types of the
//! Scan API. The server answers from it, the client decodes with it, the documentation is printed from it.
//!
//! This crate must not know an HTTP client or server, a database or the clock.

pub mod api_key;
pub mod audit;
pub mod catalogue;
mod class;
pub mod classify;
pub mod consent;
pub mod contract;
pub mod detect;
pub mod example;
pub mod export;
mod fill;
pub mod finding;
mod headers;
pub mod hidden;
mod info;
pub mod kafka;
pub mod render;
pub mod scan;
pub mod scan_api;
pub mod status;
mod support;
pub mod template;
pub mod tenant;
pub mod timestamp;
pub mod upload;
pub mod usage;
pub mod user;
mod vendors;
pub mod wait;
pub mod webhook;
pub mod wire;

pub use api_key::{ApiKey, ApiKeyStatus};
pub use audit::AuditEntry;
pub use catalogue::{Category, Kind, Retry, Row, Source};
pub use classify::{Classified, Context, classify, classify_success};
pub use contract::{Contract, Service};
pub use export::{Export, ExportFormat};
pub use finding::{Confidence, Finding, Location, Severity};
pub use info::{ErrorExample, ErrorInfo, ErrorList};
pub use scan::{Priority, Scan, ScanStatus, ScanType, TargetType};
pub use scan_api::Code;
pub use support::Support;
pub use template::Template;
pub use tenant::{Tenant, TenantStatus};
pub use timestamp::Timestamp;
pub use upload::{Upload, UploadKind};
