//! What happened to a scan, in order. An event goes into the transaction of what it tells.

use super::rows::{Columns, over, rows};
use super::scan::ScanRecord;
use super::{Dialect, StoreError, parsed};
use scanyard_contract::ScanStatus;
use scanyard_contract::scan::ScanEventKind;
use serde::Serialize;
use sqlx::any::AnyRow;
use sqlx::{AnyConnection, Row as _};

/// The ordinal of the first event, that the scan was queued; it is not stored.
pub const QUEUED: i64 = 1;

/// An event.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct EventRecord {
    pub scan_id: String,
    /// Its place among the scan's events; a new one gets the next.
    #[serde(skip)]
    pub ordinal: i64,
    pub at: i64,
    pub kind: ScanEventKind,
    pub status: ScanStatus,
    pub progress: u8,
    pub attempts: u32,
    /// Nothing follows.
    #[serde(serialize_with = "zero_or_one")]
    pub is_final: bool,
}

fn zero_or_one<S: serde::Serializer>(is: &bool, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.serialize_i64(i64::from(*is))
}

impl EventRecord {
    /// That the scan has got to where it stands.
    pub fn of(scan: &ScanRecord, at: i64) -> EventRecord {
        EventRecord {
            scan_id: scan.id.to_string(),
            ordinal: 0,
            at,
            kind: ScanEventKind::Status,
            status: scan.status,
            progress: scan.progress,
            attempts: scan.attempts,
            is_final: scan.is_over(),
        }
    }

    /// That the scan was queued.
    pub fn queued(scan: &ScanRecord) -> EventRecord {
        EventRecord {
            ordinal: QUEUED,
            status: ScanStatus::Queued,
            progress: 0,
            attempts: 0,
            is_final: false,
            ..EventRecord::of(scan, scan.created_at)
        }
    }
}

const COLUMNS: Columns = &[
    ("scan_id", "text"),
    ("at", "bigint"),
    ("kind", "text"),
    ("status", "text"),
    ("progress", "bigint"),
    ("attempts", "bigint"),
    ("is_final", "bigint"),
];

/// Adds one event for each of several scans. Who does it holds their jobs, so that no two take one ordinal.
pub async fn insert(conn: &mut AnyConnection, events: &[EventRecord]) -> Result<(), StoreError> {
    if events.is_empty() {
        return Ok(());
    }
    let sql = format!(
        "INSERT INTO scan_event (scan_id, ordinal, at, kind, status, progress, attempts, is_final) \
         SELECT scan_id, 1 + COALESCE((SELECT MAX(e.ordinal) FROM scan_event e WHERE e.scan_id = r.scan_id), {QUEUED}), \
         at, kind, status, progress, attempts, is_final FROM {}",
        rows(Dialect::of(conn), COLUMNS)
    );
    over(sql, events)?.execute(&mut *conn).await?;
    // A watcher wants to know how far the scan is, not how it got there.
    for event in events.iter().filter(|event| event.kind == ScanEventKind::Progress) {
        let sql = "DELETE FROM scan_event WHERE scan_id = $1 AND kind = 'progress' \
             AND ordinal < (SELECT MAX(e.ordinal) FROM scan_event e WHERE e.scan_id = $1)";
        sqlx::query(sql).bind(&event.scan_id).execute(&mut *conn).await?;
    }
    Ok(())
}

/// The stored events of a scan behind this ordinal, in order, at most `limit`.
pub async fn after(
    conn: &mut AnyConnection,
    scan_id: &str,
    ordinal: i64,
    limit: u32,
) -> Result<Vec<EventRecord>, StoreError> {
    let sql = "SELECT scan_id, ordinal, at, kind, status, progress, attempts, is_final FROM scan_event \
         WHERE scan_id = $1 AND ordinal > $2 ORDER BY ordinal LIMIT +$3";
    let rows = sqlx::query(sql).bind(scan_id).bind(ordinal).bind(i64::from(limit)).fetch_all(conn).await?;
    rows.iter().map(record).collect()
}

/// Forgets a scan's events.
pub async fn delete(conn: &mut AnyConnection, scan_id: &str) -> Result<(), StoreError> {
    sqlx::query("DELETE FROM scan_event WHERE scan_id = $1").bind(scan_id).execute(conn).await?;
    Ok(())
}

fn record(row: &AnyRow) -> Result<EventRecord, StoreError> {
    Ok(EventRecord {
        scan_id: row.try_get("scan_id")?,
        ordinal: row.try_get("ordinal")?,
        at: row.try_get("at")?,
        kind: parsed(&row.try_get::<String, _>("kind")?, "event kind")?,
        status: parsed(&row.try_get::<String, _>("status")?, "scan status")?,
        progress: row.try_get::<i64, _>("progress")?.clamp(0, 100) as u8,
        attempts: row.try_get::<i64, _>("attempts")? as u32,
        is_final: row.try_get::<i64, _>("is_final")? != 0,
    })
}
