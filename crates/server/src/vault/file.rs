//! The file of the master keys: a line of 64 hex digits each, `#` begins a comment. Its owner's alone.

use super::LoadError;
use crate::data_folder;
use ring::rand::{SecureRandom, SystemRandom};
use std::fs::{File, OpenOptions};
use std::io::{ErrorKind, Read, Write};
use std::os::unix::fs::{MetadataExt, OpenOptionsExt};
use std::path::Path;
use uuid::Uuid;

/// A key's length in bytes.
const BYTES: usize = 32;
/// The largest file that is read, in bytes: hundreds of keys.
const MAX_BYTES: u64 = 64 * 1024;
/// Rights that a key file must not give: any to others, and writing to its group. A mounted secret may be read by its
/// group.
const FORBIDDEN: u32 = 0o027;

/// The keys of the file in their order; `None` when there is no file.
pub(super) fn read(path: &Path) -> Result<Option<Vec<[u8; BYTES]>>, LoadError> {
    let fault = |reason: String| LoadError::File { path: path.into(), reason };
    let file = match File::open(path) {
        Ok(file) => file,
        Err(error) if error.kind() == ErrorKind::NotFound => return Ok(None),
        Err(error) => return Err(fault(error.to_string())),
    };
    let mode = file.metadata().map_err(|error| fault(error.to_string()))?.mode();
    if mode & FORBIDDEN != 0 {
        return Err(fault(format!("its mode is {:03o}, which lets others at the keys: chmod 600", mode & 0o777)));
    }
    let mut text = String::new();
    file.take(MAX_BYTES).read_to_string(&mut text).map_err(|error| fault(error.to_string()))?;
    let mut keys = Vec::new();
    for (number, line) in (1..).zip(text.lines()) {
        let line = line.split('#').next().unwrap_or_default().trim();
        if !line.is_empty() {
            keys.push(parse(line).ok_or_else(|| fault(format!("line {number} is not 64 hex digits")))?);
        }
    }
    Ok(Some(keys))
}

/// Makes the file with one new key; when another process was first, its keys are the ones.
pub(super) fn create(path: &Path) -> Result<Vec<[u8; BYTES]>, LoadError> {
    let mut key = [0; BYTES];
    SystemRandom::new().fill(&mut key).map_err(|_| LoadError::Random)?;
    let fault = |error: std::io::Error| LoadError::File { path: path.into(), reason: error.to_string() };
    let dir = data_folder::folder_of(path);
    let draft = dir.join(format!(".{}", Uuid::new_v4().simple()));
    let mut file = OpenOptions::new().write(true).create_new(true).mode(0o600).open(&draft).map_err(fault)?;
    let note = "# Master key of this Scanyard: encrypts secrets in the database and signs sessions. Keep a copy apart from\n\
                # the database's backups; every node of one database has the same file.";
    let written = writeln!(file, "{note}\n{}", crate::key::hex(&key)).and_then(|()| file.sync_all());
    // A link, unlike a rename, never replaces keys that are there.
    let linked = written.and_then(|()| std::fs::hard_link(&draft, path));
    // The draft holds the key and must not stay; its own failure adds nothing.
    let _ = std::fs::remove_file(&draft);
    match linked {
        Ok(()) => {
            File::open(dir).and_then(|dir| dir.sync_all()).map_err(fault)?;
            Ok(vec![key])
        }
        Err(error) if error.kind() == ErrorKind::AlreadyExists => Ok(read(path)?.unwrap_or_default()),
        Err(error) => Err(fault(error)),
    }
}

fn parse(line: &str) -> Option<[u8; BYTES]> {
    if line.len() != 2 * BYTES || !line.bytes().all(|byte| byte.is_ascii_hexdigit()) {
        return None;
    }
    let mut key = [0; BYTES];
    for (byte, at) in key.iter_mut().zip((0..line.len()).step_by(2)) {
        *byte = u8::from_str_radix(&line[at..at + 2], 16).ok()?;
    }
    Some(key)
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::os::unix::fs::PermissionsExt;

    #[test]
    fn a_new_file_is_its_owners_alone_and_is_never_replaced() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("master.key");
        assert_eq!(read(&path).unwrap(), None);
        let keys = create(&path).unwrap();
        assert_eq!(std::fs::metadata(&path).unwrap().permissions().mode() & 0o777, 0o600);
        assert_eq!(read(&path).unwrap().unwrap(), keys);
        assert_eq!(create(&path).unwrap(), keys, "the first one stays");
        assert_eq!(std::fs::read_dir(dir.path()).unwrap().count(), 1, "no draft is left");
    }

    #[test]
    fn a_file_that_others_can_read_is_refused_and_so_is_what_is_no_key() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("master.key");
        let refusal = |text: &str, mode: u32| {
            std::fs::write(&path, text).unwrap();
            std::fs::set_permissions(&path, PermissionsExt::from_mode(mode)).unwrap();
            read(&path).map_err(|error| error.to_string())
        };
        assert!(refusal(&"a".repeat(64), 0o644).unwrap_err().ends_with("chmod 600"));
        assert!(refusal("# c\nabc", 0o600).unwrap_err().ends_with("line 2 is not 64 hex digits"));
        assert!(refusal(&"é".repeat(32), 0o600).unwrap_err().ends_with("line 1 is not 64 hex digits"));
        let two = refusal(&format!("{} # old\n\n{}\n", "0a".repeat(32), "B1".repeat(32)), 0o440).unwrap().unwrap();
        assert_eq!(two, [[0x0a; 32], [0xb1; 32]]);
    }
}
