//! sentinel: the native engine. It opens TCP connections to the addresses of its job and to nothing else.

pub mod connect;
mod options;
pub mod sweep;

use crate::job::{Control, Job, Report};

pub use options::{Check, Options};

/// Runs sentinel.
pub async fn run(_job: Job, _control: Control) -> Report {
    Report::failed(scanyard_contract::scan::FailureReason::EngineMissing, "sentinel is not driven yet")
}
