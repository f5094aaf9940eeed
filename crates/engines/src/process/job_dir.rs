//! The folder of one run: empty, 0700, gone when the run is.

use nix::libc::O_NOFOLLOW;
use std::fs::{DirBuilder, File, OpenOptions, Permissions};
use std::io::{self, Read, Write};
use std::os::unix::fs::{DirBuilderExt, OpenOptionsExt, PermissionsExt};
use std::path::{Path, PathBuf};
use uuid::Uuid;

/// Removes the folder when dropped.
#[derive(Debug)]
pub struct JobDir(PathBuf);

impl JobDir {
    /// Makes the folder, and `tmp` inside it; a folder that is already there is an error, for run ids are unique.
    pub fn create(work_dir: &Path, run_id: Uuid) -> io::Result<JobDir> {
        let make = || {
            make_passable(work_dir)?;
            let path = path(&work_dir.canonicalize()?, run_id);
            DirBuilder::new().mode(0o700).create(&path)?;
            Ok(JobDir(path))
        };
        // Whoever ends beside us removes the work folder while there is nothing in it.
        let again = |error: io::Error| if error.kind() == io::ErrorKind::NotFound { make() } else { Err(error) };
        let dir = make().or_else(again)?;
        DirBuilder::new().mode(0o700).create(dir.tmp())?;
        Ok(dir)
    }

    pub fn path(&self) -> &Path {
        &self.0
    }

    pub fn tmp(&self) -> PathBuf {
        self.0.join("tmp")
    }

    /// Writes a file for the engine to read, 0600; the supervisor gives it to the engine's user.
    pub fn write(&self, name: &str, bytes: &[u8]) -> io::Result<()> {
        OpenOptions::new().write(true).create_new(true).mode(0o600).open(self.0.join(name))?.write_all(bytes)
    }

    /// Opens a file that the engine left: a regular one, never a link.
    pub fn open(&self, name: &str) -> io::Result<File> {
        let file = OpenOptions::new().read(true).custom_flags(O_NOFOLLOW).open(self.0.join(name))?;
        match file.metadata()?.is_file() {
            true => Ok(file),
            false => Err(io::Error::other(format!("{name} is no regular file"))),
        }
    }

    /// Reads a file that the engine left, at most `max` bytes of it.
    pub fn read(&self, name: &str, max: u64) -> io::Result<Vec<u8>> {
        let mut bytes = Vec::new();
        self.open(name)?.take(max).read_to_end(&mut bytes)?;
        Ok(bytes)
    }
}

impl Drop for JobDir {
    fn drop(&mut self) {
        match std::fs::remove_dir_all(&self.0) {
            Ok(()) => {}
            // By the supervisor of a run that was dropped.
            Err(error) if error.kind() == io::ErrorKind::NotFound => {}
            Err(error) => tracing::warn!(dir = %self.0.display(), %error, "the job folder stays behind"),
        }
    }
}

/// Makes a folder, and those above it that are missing: nobody can list them, and the engines' user can pass through.
fn make_passable(dir: &Path) -> io::Result<()> {
    if dir.is_dir() {
        return Ok(());
    }
    if let Some(parent) = dir.parent() {
        make_passable(parent)?;
    }
    match DirBuilder::new().create(dir) {
        // Not by the mode of its making, from which the umask takes.
        Ok(()) => std::fs::set_permissions(dir, Permissions::from_mode(0o711)),
        // By another run meanwhile.
        Err(error) if error.kind() == io::ErrorKind::AlreadyExists && dir.is_dir() => Ok(()),
        Err(error) => Err(error),
    }
}

/// Removes the job folder of a worker that died, and the work folder when nothing else is in it. No link is followed: where the
/// engine put one, it goes and what it leads to stays.
pub(super) fn remove(dir: &Path) {
    // What is still there then, a start of the server sweeps away.
    let _ = std::fs::remove_dir_all(dir);
    if let Some(work_dir) = dir.parent() {
        let _ = std::fs::remove_dir(work_dir);
    }
}

/// Where the folder of a run lies.
pub fn path(work_dir: &Path, run_id: Uuid) -> PathBuf {
    work_dir.join(run_id.to_string())
}
