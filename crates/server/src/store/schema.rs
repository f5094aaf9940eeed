//! The schema and its versions: forward only, one text for both databases.

use super::open_error::{OpenError, Trouble, of_postgres};
use super::{Dialect, StoreError, advisory, copy};
use sqlx::{AnyConnection, AnyPool, Connection};

/// Every version's step, in order; a step once released is never edited.
pub const STEPS: &[&str] = &[
    include_str!("../../schema/0001_scans.sql"),
    include_str!("../../schema/0002_users.sql"),
    include_str!("../../schema/0003_audit.sql"),
    include_str!("../../schema/0004_events.sql"),
    include_str!("../../schema/0005_usage.sql"),
    include_str!("../../schema/0006_webhooks.sql"),
    include_str!("../../schema/0007_uploads.sql"),
    include_str!("../../schema/0008_cluster.sql"),
    include_str!("../../schema/0009_kafka.sql"),
    include_str!("../../schema/0010_queue.sql"),
];

/// Waiting for another node's migration, and a step over a big table, take their time.
const PATIENT: &str = "SET statement_timeout = 0; SET lock_timeout = 0; SET idle_in_transaction_session_timeout = 0";
const AS_BEFORE: &str =
    "SET statement_timeout = '20s'; SET lock_timeout = '10s'; SET idle_in_transaction_session_timeout = '30s'";

/// Brings the schema up to date, each step in a transaction of its own; refuses one that is newer than this program, and
/// one into which data is still being copied.
pub async fn migrate(pool: &AnyPool, place: &str) -> Result<(), OpenError> {
    let mut conn = pool.acquire().await.map_err(|error| MigrateError::Sql(error).at(place, Dialect::Postgres))?;
    refuse_unfinished(&mut conn, place).await?;
    let migrated = migrate_conn(&mut conn, place).await;
    if migrated.is_err() {
        // The lock is the connection's.
        conn.close_on_drop();
        return migrated;
    }
    if Dialect::of(&conn) == Dialect::Postgres {
        sqlx::raw_sql(AS_BEFORE).execute(&mut *conn).await.map_err(StoreError::from)?;
    }
    check_rights(&mut conn, place).await?;
    // One may have begun while this waited for its turn to migrate.
    refuse_unfinished(&mut conn, place).await
}

async fn refuse_unfinished(conn: &mut AnyConnection, place: &str) -> Result<(), OpenError> {
    if copy::is_unfinished(conn).await? {
        let reason = format!("{place}: a copy into this database was not ended; run `scanyard copy` again");
        return Err(OpenError::new(Trouble::Unfit, reason));
    }
    Ok(())
}

/// What this user may not use of that which the schema's owner made; somebody else's tables are none of ours.
const UNUSABLE: &str = "SELECT CAST(c.relname AS TEXT) FROM pg_class c \
     WHERE c.relnamespace = CAST(current_schema() AS regnamespace) \
     AND c.relowner = (SELECT relowner FROM pg_class WHERE oid = to_regclass('schema_version')) \
     AND CASE c.relkind WHEN 'S' THEN NOT has_sequence_privilege(c.oid, 'USAGE') \
         WHEN 'r' THEN NOT (has_table_privilege(c.oid, 'SELECT') AND has_table_privilege(c.oid, 'INSERT') \
             AND has_table_privilege(c.oid, 'UPDATE') AND has_table_privilege(c.oid, 'DELETE')) \
         ELSE FALSE END ORDER BY 1 LIMIT 1";

/// A user who is not the owner must be able to use all of the schema, or requests would fail one by one.
async fn check_rights(conn: &mut AnyConnection, place: &str) -> Result<(), OpenError> {
    if Dialect::of(conn) == Dialect::Sqlite {
        return Ok(());
    }
    let lacking: Option<String> =
        sqlx::query_scalar(UNUSABLE).fetch_optional(conn).await.map_err(|error| of_postgres(place, &error))?;
    let Some(name) = lacking else { return Ok(()) };
    let reason =
        format!("{place}: this user has no right to use {name}; docs/OPERATIONS.md has what its owner must grant");
    Err(OpenError::new(Trouble::Setting, reason))
}

/// The same over one connection, also while data is being copied into it.
pub async fn migrate_conn(conn: &mut AnyConnection, place: &str) -> Result<(), OpenError> {
    let dialect = Dialect::of(conn);
    let migrated = match dialect {
        Dialect::Sqlite => up(conn, STEPS).await,
        Dialect::Postgres => up_alone(conn).await,
    };
    migrated.map_err(|fault| fault.at(place, dialect))
}

/// One node migrates, the others wait for it.
async fn up_alone(conn: &mut AnyConnection) -> Result<(), MigrateError> {
    sqlx::raw_sql(PATIENT).execute(&mut *conn).await?;
    sqlx::query(advisory::MIGRATE).execute(&mut *conn).await?;
    up(conn, STEPS).await?;
    sqlx::query(advisory::MIGRATED).execute(conn).await?;
    Ok(())
}

/// Why a schema is not up to date; it is whole all the same, at the version before.
#[derive(Debug, thiserror::Error)]
pub enum MigrateError {
    #[error(
        "has schema version {found}, this program knows {known}: run the newer program, or restore a backup from before the upgrade"
    )]
    Future { found: i64, known: i64 },
    #[error("the step to schema version {version} failed and was taken back: {source}")]
    Step { version: i64, source: sqlx::Error },
    #[error(transparent)]
    Sql(#[from] sqlx::Error),
}

impl MigrateError {
    fn at(self, place: &str, dialect: Dialect) -> OpenError {
        match (self, dialect) {
            (MigrateError::Sql(error), Dialect::Postgres) => of_postgres(place, &error),
            (MigrateError::Step { source, .. }, Dialect::Postgres) if is_denied(&source) => of_postgres(place, &source),
            (fault, _) => OpenError::new(Trouble::Unfit, format!("{place}: {fault}")),
        }
    }
}

fn is_denied(error: &sqlx::Error) -> bool {
    error.as_database_error().is_some_and(|error| matches!(error.code().as_deref(), Some("42501" | "3F000")))
}

/// The version that the database has; 0 for an empty one.
pub async fn version(conn: &mut AnyConnection) -> Result<i64, StoreError> {
    Ok(found(conn).await?)
}

/// Whether there is a table of that name.
pub async fn has_table(conn: &mut AnyConnection, name: &'static str) -> Result<bool, sqlx::Error> {
    let sql = match Dialect::of(conn) {
        Dialect::Sqlite => "SELECT COUNT(*) FROM sqlite_master WHERE type = 'table' AND name = $1",
        Dialect::Postgres => "SELECT COUNT(*) FROM pg_class WHERE oid = to_regclass($1)",
    };
    let count: i64 = sqlx::query_scalar(sql).bind(name).fetch_one(conn).await?;
    Ok(count > 0)
}

async fn found(conn: &mut AnyConnection) -> Result<i64, sqlx::Error> {
    // Looked for first: a user who may not make tables may still use those that are there.
    if !has_table(conn, "schema_version").await? {
        return Ok(0);
    }
    sqlx::query_scalar("SELECT COALESCE(MAX(version), 0) FROM schema_version").fetch_one(conn).await
}

/// Does the steps that the database lacks. Between two steps another process can come in; it then finds the one done.
pub async fn up(conn: &mut AnyConnection, steps: &[&'static str]) -> Result<(), MigrateError> {
    let known = steps.len() as i64;
    let begin = Dialect::of(conn).pick("BEGIN IMMEDIATE", "BEGIN");
    loop {
        let mut tx = conn.begin_with(begin).await?;
        let found = found(&mut tx).await?;
        if found > known {
            return Err(MigrateError::Future { found, known });
        }
        let Some(step) = usize::try_from(found).ok().and_then(|found| steps.get(found)) else { return Ok(()) };
        let version = found + 1;
        let done = async {
            if found == 0 {
                let table = "CREATE TABLE IF NOT EXISTS schema_version (version BIGINT PRIMARY KEY)";
                sqlx::query(table).execute(&mut *tx).await?;
            }
            sqlx::raw_sql(*step).execute(&mut *tx).await?;
            sqlx::query("INSERT INTO schema_version (version) VALUES ($1)").bind(version).execute(&mut *tx).await?;
            tx.commit().await
        };
        done.await.map_err(|source| MigrateError::Step { version, source })?;
    }
}
