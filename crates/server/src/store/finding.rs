//! Findings: `finding` knows when a tenant saw a fault first and last, `scan_finding` what one scan saw of it.

use super::rows::{Columns, Inserts, over, rows};
use super::scan::ScanRecord;
use super::{Dialect, StoreError};
use scanyard_contract::finding::{Finding, Severity};
use serde::Serialize;
use sqlx::AnyConnection;
use std::collections::BTreeSet;
use std::sync::LazyLock;

/// Findings that are held a second time, as their rows: a report can have very many.
const AT_ONCE: usize = 512;

static OF_SCAN: LazyLock<Inserts<5>> = LazyLock::new(|| {
    let columns =
        [("scan_id", "text"), ("ordinal", "bigint"), ("severity", "bigint"), ("fingerprint", "text"), ("body", "text")];
    Inserts::new("scan_finding", &columns, &[])
});

/// Stores the findings of scans, worst first.
pub async fn insert(conn: &mut AnyConnection, now: i64, found: &[(&ScanRecord, &[Finding])]) -> Result<(), StoreError> {
    see(conn, now, found).await?;
    for (scan, findings) in found {
        let scan_id = scan.id.to_string();
        let mut ordered: Vec<&Finding> = findings.iter().collect();
        ordered.sort_by(|a, b| (b.severity, &a.fingerprint).cmp(&(a.severity, &b.fingerprint)));
        let ordered: Vec<(i64, &Finding)> = (0..).zip(ordered).collect();
        for some in ordered.chunks(AT_ONCE) {
            let rows = some.iter().map(|(ordinal, finding)| {
                Ok([
                    scan_id.as_str().into(),
                    (*ordinal).into(),
                    (finding.severity as i64).into(),
                    finding.fingerprint.as_str().into(),
                    serde_json::to_string(finding)?.into(),
                ])
            });
            OF_SCAN.insert(conn, &rows.collect::<Result<Vec<_>, StoreError>>()?).await?;
        }
    }
    Ok(())
}

#[derive(Serialize, PartialEq, Eq, PartialOrd, Ord)]
struct SeenRow<'a> {
    tenant_id: &'a str,
    fingerprint: &'a str,
}

const SEEN: Columns = &[("tenant_id", "text"), ("fingerprint", "text")];

/// Notes when the tenants saw these; in one order, because two would deadlock PostgreSQL.
async fn see(conn: &mut AnyConnection, now: i64, found: &[(&ScanRecord, &[Finding])]) -> Result<(), StoreError> {
    let mut seen = BTreeSet::new();
    for (scan, findings) in found {
        let tenant_id = scan.tenant_id.as_str();
        seen.extend(findings.iter().map(|finding| SeenRow { tenant_id, fingerprint: &finding.fingerprint }));
    }
    if seen.is_empty() {
        return Ok(());
    }
    let dialect = Dialect::of(conn);
    let latest = dialect.pick("MAX", "GREATEST");
    let sql = format!(
        "INSERT INTO finding (tenant_id, fingerprint, state, first_seen_at, last_seen_at) \
         SELECT tenant_id, fingerprint, 'open', CAST($2 AS bigint), CAST($2 AS bigint) FROM {} WHERE true \
         ORDER BY tenant_id, fingerprint ON CONFLICT (tenant_id, fingerprint) \
         DO UPDATE SET last_seen_at = {latest}(finding.last_seen_at, excluded.last_seen_at)",
        rows(dialect, SEEN)
    );
    over(sql, &seen.into_iter().collect::<Vec<_>>())?.bind(now).execute(conn).await?;
    Ok(())
}

/// Forgets what a scan found; when the tenant saw each fault first and last stays known.
pub async fn delete_of_scan(conn: &mut AnyConnection, scan_id: &str) -> Result<(), StoreError> {
    sqlx::query("DELETE FROM scan_finding WHERE scan_id = $1").bind(scan_id).execute(conn).await?;
    Ok(())
}

/// Part of a scan's findings, worst first: those from `from` on (an ordinal), at most `limit`, each with its ordinal.
pub async fn page(
    conn: &mut AnyConnection,
    scan_id: &str,
    severity: Option<Severity>,
    from: i64,
    skip: u64,
    limit: u32,
) -> Result<Vec<(i64, Finding)>, StoreError> {
    let sql = "SELECT ordinal, body FROM scan_finding WHERE scan_id = $1 AND ordinal >= $2 AND ($3 = -1 OR severity = $3) \
         ORDER BY ordinal LIMIT +$4 OFFSET $5";
    let rows: Vec<(i64, String)> = sqlx::query_as(sql)
        .bind(scan_id)
        .bind(from)
        .bind(severity.map_or(-1, |severity| severity as i64))
        .bind(i64::from(limit))
        .bind(skip as i64)
        .fetch_all(conn)
        .await?;
    rows.into_iter().map(|(ordinal, body)| Ok((ordinal, serde_json::from_str(&body)?))).collect()
}
