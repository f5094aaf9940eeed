//! Claiming: which scan runs next.
//!
//! Priority, then the tenant served least recently, then age, under the caps per tenant and per host. The backlog is
//! never sorted: the turns are few, and each tenant's jobs lie in their order in an index.

use super::scan::{self, ScanRecord};
use super::scan_count::{Cell, Moves};
use super::{Dialect, StoreError};
use scanyard_contract::{ScanStatus, ScanType};
use scanyard_engines::policy::Policy;
use sqlx::{AnyConnection, Row};
use uuid::Uuid;

/// What a worker asks for.
#[derive(Debug, Clone)]
pub struct Claim {
    pub now: i64,
    /// Engines that the worker has.
    pub scan_types: Vec<ScanType>,
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
}

/// Claims are taken one worker at a time on PostgreSQL, so that the caps hold on any number of nodes.
const LOCK: &str = "SELECT pg_advisory_xact_lock(7316025)";

/// How far into a tenant's backlog a claim looks for a host below its cap.
macro_rules! candidate {
    ($types:literal) => {
        concat!(
            "SELECT c.scan_id FROM (SELECT j.scan_id, j.host FROM job j WHERE j.state = 'queued' AND j.priority = t.priority \
             AND j.tenant_id = t.tenant_id AND j.eligible_at <= $3 AND j.scan_type IN (",
            $types,
            ") ORDER BY j.scan_id LIMIT 200) c WHERE (SELECT COUNT(*) FROM job h WHERE h.state = 'running' AND h.host = c.host) < $5 \
             ORDER BY c.scan_id LIMIT 1"
        )
    };
}

macro_rules! claim {
    ($types:literal) => {
        concat!(
            "UPDATE job SET state = 'running', run_id = $1, lease_until = $2 WHERE state = 'queued' AND scan_id = (SELECT (",
            candidate!($types),
            ") FROM turn t WHERE EXISTS (",
            candidate!($types),
            ") AND (SELECT COUNT(*) FROM job r WHERE r.state = 'running' AND r.tenant_id = t.tenant_id) < $6 \
             ORDER BY t.priority, t.served_at, t.tenant_id LIMIT 1) RETURNING scan_id, tenant_id, priority"
        )
    };
}

const CLAIM_SQLITE: &str = claim!("SELECT value FROM json_each($4)");
const CLAIM_POSTGRES: &str = claim!("SELECT json_array_elements_text(CAST($4 AS json))");

/// Claims up to `limit` scans.
pub async fn claim(conn: &mut AnyConnection, claim: &Claim) -> Result<Vec<Claimed>, StoreError> {
    let dialect = Dialect::of(conn);
    if dialect == Dialect::Postgres {
        sqlx::query(LOCK).execute(&mut *conn).await?;
    }
    let types = serde_json::to_string(&claim.scan_types)?;
    let (mut claimed, mut moves) = (Vec::new(), Moves::default());
    while claimed.len() < claim.limit {
        let run_id = Uuid::now_v7();
        let row = sqlx::query(dialect.pick(CLAIM_SQLITE, CLAIM_POSTGRES))
            .bind(run_id.to_string())
            .bind(claim.now + claim.lease_ms)
            .bind(claim.now)
            .bind(&types)
            .bind(claim.per_host)
            .bind(claim.per_tenant)
            .fetch_optional(&mut *conn)
            .await?;
        let Some(row) = row else { break };
        let (scan_id, tenant_id): (String, String) = (row.try_get("scan_id")?, row.try_get("tenant_id")?);
        let turn = "UPDATE turn SET served_at = $3 WHERE priority = $1 AND tenant_id = $2";
        let priority: i64 = row.try_get("priority")?;
        sqlx::query(turn).bind(priority).bind(&tenant_id).bind(claim.now).execute(&mut *conn).await?;
        let (scan, policy) = start(conn, &scan_id, claim.now).await?;
        moves.note(&Cell::of(&scan).with(ScanStatus::Queued), ScanStatus::Running);
        claimed.push(Claimed { scan, run_id, policy });
    }
    moves.write(conn).await?;
    Ok(claimed)
}

async fn start(conn: &mut AnyConnection, scan_id: &str, now: i64) -> Result<(ScanRecord, Policy), StoreError> {
    let sql = "UPDATE scan SET status = 'running', started_at = $2, progress = 0 WHERE id = $1 AND status = 'queued'";
    sqlx::query(sql).bind(scan_id).bind(now).execute(&mut *conn).await?;
    let scan = scan::by_id(conn, scan_id).await?;
    let scan = scan.ok_or_else(|| StoreError::Bug(format!("job {scan_id} has no scan")))?;
    let policy: String =
        sqlx::query_scalar("SELECT policy FROM tenant WHERE id = $1").bind(&scan.tenant_id).fetch_one(conn).await?;
    Ok((scan, serde_json::from_str(&policy)?))
}
