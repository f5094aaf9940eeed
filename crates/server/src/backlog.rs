//! How many scans wait, or how many messages for Kafka, and the bound beyond which no more are taken.
//!
//! Counting is a read, so it is done once a second; between two counts a node adds what it
//! let in itself. Nodes do not see what the others let in within that second: the bound protects the database, it is not
//! a quota.

use crate::store::{Store, StoreError, kafka_message, scan_count};
use std::sync::{Mutex, MutexGuard, PoisonError};

/// How long a count is believed, in milliseconds.
const COUNT_MS: i64 = 1_000;

/// Up to how many times of their limit messages are counted. What was let in below the limit goes on to move, four times at
/// most unless its worker is lost; without a bound the count of a long outage would itself be a load.
const COUNTED: u64 = 4;

/// The backlog as this node knows it.
#[derive(Debug)]
pub struct Backlog {
    of: Of,
    /// The most that may wait, on all nodes together.
    limit: u64,
    known: Mutex<Known>,
}

/// What waits.
#[derive(Debug, Clone, Copy)]
enum Of {
    Scans,
    Messages,
}

#[derive(Debug, Default)]
struct Known {
    counted_at: Option<i64>,
    counted: u64,
    /// Let in here since the count began.
    let_in: u64,
}

impl Known {
    fn is_fresh(&self, now: i64) -> bool {
        self.counted_at.is_some_and(|at| (0..COUNT_MS).contains(&(now - at)))
    }
}

impl Backlog {
    /// A backlog of at most `limit` scans.
    pub fn new(limit: u64) -> Backlog {
        Backlog { of: Of::Scans, limit, known: Mutex::default() }
    }

    /// A backlog of at most `limit` messages for Kafka.
    pub fn of_messages(limit: u64) -> Backlog {
        Backlog { of: Of::Messages, limit, known: Mutex::default() }
    }

    pub fn limit(&self) -> u64 {
        self.limit
    }

    fn lock(&self) -> MutexGuard<'_, Known> {
        self.known.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Lets one more in; `false` when as many wait as may.
    pub async fn enter(&self, store: &Store) -> Result<bool, StoreError> {
        let now = store.local_now();
        if !self.lock().is_fresh(now) {
            self.count(store).await?;
        }
        let mut known = self.lock();
        let has_room = known.counted + known.let_in < self.limit;
        if has_room {
            known.let_in += 1;
        }
        Ok(has_room)
    }

    /// Counts what waits.
    pub async fn count(&self, store: &Store) -> Result<u64, StoreError> {
        let now = store.local_now();
        {
            // Whoever comes meanwhile goes by the old count; nobody counts twice, but at the very first.
            let mut known = self.lock();
            if known.counted_at.is_some() {
                known.counted_at = Some(now);
            }
        }
        let let_in_before = self.lock().let_in;
        let conn = &mut *store.read().await?;
        let counted = match self.of {
            Of::Scans => scan_count::queued(conn).await?,
            Of::Messages => {
                let counted = kafka_message::count(conn, self.limit.saturating_mul(COUNTED)).await?;
                metrics::gauge!("scanyard_kafka_outbox_rows").set(counted as f64);
                counted
            }
        };
        let mut known = self.lock();
        *known = Known { counted_at: Some(now), counted, let_in: known.let_in.saturating_sub(let_in_before) };
        Ok(counted)
    }
}
