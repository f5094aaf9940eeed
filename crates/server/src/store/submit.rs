//! Submissions, set-based: the number of statements does not grow with the number of scans.

use super::audit::{self, AuditRecord};
use super::idempotency::{self, NewIdempotency, StoredAnswer};
use super::rows::{Inserts, over, rows};
use super::scan::{ScanRecord, rank};
use super::{Dialect, StoreError, kafka_message, quota_use, scan_count};
use scanyard_contract::{ScanStatus, ScanType, TargetType};
use serde::Serialize;
use sqlx::AnyConnection;
use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::sync::LazyLock;
use uuid::Uuid;

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

/// A scan as its first row and its job have it.
#[derive(Serialize)]
struct Row<'a> {
    id: Uuid,
    tenant_id: &'a str,
    api_key_id: &'a str,
    scan_type: ScanType,
    name: Option<&'a str>,
    target: &'a str,
    target_type: TargetType,
    priority: i64,
    status: ScanStatus,
    tags: String,
    options: String,
    config: String,
    timeout_s: u32,
    asset_id: Option<&'a str>,
    callback_url: Option<&'a str>,
    consent: Option<String>,
    template_id: Option<&'a str>,
    created_at: i64,
    label: &'a str,
    host: &'a str,
    auth: Option<&'a str>,
}

impl<'a> Row<'a> {
    fn of(new: &'a NewScan) -> Result<Row<'a>, StoreError> {
        let scan = &new.scan;
        Ok(Row {
            id: scan.id,
            tenant_id: &scan.tenant_id,
            api_key_id: &scan.api_key_id,
            scan_type: scan.scan_type,
            name: scan.name.as_deref(),
            target: &scan.target,
            target_type: scan.target_type,
            priority: rank(scan.priority),
            status: scan.status,
            tags: serde_json::to_string(&scan.tags)?,
            options: serde_json::to_string(&scan.options)?,
            config: serde_json::to_string(&scan.config)?,
            timeout_s: scan.timeout,
            asset_id: scan.asset_id.as_deref(),
            callback_url: scan.callback_url.as_deref(),
            consent: scan.consent.as_ref().map(serde_json::to_string).transpose()?,
            template_id: scan.template_id.as_deref(),
            created_at: scan.created_at,
            label: &scan.label,
            host: &new.host,
            auth: new.auth.as_deref(),
        })
    }
}

/// Stores the scans; after an error the transaction is to be rolled back, whatever of them went in.
pub async fn together(conn: &mut AnyConnection, scans: &[NewScan]) -> Result<Vec<Submitted>, StoreError> {
    let first = first_of_keys(scans);
    let mut outcomes = claim_keys(conn, scans, &first).await?;
    take_quota(conn, scans, &mut outcomes).await?;
    let (mut stored, mut queued) = (Vec::with_capacity(scans.len()), Vec::with_capacity(scans.len()));
    let (mut counts, mut audited) = (BTreeMap::new(), Vec::new());
    for (new, outcome) in scans.iter().zip(&outcomes) {
        if *outcome == Some(Submitted::Stored) {
            stored.push(Row::of(new)?);
            queued.push(&new.scan);
            audited.extend(&new.audit);
            *counts.entry(scan_count::Cell::of(&new.scan)).or_insert(0) += 1;
        }
    }
    if !stored.is_empty() {
        insert(conn, &stored).await?;
        kafka_message::note(conn, stored[0].created_at, &queued).await?;
        for record in audited {
            audit::insert(conn, record).await?;
        }
        scan_count::add(conn, &counts).await?;
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

/// Takes a quota unit for each scan that is to be stored, in the order of arrival; what is refused frees its key again.
async fn take_quota(
    conn: &mut AnyConnection,
    scans: &[NewScan],
    outcomes: &mut [Option<Submitted>],
) -> Result<(), StoreError> {
    let mut wanted = quota_use::Wanted::new();
    for (new, _) in scans.iter().zip(outcomes.iter()).filter(|(_, outcome)| **outcome == Some(Submitted::Stored)) {
        let (want, quota) = wanted.entry((new.scan.tenant_id.clone(), new.month_at)).or_insert((0, new.quota));
        *want += 1;
        // While a quota is being changed, the smaller one holds.
        *quota = [*quota, new.quota].into_iter().flatten().min();
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
    idempotency::release(conn, &refused).await
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

static SCANS: LazyLock<Inserts> = LazyLock::new(|| {
    let into = "scan (id, tenant_id, api_key_id, scan_type, name, target, target_type, priority, status, tags, options, config, \
         timeout_s, asset_id, callback_url, consent, template_id, created_at, label, progress, attempts, source)";
    Inserts::new(into, 19, ", 0, 0, 'scan'")
});
static JOBS: LazyLock<Inserts> = LazyLock::new(|| {
    let into = "job (scan_id, tenant_id, scan_type, priority, host, auth, label, state, eligible_at, lost)";
    Inserts::new(into, 7, ", 'queued', 0, 0")
});

/// Each statement is a round trip, and a batch has few rows to pay for it: scans, jobs and turns go in one.
const ON_POSTGRES: &str = "WITH r AS MATERIALIZED (SELECT * FROM json_to_recordset(CAST($1 AS json)) AS r (id text, tenant_id text, \
     api_key_id text, scan_type text, name text, target text, target_type text, priority bigint, status text, tags text, \
     options text, config text, timeout_s bigint, asset_id text, callback_url text, consent text, template_id text, \
     created_at bigint, label text, host text, auth text)), \
     scans AS (INSERT INTO scan (id, tenant_id, api_key_id, scan_type, name, target, target_type, priority, status, tags, options, \
     config, timeout_s, asset_id, callback_url, consent, template_id, created_at, label, progress, attempts, source) \
     SELECT id, tenant_id, api_key_id, scan_type, name, target, target_type, priority, status, tags, options, \
     config, timeout_s, asset_id, callback_url, consent, template_id, created_at, label, 0, 0, 'scan' FROM r), \
     turns AS (INSERT INTO turn (priority, tenant_id, served_at) SELECT DISTINCT priority, tenant_id, 0 FROM r \
     ORDER BY priority, tenant_id ON CONFLICT (priority, tenant_id) DO NOTHING) \
     INSERT INTO job (scan_id, tenant_id, scan_type, priority, host, auth, label, state, eligible_at, lost) \
     SELECT id, tenant_id, scan_type, priority, host, auth, label, 'queued', 0, 0 FROM r";

/// Stores scans with their jobs, and gives a tenant that is new at a priority the first turn there.
async fn insert(conn: &mut AnyConnection, rows: &[Row<'_>]) -> Result<(), StoreError> {
    match Dialect::of(conn) {
        Dialect::Sqlite => {
            insert_bound(conn, rows).await?;
            begin_turns(conn, rows).await
        }
        Dialect::Postgres => {
            sqlx::query(ON_POSTGRES).bind(serde_json::to_string(rows)?).execute(conn).await?;
            Ok(())
        }
    }
}

async fn insert_bound(conn: &mut AnyConnection, mut rows: &[Row<'_>]) -> Result<(), StoreError> {
    while let (Some((count, scan)), Some((_, job))) =
        (SCANS.of(Dialect::Sqlite, rows.len()), JOBS.of(Dialect::Sqlite, rows.len()))
    {
        let (now, later) = rows.split_at(count);
        let mut scans = sqlx::query(scan);
        let mut jobs = sqlx::query(job);
        for row in now {
            scans = scans
                .bind(row.id.to_string())
                .bind(row.tenant_id)
                .bind(row.api_key_id)
                .bind(row.scan_type.as_str())
                .bind(row.name)
                .bind(row.target)
                .bind(row.target_type.as_str())
                .bind(row.priority)
                .bind(row.status.as_str())
                .bind(&row.tags)
                .bind(&row.options)
                .bind(&row.config)
                .bind(i64::from(row.timeout_s))
                .bind(row.asset_id)
                .bind(row.callback_url)
                .bind(&row.consent)
                .bind(row.template_id)
                .bind(row.created_at)
                .bind(row.label);
            jobs = jobs
                .bind(row.id.to_string())
                .bind(row.tenant_id)
                .bind(row.scan_type.as_str())
                .bind(row.priority)
                .bind(row.host)
                .bind(row.auth)
                .bind(row.label);
        }
        scans.execute(&mut *conn).await?;
        jobs.execute(&mut *conn).await?;
        rows = later;
    }
    Ok(())
}

#[derive(Serialize, PartialEq, Eq, PartialOrd, Ord)]
struct Turn<'a> {
    priority: i64,
    tenant_id: &'a str,
}

async fn begin_turns(conn: &mut AnyConnection, scans: &[Row<'_>]) -> Result<(), StoreError> {
    let turns: BTreeSet<Turn<'_>> =
        scans.iter().map(|row| Turn { priority: row.priority, tenant_id: row.tenant_id }).collect();
    let sql = format!(
        "INSERT INTO turn (priority, tenant_id, served_at) SELECT priority, tenant_id, 0 FROM {} WHERE true \
         ON CONFLICT (priority, tenant_id) DO NOTHING",
        rows(Dialect::Sqlite, &[("priority", "bigint"), ("tenant_id", "text")])
    );
    over(sql, &turns.into_iter().collect::<Vec<_>>())?.execute(conn).await?;
    Ok(())
}
