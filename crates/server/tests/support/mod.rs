//! What every test of the server needs: a database of its own, on whichever database the suite runs on.

use sqlx::{AnyConnection, Connection, Executor};
use tempfile::TempDir;

/// An empty database; gone when dropped, but for PostgreSQL's, which go with their cluster.
#[derive(Debug)]
pub struct TestDatabase {
    pub url: String,
    pub dir: TempDir,
}

impl TestDatabase {
    /// SQLite in a folder of its own, or a new database on the server that `SCANYARD_TEST_DATABASE_URL` names.
    pub async fn new() -> TestDatabase {
        let dir = tempfile::tempdir().unwrap();
        let url = match std::env::var("SCANYARD_TEST_DATABASE_URL") {
            Err(_) => format!("sqlite://{}", dir.path().join("scanyard.db").display()),
            Ok(server) => {
                sqlx::any::install_default_drivers();
                let name = format!("t{}", uuid::Uuid::new_v4().simple());
                let mut conn = AnyConnection::connect(&server).await.expect("connecting to PostgreSQL");
                conn.execute(sqlx::AssertSqlSafe(format!("CREATE DATABASE {name}"))).await.unwrap();
                let mut url = url::Url::parse(&server).unwrap();
                url.set_path(&name);
                url.to_string()
            }
        };
        TestDatabase { url, dir }
    }
}
