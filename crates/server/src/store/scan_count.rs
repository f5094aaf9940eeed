//! How many scans there are of each kind: kept with every change, so that a list knows its total.

use super::rows::{Columns, rows_of};
use super::scan::{ScanRecord, priority_of, rank};
use super::scan_list::ScanFilter;
use super::{Dialect, StoreError, parsed};
use scanyard_contract::{Priority, ScanStatus, ScanType};
use serde::Serialize;
use sqlx::{AnyConnection, Row as _};
use std::collections::BTreeMap;

/// What scans are counted by; ordered, so that rows are always written in the same order.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Cell {
    pub tenant_id: String,
    pub scan_type: ScanType,
    pub status: ScanStatus,
    pub priority: Priority,
}

impl Cell {
    /// The cell of a scan as it stands.
    pub fn of(scan: &ScanRecord) -> Cell {
        Cell {
            tenant_id: scan.tenant_id.clone(),
            scan_type: scan.scan_type,
            status: scan.status,
            priority: scan.priority,
        }
    }

    /// The cell of the same scan in another status.
    pub fn with(&self, status: ScanStatus) -> Cell {
        Cell { status, ..self.clone() }
    }
}

#[derive(Serialize)]
struct Row<'a> {
    tenant_id: &'a str,
    scan_type: ScanType,
    status: ScanStatus,
    priority: i64,
    scans: i64,
}

const COLUMNS: Columns =
    &[("tenant_id", "text"), ("scan_type", "text"), ("status", "text"), ("priority", "bigint"), ("scans", "bigint")];

/// Adds to the cells, in one statement and in one order: two orders would deadlock PostgreSQL. It comes last in a transaction:
/// whoever counts the same cells waits from here to its commit.
pub async fn add(conn: &mut AnyConnection, counts: &BTreeMap<Cell, i64>) -> Result<(), StoreError> {
    if counts.values().any(|scans| *scans != 0) {
        let sql = adding(Dialect::of(conn), "$1", "true");
        sqlx::query(sqlx::AssertSqlSafe(sql)).bind(changes(counts)?).execute(conn).await?;
    }
    Ok(())
}

/// The statement over the rows of [`changes`] in a parameter, where that condition holds.
pub(super) fn adding(dialect: Dialect, parameter: &str, condition: &str) -> String {
    format!(
        "INSERT INTO scan_count (tenant_id, scan_type, status, priority, scans) \
         SELECT tenant_id, scan_type, status, priority, scans FROM {} WHERE {condition} \
         ORDER BY tenant_id, scan_type, status, priority \
         ON CONFLICT (tenant_id, scan_type, status, priority) DO UPDATE SET scans = scan_count.scans + excluded.scans",
        rows_of(dialect, parameter, COLUMNS)
    )
}

/// What changes the cells, as JSON.
pub(super) fn changes(counts: &BTreeMap<Cell, i64>) -> Result<String, StoreError> {
    let changed = counts.iter().filter(|(_, scans)| **scans != 0);
    let values: Vec<Row<'_>> = changed
        .map(|(Cell { tenant_id, scan_type, status, priority }, scans)| Row {
            tenant_id,
            scan_type: *scan_type,
            status: *status,
            priority: rank(*priority),
            scans: *scans,
        })
        .collect();
    Ok(serde_json::to_string(&values)?)
}

/// Scans that changed their status, as changes of the counts.
#[derive(Debug, Default)]
pub struct Moves(BTreeMap<Cell, i64>);

impl Moves {
    /// Notes that a scan went from one status to another.
    pub fn note(&mut self, from: &Cell, to: ScanStatus) {
        *self.0.entry(from.clone()).or_insert(0) -= 1;
        *self.0.entry(from.with(to)).or_insert(0) += 1;
    }

    /// Writes the changes.
    pub async fn write(self, conn: &mut AnyConnection) -> Result<(), StoreError> {
        add(conn, &self.0).await
    }
}

/// A cell of a tenant with its scans.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Count {
    pub scan_type: ScanType,
    pub status: ScanStatus,
    pub priority: Priority,
    pub scans: u64,
}

/// The cells that a filter's type, status and priority ask for and that have scans.
pub async fn cells(conn: &mut AnyConnection, tenant_id: &str, filter: &ScanFilter) -> Result<Vec<Count>, StoreError> {
    let sql = "SELECT scan_type, status, priority, scans FROM scan_count WHERE tenant_id = $1 AND ($2 = '' OR scan_type = $2) \
         AND ($3 = '' OR status = $3) AND ($4 = -1 OR priority = $4) AND scans > 0";
    let rows = sqlx::query(sql)
        .bind(tenant_id)
        .bind(filter.scan_type.map_or("", ScanType::as_str))
        .bind(filter.status.map_or("", ScanStatus::as_str))
        .bind(filter.priority.map_or(-1, rank))
        .fetch_all(conn)
        .await?;
    let count = |row: &sqlx::any::AnyRow| {
        Ok(Count {
            scan_type: parsed(&row.try_get::<String, _>("scan_type")?, "scan type")?,
            status: parsed(&row.try_get::<String, _>("status")?, "scan status")?,
            priority: priority_of(row.try_get("priority")?)?,
            scans: row.try_get::<i64, _>("scans")?.unsigned_abs(),
        })
    };
    rows.iter().map(count).collect()
}

/// How many scans a tenant has of the filter's type, status and priority.
pub async fn total(conn: &mut AnyConnection, tenant_id: &str, filter: &ScanFilter) -> Result<u64, StoreError> {
    Ok(cells(conn, tenant_id, filter).await?.iter().map(|cell| cell.scans).sum())
}

/// How many scans of all tenants wait.
pub async fn queued(conn: &mut AnyConnection) -> Result<u64, StoreError> {
    let sql = "SELECT CAST(COALESCE(SUM(scans), 0) AS BIGINT) FROM scan_count WHERE status = 'queued'";
    let queued: i64 = sqlx::query_scalar(sql).fetch_one(conn).await?;
    Ok(queued.max(0) as u64)
}
