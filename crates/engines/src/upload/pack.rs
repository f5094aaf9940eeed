//! Packing a folder or a file of this machine as an upload.

use super::path::is_plain;
use super::{MAX_DEPTH, MAX_ENTRIES, Packed, UploadFault, UploadKind, is_name, kind_of};
use flate2::Compression;
use flate2::write::GzEncoder;
use std::fs::{self, File};
use std::io::{self, BufWriter, Read, Write};
use std::path::{Path, PathBuf};

/// Folders that no engine looks into: what a version control keeps is compressed, and can be larger than the project.
const LEFT_OUT: [&str; 3] = [".git", ".hg", ".svn"];

/// What was packed, and what was not.
#[derive(Debug)]
pub struct Prepared {
    pub packed: Packed,
    pub left_out: LeftOut,
}

/// What of a folder an upload cannot hold.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct LeftOut {
    /// Links and devices.
    pub special: u64,
    /// Files and folders whose names are not plain UTF-8.
    pub misnamed: u64,
}

/// Packs what is at `path`: a folder as `tar.gz` into the file `into`, a single file as it is, be it an archive already.
///
/// The same folder gives the same bytes: neither times nor owners go in.
pub fn prepare(path: &Path, into: &Path) -> Result<Prepared, UploadFault> {
    let path = path.canonicalize()?;
    let name = path.file_name().map(|name| name.to_string_lossy().into_owned()).unwrap_or_default();
    if path.is_dir() {
        let mut packing = Packing {
            tar: tar::Builder::new(GzEncoder::new(BufWriter::new(File::create(into)?), Compression::fast())),
            entries: 0,
            left_out: LeftOut::default(),
        };
        packing.folder(&path, Path::new(""), 0)?;
        let Packing { tar, entries, left_out } = packing;
        if entries == 0 {
            return Err(UploadFault::Refused("holds no file that can be packed".to_string()));
        }
        tar.into_inner()?.finish()?.flush()?;
        return Ok(Prepared {
            packed: Packed { kind: UploadKind::TarGz, name: named(&name, "files"), path: into.to_path_buf() },
            left_out,
        });
    }
    if !path.is_file() {
        return Err(UploadFault::Refused("is neither a file nor a folder".to_string()));
    }
    let kind = kind_of(&name, &path)?;
    let name = match kind {
        UploadKind::TarGz | UploadKind::Zip => named(unpacked_name(&name), "files"),
        UploadKind::CycloneDx | UploadKind::Spdx | UploadKind::File => named(&name, "file"),
    };
    Ok(Prepared { packed: Packed { kind, name, path }, left_out: LeftOut::default() })
}

/// The name of the folder that an archive is likely to have been.
fn unpacked_name(name: &str) -> &str {
    [".tar.gz", ".tgz", ".zip"].iter().find_map(|end| name.strip_suffix(end)).unwrap_or(name)
}

/// A name that an upload may have, as near to this one as can be.
fn named(name: &str, otherwise: &str) -> String {
    let name: String = name.chars().map(|c| if is_name(&c.to_string()) || c == '.' { c } else { '_' }).collect();
    if is_name(&name) { name } else { otherwise.to_string() }
}

struct Packing {
    tar: tar::Builder<GzEncoder<BufWriter<File>>>,
    entries: u64,
    left_out: LeftOut,
}

impl Packing {
    fn folder(&mut self, folder: &Path, below: &Path, depth: usize) -> io::Result<()> {
        let at = |error: io::Error| io::Error::new(error.kind(), format!("{}: {error}", folder.display()));
        if depth >= MAX_DEPTH {
            return Err(at(io::Error::other(format!("more than {MAX_DEPTH} folders within each other"))));
        }
        let mut entries: Vec<PathBuf> = Vec::new();
        for entry in fs::read_dir(folder).map_err(at)? {
            entries.push(entry.map_err(at)?.path());
        }
        entries.sort();
        for path in entries {
            let name = path.file_name().unwrap_or_default();
            let kind = fs::symlink_metadata(&path).map_err(at)?.file_type();
            if !name.to_str().is_some_and(is_plain) {
                self.left_out.misnamed += 1;
            } else if kind.is_dir() {
                if !LEFT_OUT.iter().any(|left_out| name == *left_out) {
                    self.folder(&path, &below.join(name), depth + 1)?;
                }
            } else if kind.is_file() {
                self.file(&path, &below.join(name))?;
            } else {
                self.left_out.special += 1;
            }
        }
        Ok(())
    }

    fn file(&mut self, path: &Path, below: &Path) -> io::Result<()> {
        let at = |error: io::Error| io::Error::new(error.kind(), format!("{}: {error}", path.display()));
        self.entries += 1;
        if self.entries > MAX_ENTRIES {
            return Err(at(io::Error::other(format!("more than {MAX_ENTRIES} files"))));
        }
        let file = File::open(path).map_err(at)?;
        let size = file.metadata().map_err(at)?.len();
        let mut header = tar::Header::new_gnu();
        header.set_size(size);
        header.set_mode(0o644);
        header.set_mtime(0);
        self.tar.append_data(&mut header, below, file.take(size)).map_err(at)
    }
}
