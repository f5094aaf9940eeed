//! The database, SQLite or PostgreSQL: one file per table, SQL and row types, nothing else.
//!
//! One door for writing ([`Store::write`], [`Store::submit`]); everything composes in a transaction as plain functions
//! over a connection. Nothing here knows HTTP or decides a rule.
//!
//! A bound limit is written `LIMIT +$1`: SQLite takes a bare parameter there into its plan, and prepares the statement anew
//! each time it is bound.

mod advisory;
pub mod api_key;
pub mod audit;
pub mod call_log;
pub mod catalogue;
pub mod claim;
pub mod copy;
pub mod delivery;
pub mod finding;
pub mod finish;
pub mod idempotency;
pub mod import;
pub mod job;
pub mod kafka_message;
mod link;
pub mod login_failure;
pub mod master_key;
pub mod open;
pub mod open_error;
pub mod outbox;
pub mod postgres_url;
pub mod quota_use;
pub mod rate_window;
pub mod report;
mod rows;
pub mod scan;
pub mod scan_count;
pub mod scan_event;
pub mod scan_list;
mod scan_move;
pub mod scan_page;
pub mod schema;
pub mod sealed;
pub mod session;
pub mod snapshot;
pub mod sqlite_url;
pub mod submit;
pub mod template;
pub mod tenant;
pub mod upload;
pub mod usage_rollup;
pub mod user;
pub mod webhook;
pub mod worker;
mod writer;

pub use open::StoreOptions;
pub use open_error::{OpenError, Trouble};
pub use submit::{NewScan, Submitted};

use finish::Finish;
use futures::future::BoxFuture;
use link::Link;
use sqlx::pool::PoolConnection;
use sqlx::{Any, AnyConnection};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicI64, Ordering};
use std::time::{SystemTime, UNIX_EPOCH};
use writer::Writer;

/// Why the database did not do what was asked.
#[derive(Debug, Clone, thiserror::Error)]
pub enum StoreError {
    /// The write queue is full; nothing was written.
    #[error("the write queue is full")]
    QueueFull,
    /// A unique constraint refused this operation; others of its batch went in.
    #[error("a row like this exists already")]
    Duplicate,
    /// Lost connection, time-out, deadlock, serialisation failure, locked database, full or broken disk.
    #[error("database: {0}")]
    Unavailable(String),
    /// Our own SQL or decoding is wrong.
    #[error("store: {0}")]
    Bug(String),
}

/// Which database it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Dialect {
    Sqlite,
    Postgres,
}

impl Dialect {
    /// The database behind a connection.
    pub fn of(conn: &AnyConnection) -> Dialect {
        if conn.backend_name() == "PostgreSQL" { Dialect::Postgres } else { Dialect::Sqlite }
    }

    /// Of two texts, the one for this database.
    pub fn pick(self, sqlite: &'static str, postgres: &'static str) -> &'static str {
        match self {
            Dialect::Sqlite => sqlite,
            Dialect::Postgres => postgres,
        }
    }
}

/// Where the time comes from, in epoch milliseconds.
#[derive(Debug, Clone)]
pub enum Clock {
    /// This machine's clock for SQLite, the database's for PostgreSQL.
    System,
    /// Set by a test.
    Manual(Arc<AtomicI64>),
}

impl Clock {
    /// Now by the clock of the database behind a connection: the one clock that leases are measured by.
    async fn now(&self, conn: &mut AnyConnection) -> Result<i64, StoreError> {
        match (self, Dialect::of(conn)) {
            (Clock::Manual(_), _) | (Clock::System, Dialect::Sqlite) => Ok(self.local_now()),
            (Clock::System, Dialect::Postgres) => {
                let sql = "SELECT CAST(extract(epoch FROM clock_timestamp()) * 1000 AS BIGINT)";
                Ok(sqlx::query_scalar(sql).fetch_one(conn).await?)
            }
        }
    }

    fn local_now(&self) -> i64 {
        match self {
            Clock::Manual(at) => at.load(Ordering::SeqCst),
            Clock::System => system_now(),
        }
    }
}

/// The database; cheap to clone.
#[derive(Debug, Clone)]
pub struct Store {
    readers: Link,
    writer: Writer,
    dialect: Dialect,
    clock: Clock,
    /// Whether the last write failed for want of a working database.
    failing: Arc<AtomicBool>,
}

/// Where a page of a list begins that is ordered by its ids, newest first.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Start {
    /// Only items older than the one of this id; empty: all.
    pub before: String,
    /// Items to leave out.
    pub offset: i64,
}

/// A connection for reading.
pub type Reader = PoolConnection<Any>;

impl Store {
    /// Now, in epoch milliseconds: the one clock that leases are measured by.
    pub async fn now(&self) -> Result<i64, StoreError> {
        match self.dialect {
            Dialect::Sqlite => Ok(self.local_now()),
            Dialect::Postgres => self.clock.now(&mut *self.read().await?).await,
        }
    }

    /// Now without asking: by this machine's clock and what is known of how far the database's is ahead of it.
    pub fn local_now(&self) -> i64 {
        match self.clock {
            Clock::Manual(_) => self.clock.local_now(),
            Clock::System => self.clock.local_now() + self.readers.ahead(),
        }
    }

    /// Which database it is.
    pub fn dialect(&self) -> Dialect {
        self.dialect
    }

    /// A connection for reading.
    pub async fn read(&self) -> Result<Reader, StoreError> {
        self.readers.acquire().await
    }

    /// Runs one operation in a write transaction and answers after its COMMIT.
    pub async fn write<T: Send + 'static>(
        &self,
        op: impl for<'c> FnOnce(&'c mut AnyConnection) -> BoxFuture<'c, Result<T, StoreError>> + Send + 'static,
    ) -> Result<T, StoreError> {
        self.noted(self.writer.write(op).await)
    }

    /// Stores a scan, its quota unit and its job; with whatever else is being submitted, in one transaction. It is boxed before
    /// the future is made, which would hold it three times.
    pub fn submit(&self, new: NewScan) -> impl Future<Output = Result<Submitted, StoreError>> {
        let new = Box::new(new);
        async { self.noted(self.writer.submit(new).await) }
    }

    /// Stores the end of a run, with whatever else ends, in one transaction; `false` when the run's lease ran out or the scan is
    /// another run's, and then nothing is written.
    pub async fn end(&self, end: Finish) -> Result<bool, StoreError> {
        self.noted(self.writer.end(end).await)
    }

    /// Whether the last write failed for want of a working database.
    pub fn is_failing(&self) -> bool {
        self.failing.load(Ordering::Relaxed)
    }

    /// Whether the database is known not to answer, or not to take writes, so that nothing asks it any more.
    pub fn is_down(&self) -> bool {
        self.readers.is_open() || self.writer.is_open()
    }

    /// Resolves when the database is known not to answer.
    pub async fn lost(&self) {
        self.readers.opened().await;
    }

    /// Does something that asks the database, and gives up when the database is lost meanwhile.
    pub async fn guard<T>(&self, what: impl Future<Output = Result<T, StoreError>>) -> Result<T, StoreError> {
        self.readers.guard(what).await
    }

    /// Writes that wait for the database.
    pub fn waiting_writes(&self) -> usize {
        self.writer.waiting()
    }

    fn noted<T>(&self, written: Result<T, StoreError>) -> Result<T, StoreError> {
        if let Err(error) = &written {
            crate::metrics::failed(error);
        }
        let is_failing = matches!(written, Err(StoreError::Unavailable(_)));
        if self.is_failing() != is_failing {
            self.failing.store(is_failing, Ordering::Relaxed);
        }
        written
    }

    /// Closes every connection; what was accepted for writing is written first.
    pub async fn close(&self) {
        self.writer.close().await;
        self.readers.close().await;
    }
}

fn system_now() -> i64 {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    i64::try_from(since.as_millis()).unwrap_or(i64::MAX)
}

/// PostgreSQL's errors that are not our doing, by how their codes begin: connection, a server that takes no writes, a login
/// or a database that is gone, transaction rollback, resources, operator, system.
const PG_TRANSIENT: [&str; 9] = ["08", "25006", "28", "3D", "40", "53", "55", "57", "58"];

/// SQLite's primary codes that are not our doing: BUSY, LOCKED, NOMEM, READONLY, INTERRUPT, IOERR, CORRUPT, FULL, CANTOPEN.
const SQLITE_TRANSIENT: [i64; 9] = [5, 6, 7, 8, 9, 10, 11, 13, 14];

impl From<sqlx::Error> for StoreError {
    fn from(error: sqlx::Error) -> StoreError {
        let text = error.to_string();
        match &error {
            sqlx::Error::Database(db) if db.is_unique_violation() => StoreError::Duplicate,
            sqlx::Error::Database(db) => {
                let code = db.code().unwrap_or_default();
                let sqlite = code.parse::<i64>().is_ok_and(|code| SQLITE_TRANSIENT.contains(&(code & 0xff)));
                let postgres = code.len() == 5 && PG_TRANSIENT.iter().any(|beginning| code.starts_with(beginning));
                if if code.len() == 5 { postgres } else { sqlite } {
                    StoreError::Unavailable(text)
                } else {
                    StoreError::Bug(text)
                }
            }
            sqlx::Error::Io(_)
            | sqlx::Error::Tls(_)
            | sqlx::Error::Protocol(_)
            | sqlx::Error::PoolTimedOut
            | sqlx::Error::PoolClosed
            | sqlx::Error::WorkerCrashed
            | sqlx::Error::BeginFailed => StoreError::Unavailable(text),
            _ => StoreError::Bug(text),
        }
    }
}

impl From<serde_json::Error> for StoreError {
    fn from(error: serde_json::Error) -> StoreError {
        StoreError::Bug(error.to_string())
    }
}

/// Decodes a column whose text is one of a type's words or ids.
fn parsed<T: std::str::FromStr>(text: &str, what: &'static str) -> Result<T, StoreError> {
    text.parse().map_err(|_| StoreError::Bug(format!("{what}: {text:?}")))
}
