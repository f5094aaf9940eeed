//! What is to be sent to receivers: it gets here in the transaction of the scan's own move, and leaves when its delivery
//! ends. Claims have leases, so what a lost process had claimed is sent by another.

use super::delivery::{self, NewDelivery};
use super::rows::{Columns, among, over, rows};
use super::scan::ScanRecord;
use super::{Dialect, StoreError, parsed};
use scanyard_contract::webhook::{
    DeliveryAttempt, DeliveryEvent, DeliveryStatus, ScanEventData, WebhookEvent, WebhookPayload,
};
use scanyard_contract::{ScanStatus, Timestamp};
use serde::Serialize;
use sqlx::any::AnyRow;
use sqlx::{AnyConnection, Row};
use uuid::Uuid;

/// The version of the payload's shape.
pub const API_VERSION: u32 = 1;

/// A lane of callbacks is this and its tenant's id; any other is a webhook's id.
const CALLBACKS: &str = "callback-";

/// What receivers are told of a scan that has just got to where it stands.
fn event_of(scan: &ScanRecord) -> Option<WebhookEvent> {
    match scan.status {
        ScanStatus::Queued => None,
        // Of a scan that was given back, the start has been told.
        ScanStatus::Running => (scan.attempts == 0).then_some(WebhookEvent::Started),
        ScanStatus::Completed => Some(WebhookEvent::Completed),
        ScanStatus::Failed => Some(WebhookEvent::Failed),
        // Only when its processes are gone.
        ScanStatus::Cancelled => scan.sealed_at.is_some().then_some(WebhookEvent::Cancelled),
    }
}

/// Notes what receivers are to be told of scans, in the transaction of the scans' own moves.
pub(super) async fn announce(conn: &mut AnyConnection, now: i64, scans: &[&ScanRecord]) -> Result<(), StoreError> {
    let told: Vec<(&ScanRecord, WebhookEvent)> =
        scans.iter().filter_map(|scan| Some((*scan, event_of(scan)?))).collect();
    if told.is_empty() {
        return Ok(());
    }
    let mut tenants: Vec<&str> = told.iter().map(|(scan, _)| scan.tenant_id.as_str()).collect();
    tenants.sort_unstable();
    tenants.dedup();
    let sql = format!(
        "SELECT id, tenant_id, events FROM webhook WHERE tenant_id IN {} AND is_active = 1 ORDER BY id",
        among(Dialect::of(conn), "$1")
    );
    let query = sqlx::query_as(sqlx::AssertSqlSafe(sql)).bind(serde_json::to_string(&tenants)?);
    let webhooks: Vec<(String, String, String)> = query.fetch_all(&mut *conn).await?;
    let mut deliveries = Vec::new();
    for (scan, event) in told {
        let word = format!("\"{event}\"");
        let wants = |(_, tenant, events): &&(_, String, String)| *tenant == scan.tenant_id && events.contains(&word);
        let callback = scan.callback_url.as_ref().filter(|_| scan.status.is_terminal());
        let receivers = webhooks.iter().filter(wants).map(|(id, ..)| (Some(id.clone()), None));
        let receivers: Vec<_> = receivers.chain(callback.map(|url| (None, Some(url.clone())))).collect();
        if receivers.is_empty() {
            continue;
        }
        let payload = serde_json::to_string(&payload(scan, event, now))?;
        deliveries.extend(receivers.into_iter().map(|(webhook_id, callback_url)| NewDelivery {
            id: new_id("dlv"),
            tenant_id: scan.tenant_id.clone(),
            webhook_id,
            callback_url,
            event: event.into(),
            scan_id: Some(scan.id.to_string()),
            payload: payload.clone(),
            created_at: now,
        }));
    }
    delivery::insert(conn, &deliveries).await
}

/// A new id with its kind in front.
pub fn new_id(kind: &str) -> String {
    format!("{kind}-{}", Uuid::now_v7())
}

fn payload(scan: &ScanRecord, event: WebhookEvent, now: i64) -> WebhookPayload<ScanEventData> {
    WebhookPayload {
        id: new_id("evt"),
        event: event.into(),
        api_version: API_VERSION,
        timestamp: Timestamp(now),
        data: event_data(scan),
    }
}

/// The scan as an event tells of it.
pub(super) fn event_data(scan: &ScanRecord) -> ScanEventData {
    ScanEventData {
        scan_id: scan.id,
        scan_type: scan.scan_type,
        name: scan.name.clone(),
        target: scan.target.clone(),
        target_type: scan.target_type,
        status: scan.status,
        priority: scan.priority,
        tags: scan.tags.clone(),
        asset_id: scan.asset_id.clone(),
        created_at: Timestamp(scan.created_at),
        started_at: scan.started_at.map(Timestamp),
        completed_at: scan.completed_at.map(Timestamp),
        result_summary: scan.summary,
        failure: scan.failure.clone(),
    }
}

/// How many deliveries are not over, and since when the first of them is due.
pub async fn waiting(conn: &mut AnyConnection) -> Result<(u64, Option<i64>), StoreError> {
    let sql = "SELECT COUNT(*) AS waiting, MIN(due_at) AS due_at FROM outbox";
    let row = sqlx::query(sql).fetch_one(conn).await?;
    Ok((row.try_get::<i64, _>("waiting")?.max(0) as u64, row.try_get("due_at")?))
}

#[derive(Serialize)]
struct NewRow<'a> {
    delivery_id: &'a str,
    lane: String,
    due_at: i64,
}

const NEW: Columns = &[("delivery_id", "text"), ("lane", "text"), ("due_at", "bigint")];

pub(super) async fn insert(conn: &mut AnyConnection, deliveries: &[NewDelivery]) -> Result<(), StoreError> {
    let new = |delivery: &'_ NewDelivery| match &delivery.webhook_id {
        Some(id) => id.clone(),
        None => format!("{CALLBACKS}{}", delivery.tenant_id),
    };
    let values: Vec<NewRow<'_>> = deliveries
        .iter()
        .map(|delivery| NewRow { delivery_id: &delivery.id, lane: new(delivery), due_at: delivery.created_at })
        .collect();
    let from = rows(Dialect::of(conn), NEW);
    let sql = format!(
        "INSERT INTO outbox (delivery_id, lane, due_at, tries) SELECT delivery_id, lane, due_at, 0 FROM {from}"
    );
    over(sql, &values)?.execute(conn).await?;
    Ok(())
}

/// Makes everything in a lane due, with the tries of a new delivery; what is being sent stays with its attempt.
pub(super) async fn hurry(conn: &mut AnyConnection, lane: &str, now: i64) -> Result<(), StoreError> {
    let sql = "UPDATE outbox SET due_at = $2, tries = 0 WHERE lane = $1 AND claim IS NULL";
    sqlx::query(sql).bind(lane).bind(now).execute(conn).await?;
    Ok(())
}

/// Takes everything out of a lane.
pub(super) async fn clear(conn: &mut AnyConnection, lane: &str) -> Result<(), StoreError> {
    sqlx::query("DELETE FROM outbox WHERE lane = $1").bind(lane).execute(conn).await?;
    Ok(())
}

/// A lane with something due.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Lane {
    pub id: String,
    pub tenant_id: String,
    /// Whether its last attempt succeeded; always for callbacks.
    pub is_healthy: bool,
}

/// Each lane is looked up in the index after the one before: the backlog is never walked.
const LANES: &str = "WITH RECURSIVE l (lane) AS (SELECT MIN(lane) FROM outbox UNION ALL \
     SELECT (SELECT MIN(o.lane) FROM outbox o WHERE o.lane > l.lane) FROM l WHERE l.lane IS NOT NULL) \
     SELECT lane, tenant_id, is_healthy FROM (SELECT l.lane AS lane, w.tenant_id AS tenant_id, w.is_healthy AS is_healthy, \
     (SELECT MIN(o.due_at) FROM outbox o WHERE o.lane = l.lane) AS due_at FROM l LEFT JOIN webhook w ON w.id = l.lane \
     WHERE l.lane IS NOT NULL AND (w.is_active = 1 OR l.lane LIKE 'callback-%')) AS lanes WHERE due_at <= $1 ORDER BY due_at LIMIT +$2";

/// Lanes with something due whose webhook is active, the longest waiting first.
pub async fn lanes(conn: &mut AnyConnection, now: i64, most: u32) -> Result<Vec<Lane>, StoreError> {
    let found = sqlx::query(LANES).bind(now).bind(i64::from(most)).fetch_all(conn).await?;
    let lane = |row: &AnyRow| {
        let id: String = row.try_get("lane")?;
        let tenant: Option<String> = row.try_get("tenant_id")?;
        Ok(Lane {
            tenant_id: tenant.unwrap_or_else(|| id.trim_start_matches(CALLBACKS).to_string()),
            is_healthy: row.try_get::<Option<i64>, _>("is_healthy")?.is_none_or(|healthy| healthy != 0),
            id,
        })
    };
    found.iter().map(lane).collect()
}

/// Who a delivery is for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Receiver {
    Webhook {
        id: String,
        url: String,
        /// Sealed.
        secret: String,
        /// The secret before the last rotation, sealed, and until when it signs too.
        old_secret: Option<(String, i64)>,
    },
    Callback {
        url: String,
    },
}

/// A delivery that is this process's to send.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Claimed {
    pub delivery_id: String,
    pub lane: String,
    pub tenant_id: String,
    /// Proves the claim.
    pub claim: String,
    /// Attempts since it was made or redelivered.
    pub tries: u32,
    pub event: DeliveryEvent,
    pub payload: String,
    pub receiver: Receiver,
}

/// Claims the oldest due deliveries of lanes, each up to its number, until `now + lease_ms`.
pub async fn claim(
    conn: &mut AnyConnection,
    now: i64,
    lease_ms: i64,
    room: &[(String, u32)],
) -> Result<Vec<Claimed>, StoreError> {
    let sql = Dialect::of(conn).pick(
        "UPDATE outbox SET claim = $3, due_at = $4 WHERE delivery_id IN (SELECT delivery_id FROM outbox WHERE lane = $1 \
         AND due_at <= $2 ORDER BY due_at LIMIT +$5) RETURNING delivery_id",
        "UPDATE outbox SET claim = $3, due_at = $4 WHERE delivery_id IN (SELECT delivery_id FROM outbox WHERE lane = $1 \
         AND due_at <= $2 ORDER BY due_at LIMIT +$5 FOR UPDATE SKIP LOCKED) RETURNING delivery_id",
    );
    let claim = Uuid::now_v7().to_string();
    let mut ids: Vec<String> = Vec::new();
    for (lane, most) in room {
        let query = sqlx::query_scalar(sql).bind(lane).bind(now).bind(&claim).bind(now + lease_ms);
        ids.extend(query.bind(i64::from(*most)).fetch_all(&mut *conn).await?);
    }
    load(conn, &ids).await
}

/// Claims one delivery, whenever it is due; none when another has it.
pub async fn claim_one(
    conn: &mut AnyConnection,
    delivery_id: &str,
    now: i64,
    lease_ms: i64,
) -> Result<Option<Claimed>, StoreError> {
    let sql =
        "UPDATE outbox SET claim = $2, due_at = $3 WHERE delivery_id = $1 AND claim IS NULL RETURNING delivery_id";
    let query = sqlx::query_scalar(sql).bind(delivery_id).bind(Uuid::now_v7().to_string()).bind(now + lease_ms);
    let ids: Vec<String> = query.fetch_all(&mut *conn).await?;
    Ok(load(conn, &ids).await?.pop())
}

const CLAIMED: &str = "SELECT o.delivery_id, o.lane, o.claim, o.tries, d.tenant_id, d.webhook_id, d.callback_url, d.event, d.payload, \
     w.url, w.secret, w.old_secret, w.old_secret_until FROM outbox o JOIN delivery d ON d.id = o.delivery_id \
     LEFT JOIN webhook w ON w.id = d.webhook_id WHERE d.status = 'pending' AND o.delivery_id IN";

async fn load(conn: &mut AnyConnection, ids: &[String]) -> Result<Vec<Claimed>, StoreError> {
    if ids.is_empty() {
        return Ok(Vec::new());
    }
    let among = among(Dialect::of(conn), "$1");
    let found = over(format!("{CLAIMED} {among}"), ids)?.fetch_all(&mut *conn).await?;
    let claimed: Vec<Claimed> = found.iter().filter_map(|row| claimed(row).transpose()).collect::<Result<_, _>>()?;
    if claimed.len() < ids.len() {
        // Ended, expired or its webhook deleted between two statements of another node.
        let kept: Vec<&str> = claimed.iter().map(|claimed| claimed.delivery_id.as_str()).collect();
        let stale: Vec<&String> = ids.iter().filter(|id| !kept.contains(&id.as_str())).collect();
        over(format!("DELETE FROM outbox WHERE delivery_id IN {among}"), &stale)?.execute(conn).await?;
    }
    Ok(claimed)
}

fn claimed(row: &AnyRow) -> Result<Option<Claimed>, StoreError> {
    let webhook_id: Option<String> = row.try_get("webhook_id")?;
    let callback_url: Option<String> = row.try_get("callback_url")?;
    let url: Option<String> = row.try_get("url")?;
    let secret: Option<String> = row.try_get("secret")?;
    let old_secret: Option<String> = row.try_get("old_secret")?;
    let old_until: Option<i64> = row.try_get("old_secret_until")?;
    let receiver = match (webhook_id, url, secret, callback_url) {
        (Some(id), Some(url), Some(secret), _) => {
            Receiver::Webhook { id, url, secret, old_secret: old_secret.zip(old_until) }
        }
        (None, _, _, Some(url)) => Receiver::Callback { url },
        _ => return Ok(None),
    };
    Ok(Some(Claimed {
        delivery_id: row.try_get("delivery_id")?,
        lane: row.try_get("lane")?,
        tenant_id: row.try_get("tenant_id")?,
        claim: row.try_get("claim")?,
        tries: row.try_get::<i64, _>("tries")? as u32,
        event: parsed(&row.try_get::<String, _>("event")?, "delivery event")?,
        payload: row.try_get("payload")?,
        receiver,
    }))
}

/// How a delivery goes on after an attempt.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Next {
    Delivered,
    /// Another attempt, at that time.
    Again(i64),
    Failed,
}

/// Stores an attempt and what follows for its delivery. A success ends it whoever has it; a failure is written only by
/// whose claim it is.
pub async fn settle(
    conn: &mut AnyConnection,
    claimed: &Claimed,
    attempt: &DeliveryAttempt,
    next: Next,
    now: i64,
) -> Result<(), StoreError> {
    let id = &claimed.delivery_id;
    delivery::add_attempt(conn, id, attempt).await?;
    match next {
        Next::Delivered => {
            sqlx::query("DELETE FROM outbox WHERE delivery_id = $1").bind(id).execute(&mut *conn).await?;
            delivery::end(conn, id, DeliveryStatus::Delivered, now).await
        }
        Next::Again(due_at) => {
            let sql =
                "UPDATE outbox SET due_at = $3, tries = tries + 1, claim = NULL WHERE delivery_id = $1 AND claim = $2";
            sqlx::query(sql).bind(id).bind(&claimed.claim).bind(due_at).execute(conn).await?;
            Ok(())
        }
        Next::Failed => {
            let sql = "DELETE FROM outbox WHERE delivery_id = $1 AND claim = $2";
            let ours = sqlx::query(sql).bind(id).bind(&claimed.claim).execute(&mut *conn).await?;
            if ours.rows_affected() == 0 {
                return Ok(());
            }
            delivery::end(conn, id, DeliveryStatus::Failed, now).await
        }
    }
}

/// Gives claimed deliveries back, due at once.
pub async fn give_back(conn: &mut AnyConnection, now: i64, claims: &[(String, String)]) -> Result<(), StoreError> {
    let sql = "UPDATE outbox SET due_at = $3, claim = NULL WHERE delivery_id = $1 AND claim = $2";
    for (delivery_id, claim) in claims {
        sqlx::query(sql).bind(delivery_id).bind(claim).bind(now).execute(&mut *conn).await?;
    }
    Ok(())
}

/// Ends every claim at once: their process is known to be dead.
pub async fn end_all_leases(conn: &mut AnyConnection) -> Result<(), StoreError> {
    sqlx::query("UPDATE outbox SET due_at = 0, claim = NULL WHERE claim IS NOT NULL").execute(conn).await?;
    Ok(())
}
