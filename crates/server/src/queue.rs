//! The hint that there may be work. The database owns the state, the priority and the order; a hint only says "look", so
//! a lost one costs latency and never a scan.

use crate::config::{self, ConfigError};
use crate::kafka::Kafka;
use crate::store::{Store, StoreError};
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::Notify;

/// Where hints come from, besides this process itself.
#[derive(Debug, Clone)]
pub enum Queue {
    /// The job table alone: everybody polls slowly.
    Table(Arc<Notify>),
    /// Kafka tells every node, and the slow poll stands behind it.
    Kafka(Arc<Notify>, Kafka),
}

impl Queue {
    /// The queue that is configured; Kafka's refuses the start when it refuses this node.
    pub async fn open(config: &config::Config) -> Result<Queue, ConfigError> {
        let kafka = &config.queue.kafka;
        if !kafka.is_set() {
            return Ok(Queue::Table(Arc::default()));
        }
        Ok(Queue::Kafka(Arc::default(), Kafka::connect(kafka, config.worker.concurrency > 0).await?))
    }

    /// The connection to Kafka, where there is one.
    pub fn kafka(&self) -> Option<&Kafka> {
        match self {
            Queue::Table(_) => None,
            Queue::Kafka(_, kafka) => Some(kafka),
        }
    }

    fn notify(&self) -> &Notify {
        match self {
            Queue::Table(notify) | Queue::Kafka(notify, _) => notify,
        }
    }

    /// Says that there may be work, here and for other nodes.
    pub fn hint(&self) {
        self.wake();
        self.moved();
    }

    /// Wakes this process's worker.
    pub fn wake(&self) {
        self.notify().notify_one();
    }

    /// Says that a scan has moved, which others may want to know.
    pub fn moved(&self) {
        if let Some(kafka) = self.kafka() {
            kafka.moved();
        }
    }

    /// Says that this process's worker has looked for work.
    pub fn looked(&self) {
        if let Some(kafka) = self.kafka() {
            kafka.looked();
        }
    }

    /// Waits for a hint, but no longer than the slow poll.
    pub async fn wait(&self, poll: Duration) {
        let _ = tokio::time::timeout(poll, self.notify().notified()).await;
    }

    /// Lets one more scan in; `false` when as much waits to be told of as may.
    pub async fn enter(&self, store: &Store) -> Result<bool, StoreError> {
        match self.kafka() {
            Some(kafka) => kafka.backlog().enter(store).await,
            None => Ok(true),
        }
    }
}
