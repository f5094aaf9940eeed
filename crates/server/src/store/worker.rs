//! The processes that run scans, as they last gave a sign of life.

use super::StoreError;
use super::scan::json;
use scanyard_contract::ScanType;
use sqlx::any::AnyRow;
use sqlx::{AnyConnection, Row};
use std::collections::BTreeMap;
use uuid::Uuid;

/// How long a worker that fell silent is remembered, in milliseconds.
pub const KEPT_MS: i64 = 3_600_000;

/// A worker as it told of itself.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct WorkerRecord {
    pub id: Uuid,
    /// For people: the host and the process.
    pub name: String,
    /// When it last gave a sign of life.
    pub seen_at: i64,
    /// How many scans it runs at the same time.
    pub concurrency: u32,
    pub labels: Vec<String>,
    /// What it can run, with the version where it is known. `None`: a node of an earlier version, which does not tell.
    pub engines: Option<BTreeMap<ScanType, Option<String>>>,
}

impl WorkerRecord {
    /// Whether it runs scans of this type; one that does not tell may.
    pub fn can_run(&self, scan_type: ScanType) -> bool {
        self.engines.as_ref().is_none_or(|engines| engines.contains_key(&scan_type))
    }

    /// Whether it takes scans with this label.
    pub fn has_label(&self, label: &str) -> bool {
        self.labels.iter().any(|own| own == label)
    }
}

/// Notes that a worker lives; forgets those that are long gone.
pub async fn seen(conn: &mut AnyConnection, worker: &WorkerRecord) -> Result<(), StoreError> {
    let WorkerRecord { id, name, seen_at, concurrency, labels, engines } = worker;
    let sql = "INSERT INTO worker (id, name, seen_at, concurrency, labels, engines) VALUES ($1, $2, $3, $4, $5, $6) \
         ON CONFLICT (id) DO UPDATE SET seen_at = excluded.seen_at, concurrency = excluded.concurrency, engines = excluded.engines";
    sqlx::query(sql)
        .bind(id.to_string())
        .bind(name)
        .bind(seen_at)
        .bind(i64::from(*concurrency))
        .bind(serde_json::to_string(labels)?)
        .bind(engines.as_ref().map(serde_json::to_string).transpose()?.unwrap_or_default())
        .execute(&mut *conn)
        .await?;
    sqlx::query("DELETE FROM worker WHERE seen_at < $1").bind(seen_at - KEPT_MS).execute(conn).await?;
    Ok(())
}

/// Notes that a worker has ended.
pub async fn gone(conn: &mut AnyConnection, id: Uuid) -> Result<(), StoreError> {
    sqlx::query("DELETE FROM worker WHERE id = $1").bind(id.to_string()).execute(conn).await?;
    Ok(())
}

/// The workers seen after `since`, by their names.
pub async fn seen_since(conn: &mut AnyConnection, since: i64) -> Result<Vec<WorkerRecord>, StoreError> {
    let sql = "SELECT id, name, seen_at, concurrency, labels, engines FROM worker WHERE seen_at > $1 ORDER BY name, id";
    sqlx::query(sql).bind(since).fetch_all(conn).await?.iter().map(record).collect()
}

/// How many scans run, on all workers together.
pub async fn running(conn: &mut AnyConnection) -> Result<u64, StoreError> {
    let count: i64 = sqlx::query_scalar("SELECT COUNT(*) FROM job WHERE lease_until >= 0").fetch_one(conn).await?;
    Ok(count.max(0) as u64)
}

fn record(row: &AnyRow) -> Result<WorkerRecord, StoreError> {
    let engines: String = row.try_get("engines")?;
    Ok(WorkerRecord {
        id: super::parsed(&row.try_get::<String, _>("id")?, "worker id")?,
        name: row.try_get("name")?,
        seen_at: row.try_get("seen_at")?,
        concurrency: u32::try_from(row.try_get::<i64, _>("concurrency")?).unwrap_or_default(),
        labels: json(row, "labels")?.unwrap_or_default(),
        engines: if engines.is_empty() { None } else { Some(known_engines(&engines)?) },
    })
}

/// The engines that this program knows: a worker of a later version may have others.
fn known_engines(text: &str) -> Result<BTreeMap<ScanType, Option<String>>, StoreError> {
    let told: BTreeMap<String, Option<String>> = serde_json::from_str(text)?;
    Ok(told.into_iter().filter_map(|(word, version)| Some((word.parse().ok()?, version))).collect())
}
