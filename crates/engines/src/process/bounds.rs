//! What keeps an engine in bounds, as values: what a run may use, and what the host can see to.

use serde::{Deserialize, Serialize};
use std::fmt;

/// What all processes of a run may use together.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Limits {
    /// Bytes of memory.
    pub memory_bytes: u64,
    /// Processes at the same time.
    pub processes: u64,
    /// Whether they see the system's files and their own only, and write in the job folder only.
    pub is_confined: bool,
}

impl Default for Limits {
    fn default() -> Limits {
        Limits { memory_bytes: 2048 * 1024 * 1024, processes: 512, is_confined: true }
    }
}

/// One bound around an engine.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum Bound {
    User,
    Memory,
    Processes,
    FileSize,
    OpenFiles,
    Niceness,
    Privileges,
    Files,
    Names,
}

impl Bound {
    /// What it means for the engine.
    pub fn meaning(self) -> &'static str {
        match self {
            Bound::User => "runs as a user without rights",
            Bound::Memory => "memory of all its processes together",
            Bound::Processes => "number of its processes",
            Bound::FileSize => "size of each file that it writes",
            Bound::OpenFiles => "number of its open files",
            Bound::Niceness => "yields the processor to the server",
            Bound::Privileges => "gains no rights from programs that it starts",
            Bound::Files => "reads the system's files and its own only, writes in its job folder only",
            Bound::Names => "finds the addresses of the target's name that were checked, and no others",
        }
    }
}

impl fmt::Display for Bound {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.meaning())
    }
}

/// What became of one bound on this host.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Enforced {
    pub bound: Bound,
    /// How, such as `landlock`; or why not.
    pub how: String,
    pub is_enforced: bool,
}
