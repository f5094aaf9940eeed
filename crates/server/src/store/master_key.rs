//! Ids of the master keys that the database was written with, in the order of their first use.

use super::StoreError;
use sqlx::AnyConnection;

/// Every id, the first one's first.
pub async fn ids(conn: &mut AnyConnection) -> Result<Vec<String>, StoreError> {
    Ok(sqlx::query_scalar("SELECT id FROM master_key ORDER BY slot").fetch_all(conn).await?)
}

/// Notes a key as the one of that place; `Duplicate` when another node was first.
pub async fn insert(conn: &mut AnyConnection, slot: usize, id: &str, now: i64) -> Result<(), StoreError> {
    let sql = "INSERT INTO master_key (slot, id, created_at) VALUES ($1, $2, $3)";
    sqlx::query(sql).bind(slot as i64).bind(id).bind(now).execute(conn).await?;
    Ok(())
}

/// Forgets every key but one, which takes the first place.
pub async fn retire_all_but(conn: &mut AnyConnection, id: &str) -> Result<(), StoreError> {
    sqlx::query("DELETE FROM master_key WHERE id <> $1").bind(id).execute(&mut *conn).await?;
    sqlx::query("UPDATE master_key SET slot = 0 WHERE id = $1").bind(id).execute(conn).await?;
    Ok(())
}
