//! Submissions, set-based: the number of statements does not grow with the number of scans.

use super::audit::{self, AuditRecord};
use super::idempotency::{self, NewIdempotency, StoredAnswer};
use super::rows::{Inserts, over, rows};
use super::scan::{ScanRecord, rank};
use super::{Dialect, StoreError, kafka_message, quota_use, scan_count};
use serde::Serialize;
use sqlx::AnyConnection;
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

/// A scan as its first row and its job have it.
struct Row<'a> {
    scan: &'a ScanRecord,
    priority: i64,
    tags: String,
    options: String,
    config: String,
    consent: Option<String>,
    host: &'a str,
    auth: Option<&'a str>,
}

impl<'a> Row<'a> {
    fn of(new: &'a NewScan) -> Result<Row<'a>, StoreError> {
        let scan = &new.scan;
        Ok(Row {
            scan,
            priority: rank(scan.priority),
            tags: serde_json::to_string(&scan.tags)?,
            options: serde_json::to_string(&scan.options)?,
            config: serde_json::to_string(&scan.config)?,
            consent: scan.consent.as_ref().map(serde_json::to_string).transpose()?,
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
    let (mut stored, mut counts, mut audited) = (Vec::with_capacity(scans.len()), BTreeMap::new(), Vec::new());
    for (new, outcome) in scans.iter().zip(&outcomes) {
        if *outcome == Some(Submitted::Stored) {
            stored.push(Row::of(new)?);
            audited.extend(&new.audit);
            *counts.entry(scan_count::Cell::of(&new.scan)).or_insert(0) += 1;
        }
    }
    if !stored.is_empty() {
        insert(conn, &stored).await?;
        begin_turns(conn, &stored).await?;
        let queued: Vec<&ScanRecord> = stored.iter().map(|row| row.scan).collect();
        kafka_message::note(conn, stored[0].scan.created_at, &queued).await?;
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

async fn insert(conn: &mut AnyConnection, mut rows: &[Row<'_>]) -> Result<(), StoreError> {
    let dialect = Dialect::of(conn);
    while let (Some((count, scan)), Some((_, job))) = (SCANS.of(dialect, rows.len()), JOBS.of(dialect, rows.len())) {
        let (now, later) = rows.split_at(count);
        let mut scans = sqlx::query(scan);
        let mut jobs = sqlx::query(job);
        for Row { scan, priority, tags, options, config, consent, host, auth } in now {
            scans = scans
                .bind(scan.id.to_string())
                .bind(&scan.tenant_id)
                .bind(&scan.api_key_id)
                .bind(scan.scan_type.as_str())
                .bind(&scan.name)
                .bind(&scan.target)
                .bind(scan.target_type.as_str())
                .bind(*priority)
                .bind(scan.status.as_str())
                .bind(tags)
                .bind(options)
                .bind(config)
                .bind(i64::from(scan.timeout))
                .bind(&scan.asset_id)
                .bind(&scan.callback_url)
                .bind(consent)
                .bind(&scan.template_id)
                .bind(scan.created_at)
                .bind(&scan.label);
            jobs = jobs
                .bind(scan.id.to_string())
                .bind(&scan.tenant_id)
                .bind(scan.scan_type.as_str())
                .bind(*priority)
                .bind(*host)
                .bind(*auth)
                .bind(&scan.label);
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

/// Gives a tenant that is new at a priority the first turn there.
async fn begin_turns(conn: &mut AnyConnection, scans: &[Row<'_>]) -> Result<(), StoreError> {
    let turns: BTreeSet<Turn<'_>> =
        scans.iter().map(|row| Turn { priority: row.priority, tenant_id: &row.scan.tenant_id }).collect();
    let sql = format!(
        "INSERT INTO turn (priority, tenant_id, served_at) SELECT priority, tenant_id, 0 FROM {} WHERE true \
         ORDER BY priority, tenant_id ON CONFLICT (priority, tenant_id) DO NOTHING",
        rows(Dialect::of(conn), &[("priority", "bigint"), ("tenant_id", "text")])
    );
    over(sql, &turns.into_iter().collect::<Vec<_>>())?.execute(conn).await?;
    Ok(())
}
