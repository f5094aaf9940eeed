//! Scans whose report was made elsewhere: they begin at their end, without a job and without a unit of the quota.

use super::audit::{self, AuditRecord};
use super::scan::{ScanRecord, rank};
use super::scan_count::{self, Cell};
use super::{StoreError, finding, report, scan_move};
use scanyard_contract::Finding;
use scanyard_engines::RawReport;
use sqlx::AnyConnection;
use std::collections::BTreeMap;

/// An import to store.
#[derive(Debug)]
pub struct Import {
    /// Complete: its status is terminal.
    pub scan: ScanRecord,
    pub findings: Vec<Finding>,
    pub report: Option<RawReport>,
    pub audit: AuditRecord,
}

/// Stores an import, all of it or nothing.
pub async fn import(conn: &mut AnyConnection, import: &Import) -> Result<(), StoreError> {
    let Import { scan, findings, report, audit } = import;
    insert(conn, scan).await?;
    scan_move::tell(conn, scan.created_at, &[scan]).await?;
    finding::insert(conn, scan.created_at, &[(scan, findings)]).await?;
    if let Some(report) = report {
        report::insert(conn, &scan.id.to_string(), report).await?;
    }
    audit::insert(conn, audit).await?;
    scan_count::add(conn, &BTreeMap::from([(Cell::of(scan), 1)])).await
}

async fn insert(conn: &mut AnyConnection, scan: &ScanRecord) -> Result<(), StoreError> {
    let sql = "INSERT INTO scan (id, tenant_id, api_key_id, scan_type, source, name, target, target_type, priority, status, progress, \
         tags, options, config, timeout_s, attempts, created_at, started_at, completed_at, failure, summary, coverage, records, \
         engine_version) \
         VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, '{}', '{}', $13, 0, $14, $15, $16, $17, $18, $19, $20, $21)";
    let failure = scan.failure.as_ref().map(serde_json::to_string).transpose()?;
    sqlx::query(sql)
        .bind(scan.id.to_string())
        .bind(&scan.tenant_id)
        .bind(&scan.api_key_id)
        .bind(scan.scan_type.as_str())
        .bind(scan.source.as_str())
        .bind(scan.name.clone())
        .bind(&scan.target)
        .bind(scan.target_type.as_str())
        .bind(rank(scan.priority))
        .bind(scan.status.as_str())
        .bind(i64::from(scan.progress))
        .bind(serde_json::to_string(&scan.tags)?)
        .bind(i64::from(scan.timeout))
        .bind(scan.created_at)
        .bind(scan.started_at)
        .bind(scan.completed_at)
        .bind(failure)
        .bind(serde_json::to_string(&scan.summary)?)
        .bind(serde_json::to_string(&scan.coverage)?)
        .bind(serde_json::to_string(&scan.records)?)
        .bind(scan.engine_version.clone())
        .execute(conn)
        .await?;
    Ok(())
}
