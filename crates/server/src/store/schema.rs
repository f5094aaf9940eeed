//! The schema and its versions: forward only, one text for both databases.

use super::{Dialect, StoreError};
use sqlx::{AnyPool, Connection};

/// Every version's step, in order; a step once released is never edited.
const STEPS: &[&str] = &[
    include_str!("../../schema/0001_scans.sql"),
    include_str!("../../schema/0002_users.sql"),
    include_str!("../../schema/0003_audit.sql"),
    include_str!("../../schema/0004_events.sql"),
    include_str!("../../schema/0005_usage.sql"),
    include_str!("../../schema/0006_webhooks.sql"),
    include_str!("../../schema/0007_uploads.sql"),
    include_str!("../../schema/0008_cluster.sql"),
];

/// Serialises the migrations of several nodes on PostgreSQL; any number that nobody else uses.
const LOCK: &str = "SELECT pg_advisory_xact_lock(7316024)";

/// Brings the schema up to date; refuses one that is newer than this program.
pub async fn migrate(pool: &AnyPool) -> Result<(), StoreError> {
    let mut conn = pool.acquire().await?;
    let dialect = Dialect::of(&conn);
    let mut tx = conn.begin_with(dialect.pick("BEGIN IMMEDIATE", "BEGIN")).await?;
    if dialect == Dialect::Postgres {
        sqlx::query(LOCK).execute(&mut *tx).await?;
    }
    sqlx::query("CREATE TABLE IF NOT EXISTS schema_version (version BIGINT PRIMARY KEY)").execute(&mut *tx).await?;
    let found: i64 =
        sqlx::query_scalar("SELECT COALESCE(MAX(version), 0) FROM schema_version").fetch_one(&mut *tx).await?;
    let known = STEPS.len() as i64;
    if found > known {
        return Err(StoreError::Bug(format!(
            "the database has schema version {found}, this program knows {known}: run the newer program, or restore a backup from before the upgrade"
        )));
    }
    for (step, version) in STEPS.iter().zip(1i64..).skip(found as usize) {
        sqlx::raw_sql(*step).execute(&mut *tx).await?;
        sqlx::query("INSERT INTO schema_version (version) VALUES ($1)").bind(version).execute(&mut *tx).await?;
    }
    tx.commit().await?;
    Ok(())
}
