//! Unpacking an upload for an engine, in a folder that is empty and ours.

use super::archive::Entry;
use super::fault::UploadFault;
use super::walk::{copy, walk};
use super::{Packed, UploadKind};
use std::fs::{DirBuilder, OpenOptions, Permissions, set_permissions};
use std::io;
use std::os::unix::fs::{DirBuilderExt, OpenOptionsExt, PermissionsExt};
use std::path::{Path, PathBuf};

/// Modes that let the engine's user read and not write, whoever that is; the folder above lets nobody else in.
const FOLDER: u32 = 0o755;
const FILE: u32 = 0o644;

/// Unpacks into a folder of the upload's name below `root`, and gives its path; of a bill of materials the file's own.
pub fn unpack(upload: &Packed, root: &Path) -> Result<PathBuf, UploadFault> {
    let below = match upload.kind {
        UploadKind::TarGz | UploadKind::Zip => root.join(&upload.name),
        // In a folder of its own, so that its name stays its path in the report.
        UploadKind::File => root.join("file"),
        UploadKind::CycloneDx | UploadKind::Spdx => root.to_path_buf(),
    };
    if below != root {
        folder(&below)?;
    }
    walk(upload.kind, &upload.name, &upload.path, |parts, entry| {
        let path: PathBuf = below.iter().chain(parts.iter().map(AsRef::as_ref)).collect();
        match entry {
            Entry::Folder => {
                folders(&below, parts)?;
                Ok(0)
            }
            Entry::File(data) => {
                folders(&below, &parts[..parts.len() - 1])?;
                let mut file = OpenOptions::new().write(true).create_new(true).mode(FILE).open(&path)?;
                file.set_permissions(Permissions::from_mode(FILE))?;
                copy(data, &mut file)
            }
        }
    })?;
    Ok(match upload.kind {
        UploadKind::TarGz | UploadKind::Zip | UploadKind::File => below,
        UploadKind::CycloneDx | UploadKind::Spdx => below.join(&upload.name),
    })
}

fn folders(below: &Path, parts: &[String]) -> io::Result<()> {
    let mut path = below.to_path_buf();
    for part in parts {
        path.push(part);
        folder(&path)?;
    }
    Ok(())
}

/// Makes a folder unless it is there; our own umask would keep the engine's user out.
fn folder(path: &Path) -> io::Result<()> {
    match DirBuilder::new().mode(FOLDER).create(path) {
        Ok(()) => set_permissions(path, Permissions::from_mode(FOLDER)),
        Err(error) if error.kind() == io::ErrorKind::AlreadyExists => Ok(()),
        Err(error) => Err(error),
    }
}
