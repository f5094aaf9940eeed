//! The hint that there may be work. The database owns the state, the priority and the order; a hint only says "look", so
//! a lost one costs latency and never a scan.

use std::sync::Arc;
use std::time::Duration;
use tokio::sync::Notify;

/// Where hints come from.
#[derive(Debug, Clone)]
pub enum Queue {
    /// The job table alone: this process wakes its own worker, and everybody polls slowly.
    Table(Arc<Notify>),
}

/// How often a worker looks without a hint.
const SLOW_POLL: Duration = Duration::from_secs(5);

impl Queue {
    /// The queue in the job table.
    pub fn table() -> Queue {
        Queue::Table(Arc::new(Notify::new()))
    }

    /// Says that there may be work.
    pub fn hint(&self) {
        match self {
            Queue::Table(notify) => notify.notify_one(),
        }
    }

    /// Waits for a hint, or for the slow poll.
    pub async fn wait(&self) {
        match self {
            Queue::Table(notify) => {
                let _ = tokio::time::timeout(SLOW_POLL, notify.notified()).await;
            }
        }
    }
}
