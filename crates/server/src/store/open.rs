//! Opening the database: connections, pragmas, schema.

use super::writer::Writer;
use super::{Clock, Dialect, Store, StoreError, schema};
use sqlx::any::AnyPoolOptions;
use sqlx::{AnyConnection, AnyPool};
use std::sync::Arc;
use std::time::Duration;

/// What opening needs to know.
#[derive(Debug, Clone)]
pub struct StoreOptions {
    /// `sqlite:///path/file.db` or `postgres://…`.
    pub url: String,
    /// Connections for reading; on PostgreSQL for everything.
    pub read_connections: u32,
    /// Writes that may wait; one more is refused.
    pub write_queue: usize,
    pub clock: Clock,
}

/// The first SQLite without the bug that could corrupt a database when its WAL was reset.
const SQLITE_AT_LEAST: [u32; 3] = [3, 51, 3];

/// How long a caller waits for a connection.
const ACQUIRE: Duration = Duration::from_secs(5);

/// As much of the file as SQLite maps at most: what is mapped stays known when somebody else writes, a page in the cache does not.
const SQLITE_READER: &str =
    "PRAGMA busy_timeout = 5000; PRAGMA query_only = 1; PRAGMA cache_size = -4000; PRAGMA mmap_size = 2147418112;";
const SQLITE_WRITER: &str = "PRAGMA journal_mode = WAL; PRAGMA synchronous = FULL; PRAGMA foreign_keys = 1; \
     PRAGMA busy_timeout = 5000; PRAGMA cache_size = -16000; PRAGMA wal_autocheckpoint = 4000;";

/// A statement that takes longer than this on PostgreSQL is given up: the caller has an answer to send.
const POSTGRES: &str =
    "SET statement_timeout = '20s'; SET lock_timeout = '10s'; SET idle_in_transaction_session_timeout = '30s'";

impl Store {
    /// Connects, brings the schema up to date, and refuses one from the future.
    pub async fn open(options: &StoreOptions) -> Result<Store, StoreError> {
        sqlx::any::install_default_drivers();
        let dialect = if options.url.starts_with("sqlite:") { Dialect::Sqlite } else { Dialect::Postgres };
        let store = match dialect {
            Dialect::Sqlite => {
                let url = format!("{}?mode=rwc", options.url);
                let writer = pool(&url, 1, SQLITE_WRITER).await?;
                check_sqlite(&writer).await?;
                schema::migrate(&writer).await?;
                let readers = pool(&options.url, options.read_connections, SQLITE_READER).await?;
                Store {
                    writer: Writer::start(writer, dialect, options.write_queue),
                    readers,
                    dialect,
                    clock: options.clock.clone(),
                    failing: Arc::default(),
                }
            }
            Dialect::Postgres => {
                let both = pool(&options.url, options.read_connections.max(2), POSTGRES).await?;
                schema::migrate(&both).await?;
                Store {
                    writer: Writer::start(both.clone(), dialect, options.write_queue),
                    readers: both,
                    dialect,
                    clock: options.clock.clone(),
                    failing: Arc::default(),
                }
            }
        };
        Ok(store)
    }
}

async fn pool(url: &str, connections: u32, settings: &'static str) -> Result<AnyPool, StoreError> {
    let options = AnyPoolOptions::new()
        .max_connections(connections.max(1))
        .acquire_timeout(ACQUIRE)
        .max_lifetime(None)
        // A file does not hang up; a server may have.
        .test_before_acquire(!url.starts_with("sqlite:"))
        .after_connect(move |conn: &mut AnyConnection, _| {
            Box::pin(async move { sqlx::raw_sql(settings).execute(conn).await.map(|_| ()) })
        });
    Ok(options.connect(url).await?)
}

async fn check_sqlite(pool: &AnyPool) -> Result<(), StoreError> {
    let version: String = sqlx::query_scalar("SELECT sqlite_version()").fetch_one(pool).await?;
    let parts: Vec<u32> = version.split('.').filter_map(|part| part.parse().ok()).collect();
    if parts.as_slice() < SQLITE_AT_LEAST.as_slice() {
        return Err(StoreError::Bug(format!("SQLite {version} is older than {SQLITE_AT_LEAST:?}")));
    }
    Ok(())
}
