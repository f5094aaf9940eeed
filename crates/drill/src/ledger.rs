//! What the callers know: the scans whose 201 they have read, and what else they were answered.

use scanyard_contract::ScanType;
use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use uuid::Uuid;

/// The callers' book; cheap to clone.
#[derive(Debug, Clone, Default)]
pub struct Ledger(Arc<Mutex<Book>>);

/// What stands in it.
#[derive(Debug, Clone, Default)]
pub struct Book {
    /// Scans whose 201 was read, with their type.
    pub accepted: BTreeMap<Uuid, ScanType>,
    /// Submissions without an `Idempotency-Key` that were not answered: each may be a scan or none.
    pub unknown: u64,
    /// Scans whose cancel was answered with 200.
    pub cancelled: BTreeSet<Uuid>,
    /// Answers that were refusals, by status and code.
    pub refusals: BTreeMap<String, u64>,
    /// Answers that no fault excuses.
    pub wrong: Vec<String>,
}

impl Ledger {
    /// The book, to be written in.
    pub fn write(&self) -> MutexGuard<'_, Book> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The book as it is now.
    pub fn read(&self) -> Book {
        self.write().clone()
    }
}
