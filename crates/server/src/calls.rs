//! The log of calls on its way to the database: what a request leaves behind, kept for a moment and written in sets.
//!
//! A request never waits for it. What does not fit into the buffer is not logged, and that is counted.

use crate::App;
use crate::store::call_log::{self, CallRecord};
use crate::store::{Store, StoreError, tenant, usage_rollup};
use scanyard_contract::ScanType;
use std::collections::VecDeque;
use std::net::IpAddr;
use std::sync::atomic::{AtomicBool, AtomicI64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, OnceLock, PoisonError};
use std::time::Duration;
use tokio::sync::Notify;

/// How often the buffer is written: what is asked for is there within a second.
pub const FLUSH: Duration = Duration::from_millis(500);
/// Calls in one write operation: few enough that a submission does not wait long behind it.
const CHUNK: usize = 512;
/// How often what is over its time is looked for, in milliseconds.
const SWEEP_MS: i64 = 600_000;
/// Calls that one write operation forgets.
const FORGOTTEN_AT_ONCE: i64 = 5_000;
const DAY_MS: i64 = 86_400_000;

/// What becomes known of a request on its way through the handlers; cheap to clone.
#[derive(Debug, Clone, Default)]
pub struct CallNote(Arc<Noted>);

#[derive(Debug, Default)]
struct Noted {
    caller: OnceLock<Caller>,
    scan_type: OnceLock<ScanType>,
    is_submission: AtomicBool,
}

/// Who calls, once that is known.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Caller {
    pub tenant_id: String,
    /// Id of the API key or user.
    pub principal: String,
    pub source: IpAddr,
}

impl CallNote {
    /// Notes who calls; from then on the call will be logged.
    pub fn caller(&self, tenant_id: &str, principal: &str, source: IpAddr) {
        let caller = Caller { tenant_id: tenant_id.to_string(), principal: principal.to_string(), source };
        // The first word counts: nobody becomes another one on the way.
        let _ = self.0.caller.set(caller);
    }

    /// Notes which engine the call is about.
    pub fn scan_type(&self, scan_type: ScanType) {
        let _ = self.0.scan_type.set(scan_type);
    }

    /// Notes that the call stored a scan.
    pub fn submission(&self) {
        self.0.is_submission.store(true, Ordering::Relaxed);
    }

    /// The caller, where it is known.
    pub fn known_caller(&self) -> Option<&Caller> {
        self.0.caller.get()
    }

    /// The engine, where the call is about one.
    pub fn known_scan_type(&self) -> Option<ScanType> {
        self.0.scan_type.get().copied()
    }

    /// Whether the call stored a scan.
    pub fn is_submission(&self) -> bool {
        self.0.is_submission.load(Ordering::Relaxed)
    }
}

/// Calls that are not yet written.
#[derive(Debug)]
pub struct CallLog {
    waiting: Mutex<Vec<CallRecord>>,
    /// That a chunk waits.
    chunk: Notify,
    /// Chunks on their way; each stays as it is until it is written, so that none is counted twice.
    leaving: tokio::sync::Mutex<VecDeque<Arc<Vec<CallRecord>>>>,
    most: usize,
    swept_at: AtomicI64,
}

impl CallLog {
    /// A log that keeps at most so many calls waiting.
    pub fn new(most: usize) -> CallLog {
        CallLog {
            waiting: Mutex::default(),
            chunk: Notify::new(),
            leaving: tokio::sync::Mutex::default(),
            most,
            swept_at: AtomicI64::new(i64::MIN),
        }
    }

    fn waiting(&self) -> MutexGuard<'_, Vec<CallRecord>> {
        self.waiting.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Adds a call; when there is no room it is only counted as lost.
    pub fn push(&self, call: CallRecord) {
        let mut waiting = self.waiting();
        if waiting.len() < self.most {
            waiting.push(call);
            if waiting.len() == CHUNK {
                self.chunk.notify_one();
            }
        } else {
            drop(waiting);
            metrics::counter!("scanyard_calls_not_logged_total").increment(1);
        }
    }

    /// Resolves when a chunk waits. Under load that is long before [`FLUSH`], after which there would be twenty to write in a row.
    pub async fn has_chunk(&self) {
        self.chunk.notified().await;
    }

    /// Writes what is waiting. What the database does not take now stays for the next time; while it does, what comes
    /// has to fit beside it.
    pub async fn flush(&self, store: &Store) -> Result<(), StoreError> {
        let mut leaving = self.leaving.lock().await;
        if leaving.is_empty() {
            let mut waiting = std::mem::take(&mut *self.waiting()).into_iter().peekable();
            while waiting.peek().is_some() {
                leaving.push_back(Arc::new(waiting.by_ref().take(CHUNK).collect()));
            }
        }
        while let Some(chunk) = leaving.front() {
            let calls = chunk.clone();
            let written = store.write(move |conn| {
                Box::pin(async move {
                    call_log::insert(conn, &calls).await?;
                    usage_rollup::add(conn, &calls).await
                })
            });
            match written.await {
                // A duplicate: an earlier try went through after all, its answer got lost.
                Ok(()) | Err(StoreError::Duplicate) => drop(leaving.pop_front()),
                Err(error @ StoreError::Bug(_)) => {
                    let lost = leaving.pop_front().map_or(0, |chunk| chunk.len());
                    metrics::counter!("scanyard_calls_not_logged_total").increment(lost as u64);
                    return Err(error);
                }
                Err(error @ (StoreError::QueueFull | StoreError::Unavailable(_))) => return Err(error),
            }
        }
        Ok(())
    }

    /// Whether it is time to look for what is over its time.
    fn is_sweep_due(&self, now: i64) -> bool {
        let last = self.swept_at.load(Ordering::Relaxed);
        let is_due = !(0..SWEEP_MS).contains(&now.saturating_sub(last));
        if is_due {
            self.swept_at.store(now, Ordering::Relaxed);
        }
        is_due
    }
}

/// Writes what is waiting.
pub async fn flush_tick(app: &App) -> Result<(), StoreError> {
    app.calls.flush(&app.store).await
}

/// Forgets calls and counts that are over their time; looks for them only now and then.
pub async fn retention_tick(app: &App) -> Result<(), StoreError> {
    let now = app.store.now().await?;
    if !app.calls.is_sweep_due(now) {
        return Ok(());
    }
    let settings = &app.config.usage;
    let calls_before = now - i64::from(settings.log_days) * DAY_MS;
    let counts_before = now - i64::from(settings.count_days) * DAY_MS;
    let tenants = tenant::ids(&mut *app.store.read().await?).await?;
    for tenant_id in tenants {
        let mut has_more = true;
        while has_more {
            let tenant_id = tenant_id.clone();
            let forget = app.store.write(move |conn| {
                Box::pin(async move {
                    usage_rollup::forget(conn, &tenant_id, counts_before).await?;
                    call_log::forget(conn, &tenant_id, calls_before, FORGOTTEN_AT_ONCE).await
                })
            });
            has_more = forget.await?;
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn call() -> CallRecord {
        CallRecord {
            id: uuid::Uuid::now_v7(),
            tenant_id: "t".into(),
            at: 0,
            principal: "key-1".into(),
            source: "127.0.0.1".into(),
            method: "GET".into(),
            route: "/scans".into(),
            status: 200,
            code: String::new(),
            duration_us: 1,
            scan_type: None,
            is_submission: false,
        }
    }

    #[test]
    fn a_full_buffer_takes_no_more() {
        let log = CallLog::new(2);
        for _ in 0..5 {
            log.push(call());
        }
        assert_eq!(log.waiting().len(), 2);
    }

    #[tokio::test]
    async fn a_chunk_is_announced_once() {
        let log = CallLog::new(2 * CHUNK);
        for _ in 0..2 * CHUNK {
            log.push(call());
        }
        let chunk = || tokio::time::timeout(Duration::from_millis(20), log.has_chunk());
        assert!(chunk().await.is_ok());
        assert!(chunk().await.is_err());
    }

    #[test]
    fn the_first_word_about_a_caller_counts() {
        let note = CallNote::default();
        assert_eq!(note.known_caller(), None);
        note.caller("a", "key-1", IpAddr::from([127, 0, 0, 1]));
        note.caller("b", "key-2", IpAddr::from([127, 0, 0, 1]));
        assert_eq!(note.known_caller().map(|caller| caller.tenant_id.as_str()), Some("a"));
    }

    #[test]
    fn sweeps_are_ten_minutes_apart() {
        let log = CallLog::new(1);
        let due = [5, 6, 599_999, 600_005, 600_006, 0].map(|now| log.is_sweep_due(now));
        assert_eq!(due, [true, false, false, true, false, true]);
    }
}
