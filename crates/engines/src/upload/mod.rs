//! Files to scan that somebody packed: what may be in them, how they are unpacked, and how a folder is packed.
//!
//! Every byte of an upload is hostile: an archive is walked under caps before anything of it is stored, and again when it
//! is unpacked for an engine.

mod archive;
mod fault;
mod kind;
mod path;
#[cfg(test)]
mod tests;
mod unpack;
mod walk;

pub mod pack;

pub use fault::UploadFault;
pub use kind::{kind_of, sbom_kind};
pub use path::is_name;
pub use unpack::unpack;
pub use walk::{Contents, inspect};

use std::fmt;
use std::path::PathBuf;
use std::str::FromStr;
use uuid::Uuid;

pub use scanyard_contract::upload::UploadKind;

/// What the id of every upload begins with.
pub const PREFIX: &str = "upl-";

/// Files and folders in one archive.
pub const MAX_ENTRIES: u64 = 50_000;
/// Folders within each other.
pub const MAX_DEPTH: usize = 32;
/// The longest path in an archive, in bytes.
pub const MAX_PATH: usize = 1024;
/// Bytes that the files of one upload hold together.
pub const MAX_UNPACKED: u64 = 2 * 1024 * 1024 * 1024;
/// How many times as large as the archive its files may be; small archives are not judged by it.
pub const MAX_RATIO: u64 = 100;
/// Bytes of files that no ratio is asked for.
pub const RATIO_FREE: u64 = 16 * 1024 * 1024;

/// Id of an upload: `upl-` and a UUID.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct UploadId(pub Uuid);

impl fmt::Display for UploadId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{PREFIX}{}", self.0)
    }
}

impl FromStr for UploadId {
    type Err = ();

    fn from_str(text: &str) -> Result<UploadId, ()> {
        let uuid = text.strip_prefix(PREFIX).filter(|uuid| uuid.len() == 36).ok_or(())?;
        Uuid::try_parse(uuid).map(UploadId).map_err(|_| ())
    }
}

/// An upload as a run finds it: still packed, in a file of this machine.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Packed {
    pub kind: UploadKind,
    /// What the upload is called: of a single file its name, of an archive that of its folder; see [`is_name`].
    pub name: String,
    /// The bytes as they were uploaded.
    pub path: PathBuf,
}
