//! A process's data folder: made when it is not there, held by one process at a time, and left as it was found by a start
//! that is refused; and the places of files beside it.

use crate::config::ConfigError;
use anyhow::Context;
use std::fs::{DirBuilder, File, Metadata, TryLockError};
use std::os::unix::fs::{DirBuilderExt, MetadataExt};
use std::path::{Path, PathBuf};

/// The file in a data folder that a process holds while it uses the folder.
pub(crate) const LOCK: &str = "lock";

/// A data folder that this process holds: its job folders, and on SQLite its database, have one owner.
#[derive(Debug)]
pub struct DataFolder {
    made: Made,
    /// Let go of after what was made is gone.
    _lock: File,
}

/// What this process made to have the folder, the innermost last: goes again unless it is to stay.
#[derive(Debug)]
struct Made(Vec<PathBuf>);

impl DataFolder {
    /// Makes the folder where there is none, and takes it until this is dropped; `None` when another process has it.
    pub fn take(folder: &Path) -> Result<Option<DataFolder>, ConfigError> {
        let fault = |error: String| ConfigError(vec![format!("data_dir: {error}")]);
        let is_missing = |path: &&Path| !path.as_os_str().is_empty() && !path.exists();
        let mut made = Made(folder.ancestors().take_while(is_missing).map(PathBuf::from).collect());
        made.0.reverse();
        let lock_file = folder.join(LOCK);
        let is_new = !lock_file.exists();
        let created = DirBuilder::new().recursive(true).mode(0o700).create(folder);
        created.map_err(|error| fault(format!("making {}: {error}", folder.display())))?;
        let Some(lock) = try_lock(folder).map_err(|error| fault(format!("{error:#}")))? else { return Ok(None) };
        if is_new {
            made.0.push(lock_file);
        }
        Ok(Some(DataFolder { made, _lock: lock }))
    }

    /// The folder stays.
    pub fn keep(&mut self) {
        self.made.0.clear();
    }
}

impl Drop for Made {
    fn drop(&mut self) {
        for path in self.0.iter().rev() {
            // A folder with anything in it, such as a database, stays; what cannot be removed harms nobody.
            let _ = if path.is_file() { std::fs::remove_file(path) } else { std::fs::remove_dir(path) };
        }
    }
}

/// Refuses a place in which no file can be made.
pub(crate) fn check_place(file: &Path) -> Result<(), String> {
    let dir = folder_of(file);
    match std::fs::metadata(dir) {
        Ok(found) if !found.is_dir() => Err(format!("{} is no folder", dir.display())),
        Ok(_) if file.is_dir() => Err("is a folder".to_string()),
        Ok(_) => Ok(()),
        Err(error) => Err(format!("its folder: {error}")),
    }
}

/// The folder of a file.
pub(crate) fn folder_of(file: &Path) -> &Path {
    file.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."))
}

/// Takes a data folder until the file is closed; `None` when another process has it.
pub(crate) fn try_lock(folder: &Path) -> anyhow::Result<Option<File>> {
    let path = folder.join(LOCK);
    loop {
        let file = open_lock(&path, folder).with_context(|| format!("opening {}", path.display()))?;
        match file.try_lock() {
            Ok(()) if is_at(&file, &path)? => return Ok(Some(file)),
            // The process that made it removed it meanwhile.
            Ok(()) => {}
            Err(TryLockError::WouldBlock) => return Ok(None),
            Err(TryLockError::Error(error)) => {
                return Err(error).with_context(|| format!("locking {}", path.display()));
            }
        }
    }
}

/// Whether the file is the one of that name.
fn is_at(file: &File, path: &Path) -> std::io::Result<bool> {
    match path.metadata() {
        Ok(named) => file.metadata().map(|own| (own.dev(), own.ino()) == (named.dev(), named.ino())),
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => Ok(false),
        Err(error) => Err(error),
    }
}

/// Root leaves a new one to the folder's owner, whose server could not open it otherwise. One that is there is not given away:
/// it may be a link.
fn open_lock(path: &Path, folder: &Path) -> std::io::Result<File> {
    match File::create_new(path) {
        Ok(file) => give(&file, &folder.metadata()?).map(|()| file),
        Err(error) if error.kind() == std::io::ErrorKind::AlreadyExists => File::open(path),
        Err(error) => Err(error),
    }
}

/// Makes the file belong to whom `like` belongs to, when this process is root; else it can only be its own.
pub(crate) fn give(file: &File, like: &Metadata) -> std::io::Result<()> {
    match nix::unistd::geteuid().is_root() {
        true => std::os::unix::fs::fchown(file, Some(like.uid()), Some(like.gid())),
        false => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_folder_that_is_not_kept_goes_with_all_that_was_made_for_it_and_nothing_else() {
        let dir = tempfile::tempdir().unwrap();
        let (outer, inner) = (dir.path().join("a"), dir.path().join("a/b"));
        drop(DataFolder::take(&inner).unwrap().unwrap());
        assert!(!outer.exists());
        let held = DataFolder::take(&inner).unwrap().unwrap();
        assert!(DataFolder::take(&inner).unwrap().is_none());
        assert!(inner.join(LOCK).exists(), "it is the other one's");
        std::fs::write(outer.join("file"), "").unwrap();
        drop(held);
        assert!(outer.exists() && !inner.exists());
        DataFolder::take(&inner).unwrap().unwrap().keep();
        drop(DataFolder::take(&inner).unwrap().unwrap());
        assert!(inner.join(LOCK).exists());
    }

    #[test]
    fn a_lock_that_was_removed_locks_nobody_out_and_holds_nothing() {
        let dir = tempfile::tempdir().unwrap();
        let held = try_lock(dir.path()).unwrap().unwrap();
        assert!(is_at(&held, &dir.path().join(LOCK)).unwrap());
        std::fs::remove_file(dir.path().join(LOCK)).unwrap();
        assert!(!is_at(&held, &dir.path().join(LOCK)).unwrap());
        let anew = try_lock(dir.path()).unwrap().unwrap();
        assert!(is_at(&anew, &dir.path().join(LOCK)).unwrap() && !is_at(&held, &dir.path().join(LOCK)).unwrap());
    }
}
