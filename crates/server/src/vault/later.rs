//! Keys that came into the file after this node had started: another node uses one already.

use super::{MasterKey, file, keys_of};
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::SystemTime;

pub(super) struct Later {
    path: PathBuf,
    read: Mutex<Read>,
}

/// What was last read.
#[derive(Default)]
struct Read {
    /// When the file was changed before that.
    changed: Option<SystemTime>,
    keys: Vec<Arc<MasterKey>>,
}

impl Later {
    pub(super) fn new(path: &Path) -> Later {
        Later { path: path.into(), read: Mutex::default() }
    }

    /// The key of that id. Anybody can name an id, and it is looked for in what was last read first.
    pub(super) fn key(&self, id: &str) -> Option<Arc<MasterKey>> {
        let of_id = |keys: &[Arc<MasterKey>]| keys.iter().find(|key| key.id == id).cloned();
        let known = of_id(&self.last_read().keys);
        known.or_else(|| of_id(&self.keys()))
    }

    /// The keys of the file, which is read again only after it was changed.
    pub(super) fn keys(&self) -> Vec<Arc<MasterKey>> {
        let mut read = self.last_read();
        let changed = std::fs::metadata(&self.path).and_then(|file| file.modified()).ok();
        if changed.is_some() && changed != read.changed {
            match file::read(&self.path)
                .map_err(|error| error.to_string())
                .and_then(|keys| keys_of(&keys.unwrap_or_default()))
            {
                Ok(keys) => read.keys = keys,
                Err(error) => tracing::warn!(error, "the master key file was changed, and cannot be read"),
            }
            read.changed = changed;
        }
        read.keys.clone()
    }

    fn last_read(&self) -> MutexGuard<'_, Read> {
        self.read.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
