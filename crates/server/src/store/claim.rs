//! Claiming: which scan runs next.
//!
//! Priority, then the tenant served least recently, then age, under the caps per tenant and per host, of what the worker's
//! labels and engines take. The backlog is never sorted: the turns are few, and each tenant's jobs lie in their order, lane by
//! lane, in an index.

use super::rows::{Columns, over, rows};
use super::scan::{self, ScanRecord};
use super::scan_count::{Cell, Moves};
use super::{Dialect, StoreError, scan_move};
use scanyard_contract::{ScanStatus, ScanType};
use scanyard_engines::policy::Policy;
use serde::Serialize;
use sqlx::AnyConnection;
use std::collections::{BTreeMap, BTreeSet, HashMap};
use uuid::Uuid;

/// What a worker asks for.
#[derive(Debug, Clone)]
pub struct Claim {
    pub now: i64,
    /// Engines that the worker has.
    pub scan_types: Vec<ScanType>,
    /// Labels that the worker has.
    pub labels: Vec<String>,
    /// How many scans it has room for.
    pub limit: usize,
    pub lease_ms: i64,
    /// The most scans of a tenant that run at once.
    pub per_tenant: i64,
    /// The most scans of a host that run at once.
    pub per_host: i64,
}

/// A scan that is the worker's now, under this run's id.
#[derive(Debug, Clone)]
pub struct Claimed {
    pub scan: ScanRecord,
    pub run_id: Uuid,
    /// The tenant's target policy.
    pub policy: Policy,
    /// Credentials for the target, sealed.
    pub auth: Option<String>,
}

/// Claims are taken one worker at a time on PostgreSQL, so that the caps hold on any number of nodes; the number is ours alone.
/// In this transaction the planner may only read by an index, in its order: going by estimates it preferred to read and sort
/// the backlog, and to compile a statement that runs for less than a millisecond.
const BEGIN_POSTGRES: &str = "SELECT CAST(pg_advisory_xact_lock(7316025) AS text), set_config('enable_sort', 'off', true), \
     set_config('enable_incremental_sort', 'off', true), set_config('enable_bitmapscan', 'off', true), \
     set_config('enable_seqscan', 'off', true), set_config('jit', 'off', true)";

/// Turns read at one time.
const TURNS: i64 = 256;

/// How many jobs of one lane of one tenant and priority a claim looks through while some host is at its cap. Without a bound
/// each claim would walk the whole backlog of a tenant that scans one host; with it, that tenant's later jobs wait.
const LOOK_AHEAD: i64 = 1000;

/// A tenant's place at a priority; ordered as it is served.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
struct Turn {
    priority: i64,
    served_at: i64,
    tenant_id: String,
}

/// The runs that go on. Those of cancelled scans count until they are sealed: their processes may still be there.
#[derive(Default)]
struct Running {
    tenants: HashMap<String, i64>,
    hosts: HashMap<String, i64>,
}

impl Running {
    async fn read(conn: &mut AnyConnection) -> Result<Running, StoreError> {
        // Only a run has a lease. Without statistics SQLite uses the index for a range, not for IS NOT NULL.
        let sql = "SELECT tenant_id, host FROM job WHERE lease_until >= 0";
        let rows: Vec<(String, String)> = sqlx::query_as(sql).fetch_all(conn).await?;
        let mut running = Running::default();
        rows.into_iter().for_each(|(tenant_id, host)| running.add(tenant_id, host));
        Ok(running)
    }

    fn add(&mut self, tenant_id: String, host: String) {
        *self.tenants.entry(tenant_id).or_insert(0) += 1;
        *self.hosts.entry(host).or_insert(0) += 1;
    }
}

/// Claims up to `limit` scans.
pub async fn claim(conn: &mut AnyConnection, claim: &Claim) -> Result<Vec<Claimed>, StoreError> {
    let dialect = Dialect::of(conn);
    if dialect == Dialect::Postgres {
        sqlx::query(BEGIN_POSTGRES).execute(&mut *conn).await?;
    }
    let mut last = None;
    let mut turns = next_turns(conn, &mut last).await?;
    if turns.is_empty() {
        return Ok(Vec::new());
    }
    let lanes = [serde_json::to_string(&claim.labels)?, serde_json::to_string(&claim.scan_types)?];
    let mut running = Running::read(conn).await?;
    let (mut taken, mut served) = (Vec::new(), Served::default());
    while taken.len() < claim.limit {
        if turns.is_empty() {
            turns = next_turns(conn, &mut last).await?;
        }
        let Some(turn) = turns.pop_first() else { break };
        if running.tenants.get(&turn.tenant_id).is_some_and(|runs| *runs >= claim.per_tenant) {
            continue;
        }
        let Some(job) = take_oldest(conn, claim, &turn, &lanes, &running).await? else { continue };
        running.add(turn.tenant_id.clone(), job.host.clone());
        turns.insert(served.note(conn, turn, claim.now).await?);
        taken.push(job);
    }
    served.write(conn).await?;
    let claimed = start(conn, taken, claim.now).await?;
    let started: Vec<&ScanRecord> = claimed.iter().map(|claimed| &claimed.scan).collect();
    scan_move::tell(conn, claim.now, &started).await?;
    let mut moves = Moves::default();
    started.iter().for_each(|scan| moves.note(&Cell::of(scan).with(ScanStatus::Queued), ScanStatus::Running));
    moves.write(conn).await?;
    Ok(claimed)
}

/// The turns after `last`, in order, of tenants with anything in the queue.
async fn next_turns(conn: &mut AnyConnection, last: &mut Option<Turn>) -> Result<BTreeSet<Turn>, StoreError> {
    let after = last.take().unwrap_or(Turn { priority: -1, served_at: 0, tenant_id: String::new() });
    let rows: Vec<(i64, i64, String)> = sqlx::query_as(Dialect::of(conn).pick(TURNS_SQLITE, TURNS_POSTGRES))
        .bind(after.priority)
        .bind(after.served_at)
        .bind(&after.tenant_id)
        .bind(TURNS)
        .fetch_all(conn)
        .await?;
    let turns = rows.into_iter().map(|(priority, served_at, tenant_id)| Turn { priority, served_at, tenant_id });
    let turns: BTreeSet<Turn> = turns.collect();
    *last = Some(turns.last().cloned().unwrap_or(after));
    Ok(turns)
}

struct Taken {
    scan_id: String,
    run_id: Uuid,
    host: String,
    auth: Option<String>,
}

// The jobs of a turn in the order of the index `job_to_claim`, and those of one lane (label and engine) of a turn in the order
// of `job_of_lane`. SQLite seeks by equal signs (by a range it walks the backlog: measured, 800 ms of 73,000 jobs). PostgreSQL
// with equal signs alone takes the primary key for the order and walks the backlog (500 ms of 37,000), and a range of rows it
// ends at the first column only (13 ms for each turn without jobs, of 70,000); a range of the last column but one, of one
// value, leaves it one index and is ended at once (2 us).
macro_rules! jobs_sqlite {
    () => {
        "FROM job j WHERE j.state = 'queued' AND j.priority = t.priority AND j.tenant_id = t.tenant_id "
    };
}
macro_rules! jobs_postgres {
    () => {
        "FROM job j WHERE j.state = 'queued' AND j.priority = t.priority AND j.tenant_id >= t.tenant_id \
         AND j.tenant_id <= t.tenant_id "
    };
}
macro_rules! turns {
    ($jobs:ident) => {
        concat!(
            "SELECT t.priority, t.served_at, t.tenant_id FROM turn t WHERE (t.priority, t.served_at, t.tenant_id) > ($1, $2, $3) \
             AND (SELECT j.scan_id ", $jobs!(), "ORDER BY j.state, j.priority, j.tenant_id, j.scan_id LIMIT 1) IS NOT NULL \
             ORDER BY t.priority, t.served_at, t.tenant_id LIMIT +$4"
        )
    };
}
macro_rules! lane_sqlite {
    () => {
        "FROM job j WHERE j.priority = $1 AND j.tenant_id = $2 AND j.label = l.value AND j.scan_type = t.value \
         AND j.state = 'queued' "
    };
}
macro_rules! lane_postgres {
    () => {
        "FROM job j WHERE j.priority = $1 AND j.tenant_id = $2 AND j.label = l.value AND j.scan_type >= t.value \
         AND j.scan_type <= t.value AND j.state = 'queued' "
    };
}
// A lane's oldest job; where some hosts are at their cap, among its first ones.
macro_rules! oldest {
    ($lane:ident) => {
        concat!(
            "SELECT j.scan_id ",
            $lane!(),
            "AND j.eligible_at <= $7 \
             ORDER BY j.priority, j.tenant_id, j.label, j.scan_type, j.scan_id LIMIT 1"
        )
    };
    ($lane:ident, $hosts:literal) => {
        concat!(
            "SELECT MIN(first.scan_id) FROM (SELECT j.scan_id, j.host, j.eligible_at ",
            $lane!(),
            "ORDER BY j.priority, j.tenant_id, j.label, j.scan_type, j.scan_id LIMIT +$9) AS first \
             WHERE first.eligible_at <= $7 AND first.host NOT IN (",
            $hosts,
            ")"
        )
    };
}
// The lanes of a worker are few: the oldest job of all of them is their least id.
macro_rules! take {
    ($lanes:literal, $lock:literal, $($oldest:tt)+) => {
        concat!(
            "UPDATE job SET state = 'running', run_id = $5, lease_until = $6 WHERE state = 'queued' AND scan_id = \
             (SELECT MIN(lane.scan_id) FROM (SELECT (", oldest!($($oldest)+), $lock, ") AS scan_id FROM ", $lanes, ") AS lane) \
             RETURNING scan_id, host, auth"
        )
    };
}
macro_rules! take_sqlite {
    ($($oldest:tt)+) => {
        take!("json_each($3) AS l, json_each($4) AS t", "", $($oldest)+)
    };
}
macro_rules! take_postgres {
    ($lock:literal, $($oldest:tt)+) => {
        take!(
            "json_array_elements_text(CAST($3 AS json)) AS l (value), json_array_elements_text(CAST($4 AS json)) AS t (value)",
            $lock,
            $($oldest)+
        )
    };
}

const TURNS_SQLITE: &str = turns!(jobs_sqlite);
const TURNS_POSTGRES: &str = turns!(jobs_postgres);
const TAKE_SQLITE: &str = take_sqlite!(lane_sqlite);
const TAKE_POSTGRES: &str = take_postgres!(" FOR UPDATE SKIP LOCKED", lane_postgres);
const TAKE_BESIDE_SQLITE: &str = take_sqlite!(lane_sqlite, "SELECT value FROM json_each($8)");
const TAKE_BESIDE_POSTGRES: &str =
    take_postgres!("", lane_postgres, "SELECT json_array_elements_text(CAST($8 AS json))");

/// Gives the oldest job of this turn that may run to a new run, in one guarded statement.
async fn take_oldest(
    conn: &mut AnyConnection,
    claim: &Claim,
    turn: &Turn,
    lanes: &[String; 2],
    running: &Running,
) -> Result<Option<Taken>, StoreError> {
    let full = running.hosts.iter().filter(|(_, runs)| **runs >= claim.per_host);
    let full: Vec<&str> = full.map(|(host, _)| host.as_str()).collect();
    let dialect = Dialect::of(conn);
    let sql = if full.is_empty() {
        dialect.pick(TAKE_SQLITE, TAKE_POSTGRES)
    } else {
        dialect.pick(TAKE_BESIDE_SQLITE, TAKE_BESIDE_POSTGRES)
    };
    let run_id = Uuid::now_v7();
    let [labels, types] = lanes;
    let mut query = sqlx::query_as(sql)
        .bind(turn.priority)
        .bind(&turn.tenant_id)
        .bind(labels)
        .bind(types)
        .bind(run_id.to_string())
        .bind(claim.now + claim.lease_ms)
        .bind(claim.now);
    if !full.is_empty() {
        query = query.bind(serde_json::to_string(&full)?).bind(LOOK_AHEAD);
    }
    let row: Option<(String, String, Option<String>)> = query.fetch_optional(conn).await?;
    Ok(row.map(|(scan_id, host, auth)| Taken { scan_id, run_id, host, auth }))
}

/// Turns that were served in this claim; nobody else serves any meanwhile.
#[derive(Default)]
struct Served {
    /// The last turn of each priority.
    last: HashMap<i64, i64>,
    turns: BTreeMap<(i64, String), i64>,
}

const TURN: Columns = &[("priority", "bigint"), ("tenant_id", "text"), ("served_at", "bigint")];

#[derive(Serialize)]
struct TurnRow<'a> {
    priority: i64,
    tenant_id: &'a str,
    served_at: i64,
}

impl Served {
    /// Puts the tenant behind all others of the priority, also when several are served in one millisecond.
    async fn note(&mut self, conn: &mut AnyConnection, turn: Turn, now: i64) -> Result<Turn, StoreError> {
        let last = match self.last.get(&turn.priority) {
            Some(last) => *last,
            None => {
                let sql = "SELECT COALESCE(MAX(served_at), 0) FROM turn WHERE priority = $1";
                sqlx::query_scalar(sql).bind(turn.priority).fetch_one(conn).await?
            }
        };
        let served_at = now.max(last + 1);
        self.last.insert(turn.priority, served_at);
        self.turns.insert((turn.priority, turn.tenant_id.clone()), served_at);
        Ok(Turn { served_at, ..turn })
    }

    async fn write(self, conn: &mut AnyConnection) -> Result<(), StoreError> {
        let turns = self.turns.iter();
        let values: Vec<TurnRow<'_>> = turns
            .map(|((priority, tenant_id), served_at)| TurnRow { priority: *priority, tenant_id, served_at: *served_at })
            .collect();
        if values.is_empty() {
            return Ok(());
        }
        let sql = format!(
            "UPDATE turn SET served_at = r.served_at FROM {} WHERE turn.priority = r.priority AND turn.tenant_id = r.tenant_id",
            rows(Dialect::of(conn), TURN)
        );
        over(sql, &values)?.execute(conn).await?;
        Ok(())
    }
}

/// Starts what was taken.
async fn start(conn: &mut AnyConnection, taken: Vec<Taken>, now: i64) -> Result<Vec<Claimed>, StoreError> {
    if taken.is_empty() {
        return Ok(Vec::new());
    }
    let ids: Vec<&str> = taken.iter().map(|job| job.scan_id.as_str()).collect();
    let sql = Dialect::of(conn).pick(
        "UPDATE scan SET status = 'running', started_at = $2, progress = 0 WHERE status = 'queued' AND id IN (SELECT value FROM json_each($1))",
        "UPDATE scan SET status = 'running', started_at = $2, progress = 0 WHERE status = 'queued' AND id IN (SELECT json_array_elements_text(CAST($1 AS json)))",
    );
    sqlx::query(sql).bind(serde_json::to_string(&ids)?).bind(now).execute(&mut *conn).await?;
    let mut scans = scan::by_ids(conn, &ids).await?;
    let mut policies = HashMap::new();
    let mut claimed = Vec::with_capacity(taken.len());
    for Taken { scan_id, run_id, auth, .. } in taken {
        let scan = scans.remove(&scan_id);
        let scan = scan.ok_or_else(|| StoreError::Bug(format!("job {scan_id} has no scan")))?;
        let policy = match policies.get(&scan.tenant_id) {
            Some(policy) => Policy::clone(policy),
            None => {
                let policy = policy(conn, &scan.tenant_id).await?;
                policies.insert(scan.tenant_id.clone(), policy.clone());
                policy
            }
        };
        claimed.push(Claimed { scan, run_id, policy, auth });
    }
    Ok(claimed)
}

async fn policy(conn: &mut AnyConnection, tenant_id: &str) -> Result<Policy, StoreError> {
    let sql = "SELECT policy FROM tenant WHERE id = $1";
    let policy: String = sqlx::query_scalar(sql).bind(tenant_id).fetch_one(conn).await?;
    Ok(serde_json::from_str(&policy)?)
}
