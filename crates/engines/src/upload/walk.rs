//! Every entry of an upload, judged: the one way into its bytes, for looking at it and for unpacking it.

use super::archive::{self, Entry};
use super::fault::UploadFault;
use super::path::parts;
use super::{MAX_ENTRIES, UploadKind};
use std::collections::HashMap;
use std::fs::File;
use std::io::{self, Read};
use std::path::Path;

/// What an upload holds.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Contents {
    /// Files, without folders.
    pub files: u64,
    /// Bytes of those files.
    pub bytes: u64,
}

/// Looks at an upload from its first byte to its last and keeps nothing of it.
pub fn inspect(kind: UploadKind, name: &str, path: &Path) -> Result<Contents, UploadFault> {
    walk(kind, name, path, |_, entry| match entry {
        Entry::Folder => Ok(0),
        Entry::File(data) => copy(data, &mut io::sink()),
    })
}

/// Hands on every file and folder by the parts of its path. `on_entry` gives the bytes that it read.
pub(super) fn walk(
    kind: UploadKind,
    name: &str,
    path: &Path,
    mut on_entry: impl FnMut(&[String], Entry<'_>) -> Result<u64, UploadFault>,
) -> Result<Contents, UploadFault> {
    let mut contents = Contents::default();
    let mut tree = Tree::default();
    let mut file = File::open(path)?;
    let on_path = |raw: &[u8], entry: Entry<'_>| {
        let parts = parts(raw)?;
        let is_file = matches!(entry, Entry::File(_));
        // The archive's own root, `./`.
        if parts.is_empty() && !is_file {
            return Ok(());
        }
        tree.add(&parts, is_file)?;
        let bytes = on_entry(&parts, entry)?;
        if is_file {
            contents.files += 1;
            contents.bytes += bytes;
        }
        Ok(())
    };
    match kind {
        UploadKind::TarGz => archive::tar_gz(file, on_path)?,
        UploadKind::Zip => archive::zip(file, on_path)?,
        UploadKind::CycloneDx | UploadKind::Spdx | UploadKind::File => {
            if file.metadata()?.len() == 0 {
                return Err(UploadFault::Refused("is empty".to_string()));
            }
            let bytes = on_entry(&[name.to_string()], Entry::File(&mut file))?;
            contents = Contents { files: 1, bytes };
        }
    }
    if contents.files == 0 {
        return Err(UploadFault::Refused("holds no file".to_string()));
    }
    Ok(contents)
}

/// Copies an entry's bytes; what cannot be read is the upload's fault, what cannot be written this machine's.
pub(super) fn copy(from: &mut dyn Read, to: &mut impl io::Write) -> Result<u64, UploadFault> {
    let mut buffer = vec![0; 64 * 1024];
    let mut bytes = 0;
    loop {
        let read = from.read(&mut buffer).map_err(|error| UploadFault::broken(&error))?;
        if read == 0 {
            return Ok(bytes);
        }
        to.write_all(&buffer[..read])?;
        bytes += read as u64;
    }
}

/// The paths seen so far, each a file or not: no two entries may be at one place.
#[derive(Default)]
struct Tree(HashMap<String, bool>);

impl Tree {
    fn add(&mut self, parts: &[String], is_file: bool) -> Result<(), UploadFault> {
        let whole = parts.join("/");
        let mut parent = String::new();
        for part in parts.iter().take(parts.len().saturating_sub(1)) {
            if !parent.is_empty() {
                parent.push('/');
            }
            parent.push_str(part);
            self.put(&parent, false)?;
        }
        if is_file && (parts.is_empty() || self.0.contains_key(&whole)) {
            return Err(UploadFault::at(&whole, "stands in the archive twice"));
        }
        self.put(&whole, is_file)
    }

    fn put(&mut self, path: &str, is_file: bool) -> Result<(), UploadFault> {
        match self.0.get(path) {
            Some(was_file) if *was_file != is_file => {
                return Err(UploadFault::at(path, "is a file and a folder at once"));
            }
            Some(_) => return Ok(()),
            None => _ = self.0.insert(path.to_string(), is_file),
        }
        if self.0.len() as u64 > MAX_ENTRIES { Err(UploadFault::too_many()) } else { Ok(()) }
    }
}
