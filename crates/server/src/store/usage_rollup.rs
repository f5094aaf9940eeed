//! Calls counted per hour and per day.

use super::call_log::CallRecord;
use super::rows::{Columns, over, rows};
use super::{Dialect, StoreError};
use scanyard_contract::ScanType;
use serde::Serialize;
use sqlx::{AnyConnection, Row as _};
use std::collections::BTreeMap;

/// An hour, in seconds.
pub const HOUR_S: i64 = 3_600;
/// A day of UTC, in seconds.
pub const DAY_S: i64 = 86_400;

/// What is counted together; in the order of the rows' key.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize)]
struct Cell<'a> {
    tenant_id: &'a str,
    span_s: i64,
    start_at: i64,
    principal: &'a str,
    method: &'a str,
    route: &'a str,
    scan_type: &'static str,
    status_class: u16,
}

/// Counts of calls.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize)]
pub struct Counts {
    pub calls: u64,
    /// Those of them that failed.
    #[serde(skip)]
    pub errors: u64,
    /// Of all together.
    pub duration_us: u64,
    /// Of the longest.
    pub max_us: u64,
    /// Those that stored a scan.
    pub submissions: u64,
}

impl Counts {
    /// Adds other counts to these.
    pub fn add(&mut self, other: &Counts) {
        let Counts { calls, errors, duration_us, max_us, submissions } = other;
        self.calls += calls;
        self.errors += errors;
        self.duration_us += duration_us;
        self.max_us = self.max_us.max(*max_us);
        self.submissions += submissions;
    }
}

#[derive(Serialize)]
struct Row<'a> {
    #[serde(flatten)]
    cell: Cell<'a>,
    #[serde(flatten)]
    counts: Counts,
}

const KEY: &str = "tenant_id, span_s, start_at, principal, method, route, scan_type, status_class";

const COLUMNS: Columns = &[
    ("tenant_id", "text"),
    ("span_s", "bigint"),
    ("start_at", "bigint"),
    ("principal", "text"),
    ("method", "text"),
    ("route", "text"),
    ("scan_type", "text"),
    ("status_class", "bigint"),
    ("calls", "bigint"),
    ("duration_us", "bigint"),
    ("max_us", "bigint"),
    ("submissions", "bigint"),
];

/// Counts calls, set-based: a row for each group of them, not for each call.
pub async fn add(conn: &mut AnyConnection, calls: &[CallRecord]) -> Result<(), StoreError> {
    let mut cells: BTreeMap<Cell<'_>, Counts> = BTreeMap::new();
    for call in calls {
        let counts = Counts {
            calls: 1,
            errors: 0,
            duration_us: call.duration_us,
            max_us: call.duration_us,
            submissions: u64::from(call.is_submission),
        };
        for span_s in [HOUR_S, DAY_S] {
            cells.entry(Cell::of(call, span_s)).or_default().add(&counts);
        }
    }
    let found: Vec<Row<'_>> = cells.into_iter().map(|(cell, counts)| Row { cell, counts }).collect();
    if found.is_empty() {
        return Ok(());
    }
    let sql = format!(
        "INSERT INTO usage_rollup ({KEY}, calls, duration_us, max_us, submissions) \
         SELECT {KEY}, calls, duration_us, max_us, submissions FROM {} WHERE true ORDER BY {KEY} \
         ON CONFLICT ({KEY}) DO UPDATE SET calls = usage_rollup.calls + excluded.calls, \
         duration_us = usage_rollup.duration_us + excluded.duration_us, \
         max_us = CASE WHEN excluded.max_us > usage_rollup.max_us THEN excluded.max_us ELSE usage_rollup.max_us END, \
         submissions = usage_rollup.submissions + excluded.submissions",
        rows(Dialect::of(conn), COLUMNS)
    );
    over(sql, &found)?.execute(conn).await?;
    Ok(())
}

impl<'a> Cell<'a> {
    fn of(call: &'a CallRecord, span_s: i64) -> Cell<'a> {
        Cell {
            tenant_id: &call.tenant_id,
            span_s,
            start_at: call.at - call.at.rem_euclid(span_s * 1000),
            principal: &call.principal,
            method: &call.method,
            route: &call.route,
            scan_type: call.scan_type.map_or("", ScanType::as_str),
            status_class: call.status / 100,
        }
    }
}

/// What counts are told apart by.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Group {
    /// The start of the hour or day, in epoch milliseconds.
    Start,
    Principal,
    /// Empty for calls without one.
    ScanType,
    /// Method, a blank, route.
    Endpoint,
}

/// A tenant's counts from the hour or day that begins at `from` to that which begins at `to`, by group.
pub async fn counts(
    conn: &mut AnyConnection,
    tenant_id: &str,
    group: Group,
    span_s: i64,
    from: i64,
    to: i64,
) -> Result<Vec<(String, Counts)>, StoreError> {
    let name = match group {
        Group::Start => "CAST(start_at AS TEXT)",
        Group::Principal => "principal",
        Group::ScanType => "scan_type",
        Group::Endpoint => "method || ' ' || route",
    };
    let sum = |what: &str| format!("CAST(SUM({what}) AS BIGINT)");
    let sql = format!(
        "SELECT {name} AS name, {} AS calls, {} AS errors, {} AS duration_us, MAX(max_us) AS max_us, {} AS submissions \
         FROM usage_rollup WHERE tenant_id = $1 AND span_s = $2 AND start_at >= $3 AND start_at <= $4 GROUP BY 1",
        sum("calls"),
        sum("CASE WHEN status_class >= 4 THEN calls ELSE 0 END"),
        sum("duration_us"),
        sum("submissions")
    );
    let query = sqlx::query(sqlx::AssertSqlSafe(sql)).bind(tenant_id).bind(span_s).bind(from).bind(to);
    let found = query.fetch_all(conn).await?;
    let count = |row: &sqlx::any::AnyRow, name: &str| row.try_get::<i64, _>(name).map(|count| count.max(0) as u64);
    found
        .iter()
        .map(|row| {
            let counts = Counts {
                calls: count(row, "calls")?,
                errors: count(row, "errors")?,
                duration_us: count(row, "duration_us")?,
                max_us: count(row, "max_us")?,
                submissions: count(row, "submissions")?,
            };
            Ok((row.try_get("name")?, counts))
        })
        .collect()
}

/// Forgets a tenant's counts from before that time.
pub async fn forget(conn: &mut AnyConnection, tenant_id: &str, before: i64) -> Result<(), StoreError> {
    let sql = "DELETE FROM usage_rollup WHERE tenant_id = $1 AND span_s = $2 AND start_at < $3";
    for span_s in [HOUR_S, DAY_S] {
        sqlx::query(sql).bind(tenant_id).bind(span_s).bind(before).execute(&mut *conn).await?;
    }
    Ok(())
}
