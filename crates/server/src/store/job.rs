//! Jobs: the scans that are not over, their runs and leases. What a run writes is guarded by its `run_id`.

use super::rows::{Columns, is, only_by_index, over, rows};
use super::scan::{self, ScanRecord};
use super::scan_count::{Cell, Moves};
use super::scan_event::{self, EventRecord};
use super::{Dialect, StoreError, parsed, scan_list, scan_move};
use scanyard_contract::finding::Summary;
use scanyard_contract::scan::{Failure, FailureReason, ScanEventKind};
use scanyard_contract::{ScanStatus, ScanType};
use serde::Serialize;
use sqlx::any::AnyRow;
use sqlx::{AnyConnection, Row};
use std::collections::HashMap;
use uuid::Uuid;

/// How often a lost run is repeated.
const REPEATS: i64 = 10;

/// From this loss on, the repeat waits.
const WAIT_FROM: i64 = 3;

/// The longest wait before a repeat.
const LONGEST_WAIT_MS: i64 = 30_000;

/// A run that is alive, with its progress.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Beat {
    pub scan_id: Uuid,
    pub run_id: Uuid,
    pub progress: u8,
}

const BEAT: Columns = &[("scan_id", "text"), ("run_id", "text"), ("progress", "bigint")];

/// The answer to a beat.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Alive {
    Renewed,
    /// The scan was cancelled; the run keeps its lease to store what it has.
    Cancelled,
    /// The run is not the scan's any more.
    Lost,
}

/// Renews the leases of runs and writes their progress. A lease that ran out is lost even before a sweep has seen it: the
/// run's supervisor has killed its engine.
pub async fn heartbeat(
    conn: &mut AnyConnection,
    now: i64,
    lease_ms: i64,
    beats: &[Beat],
) -> Result<Vec<(Uuid, Alive)>, StoreError> {
    let dialect = Dialect::of(conn);
    lock(conn, &beats.iter().map(|beat| beat.scan_id).collect::<Vec<_>>()).await?;
    let (beating, is_run) = (rows(dialect, BEAT), is_run(dialect));
    let renew = format!(
        "UPDATE job SET lease_until = $2 FROM {beating} WHERE {is_run} AND job.lease_until + 0 > $3 \
         RETURNING job.run_id, job.state"
    );
    let renewed = over(renew, beats)?.bind(now + lease_ms).bind(now).fetch_all(&mut *conn).await?;
    let progress = format!(
        "UPDATE scan SET progress = r.progress FROM {beating} JOIN job ON {is_run} \
         WHERE scan.id = r.scan_id AND scan.status = 'running' AND scan.progress <> r.progress \
         RETURNING scan.id, scan.progress, scan.attempts"
    );
    let changed = over(progress, beats)?.fetch_all(&mut *conn).await?;
    let events = changed.iter().map(|row| progressed(row, now)).collect::<Result<Vec<_>, _>>()?;
    scan_event::insert(conn, &events).await?;
    let mut answers: Vec<(Uuid, Alive)> = beats.iter().map(|beat| (beat.run_id, Alive::Lost)).collect();
    for row in renewed {
        let run_id: Uuid = parsed(&row.try_get::<String, _>("run_id")?, "run id")?;
        let alive = if row.try_get::<String, _>("state")? == "running" { Alive::Renewed } else { Alive::Cancelled };
        answers.iter_mut().filter(|(id, _)| *id == run_id).for_each(|answer| answer.1 = alive);
    }
    Ok(answers)
}

fn progressed(row: &AnyRow, now: i64) -> Result<EventRecord, StoreError> {
    Ok(EventRecord {
        scan_id: row.try_get("id")?,
        ordinal: 0,
        at: now,
        kind: ScanEventKind::Progress,
        status: ScanStatus::Running,
        progress: row.try_get::<i64, _>("progress")?.clamp(0, 100) as u8,
        attempts: row.try_get::<i64, _>("attempts")? as u32,
        is_final: false,
    })
}

/// A job and its run.
#[derive(Serialize)]
pub(super) struct RunRow<S> {
    pub scan_id: S,
    pub run_id: Uuid,
}

pub(super) const RUN: Columns = &[("scan_id", "text"), ("run_id", "text")];

/// That a job is still the run's of row `r`. Beside it stands `lease_until + 0`: by the index of leases PostgreSQL would hold
/// all runs against each other.
fn is_run(dialect: Dialect) -> String {
    format!("{} AND job.run_id = r.run_id", is(dialect, "job.scan_id", "r.scan_id"))
}

/// Locks jobs in the order of their ids: two orders would deadlock PostgreSQL. SQLite has one writer.
async fn lock(conn: &mut AnyConnection, scans: &[Uuid]) -> Result<(), StoreError> {
    if Dialect::of(conn) == Dialect::Postgres {
        only_by_index(conn).await?;
        let mut scans = scans.to_vec();
        scans.sort_unstable();
        // One look for each. For a join in that order the planner walked all jobs.
        let sql = "SELECT (SELECT job.scan_id FROM job WHERE job.scan_id = s.id FOR UPDATE) \
             FROM json_array_elements_text(CAST($1 AS json)) AS s (id)";
        sqlx::query(sql).bind(serde_json::to_string(&scans)?).fetch_all(conn).await?;
    }
    Ok(())
}

/// How a job stood when its run ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum JobState {
    Running,
    Cancelled,
}

/// Takes out the jobs whose runs ended, given as scan and run; answers how each run's stood. None for a run whose lease ran
/// out, or whose scan is another run's.
pub(super) async fn end(
    conn: &mut AnyConnection,
    now: i64,
    runs: impl Iterator<Item = (Uuid, Uuid)>,
) -> Result<HashMap<Uuid, JobState>, StoreError> {
    let runs: Vec<RunRow<Uuid>> = runs.map(|(scan_id, run_id)| RunRow { scan_id, run_id }).collect();
    lock(conn, &runs.iter().map(|run| run.scan_id).collect::<Vec<_>>()).await?;
    let dialect = Dialect::of(conn);
    let (ended, is_run) = (rows(dialect, RUN), is_run(dialect));
    let delete = match dialect {
        Dialect::Sqlite => format!("DELETE FROM job WHERE (scan_id, run_id) IN (SELECT scan_id, run_id FROM {ended})"),
        Dialect::Postgres => format!("DELETE FROM job USING {ended} WHERE {is_run}"),
    };
    let sql = format!("{delete} AND job.lease_until + 0 > $2 RETURNING job.run_id, job.state");
    let ended = over(sql, &runs)?.bind(now).fetch_all(conn).await?;
    let state = |row: &AnyRow| {
        let is_cancelled = row.try_get::<String, _>(1)? == "cancelled";
        let state = if is_cancelled { JobState::Cancelled } else { JobState::Running };
        Ok((parsed(&row.try_get::<String, _>(0)?, "run id")?, state))
    };
    ended.iter().map(state).collect()
}

/// Ends every lease at once: their process is known to be dead.
pub async fn end_all_leases(conn: &mut AnyConnection) -> Result<(), StoreError> {
    sqlx::query("UPDATE job SET lease_until = 0 WHERE lease_until IS NOT NULL").execute(conn).await?;
    Ok(())
}

/// What a sweep found.
#[derive(Debug, Default, PartialEq, Eq)]
pub struct Swept {
    /// The scans whose run was lost.
    pub scans: Vec<Uuid>,
    /// Of these the ones that were lost too often and have failed.
    pub failed: Vec<ScanType>,
}

/// Takes scans back whose lease ran out.
pub async fn sweep(conn: &mut AnyConnection, now: i64) -> Result<Swept, StoreError> {
    let sql = Dialect::of(conn).pick(
        "SELECT scan_id, run_id, lost FROM job WHERE lease_until <= $1 ORDER BY scan_id",
        "SELECT scan_id, run_id, lost FROM job WHERE lease_until <= $1 ORDER BY scan_id \
         FOR UPDATE SKIP LOCKED",
    );
    let rows = sqlx::query(sql).bind(now).fetch_all(&mut *conn).await?;
    let mut swept = Swept::default();
    let mut moves = Moves::default();
    for row in rows {
        let (scan_id, run_id): (String, String) = (row.try_get("scan_id")?, row.try_get("run_id")?);
        let lost: i64 = row.try_get::<i64, _>("lost")? + 1;
        if lost > REPEATS {
            let back = Back { scan_id: &scan_id, run_id: &run_id, now, eligible_at: 0, lost };
            swept.failed.extend(fail_lost(conn, &back, &mut moves).await?);
        } else {
            let wait = if lost < WAIT_FROM { 0 } else { (1000 << lost).min(LONGEST_WAIT_MS) };
            put_back(
                conn,
                &Back { scan_id: &scan_id, run_id: &run_id, now, eligible_at: now + wait, lost },
                &mut moves,
            )
            .await?;
        }
        swept.scans.push(parsed(&scan_id, "scan id")?);
    }
    moves.write(conn).await?;
    Ok(swept)
}

/// Gives runs back at an orderly stop: it does not count as a loss.
pub async fn give_back(conn: &mut AnyConnection, now: i64, runs: &[(Uuid, Uuid)]) -> Result<(), StoreError> {
    let mut runs = runs.to_vec();
    runs.sort_unstable();
    let mut moves = Moves::default();
    for (scan_id, run_id) in runs {
        let (scan_id, run_id) = (scan_id.to_string(), run_id.to_string());
        let lost = sqlx::query_scalar("SELECT lost FROM job WHERE scan_id = $1 AND run_id = $2");
        let lost: Option<i64> = lost.bind(&scan_id).bind(&run_id).fetch_optional(&mut *conn).await?;
        if let Some(lost) = lost {
            put_back(conn, &Back { scan_id: &scan_id, run_id: &run_id, now, eligible_at: 0, lost }, &mut moves).await?;
        }
    }
    moves.write(conn).await
}

struct Back<'a> {
    scan_id: &'a str,
    run_id: &'a str,
    now: i64,
    eligible_at: i64,
    lost: i64,
}

/// Puts a run's scan back into the queue; one that was cancelled is sealed instead.
async fn put_back(conn: &mut AnyConnection, back: &Back<'_>, moves: &mut Moves) -> Result<(), StoreError> {
    let sql = "UPDATE job SET state = 'queued', run_id = NULL, addresses = NULL, lease_until = NULL, eligible_at = $3, lost = $4 \
         WHERE scan_id = $1 AND run_id = $2 AND state = 'running'";
    let query = sqlx::query(sql).bind(back.scan_id).bind(back.run_id).bind(back.eligible_at).bind(back.lost);
    if query.execute(&mut *conn).await?.rows_affected() == 0 {
        return seal(conn, back).await;
    }
    let sql = "UPDATE scan SET status = 'queued', progress = 0, started_at = NULL, attempts = attempts + 1 \
         WHERE id = $1 AND status = 'running'";
    sqlx::query(sql).bind(back.scan_id).execute(&mut *conn).await?;
    if let Some(scan) = scan::by_id(conn, back.scan_id).await? {
        moves.note(&Cell::of(&scan).with(ScanStatus::Running), ScanStatus::Queued);
        scan_move::tell(conn, back.now, &[&scan]).await?;
    }
    Ok(())
}

async fn seal(conn: &mut AnyConnection, back: &Back<'_>) -> Result<(), StoreError> {
    let sql = "DELETE FROM job WHERE scan_id = $1 AND run_id = $2 AND state = 'cancelled'";
    let gone = sqlx::query(sql).bind(back.scan_id).bind(back.run_id).execute(&mut *conn).await?;
    if gone.rows_affected() > 0 {
        let sql = "UPDATE scan SET sealed_at = $2 WHERE id = $1 AND status = 'cancelled'";
        sqlx::query(sql).bind(back.scan_id).bind(back.now).execute(&mut *conn).await?;
        if let Some(scan) = scan::by_id(conn, back.scan_id).await? {
            scan_move::tell(conn, back.now, &[&scan]).await?;
        }
    }
    Ok(())
}

/// Fails a scan that was lost too often, and answers its type; one that was cancelled is sealed instead.
async fn fail_lost(
    conn: &mut AnyConnection,
    back: &Back<'_>,
    moves: &mut Moves,
) -> Result<Option<ScanType>, StoreError> {
    let (scan_id, now) = (back.scan_id, back.now);
    let sql = "DELETE FROM job WHERE scan_id = $1 AND run_id = $2 AND state = 'running'";
    let query = sqlx::query(sql).bind(scan_id).bind(back.run_id);
    if query.execute(&mut *conn).await?.rows_affected() == 0 {
        seal(conn, back).await?;
        return Ok(None);
    }
    let failure = Failure {
        reason: FailureReason::WorkerLost,
        message: format!("the worker was lost {} times while it ran this scan", REPEATS + 1),
        last_lines: Vec::new(),
    };
    let sql = "UPDATE scan SET status = 'failed', completed_at = $2, failure = $3, summary = $4 WHERE id = $1 AND status = 'running'";
    sqlx::query(sql)
        .bind(scan_id)
        .bind(now)
        .bind(serde_json::to_string(&failure)?)
        .bind(serde_json::to_string(&Summary::default())?)
        .execute(&mut *conn)
        .await?;
    let Some(scan) = scan::by_id(conn, scan_id).await? else { return Ok(None) };
    moves.note(&Cell::of(&scan).with(ScanStatus::Running), ScanStatus::Failed);
    scan_move::tell(conn, now, &[&scan]).await?;
    Ok(Some(scan.scan_type))
}

/// What became of a cancel.
#[derive(Debug, Clone, PartialEq)]
pub enum Cancel {
    Cancelled(Box<ScanRecord>),
    /// It had ended so before.
    Already(ScanStatus),
    NotFound,
}

/// Cancels a scan that is not over. Whichever of this and the end of the run commits first wins.
pub async fn cancel(
    conn: &mut AnyConnection,
    tenant_id: &str,
    id: Uuid,
    scan_type: ScanType,
    now: i64,
) -> Result<Cancel, StoreError> {
    let id_text = id.to_string();
    let sql = "UPDATE job SET state = 'cancelled' WHERE scan_id = $1 AND tenant_id = $2 AND scan_type = $3 \
         AND state IN ('queued', 'running') RETURNING run_id";
    let query = sqlx::query_scalar(sql).bind(&id_text).bind(tenant_id).bind(scan_type.as_str());
    let run: Option<Option<String>> = query.fetch_optional(&mut *conn).await?;
    let Some(run) = run else {
        let scan = scan::get(conn, tenant_id, id, scan_type).await?;
        return Ok(scan.map_or(Cancel::NotFound, |scan| Cancel::Already(scan.status)));
    };
    // Without a run there is nothing to wait for.
    let was_queued = run.is_none();
    if was_queued {
        sqlx::query("DELETE FROM job WHERE scan_id = $1").bind(&id_text).execute(&mut *conn).await?;
    }
    let sql = "UPDATE scan SET status = 'cancelled', completed_at = $2, sealed_at = $3, summary = $4 WHERE id = $1";
    sqlx::query(sql)
        .bind(&id_text)
        .bind(now)
        .bind(was_queued.then_some(now))
        .bind(serde_json::to_string(&Summary::default())?)
        .execute(&mut *conn)
        .await?;
    let Some(scan) = scan::get(conn, tenant_id, id, scan_type).await? else { return Ok(Cancel::NotFound) };
    let from = if was_queued { ScanStatus::Queued } else { ScanStatus::Running };
    let mut moves = Moves::default();
    moves.note(&Cell::of(&scan).with(from), ScanStatus::Cancelled);
    scan_move::tell(conn, now, &[&scan]).await?;
    moves.write(conn).await?;
    Ok(Cancel::Cancelled(Box::new(scan)))
}

/// A queued scan's place among its tenant's own, from 1, counted up to `most`.
pub async fn position(conn: &mut AnyConnection, scan: &ScanRecord, most: u32) -> Result<u32, StoreError> {
    let urgent = "SELECT CAST(COALESCE(SUM(scans), 0) AS BIGINT) FROM scan_count WHERE tenant_id = $1 AND status = 'queued' AND priority < $2";
    let rank = scan::rank(scan.priority);
    let urgent: i64 = sqlx::query_scalar(urgent).bind(&scan.tenant_id).bind(rank).fetch_one(&mut *conn).await?;
    let older = scan_list::older(conn, scan, u64::from(most)).await? as i64;
    Ok(u32::try_from(urgent.max(0) + older + 1).unwrap_or(most).min(most))
}

/// Notes the addresses that a run was checked against.
pub async fn set_addresses(
    conn: &mut AnyConnection,
    run_id: Uuid,
    scan_id: Uuid,
    addresses: &str,
) -> Result<bool, StoreError> {
    let sql = "UPDATE job SET addresses = $3 WHERE scan_id = $1 AND run_id = $2";
    let query = sqlx::query(sql).bind(scan_id.to_string()).bind(run_id.to_string()).bind(addresses);
    Ok(query.execute(conn).await?.rows_affected() > 0)
}
