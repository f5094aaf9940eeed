//! The folder of one run: empty, 0700, gone when the run is.

use std::fs::DirBuilder;
use std::io;
use std::os::unix::fs::DirBuilderExt;
use std::path::{Path, PathBuf};
use uuid::Uuid;

/// Removes the folder when dropped.
#[derive(Debug)]
pub struct JobDir(PathBuf);

impl JobDir {
    /// Makes the folder, and `tmp` inside it; a folder that is already there is an error, for run ids are unique.
    pub fn create(work_dir: &Path, run_id: Uuid) -> io::Result<JobDir> {
        DirBuilder::new().recursive(true).mode(0o700).create(work_dir)?;
        let path = path(&work_dir.canonicalize()?, run_id);
        DirBuilder::new().mode(0o700).create(&path)?;
        let dir = JobDir(path);
        DirBuilder::new().mode(0o700).create(dir.tmp())?;
        Ok(dir)
    }

    pub fn path(&self) -> &Path {
        &self.0
    }

    pub fn tmp(&self) -> PathBuf {
        self.0.join("tmp")
    }
}

impl Drop for JobDir {
    fn drop(&mut self) {
        if let Err(error) = std::fs::remove_dir_all(&self.0) {
            tracing::warn!(dir = %self.0.display(), %error, "the job folder stays behind");
        }
    }
}

/// Where the folder of a run lies.
pub fn path(work_dir: &Path, run_id: Uuid) -> PathBuf {
    work_dir.join(run_id.to_string())
}
