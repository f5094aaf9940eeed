//! Findings: `finding` knows when a tenant saw a fault first and last, `scan_finding` what one scan saw of it.

use super::rows::Inserts;
use super::{Dialect, StoreError};
use scanyard_contract::finding::{Finding, Severity};
use sqlx::AnyConnection;
use std::sync::LazyLock;

static OF_SCAN: LazyLock<Inserts> =
    LazyLock::new(|| Inserts::new("scan_finding (scan_id, ordinal, severity, fingerprint, body)", 5, ""));

/// Stores the findings of a scan, worst first.
pub async fn insert(
    conn: &mut AnyConnection,
    tenant_id: &str,
    scan_id: &str,
    now: i64,
    findings: &[Finding],
) -> Result<(), StoreError> {
    if findings.is_empty() {
        return Ok(());
    }
    let mut ordered: Vec<&Finding> = findings.iter().collect();
    ordered.sort_by(|a, b| (b.severity, &a.fingerprint).cmp(&(a.severity, &b.fingerprint)));
    see(conn, tenant_id, now, &ordered).await?;
    let dialect = Dialect::of(conn);
    let mut ordinal = 0_i64;
    while let Some((count, sql)) = OF_SCAN.of(dialect, ordered.len() - ordinal as usize) {
        let mut query = sqlx::query(sql);
        for finding in &ordered[ordinal as usize..][..count] {
            query = query
                .bind(scan_id)
                .bind(ordinal)
                .bind(finding.severity as i64)
                .bind(&finding.fingerprint)
                .bind(serde_json::to_string(finding)?);
            ordinal += 1;
        }
        query.execute(&mut *conn).await?;
    }
    Ok(())
}

/// Notes when the tenant saw these.
async fn see(conn: &mut AnyConnection, tenant_id: &str, now: i64, findings: &[&Finding]) -> Result<(), StoreError> {
    let fingerprints: Vec<&str> = findings.iter().map(|finding| finding.fingerprint.as_str()).collect();
    let sql = Dialect::of(conn).pick(
        "INSERT INTO finding (tenant_id, fingerprint, state, first_seen_at, last_seen_at) \
         SELECT DISTINCT $1, value, 'open', $2, $2 FROM json_each($3) WHERE true ORDER BY value \
         ON CONFLICT (tenant_id, fingerprint) DO UPDATE SET last_seen_at = MAX(finding.last_seen_at, excluded.last_seen_at)",
        "INSERT INTO finding (tenant_id, fingerprint, state, first_seen_at, last_seen_at) \
         SELECT DISTINCT CAST($1 AS text), value, 'open', CAST($2 AS bigint), CAST($2 AS bigint) \
         FROM json_array_elements_text(CAST($3 AS json)) AS v (value) ORDER BY value \
         ON CONFLICT (tenant_id, fingerprint) DO UPDATE SET last_seen_at = GREATEST(finding.last_seen_at, excluded.last_seen_at)",
    );
    sqlx::query(sql).bind(tenant_id).bind(now).bind(serde_json::to_string(&fingerprints)?).execute(conn).await?;
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
