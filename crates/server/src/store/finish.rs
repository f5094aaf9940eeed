//! The end of a run: everything it leaves, in one transaction, and only while the scan is still its own.

use super::scan_count::{Cell, Moves};
use super::{StoreError, finding, report, scan, scan_move};
use scanyard_contract::ScanStatus;
use scanyard_contract::finding::{Finding, Summary};
use scanyard_contract::scan::{Coverage, Failure, Records};
use scanyard_engines::RawReport;
use sqlx::AnyConnection;
use uuid::Uuid;

/// How a run ended and what it found.
#[derive(Debug, Clone)]
pub struct Finish {
    pub scan_id: Uuid,
    pub run_id: Uuid,
    /// The terminal status; a scan that was cancelled meanwhile stays cancelled.
    pub status: ScanStatus,
    pub failure: Option<Failure>,
    pub coverage: Coverage,
    pub records: Records,
    pub findings: Vec<Finding>,
    pub report: Option<RawReport>,
    pub engine_version: Option<String>,
}

/// Stores the end of a run; `false` when the run's lease ran out or the scan is another run's, and then nothing is
/// written.
pub async fn finish(conn: &mut AnyConnection, now: i64, end: &Finish) -> Result<bool, StoreError> {
    let scan_id = end.scan_id.to_string();
    let job = "DELETE FROM job WHERE scan_id = $1 AND run_id = $2 AND lease_until > $3 RETURNING state";
    let job = sqlx::query_scalar(job).bind(&scan_id).bind(end.run_id.to_string()).bind(now);
    let job: Option<String> = job.fetch_optional(&mut *conn).await?;
    let Some(state) = job else { return Ok(false) };
    let cancelled = state == "cancelled";
    let status = if cancelled { ScanStatus::Cancelled } else { end.status };
    let failure = if cancelled { None } else { end.failure.as_ref().map(serde_json::to_string).transpose()? };
    let sql = "UPDATE scan SET status = $2, completed_at = COALESCE(completed_at, $3), sealed_at = $4, failure = $5, summary = $6, \
         coverage = $7, engine_version = $8, records = $9, progress = CASE WHEN $2 = 'completed' THEN 100 ELSE progress END WHERE id = $1";
    sqlx::query(sql)
        .bind(&scan_id)
        .bind(status.as_str())
        .bind(now)
        .bind((status == ScanStatus::Cancelled).then_some(now))
        .bind(failure)
        .bind(serde_json::to_string(&Summary::of(&end.findings))?)
        .bind(serde_json::to_string(&end.coverage)?)
        .bind(end.engine_version.clone())
        .bind(serde_json::to_string(&end.records)?)
        .execute(&mut *conn)
        .await?;
    let scan =
        scan::by_id(conn, &scan_id).await?.ok_or_else(|| StoreError::Bug(format!("job {scan_id} has no scan")))?;
    scan_move::tell(conn, now, &[&scan]).await?;
    finding::insert(conn, &scan.tenant_id, &scan_id, now, &end.findings).await?;
    if let Some(raw) = &end.report {
        report::insert(conn, &scan_id, raw).await?;
    }
    if !cancelled {
        // Last: every end of this kind waits for that row until this one is committed.
        let mut moves = Moves::default();
        moves.note(&Cell::of(&scan).with(ScanStatus::Running), status);
        moves.write(conn).await?;
    }
    Ok(true)
}
