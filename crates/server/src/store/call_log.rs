//! The log of calls: every call of a known caller, for as long as the settings say.

use super::rows::Inserts;
use super::{StoreError, parsed};
use scanyard_contract::ScanType;
use sqlx::any::AnyRow;
use sqlx::{AnyConnection, Row};
use std::sync::LazyLock;
use uuid::Uuid;

/// One call.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CallRecord {
    /// The request's id.
    pub id: Uuid,
    pub tenant_id: String,
    /// When it was answered.
    pub at: i64,
    /// Id of the API key or user.
    pub principal: String,
    /// The address that it came from.
    pub source: String,
    pub method: String,
    /// The route without its base, such as `/scans/{scanId}`.
    pub route: String,
    pub status: u16,
    /// The code of a failure; empty for a success.
    pub code: String,
    pub duration_us: u64,
    pub scan_type: Option<ScanType>,
    /// Whether it stored a scan and so used a quota unit; kept in the counts alone.
    pub is_submission: bool,
}

static CALLS: LazyLock<Inserts<11>> = LazyLock::new(|| {
    let columns = [
        ("tenant_id", "text"),
        ("at", "bigint"),
        ("id", "text"),
        ("principal", "text"),
        ("source", "text"),
        ("method", "text"),
        ("route", "text"),
        ("status", "bigint"),
        ("code", "text"),
        ("duration_us", "bigint"),
        ("scan_type", "text"),
    ];
    Inserts::new("call_log", &columns, &[])
});

/// Adds calls, set-based.
pub async fn insert(conn: &mut AnyConnection, calls: &[CallRecord]) -> Result<(), StoreError> {
    let rows = calls.iter().map(|call| {
        [
            call.tenant_id.as_str().into(),
            call.at.into(),
            call.id.simple().to_string().into(),
            call.principal.as_str().into(),
            call.source.as_str().into(),
            call.method.as_str().into(),
            call.route.as_str().into(),
            i64::from(call.status).into(),
            call.code.as_str().into(),
            (call.duration_us as i64).into(),
            call.scan_type.map_or("", ScanType::as_str).into(),
        ]
    });
    CALLS.insert(conn, &rows.collect::<Vec<_>>()).await
}

/// What a list of calls shows; an empty text is all.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CallFilter {
    pub principal: String,
    pub method: String,
    pub code: String,
    pub scan_type: Option<ScanType>,
    /// First and last status.
    pub statuses: (u16, u16),
    /// First and last point in time.
    pub times: (i64, i64),
}

/// Where a page of the log begins, newest first.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum CallStart {
    /// Calls to leave out.
    Offset(i64),
    /// After the call of that time and id.
    After(i64, Uuid),
}

const WHERE: &str = "FROM call_log WHERE tenant_id = $1 AND at >= $2 AND at <= $3 AND status >= $4 AND status <= $5 \
     AND ($6 = '' OR principal = $6) AND ($7 = '' OR method = $7) AND ($8 = '' OR code = $8) AND ($9 = '' OR scan_type = $9)";

/// A tenant's calls, newest first, at most `limit`.
pub async fn list(
    conn: &mut AnyConnection,
    tenant_id: &str,
    filter: &CallFilter,
    start: &CallStart,
    limit: u32,
) -> Result<Vec<CallRecord>, StoreError> {
    let sql = format!(
        "SELECT tenant_id, at, id, principal, source, method, route, status, code, duration_us, scan_type {WHERE} \
         AND (at, id) < ($10, $11) ORDER BY at DESC, id DESC LIMIT +$12 OFFSET $13"
    );
    let (at, id, offset) = match start {
        CallStart::Offset(offset) => (i64::MAX, String::new(), *offset),
        CallStart::After(at, id) => (*at, id.simple().to_string(), 0),
    };
    let query = bind(sqlx::query(sqlx::AssertSqlSafe(sql)), tenant_id, filter);
    let rows = query.bind(at).bind(id).bind(i64::from(limit)).bind(offset).fetch_all(conn).await?;
    rows.iter().map(record).collect()
}

/// How many calls [`list`] has in all, counted up to `most`.
pub async fn count(
    conn: &mut AnyConnection,
    tenant_id: &str,
    filter: &CallFilter,
    most: u64,
) -> Result<u64, StoreError> {
    let sql = format!("SELECT COUNT(*) AS calls FROM (SELECT 1 AS one {WHERE} LIMIT +$10) AS counted");
    let query = bind(sqlx::query(sqlx::AssertSqlSafe(sql)), tenant_id, filter).bind(most as i64);
    Ok(query.fetch_one(conn).await?.try_get::<i64, _>("calls")?.max(0) as u64)
}

type Query<'q> = sqlx::query::Query<'q, sqlx::Any, sqlx::any::AnyArguments>;

fn bind<'q>(query: Query<'q>, tenant_id: &'q str, filter: &'q CallFilter) -> Query<'q> {
    let CallFilter { principal, method, code, scan_type, statuses, times } = filter;
    query
        .bind(tenant_id)
        .bind(times.0)
        .bind(times.1)
        .bind(i64::from(statuses.0))
        .bind(i64::from(statuses.1))
        .bind(principal)
        .bind(method)
        .bind(code)
        .bind(scan_type.map_or("", ScanType::as_str))
}

fn record(row: &AnyRow) -> Result<CallRecord, StoreError> {
    let scan_type: String = row.try_get("scan_type")?;
    Ok(CallRecord {
        id: parsed(&row.try_get::<String, _>("id")?, "request id")?,
        tenant_id: row.try_get("tenant_id")?,
        at: row.try_get("at")?,
        principal: row.try_get("principal")?,
        source: row.try_get("source")?,
        method: row.try_get("method")?,
        route: row.try_get("route")?,
        status: row.try_get::<i64, _>("status")? as u16,
        code: row.try_get("code")?,
        duration_us: row.try_get::<i64, _>("duration_us")?.max(0) as u64,
        scan_type: if scan_type.is_empty() { None } else { Some(parsed(&scan_type, "scan type")?) },
        is_submission: false,
    })
}

/// Forgets a tenant's calls from before that time, about `most` of the oldest; `true` when there may be more.
pub async fn forget(conn: &mut AnyConnection, tenant_id: &str, before: i64, most: i64) -> Result<bool, StoreError> {
    let nth = "SELECT at FROM call_log WHERE tenant_id = $1 AND at < $2 ORDER BY at LIMIT 1 OFFSET $3";
    let nth = sqlx::query_scalar(nth).bind(tenant_id).bind(before).bind(most).fetch_optional(&mut *conn);
    let nth: Option<i64> = nth.await?;
    let sql = "DELETE FROM call_log WHERE tenant_id = $1 AND at <= $2";
    sqlx::query(sql).bind(tenant_id).bind(nth.unwrap_or(before - 1)).execute(conn).await?;
    Ok(nth.is_some())
}
