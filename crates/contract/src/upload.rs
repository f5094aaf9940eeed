//! Uploads on the wire: files to scan.

use crate::scan::words;
use crate::timestamp::Timestamp;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

words! {
    /// What an upload is.
    UploadKind {
        /// A tar archive, compressed with gzip.
        TarGz = "tar.gz",
        Zip = "zip",
        /// A bill of materials of CycloneDX, in JSON.
        CycloneDx = "cyclonedx",
        /// A bill of materials of SPDX, in JSON.
        Spdx = "spdx",
        /// A single file.
        File = "file",
    }
}

/// Files to scan: `upload:` and the id are the target of a scan.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct Upload {
    /// `upl-` and a UUID.
    #[schema(examples("upl-019a0000-0000-7000-8000-000000000001"))]
    pub id: String,
    pub kind: UploadKind,
    /// Name of the file, or of the folder that was packed.
    pub name: String,
    /// Files in it.
    pub files: u64,
    /// Bytes as they were uploaded.
    pub bytes: u64,
    /// SHA-256 of those bytes, in hex.
    pub sha256: String,
    pub created_at: Timestamp,
    /// When it is removed, unless a scan uses it before.
    pub expires_at: Timestamp,
}
