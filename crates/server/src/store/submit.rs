//! Submissions, set-based: the number of statements does not grow with the number of scans.

use super::idempotency::{self, NewIdempotency, StoredAnswer};
use super::scan::{ScanRecord, rank};
use super::{Dialect, StoreError, quota_use, scan_count};
use scanyard_contract::{ScanStatus, ScanType, TargetType};
use serde::Serialize;
use sqlx::AnyConnection;
use std::collections::{BTreeMap, HashMap};

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
    /// Kept with the scan, so that a repeat finds the answer.
    pub idempotency: Option<NewIdempotency>,
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

/// A row as the database takes it apart again.
#[derive(Serialize)]
struct Row<'a> {
    id: uuid::Uuid,
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
    created_at: i64,
    host: &'a str,
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
            created_at: scan.created_at,
            host: &new.host,
        })
    }
}

/// Stores what the quotas grant, in the order of arrival.
pub async fn batch(conn: &mut AnyConnection, scans: Vec<NewScan>) -> Result<Vec<Submitted>, StoreError> {
    let mut outcomes: Vec<Option<Submitted>> = vec![None; scans.len()];
    let repeats = earlier_answers(conn, &scans, &mut outcomes).await?;
    let quotas = grant(conn, &scans, &outcomes, &repeats).await?;

    let mut left = quotas;
    let mut rows = Vec::with_capacity(scans.len());
    let mut counts = BTreeMap::new();
    for (at, new) in scans.iter().enumerate() {
        if outcomes[at].is_some() || repeats.contains_key(&at) {
            continue;
        }
        let granted = left.get_mut(&(new.scan.tenant_id.clone(), new.month_at));
        let Some(granted) = granted.filter(|granted| **granted > 0) else {
            outcomes[at] = Some(Submitted::QuotaExceeded);
            continue;
        };
        *granted -= 1;
        outcomes[at] = Some(Submitted::Stored);
        rows.push(Row::of(new)?);
        *counts.entry(scan_count::Cell::of(&new.scan)).or_insert(0) += 1;
    }
    if !rows.is_empty() {
        insert(conn, &serde_json::to_string(&rows)?).await?;
        scan_count::add(conn, &counts).await?;
    }
    for (at, new) in scans.iter().enumerate() {
        if let (Some(Submitted::Stored), Some(record)) = (&outcomes[at], &new.idempotency) {
            idempotency::insert(conn, record).await?;
        }
    }
    for (at, first) in repeats {
        outcomes[at] = Some(repeat_of(&scans[first], &scans[at], outcomes[first].clone()));
    }
    Ok(outcomes.into_iter().map(|outcome| outcome.unwrap_or(Submitted::QuotaExceeded)).collect())
}

/// Settles the submissions whose key was answered before; answers which repeat an earlier one of this batch.
async fn earlier_answers(
    conn: &mut AnyConnection,
    scans: &[NewScan],
    outcomes: &mut [Option<Submitted>],
) -> Result<BTreeMap<usize, usize>, StoreError> {
    let (mut first, mut repeats) = (HashMap::new(), BTreeMap::new());
    for (at, new) in scans.iter().enumerate() {
        let Some(record) = &new.idempotency else { continue };
        if let Some(before) = first.get(&record.id) {
            repeats.insert(at, *before);
            continue;
        }
        first.insert(record.id.clone(), at);
        outcomes[at] = idempotency::find(conn, &record.id, record.created_at).await?.map(|stored| {
            if stored.body_hash == record.answer.body_hash { Submitted::Replay(stored) } else { Submitted::KeyReused }
        });
    }
    Ok(repeats)
}

fn repeat_of(first: &NewScan, again: &NewScan, outcome: Option<Submitted>) -> Submitted {
    match (&first.idempotency, &again.idempotency, outcome) {
        (Some(a), Some(b), Some(Submitted::Stored)) if a.answer.body_hash == b.answer.body_hash => {
            Submitted::Replay(a.answer.clone())
        }
        (_, _, Some(Submitted::Stored)) => Submitted::KeyReused,
        (_, _, other) => other.unwrap_or(Submitted::QuotaExceeded),
    }
}

/// Takes quota units for the submissions that are still open, tenants in order of their id.
async fn grant(
    conn: &mut AnyConnection,
    scans: &[NewScan],
    outcomes: &[Option<Submitted>],
    repeats: &BTreeMap<usize, usize>,
) -> Result<HashMap<(String, i64), u64>, StoreError> {
    let mut wanted: BTreeMap<(String, i64), (u64, Option<u64>)> = BTreeMap::new();
    for (at, new) in scans.iter().enumerate() {
        if outcomes[at].is_none() && !repeats.contains_key(&at) {
            wanted.entry((new.scan.tenant_id.clone(), new.month_at)).or_insert((0, new.quota)).0 += 1;
        }
    }
    let mut granted = HashMap::new();
    for ((tenant, month_at), (want, quota)) in wanted {
        let units = quota_use::take(conn, &tenant, month_at, want, quota).await?;
        granted.insert((tenant, month_at), units);
    }
    Ok(granted)
}

/// The columns of a scan's first row and, of those, the job's.
async fn insert(conn: &mut AnyConnection, rows: &str) -> Result<(), StoreError> {
    const SCAN_SQLITE: &str = "INSERT INTO scan (id, tenant_id, api_key_id, scan_type, name, target, target_type, priority, status, \
         progress, tags, options, config, timeout_s, asset_id, attempts, created_at) \
         SELECT v ->> 'id', v ->> 'tenant_id', v ->> 'api_key_id', v ->> 'scan_type', v ->> 'name', v ->> 'target', \
         v ->> 'target_type', v ->> 'priority', v ->> 'status', 0, v ->> 'tags', v ->> 'options', v ->> 'config', \
         v ->> 'timeout_s', v ->> 'asset_id', 0, v ->> 'created_at' FROM (SELECT value AS v FROM json_each($1))";
    const SCAN_POSTGRES: &str = "INSERT INTO scan (id, tenant_id, api_key_id, scan_type, name, target, target_type, priority, status, \
         progress, tags, options, config, timeout_s, asset_id, attempts, created_at) \
         SELECT id, tenant_id, api_key_id, scan_type, name, target, target_type, priority, status, 0, tags, options, config, \
         timeout_s, asset_id, 0, created_at FROM json_to_recordset(CAST($1 AS json)) AS v (id text, tenant_id text, \
         api_key_id text, scan_type text, name text, target text, target_type text, priority bigint, status text, tags text, \
         options text, config text, timeout_s bigint, asset_id text, created_at bigint)";
    const JOB_SQLITE: &str = "INSERT INTO job (scan_id, tenant_id, scan_type, priority, state, host, eligible_at, lost) \
         SELECT v ->> 'id', v ->> 'tenant_id', v ->> 'scan_type', v ->> 'priority', 'queued', v ->> 'host', 0, 0 \
         FROM (SELECT value AS v FROM json_each($1))";
    const JOB_POSTGRES: &str = "INSERT INTO job (scan_id, tenant_id, scan_type, priority, state, host, eligible_at, lost) \
         SELECT id, tenant_id, scan_type, priority, 'queued', host, 0, 0 FROM json_to_recordset(CAST($1 AS json)) \
         AS v (id text, tenant_id text, scan_type text, priority bigint, host text)";
    const TURN_SQLITE: &str = "INSERT INTO turn (priority, tenant_id, served_at) \
         SELECT DISTINCT v ->> 'priority', v ->> 'tenant_id', 0 FROM (SELECT value AS v FROM json_each($1)) WHERE true \
         ON CONFLICT (priority, tenant_id) DO NOTHING";
    const TURN_POSTGRES: &str = "INSERT INTO turn (priority, tenant_id, served_at) \
         SELECT DISTINCT priority, tenant_id, 0 FROM json_to_recordset(CAST($1 AS json)) AS v (priority bigint, tenant_id text) \
         ORDER BY priority, tenant_id ON CONFLICT (priority, tenant_id) DO NOTHING";
    let dialect = Dialect::of(conn);
    for (sqlite, postgres) in [(SCAN_SQLITE, SCAN_POSTGRES), (JOB_SQLITE, JOB_POSTGRES), (TURN_SQLITE, TURN_POSTGRES)] {
        sqlx::query(dialect.pick(sqlite, postgres)).bind(rows).execute(&mut *conn).await?;
    }
    Ok(())
}
