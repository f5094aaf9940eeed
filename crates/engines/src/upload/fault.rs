//! Why an upload is none.

use super::{MAX_DEPTH, MAX_ENTRIES, MAX_PATH, MAX_RATIO, MAX_UNPACKED};
use std::io;

/// What is wrong with an upload, or why it could not be read.
#[derive(Debug, thiserror::Error)]
pub enum UploadFault {
    /// For whoever uploaded it: what and where.
    #[error("{0}")]
    Refused(String),
    /// This machine's: its disk, not the upload.
    #[error(transparent)]
    Disk(#[from] io::Error),
}

impl UploadFault {
    pub(super) fn too_many() -> UploadFault {
        UploadFault::Refused(format!(
            "holds more than {MAX_ENTRIES} files and folders; leave out what need not be scanned"
        ))
    }

    pub(super) fn too_large() -> UploadFault {
        UploadFault::Refused(format!(
            "holds more than {MAX_UNPACKED} bytes unpacked; leave out what need not be scanned"
        ))
    }

    pub(super) fn too_dense() -> UploadFault {
        UploadFault::Refused(format!(
            "unpacks to more than {MAX_RATIO} times its size, as archives do that are made to do harm"
        ))
    }

    pub(super) fn too_deep(path: &str) -> UploadFault {
        UploadFault::Refused(format!("{path}: more than {MAX_DEPTH} folders within each other"))
    }

    pub(super) fn too_long() -> UploadFault {
        UploadFault::Refused(format!("holds a path of more than {MAX_PATH} bytes"))
    }

    pub(super) fn at(path: &str, what: &str) -> UploadFault {
        UploadFault::Refused(format!("{path}: {what}"))
    }

    pub(super) fn broken(error: &io::Error) -> UploadFault {
        UploadFault::Refused(format!("cannot be unpacked: {}", crate::text::clean(error.to_string().as_bytes(), 200)))
    }
}
