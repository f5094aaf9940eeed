//! A database of its own for every test: SQLite in a temporary folder, or PostgreSQL where
//! `SCANYARD_TEST_DATABASE_URL` names a server (`scripts/with-postgres` starts one).

use scanyard_contract::Finding;
use scanyard_contract::scan::Records;
use scanyard_server::config::Config;
use scanyard_server::store::{Clock, Store, StoreOptions};
use sqlx::{AnyConnection, Connection};
use std::sync::Arc;
use std::sync::atomic::AtomicI64;

/// The time at which every test begins: 2026-03-06T10:00:00Z.
pub const BEGIN: i64 = 1_772_791_200_000;

/// A database and a clock that the test turns.
pub struct TestDatabase {
    pub options: StoreOptions,
    pub clock: Arc<AtomicI64>,
    /// Holds the SQLite file and the node's folder.
    pub dir: tempfile::TempDir,
}

impl TestDatabase {
    pub async fn new() -> TestDatabase {
        let dir = tempfile::tempdir().unwrap();
        let url = match std::env::var("SCANYARD_TEST_DATABASE_URL") {
            Ok(server) => new_postgres(&server).await,
            Err(_) => format!("sqlite://{}", dir.path().join("test.db").display()),
        };
        let clock = Arc::new(AtomicI64::new(BEGIN));
        let options = StoreOptions { url, read_connections: 4, write_queue: 4096, clock: Clock::Manual(clock.clone()) };
        TestDatabase { options, clock, dir }
    }

    pub async fn open(&self) -> Store {
        Store::open(&self.options).await.unwrap()
    }
}

/// Three hundred databases of 8 MB would fill a small disk before the suite ends, and folders of job folders lie elsewhere.
impl Drop for TestDatabase {
    fn drop(&mut self) {
        Config { data_dir: self.dir.path().into(), ..Config::default() }.leave_jobs_dir();
        let Ok(server) = std::env::var("SCANYARD_TEST_DATABASE_URL") else { return };
        let (_, name) = self.options.url.rsplit_once('/').unwrap();
        let drop = format!("DROP DATABASE {name} WITH (FORCE)");
        // A thread of its own: the test's runtime cannot be waited for from here.
        let dropped = std::thread::spawn(move || {
            let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
            runtime.block_on(on_server(&server, drop));
        });
        let dropped = dropped.join();
        if !std::thread::panicking() {
            dropped.unwrap();
        }
    }
}

async fn new_postgres(server: &str) -> String {
    sqlx::any::install_default_drivers();
    let name = format!("t{}", uuid::Uuid::now_v7().simple());
    on_server(server, format!("CREATE DATABASE {name}")).await;
    let (base, _) = server.rsplit_once('/').unwrap();
    format!("{base}/{name}")
}

async fn on_server(server: &str, sql: String) {
    let mut conn = AnyConnection::connect(server).await.unwrap();
    sqlx::raw_sql(sqlx::AssertSqlSafe(sql)).execute(&mut conn).await.unwrap();
    conn.close().await.unwrap();
}

/// The records of a report in which each is a finding.
pub fn all_kept(findings: &[Finding]) -> Records {
    let count = findings.len() as u64;
    Records { read: count, kept: count, ..Records::default() }
}
