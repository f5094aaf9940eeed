//! Submissions, set-based: the number of statements does not grow with the number of scans.

use super::audit::{self, AuditRecord};
use super::idempotency::{self, NewIdempotency, StoredAnswer};
use super::rows::{Inserts, Value, bind_arrays, over, rows, unnested};
use super::scan::{ScanRecord, rank};
use super::{Dialect, StoreError, kafka_message, quota_use, scan_count};
use serde::Serialize;
use sqlx::{AnyConnection, Row as _};
use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::sync::LazyLock;

/// A scan to store.
#[derive(Debug, Clone)]
pub struct NewScan {
    pub scan: ScanRecord,
    /// The host that the scan loads, for the cap per host.
    pub host: String,
    /// Start of the month that the quota unit belongs to.
    pub month_at: i64,
    /// The tenant's monthly quota.
    pub quota: Option<u64>,
    /// Credentials for the target, sealed; kept beside the job, and gone with it.
    pub auth: Option<String>,
    /// Kept with the scan, so that a repeat finds the answer.
    pub idempotency: Option<NewIdempotency>,
    /// Written with the scan: that a consent was given.
    pub audit: Option<AuditRecord>,
}

impl NewScan {
    /// A scan of which nothing else is asked: no quota, no credentials, no repeat, nothing for the audit log.
    pub fn of(scan: ScanRecord, host: String) -> NewScan {
        NewScan { scan, host, month_at: 0, quota: None, auth: None, idempotency: None, audit: None }
    }
}

/// What became of a submission.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Submitted {
    Stored,
    QuotaExceeded,
    /// The same request was answered before; nothing was stored now.
    Replay(StoredAnswer),
    /// The idempotency key belongs to another request.
    KeyReused,
}

/// Stores the scans; after an error the transaction is to be rolled back, whatever of them went in.
pub async fn together(conn: &mut AnyConnection, scans: &[NewScan]) -> Result<Vec<Submitted>, StoreError> {
    let first = first_of_keys(scans);
    let mut outcomes = claim_keys(conn, scans, &first).await?;
    let unlimited = take_quota(conn, scans, &mut outcomes).await?;
    let is_stored = |(_, outcome): &(&NewScan, &Option<Submitted>)| **outcome == Some(Submitted::Stored);
    let stored: Vec<&NewScan> = scans.iter().zip(&outcomes).filter(is_stored).map(|(new, _)| new).collect();
    if !stored.is_empty() {
        for record in stored.iter().filter_map(|new| new.audit.as_ref()) {
            audit::insert(conn, record).await?;
        }
        insert(conn, &stored, &unlimited).await?;
    }
    // What is open now repeats an earlier one of this batch.
    for at in 0..scans.len() {
        if outcomes[at].is_none() {
            outcomes[at] = repeat_of(&scans[first[at]], &scans[at], outcomes[first[at]].clone());
        }
    }
    let open = || StoreError::Bug("a submission without outcome".into());
    outcomes.into_iter().map(|outcome| outcome.ok_or_else(open)).collect()
}

/// Stores scans outside of a transaction on PostgreSQL, by a statement that is one: a round trip in place of three. `false`
/// when more is asked than that does, and then nothing is written.
pub async fn alone(conn: &mut AnyConnection, scans: &[NewScan]) -> Result<bool, StoreError> {
    let asks_more = |new: &NewScan| new.quota.is_some() || new.idempotency.is_some() || new.audit.is_some();
    if scans.is_empty() || scans.iter().any(asks_more) {
        return Ok(false);
    }
    let stored: Vec<&NewScan> = scans.iter().collect();
    Ok(!is_told(conn, &stored, &wanted(stored.iter().copied()), 1).await?)
}

/// For each submission, the first of the batch with its idempotency key: mostly itself.
fn first_of_keys(scans: &[NewScan]) -> Vec<usize> {
    let mut seen = HashMap::new();
    let first = |(at, new): (usize, &NewScan)| match &new.idempotency {
        Some(record) => *seen.entry(record.id.clone()).or_insert(at),
        None => at,
    };
    scans.iter().enumerate().map(first).collect()
}

/// Keeps the answers of the first of each key and settles what was answered before. Repeats within the batch stay open.
async fn claim_keys(
    conn: &mut AnyConnection,
    scans: &[NewScan],
    first: &[usize],
) -> Result<Vec<Option<Submitted>>, StoreError> {
    let firsts = scans.iter().enumerate().filter(|(at, _)| first[*at] == *at);
    let stored = idempotency::claim(conn, firsts.filter_map(|(_, new)| new.idempotency.as_ref()).collect()).await?;
    let outcome = |(at, new): (usize, &NewScan)| {
        let earlier = new.idempotency.as_ref().and_then(|record| Some((record, stored.get(&record.id)?)));
        match earlier {
            Some((new, stored)) if new.answer.body_hash == stored.body_hash => Some(Submitted::Replay(stored.clone())),
            Some(_) => Some(Submitted::KeyReused),
            None => (first[at] == at).then_some(Submitted::Stored),
        }
    };
    Ok(scans.iter().enumerate().map(outcome).collect())
}

/// The units of scans that are to be stored.
fn wanted<'a>(scans: impl Iterator<Item = &'a NewScan>) -> quota_use::Wanted {
    let mut wanted = quota_use::Wanted::new();
    for new in scans {
        let (want, quota) = wanted.entry((new.scan.tenant_id.clone(), new.month_at)).or_insert((0, new.quota));
        *want += 1;
        // While a quota is being changed, the smaller one holds.
        *quota = [*quota, new.quota].into_iter().flatten().min();
    }
    wanted
}

/// Takes a quota unit for each scan that is to be stored, in the order of arrival; what is refused frees its key again. Answers
/// the units that are only to be counted, when nothing is limited.
async fn take_quota(
    conn: &mut AnyConnection,
    scans: &[NewScan],
    outcomes: &mut [Option<Submitted>],
) -> Result<quota_use::Wanted, StoreError> {
    let stored = scans.iter().zip(outcomes.iter()).filter(|(_, outcome)| **outcome == Some(Submitted::Stored));
    let wanted = wanted(stored.map(|(new, _)| new));
    if wanted.values().all(|(_, quota)| quota.is_none()) {
        return Ok(wanted);
    }
    let mut granted = quota_use::take(conn, &wanted).await?;
    let mut refused = Vec::new();
    for (new, outcome) in scans.iter().zip(outcomes.iter_mut()) {
        if *outcome != Some(Submitted::Stored) {
            continue;
        }
        match granted.get_mut(&(new.scan.tenant_id.clone(), new.month_at)) {
            Some(left) if *left > 0 => *left -= 1,
            _ => {
                *outcome = Some(Submitted::QuotaExceeded);
                refused.extend(new.idempotency.as_ref().map(|record| &record.id));
            }
        }
    }
    idempotency::release(conn, &refused).await?;
    Ok(quota_use::Wanted::new())
}

/// What repeats a submission of its own batch: answered like that one, or refused like it.
fn repeat_of(first: &NewScan, again: &NewScan, outcome: Option<Submitted>) -> Option<Submitted> {
    let (Some(a), Some(b)) = (&first.idempotency, &again.idempotency) else { return None };
    match outcome? {
        Submitted::Stored if a.answer.body_hash == b.answer.body_hash => Some(Submitted::Replay(a.answer.clone())),
        Submitted::Stored => Some(Submitted::KeyReused),
        refused => Some(refused),
    }
}

const SCAN: [(&str, &str); 19] = [
    ("id", "text"),
    ("tenant_id", "text"),
    ("api_key_id", "text"),
    ("scan_type", "text"),
    ("name", "text"),
    ("target", "text"),
    ("target_type", "text"),
    ("priority", "bigint"),
    ("status", "text"),
    ("tags", "text"),
    ("options", "text"),
    ("config", "text"),
    ("timeout_s", "bigint"),
    ("asset_id", "text"),
    ("callback_url", "text"),
    ("consent", "text"),
    ("template_id", "text"),
    ("created_at", "bigint"),
    ("label", "text"),
];

fn scan_row(new: &NewScan) -> Result<[Value<'_>; 19], StoreError> {
    let scan = &new.scan;
    Ok([
        scan.id.to_string().into(),
        scan.tenant_id.as_str().into(),
        scan.api_key_id.as_str().into(),
        scan.scan_type.as_str().into(),
        scan.name.as_deref().into(),
        scan.target.as_str().into(),
        scan.target_type.as_str().into(),
        rank(scan.priority).into(),
        scan.status.as_str().into(),
        serde_json::to_string(&scan.tags)?.into(),
        serde_json::to_string(&scan.options)?.into(),
        serde_json::to_string(&scan.config)?.into(),
        i64::from(scan.timeout).into(),
        scan.asset_id.as_deref().into(),
        scan.callback_url.as_deref().into(),
        scan.consent.as_ref().map(serde_json::to_string).transpose()?.into(),
        scan.template_id.as_deref().into(),
        scan.created_at.into(),
        scan.label.as_str().into(),
    ])
}

const JOB: [(&str, &str); 7] = [
    ("scan_id", "text"),
    ("tenant_id", "text"),
    ("scan_type", "text"),
    ("priority", "bigint"),
    ("label", "text"),
    ("host", "text"),
    ("auth", "text"),
];

fn job_row(new: &NewScan) -> [Value<'_>; 7] {
    let scan = &new.scan;
    [
        scan.id.to_string().into(),
        scan.tenant_id.as_str().into(),
        scan.scan_type.as_str().into(),
        rank(scan.priority).into(),
        scan.label.as_str().into(),
        new.host.as_str().into(),
        new.auth.as_deref().into(),
    ]
}

static SCANS: LazyLock<Inserts<19>> =
    LazyLock::new(|| Inserts::new("scan", &SCAN, &[("progress", "0"), ("attempts", "0"), ("source", "'scan'")]));
static JOBS: LazyLock<Inserts<7>> =
    LazyLock::new(|| Inserts::new("job", &JOB, &[("state", "'queued'"), ("eligible_at", "0"), ("lost", "0")]));

/// Each statement is a round trip, and a batch has few rows to pay for it: everything that depends on no answer goes in one.
/// PostgreSQL runs its parts in an order of its own, so each asks for those that come before it: units first, for they are
/// locked first, and counts last, for others wait for them.
static ON_POSTGRES: LazyLock<String> = LazyLock::new(|| {
    let scan = SCAN.map(|(name, _)| name).join(", ");
    let columns: Vec<(&str, &str)> = SCAN.into_iter().chain([("host", "text"), ("auth", "text")]).collect();
    let may = "(SELECT nodes FROM kafka) * CAST($25 AS bigint) = 0";
    let after_units = "(SELECT COUNT(*) FROM units) >= 0";
    let last = "(SELECT nodes FROM kafka) = 0 AND (SELECT COUNT(*) FROM scans) >= 0 AND (SELECT COUNT(*) FROM turns) >= 0 \
         AND (SELECT COUNT(*) FROM jobs) >= 0";
    format!(
        "WITH kafka AS MATERIALIZED ({nodes}), units AS ({units} RETURNING 1), \
         r AS MATERIALIZED (SELECT {rows} WHERE {may} AND {after_units}), \
         scans AS (INSERT INTO scan ({scan}, progress, attempts, source) SELECT {scan}, 0, 0, 'scan' FROM r RETURNING 1), \
         turns AS (INSERT INTO turn (priority, tenant_id, served_at) SELECT DISTINCT priority, tenant_id, 0 FROM r \
         ORDER BY priority, tenant_id ON CONFLICT (priority, tenant_id) DO NOTHING RETURNING 1), \
         jobs AS (INSERT INTO job (scan_id, tenant_id, scan_type, priority, label, host, auth, state, eligible_at, lost) \
         SELECT id, tenant_id, scan_type, priority, label, host, auth, 'queued', 0, 0 FROM r RETURNING 1), \
         counts AS ({counts}) SELECT nodes FROM kafka",
        nodes = kafka_message::nodes("$24"),
        units = quota_use::counting(Dialect::Postgres, "$22", may),
        rows = unnested(&columns),
        counts = scan_count::adding(Dialect::Postgres, "$23", last),
    )
});

/// Stores scans with their jobs, counts them, and gives a tenant that is new at a priority the first turn there.
async fn insert(conn: &mut AnyConnection, scans: &[&NewScan], unlimited: &quota_use::Wanted) -> Result<(), StoreError> {
    match Dialect::of(conn) {
        Dialect::Sqlite => {
            if !unlimited.is_empty() {
                let sql = quota_use::counting(Dialect::Sqlite, "$1", "true");
                sqlx::query(sqlx::AssertSqlSafe(sql)).bind(quota_use::units(unlimited)?).execute(&mut *conn).await?;
            }
            let rows = scans.iter().map(|new| scan_row(new)).collect::<Result<Vec<_>, _>>()?;
            SCANS.insert(conn, &rows).await?;
            JOBS.insert(conn, &scans.iter().map(|new| job_row(new)).collect::<Vec<_>>()).await?;
            begin_turns(conn, scans).await?;
            scan_count::add(conn, &counts(scans)).await
        }
        Dialect::Postgres => {
            if is_told(conn, scans, unlimited, 0).await? {
                let records: Vec<&ScanRecord> = scans.iter().map(|new| &new.scan).collect();
                kafka_message::insert(conn, records[0].created_at, &records).await?;
                scan_count::add(conn, &counts(scans)).await?;
            }
            Ok(())
        }
    }
}

/// Runs the statement for PostgreSQL; `true` when Kafka is to be told, and so the counts are left for after that. With
/// `alone` = 1 everything is left then.
async fn is_told(
    conn: &mut AnyConnection,
    scans: &[&NewScan],
    unlimited: &quota_use::Wanted,
    alone: i64,
) -> Result<bool, StoreError> {
    let rows = scans.iter().map(|new| scan_row(new)).collect::<Result<Vec<_>, _>>()?;
    let of_jobs: Vec<_> = scans.iter().map(|new| [new.host.as_str().into(), new.auth.as_deref().into()]).collect();
    let query = bind_arrays(bind_arrays(sqlx::query(ON_POSTGRES.as_str()), &rows), &of_jobs);
    let query = query.bind(quota_use::units(unlimited)?).bind(scan_count::changes(&counts(scans))?);
    let nodes: i64 = query.bind(scans[0].scan.created_at).bind(alone).fetch_one(conn).await?.try_get(0)?;
    Ok(nodes > 0)
}

fn counts(scans: &[&NewScan]) -> BTreeMap<scan_count::Cell, i64> {
    let mut counts = BTreeMap::new();
    for new in scans {
        *counts.entry(scan_count::Cell::of(&new.scan)).or_insert(0) += 1;
    }
    counts
}

#[derive(Serialize, PartialEq, Eq, PartialOrd, Ord)]
struct Turn<'a> {
    priority: i64,
    tenant_id: &'a str,
}

async fn begin_turns(conn: &mut AnyConnection, scans: &[&NewScan]) -> Result<(), StoreError> {
    let turns: BTreeSet<Turn<'_>> =
        scans.iter().map(|new| Turn { priority: rank(new.scan.priority), tenant_id: &new.scan.tenant_id }).collect();
    let sql = format!(
        "INSERT INTO turn (priority, tenant_id, served_at) SELECT priority, tenant_id, 0 FROM {} WHERE true \
         ON CONFLICT (priority, tenant_id) DO NOTHING",
        rows(Dialect::Sqlite, &[("priority", "bigint"), ("tenant_id", "text")])
    );
    over(sql, &turns.into_iter().collect::<Vec<_>>())?.execute(conn).await?;
    Ok(())
}
