//! Claiming: which scan runs next.
//!
//! Priority, then the tenant served least recently, then age, under the caps per tenant and per host, of what the worker's
//! labels and engines take. The backlog is never sorted: the turns are few, and each tenant's jobs lie in their order, lane by
//! lane, in an index.

use super::job::{RUN, RunRow};
use super::rows::{Columns, among, is, only_by_index, over, rows};
use super::scan::{self, ScanRecord};
use super::scan_count::{Cell, Moves};
use super::{Dialect, StoreError, advisory, scan_move};
use scanyard_contract::{ScanStatus, ScanType};
use scanyard_engines::policy::Policy;
use serde::Serialize;
use sqlx::{AnyConnection, Row as _};
use std::collections::hash_map::Entry;
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

    fn is_full(&self, host: &str, claim: &Claim) -> bool {
        self.hosts.get(host).is_some_and(|runs| *runs >= claim.per_host)
    }

    fn full_hosts(&self, claim: &Claim) -> Vec<&str> {
        self.hosts.iter().filter(|(_, runs)| **runs >= claim.per_host).map(|(host, _)| host.as_str()).collect()
    }
}

/// Claims up to `limit` scans.
pub async fn claim(conn: &mut AnyConnection, claim: &Claim) -> Result<Vec<Claimed>, StoreError> {
    if Dialect::of(conn) == Dialect::Postgres {
        sqlx::query(advisory::CLAIM).execute(&mut *conn).await?;
    }
    only_by_index(conn).await?;
    let mut taken = Vec::new();
    let mut running = None;
    while taken.len() < claim.limit {
        let (chosen, served) = choose(conn, claim, &mut running, claim.limit - taken.len()).await?;
        if chosen.is_empty() {
            break;
        }
        served.write(conn).await?;
        taken.extend(take(conn, claim, chosen).await?);
    }
    let claimed = start(conn, taken, claim.now).await?;
    let started: Vec<&ScanRecord> = claimed.iter().map(|claimed| &claimed.scan).collect();
    scan_move::tell(conn, claim.now, &started).await?;
    let mut moves = Moves::default();
    started.iter().for_each(|scan| moves.note(&Cell::of(scan).with(ScanStatus::Queued), ScanStatus::Running));
    moves.write(conn).await?;
    Ok(claimed)
}

/// The next jobs in the order that they are served in, at most `room`; fewer while there are more, when only another look
/// tells which comes next. None: nothing that waits may run here now.
async fn choose(
    conn: &mut AnyConnection,
    claim: &Claim,
    running: &mut Option<Running>,
    room: usize,
) -> Result<(Vec<Chosen>, Served), StoreError> {
    let (mut chosen, mut served, mut last) = (Vec::new(), Served::default(), None);
    let mut turns = next_turns(conn, &mut last).await?;
    if turns.is_empty() {
        return Ok((chosen, served));
    }
    let running = match running {
        Some(running) => running,
        None => running.insert(Running::read(conn).await?),
    };
    let mut pages: HashMap<(i64, String), Page> = HashMap::new();
    while chosen.len() < room {
        if turns.is_empty() {
            turns = next_turns(conn, &mut last).await?;
        }
        let Some(turn) = turns.pop_first() else { break };
        if running.tenants.get(&turn.tenant_id).is_some_and(|runs| *runs >= claim.per_tenant) {
            continue;
        }
        let page = match pages.entry((turn.priority, turn.tenant_id.clone())) {
            Entry::Occupied(page) => page.into_mut(),
            Entry::Vacant(place) => {
                let equals = 1 + turns.iter().take_while(|other| other.priority == turn.priority).count();
                place.insert(Page::read(conn, claim, &turn, running, room.div_ceil(equals)).await?)
            }
        };
        match page.jobs.find(|job| !running.is_full(&job.host, claim)) {
            Some(job) => {
                running.add(turn.tenant_id.clone(), job.host.clone());
                turns.insert(served.note(conn, turn, claim.now).await?);
                chosen.push(job);
            }
            // Those that are served after it must not go before what may still be its own.
            None if page.is_full => break,
            None => {}
        }
    }
    Ok((chosen, served))
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

// The jobs of a turn, and those of one lane (label and engine) of a turn, in the order of the index `job_of_lane`, which holds only
// what waits. SQLite seeks by equal signs (by a range it walks the backlog: measured, 800 ms of 73,000 jobs). PostgreSQL with equal
// signs alone takes the primary key for the order and walks the backlog (500 ms of 37,000), and a range of rows it ends at the
// first column only (13 ms for each turn without jobs, of 70,000); a range of one column, of one value, leaves it one index and is
// ended at once (2 us).
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
             AND (SELECT j.scan_id ", $jobs!(), "ORDER BY j.priority, j.tenant_id, j.label, j.scan_type, j.scan_id LIMIT 1) IS NOT NULL \
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
// The first jobs of each lane of a turn as one JSON text; `$6` of a lane are looked at, and `$8` given.
macro_rules! page {
    ($lane:ident, $texts:literal, $lanes:literal, $hosts:literal) => {
        concat!(
            "SELECT (SELECT CAST(", $texts, " AS text) FROM (SELECT seen.scan_id, seen.host FROM (SELECT j.scan_id, j.host ",
            $lane!(),
            "AND j.eligible_at <= $5 ORDER BY j.priority, j.tenant_id, j.label, j.scan_type, j.scan_id LIMIT +$6) AS seen \
             WHERE seen.host NOT IN (", $hosts, ") ORDER BY seen.scan_id LIMIT +$8) AS first) FROM ", $lanes
        )
    };
}

const TURNS_SQLITE: &str = turns!(jobs_sqlite);
const TURNS_POSTGRES: &str = turns!(jobs_postgres);
const PAGE_SQLITE: &str = page!(
    lane_sqlite,
    "json_group_array(json_array(first.scan_id, first.host))",
    "json_each($3) AS l, json_each($4) AS t",
    "SELECT value FROM json_each($7)"
);
const PAGE_POSTGRES: &str = page!(
    lane_postgres,
    "json_agg(json_build_array(first.scan_id, first.host))",
    "json_array_elements_text(CAST($3 AS json)) AS l (value), json_array_elements_text(CAST($4 AS json)) AS t (value)",
    "SELECT json_array_elements_text(CAST($7 AS json))"
);

/// A job that is to run.
struct Chosen {
    scan_id: String,
    host: String,
}

/// The first jobs of a turn that may run, the oldest first.
struct Page {
    jobs: std::vec::IntoIter<Chosen>,
    /// Whether there may be more behind them.
    is_full: bool,
}

impl Page {
    async fn read(
        conn: &mut AnyConnection,
        claim: &Claim,
        turn: &Turn,
        running: &Running,
        size: usize,
    ) -> Result<Page, StoreError> {
        let full = running.full_hosts(claim);
        let look_at = if full.is_empty() { size as i64 } else { LOOK_AHEAD.max(size as i64) };
        let lanes: Vec<Option<String>> = sqlx::query_scalar(Dialect::of(conn).pick(PAGE_SQLITE, PAGE_POSTGRES))
            .bind(turn.priority)
            .bind(&turn.tenant_id)
            .bind(serde_json::to_string(&claim.labels)?)
            .bind(serde_json::to_string(&claim.scan_types)?)
            .bind(claim.now)
            .bind(look_at)
            .bind(serde_json::to_string(&full)?)
            .bind(size as i64)
            .fetch_all(conn)
            .await?;
        let mut jobs = Vec::new();
        for lane in lanes.iter().flatten() {
            let lane: Vec<(String, String)> = serde_json::from_str(lane)?;
            jobs.extend(lane.into_iter().map(|(scan_id, host)| Chosen { scan_id, host }));
        }
        jobs.sort_unstable_by(|a, b| a.scan_id.cmp(&b.scan_id));
        jobs.truncate(size);
        Ok(Page { is_full: jobs.len() == size, jobs: jobs.into_iter() })
    }
}

struct Taken {
    scan_id: String,
    run_id: Uuid,
    auth: Option<String>,
}

/// Gives jobs to new runs, each unless it was cancelled meanwhile. By the bare state, the databases would look through the
/// whole queue.
async fn take(conn: &mut AnyConnection, claim: &Claim, chosen: Vec<Chosen>) -> Result<Vec<Taken>, StoreError> {
    let values: Vec<RunRow<&str>> =
        chosen.iter().map(|job| RunRow { scan_id: job.scan_id.as_str(), run_id: Uuid::now_v7() }).collect();
    let dialect = Dialect::of(conn);
    let sql = format!(
        "UPDATE job SET state = 'running', run_id = r.run_id, lease_until = $2 FROM {} \
         WHERE {} AND job.state || '' = 'queued' RETURNING job.scan_id, job.auth",
        rows(dialect, RUN),
        is(dialect, "job.scan_id", "r.scan_id")
    );
    let query = over(sql, &values)?.bind(claim.now + claim.lease_ms);
    let mut auths = HashMap::new();
    for row in query.fetch_all(conn).await? {
        auths.insert(row.try_get::<String, _>(0)?, row.try_get::<Option<String>, _>(1)?);
    }
    let taken = values.iter().filter_map(|RunRow { scan_id, run_id }| {
        let (scan_id, auth) = auths.remove_entry(*scan_id)?;
        Some(Taken { scan_id, run_id: *run_id, auth })
    });
    Ok(taken.collect())
}

/// Turns that were served; nobody else serves any meanwhile.
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
    let sql = format!(
        "UPDATE scan SET status = 'running', started_at = $2, progress = 0 WHERE status || '' = 'queued' AND id IN {}",
        among(Dialect::of(conn), "$1")
    );
    over(sql, &ids)?.bind(now).execute(&mut *conn).await?;
    // Not `RETURNING`: SQLite keeps such rows aside first, which takes longer than to look them up.
    let mut scans = scan::by_ids(conn, &ids).await?;
    let mut policies = HashMap::new();
    let mut claimed = Vec::with_capacity(taken.len());
    for Taken { scan_id, run_id, auth } in taken {
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
