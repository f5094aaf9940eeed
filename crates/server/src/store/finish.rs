//! The ends of runs: everything that they leave, in one transaction, and only while the scan is still the run's own.

use super::job::{self, JobState};
use super::rows::{Columns, among, over, rows};
use super::scan::ScanRecord;
use super::scan_count::{Cell, Moves};
use super::{Clock, Dialect, StoreError, finding, report, scan_move};
use scanyard_contract::ScanStatus;
use scanyard_contract::finding::{Finding, Summary};
use scanyard_contract::scan::{Coverage, Failure, Records};
use scanyard_engines::RawReport;
use serde::Serialize;
use sqlx::{AnyConnection, Row as _};
use std::collections::HashMap;
use uuid::Uuid;

/// How a run ended and what it found.
#[derive(Debug, Clone)]
pub struct Finish {
    /// The scan as it was claimed: while it is the run's, nobody else changes more of it than that it is cancelled.
    pub scan: ScanRecord,
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

/// The end of a scan as its row gets it.
#[derive(Serialize)]
struct Row<'a> {
    scan_id: Uuid,
    status: ScanStatus,
    failure: Option<String>,
    summary: String,
    coverage: String,
    records: String,
    engine_version: &'a Option<String>,
}

const COLUMNS: Columns = &[
    ("scan_id", "text"),
    ("status", "text"),
    ("failure", "text"),
    ("summary", "text"),
    ("coverage", "text"),
    ("records", "text"),
    ("engine_version", "text"),
];

impl<'a> Row<'a> {
    fn of(scan: &'a ScanRecord) -> Result<Row<'a>, StoreError> {
        Ok(Row {
            scan_id: scan.id,
            status: scan.status,
            failure: scan.failure.as_ref().map(serde_json::to_string).transpose()?,
            summary: serde_json::to_string(&scan.summary)?,
            coverage: serde_json::to_string(&scan.coverage)?,
            records: serde_json::to_string(&scan.records)?,
            engine_version: &scan.engine_version,
        })
    }
}

impl Finish {
    /// The scan as it ends; its progress and when it was cancelled are in its row.
    fn ended(&self, job: JobState, now: i64) -> ScanRecord {
        let (status, failure) = match job {
            JobState::Running => (self.status, self.failure.clone()),
            JobState::Cancelled => (ScanStatus::Cancelled, None),
        };
        ScanRecord {
            status,
            sealed_at: (status == ScanStatus::Cancelled).then_some(now),
            failure,
            summary: Some(Summary::of(&self.findings)),
            coverage: Some(self.coverage),
            records: Some(self.records.clone()),
            engine_version: self.engine_version.clone(),
            ..self.scan.clone()
        }
    }
}

/// Stores the ends of runs, in statements whose number does not grow with theirs; tells of each whether it was taken. When a
/// run's lease ran out or its scan is another run's, nothing of it is written. After an error the transaction is to be rolled
/// back.
pub async fn together(conn: &mut AnyConnection, clock: &Clock, ends: &[Finish]) -> Result<Vec<bool>, StoreError> {
    let now = clock.now(conn).await?;
    let mut jobs = job::end(conn, now, ends.iter().map(|end| (end.scan.id, end.run_id))).await?;
    // An end that was sent twice is taken once.
    let jobs: Vec<Option<JobState>> = ends.iter().map(|end| jobs.remove(&end.run_id)).collect();
    let taken: Vec<(&Finish, JobState)> =
        ends.iter().zip(&jobs).filter_map(|(end, job)| Some((end, (*job)?))).collect();
    if !taken.is_empty() {
        store(conn, now, &taken).await?;
    }
    Ok(jobs.iter().map(Option::is_some).collect())
}

async fn store(conn: &mut AnyConnection, now: i64, ends: &[(&Finish, JobState)]) -> Result<(), StoreError> {
    let mut ended: Vec<ScanRecord> = ends.iter().map(|(end, job)| end.ended(*job, now)).collect();
    let values = ended.iter().map(Row::of).collect::<Result<Vec<_>, _>>()?;
    let sql = format!(
        "UPDATE scan SET status = r.status, completed_at = COALESCE(scan.completed_at, $2), \
         sealed_at = CASE WHEN r.status = 'cancelled' THEN $2 END, failure = r.failure, summary = r.summary, coverage = r.coverage, \
         engine_version = r.engine_version, records = r.records, \
         progress = CASE WHEN r.status = 'completed' THEN 100 ELSE scan.progress END FROM {} WHERE scan.id = r.scan_id",
        rows(Dialect::of(conn), COLUMNS)
    );
    over(sql, &values)?.bind(now).execute(&mut *conn).await?;
    let sql = format!("SELECT id, progress, completed_at FROM scan WHERE id IN {}", among(Dialect::of(conn), "$1"));
    let ids: Vec<Uuid> = ended.iter().map(|scan| scan.id).collect();
    let mut written = HashMap::new();
    for row in over(sql, &ids)?.fetch_all(&mut *conn).await? {
        written.insert(row.try_get::<String, _>(0)?, (row.try_get::<i64, _>(1)?, row.try_get::<i64, _>(2)?));
    }
    for scan in &mut ended {
        let row = written.get(&scan.id.to_string());
        let (progress, completed_at) = row.ok_or_else(|| StoreError::Bug(format!("job {} has no scan", scan.id)))?;
        scan.progress = (*progress).clamp(0, 100) as u8;
        scan.completed_at = Some(*completed_at);
    }
    scan_move::tell(conn, now, &ended.iter().collect::<Vec<_>>()).await?;
    let found: Vec<(&ScanRecord, &[Finding])> =
        ended.iter().zip(ends).map(|(scan, (end, _))| (scan, end.findings.as_slice())).collect();
    finding::insert(conn, now, &found).await?;
    let mut moves = Moves::default();
    for (scan, (end, job)) in ended.iter().zip(ends) {
        if let Some(raw) = &end.report {
            report::insert(conn, &scan.id.to_string(), raw).await?;
        }
        if *job == JobState::Running {
            moves.note(&Cell::of(scan).with(ScanStatus::Running), scan.status);
        }
    }
    moves.write(conn).await
}
