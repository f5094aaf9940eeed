//! Who watches which scan on this node: wakes them, and counts their streams. What happened is in the database; this only
//! says "look", so that a watcher need not wait for its next look.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use tokio::sync::watch;
use uuid::Uuid;

/// The streams that are open on this node; cheap to clone.
#[derive(Debug, Clone, Default)]
pub struct Live(Arc<Mutex<Open>>);

#[derive(Debug, Default)]
struct Open {
    watched: HashMap<Uuid, watch::Sender<()>>,
    /// How many streams each caller has.
    streams: HashMap<String, usize>,
}

/// An open stream; dropping it gives its place free.
#[derive(Debug)]
pub struct Stream {
    live: Live,
    principal: String,
    scan_id: Uuid,
    changes: watch::Receiver<()>,
}

impl Live {
    fn lock(&self) -> MutexGuard<'_, Open> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Opens a stream; none when the caller has `most` already.
    pub fn open(&self, principal: &str, scan_id: Uuid, most: usize) -> Option<Stream> {
        let mut open = self.lock();
        let streams = open.streams.entry(principal.to_string()).or_insert(0);
        if *streams >= most {
            return None;
        }
        *streams += 1;
        let changes = open.watched.entry(scan_id).or_insert_with(|| watch::channel(()).0).subscribe();
        Some(Stream { live: self.clone(), principal: principal.to_string(), scan_id, changes })
    }

    /// Says that something happened to a scan.
    pub fn wake(&self, scan_id: Uuid) {
        if let Some(watchers) = self.lock().watched.get(&scan_id) {
            watchers.send_replace(());
        }
    }

    /// How many streams are open.
    pub fn count(&self) -> usize {
        self.lock().streams.values().sum()
    }
}

impl Stream {
    /// Waits until something happened since the last time.
    pub async fn changed(&mut self) {
        if self.changes.changed().await.is_err() {
            std::future::pending().await
        }
    }
}

impl Drop for Stream {
    fn drop(&mut self) {
        let mut open = self.live.lock();
        if let Some(streams) = open.streams.get_mut(&self.principal) {
            *streams -= 1;
            if *streams == 0 {
                open.streams.remove(&self.principal);
            }
        }
        // This one is still subscribed.
        if open.watched.get(&self.scan_id).is_some_and(|watchers| watchers.receiver_count() <= 1) {
            open.watched.remove(&self.scan_id);
        }
    }
}
