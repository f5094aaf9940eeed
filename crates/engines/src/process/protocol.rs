//! What worker and supervisor say to each other over the supervisor's stdin, which is a socket pair: down goes one line with
//! the [`Spec`], then one byte per order; up comes one line with the [`Ending`].

use super::bounds::{Enforced, Limits};
use serde::{Deserialize, Serialize};
use std::path::PathBuf;

/// The lease was renewed.
pub const RENEW: u8 = b'.';
/// SIGINT to the engine's group.
pub const INTERRUPT: u8 = b'i';
/// SIGTERM to every descendant.
pub const TERMINATE: u8 = b't';
/// SIGKILL to every descendant until none is left.
pub const KILL: u8 = b'k';

/// The longest line either side reads, in bytes.
pub const MAX_LINE: usize = 1024 * 1024;

/// What the supervisor starts, and within which limits.
#[derive(Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Spec {
    pub program: PathBuf,
    pub args: Vec<String>,
    /// What the engine finds on its stdin, which stays open after it; `None`: an empty stdin. At most 4 KiB.
    pub stdin: Option<String>,
    /// The job folder; the engine's working directory.
    pub dir: PathBuf,
    /// How long one renewal holds.
    pub lease_ms: u64,
    /// The user that the engine runs as; only root can change it.
    pub user: Option<String>,
    /// The largest file that the engine may write, in bytes.
    pub max_file_bytes: u64,
    /// What all its processes may use together.
    pub limits: Limits,
    /// Files and folders outside the job folder, besides the system's and its own, that the engine reads.
    pub reads: Vec<PathBuf>,
    /// The hosts file that the engine sees; `None`: the machine's own.
    pub hosts: Option<String>,
}

/// What the supervisor tells when nothing of the engine is left.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Ending {
    pub exit: Exit,
    /// What kept the engine in bounds.
    pub bounds: Vec<Enforced>,
}

impl Ending {
    /// An engine that never ran within any bounds.
    pub fn without_bounds(exit: Exit) -> Ending {
        Ending { exit, bounds: Vec::new() }
    }
}

/// How the engine ended.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Exit {
    Code(i32),
    Signal(i32),
    /// The program is not there or may not be executed.
    Missing(String),
    /// It was never started for another reason.
    NotStarted(String),
    /// It used more than it may, so it was killed; says of what.
    LimitExceeded(String),
    /// The worker fell silent for longer than its lease, so the engine was killed.
    LeaseLost,
    /// The supervisor itself was killed; the runner cleaned up.
    SupervisorLost,
}
