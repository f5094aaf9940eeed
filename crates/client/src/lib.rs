//! Typed clients of security APIs: one error, one retry policy. So far the Scan API.
//!
//! This crate must not know a server or a database.

pub mod classify;
pub mod error;
pub mod retry;
pub mod scan_api;
mod transport;

pub use error::Error;
pub use retry::Retrying;
pub use transport::FileBody;
