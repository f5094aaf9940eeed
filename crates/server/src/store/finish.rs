//! The ends of runs: everything that they leave, in one transaction, and only while the scan is still the run's own.

use super::job::{self, JobState};
use super::rows::{Columns, over, rows};
use super::scan_count::{Cell, Moves};
use super::{Clock, Dialect, StoreError, finding, report, scan, scan_move};
use scanyard_contract::ScanStatus;
use scanyard_contract::finding::{Finding, Summary};
use scanyard_contract::scan::{Coverage, Failure, Records};
use scanyard_engines::RawReport;
use serde::Serialize;
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

/// The end of a scan as its row gets it.
#[derive(Serialize)]
struct Row<'a> {
    scan_id: String,
    status: ScanStatus,
    failure: Option<String>,
    summary: String,
    coverage: String,
    records: String,
    engine_version: Option<&'a str>,
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
    fn of(end: &'a Finish, job: JobState) -> Result<Row<'a>, StoreError> {
        let (status, failure) = match job {
            JobState::Running => (end.status, end.failure.as_ref()),
            JobState::Cancelled => (ScanStatus::Cancelled, None),
        };
        Ok(Row {
            scan_id: end.scan_id.to_string(),
            status,
            failure: failure.map(serde_json::to_string).transpose()?,
            summary: serde_json::to_string(&Summary::of(&end.findings))?,
            coverage: serde_json::to_string(&end.coverage)?,
            records: serde_json::to_string(&end.records)?,
            engine_version: end.engine_version.as_deref(),
        })
    }
}

/// Stores the ends of runs, in statements whose number does not grow with theirs; tells of each whether it was taken. When a
/// run's lease ran out or its scan is another run's, nothing of it is written. After an error the transaction is to be rolled
/// back.
pub async fn together(conn: &mut AnyConnection, clock: &Clock, ends: &[Finish]) -> Result<Vec<bool>, StoreError> {
    let now = clock.now(conn).await?;
    let mut jobs = job::end(conn, now, ends.iter().map(|end| (end.scan_id, end.run_id))).await?;
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
    let values = ends.iter().map(|(end, job)| Row::of(end, *job)).collect::<Result<Vec<_>, _>>()?;
    let sql = format!(
        "UPDATE scan SET status = r.status, completed_at = COALESCE(scan.completed_at, $2), \
         sealed_at = CASE WHEN r.status = 'cancelled' THEN $2 END, failure = r.failure, summary = r.summary, coverage = r.coverage, \
         engine_version = r.engine_version, records = r.records, \
         progress = CASE WHEN r.status = 'completed' THEN 100 ELSE scan.progress END FROM {} WHERE scan.id = r.scan_id",
        rows(Dialect::of(conn), COLUMNS)
    );
    over(sql, &values)?.bind(now).execute(&mut *conn).await?;
    let ids: Vec<&str> = values.iter().map(|row| row.scan_id.as_str()).collect();
    let scans = scan::by_ids(conn, &ids).await?;
    let (mut ended, mut found, mut moves) = (Vec::with_capacity(ids.len()), Vec::new(), Moves::default());
    for ((end, job), scan_id) in ends.iter().zip(&ids) {
        let scan = scans.get(*scan_id).ok_or_else(|| StoreError::Bug(format!("job {scan_id} has no scan")))?;
        if *job == JobState::Running {
            moves.note(&Cell::of(scan).with(ScanStatus::Running), scan.status);
        }
        ended.push(scan);
        found.push((scan, end.findings.as_slice()));
    }
    scan_move::tell(conn, now, &ended).await?;
    finding::insert(conn, now, &found).await?;
    for ((end, _), scan_id) in ends.iter().zip(&ids) {
        if let Some(raw) = &end.report {
            report::insert(conn, scan_id, raw).await?;
        }
    }
    moves.write(conn).await
}
