//! What Kafka is to be told: it gets here in the transaction of the scan's own move, and leaves when Kafka has it. Nothing is
//! noted where no node has used Kafka for a day, and never on SQLite.

use super::outbox::{event_data, new_id};
use super::rows::{Columns, over, rows};
use super::scan::ScanRecord;
use super::{Dialect, StoreError, advisory};
use scanyard_contract::kafka::{EventMessage, HintMessage, SCHEMA_VERSION, TopicEvent};
use scanyard_contract::{Priority, ScanStatus, Timestamp};
use serde::Serialize;
use sqlx::any::AnyRow;
use sqlx::{AnyConnection, Row};

/// How long moves are noted after the last node with Kafka gave a sign of life, in milliseconds.
const KEEP_NOTING_MS: i64 = 24 * 3600 * 1000;

/// A move to tell of.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Message {
    pub id: i64,
    pub scan_id: String,
    pub priority: Priority,
    /// For workers, when the scan waits for one.
    pub hint: Option<String>,
    /// For everybody.
    pub event: Option<String>,
}

#[derive(Serialize)]
struct NewRow<'a> {
    scan_id: String,
    priority: &'a str,
    hint: Option<String>,
    event: Option<String>,
}

const COLUMNS: Columns = &[("scan_id", "text"), ("priority", "text"), ("hint", "text"), ("event", "text")];

/// Notes what is to be told of scans that have just got to where they stand, in the transaction of their moves.
pub(super) async fn note(conn: &mut AnyConnection, now: i64, scans: &[&ScanRecord]) -> Result<(), StoreError> {
    if Dialect::of(conn) == Dialect::Postgres && !scans.is_empty() && is_used(conn, now).await? {
        insert(conn, now, scans).await?;
    }
    Ok(())
}

/// The same where it is known that Kafka is used.
pub(super) async fn insert(conn: &mut AnyConnection, now: i64, scans: &[&ScanRecord]) -> Result<(), StoreError> {
    let new: Vec<NewRow<'_>> = scans.iter().map(|scan| new_row(scan, now)).collect::<Result<_, _>>()?;
    let new: Vec<NewRow<'_>> = new.into_iter().filter(|row| row.hint.is_some() || row.event.is_some()).collect();
    if new.is_empty() {
        return Ok(());
    }
    let sql = format!(
        "INSERT INTO kafka_message (scan_id, priority, hint, event) SELECT scan_id, priority, hint, event FROM {}",
        rows(Dialect::Postgres, COLUMNS)
    );
    over(sql, &new)?.execute(conn).await?;
    Ok(())
}

/// Whether a node with Kafka gave a sign of life within the last day.
async fn is_used(conn: &mut AnyConnection, now: i64) -> Result<bool, StoreError> {
    let nodes: i64 = sqlx::query_scalar(sqlx::AssertSqlSafe(nodes("$1"))).bind(now).fetch_one(conn).await?;
    Ok(nodes > 0)
}

/// How many nodes did, at the time in a parameter: none or one, for all together have one row.
pub(super) fn nodes(now: &str) -> String {
    format!("SELECT COUNT(*) AS nodes FROM kafka_use WHERE until > {now}")
}

fn new_row<'a>(scan: &'a ScanRecord, now: i64) -> Result<NewRow<'a>, StoreError> {
    let hint = HintMessage {
        schema_version: SCHEMA_VERSION,
        priority: scan.priority,
        label: Some(scan.label.clone()),
        scan_type: Some(scan.scan_type),
    };
    let hint = (scan.status == ScanStatus::Queued).then(|| serde_json::to_string(&hint)).transpose()?;
    let event = TopicEvent::of(scan.status, scan.attempts, scan.sealed_at.is_some()).map(|event| {
        serde_json::to_string(&EventMessage {
            id: new_id("evt"),
            event,
            schema_version: SCHEMA_VERSION,
            timestamp: Timestamp(now),
            tenant_id: Some(scan.tenant_id.clone()),
            data: Some(event_data(scan)),
        })
    });
    Ok(NewRow { scan_id: scan.id.to_string(), priority: scan.priority.as_str(), hint, event: event.transpose()? })
}

/// Says that a node uses Kafka: from now on moves are noted.
pub async fn begin_use(conn: &mut AnyConnection, now: i64) -> Result<(), StoreError> {
    let sql = "INSERT INTO kafka_use (id, until) VALUES (1, $1) ON CONFLICT (id) DO UPDATE SET until = excluded.until";
    sqlx::query(sql).bind(now + KEEP_NOTING_MS).execute(conn).await?;
    Ok(())
}

/// Forgets what was noted when no node has used Kafka for a day.
pub async fn forget_unused(conn: &mut AnyConnection, now: i64) -> Result<(), StoreError> {
    if Dialect::of(conn) == Dialect::Sqlite {
        return Ok(());
    }
    let sql = "DELETE FROM kafka_message WHERE NOT EXISTS (SELECT 1 FROM kafka_use u WHERE u.until > $1)";
    sqlx::query(sql).bind(now).execute(conn).await?;
    Ok(())
}

/// How many messages wait, counted up to `most`.
pub async fn count(conn: &mut AnyConnection, most: u64) -> Result<u64, StoreError> {
    let sql = "SELECT COUNT(*) FROM (SELECT 1 FROM kafka_message LIMIT +$1) AS waiting";
    let count: i64 = sqlx::query_scalar(sql).bind(i64::try_from(most).unwrap_or(i64::MAX)).fetch_one(conn).await?;
    Ok(count.max(0) as u64)
}

/// The oldest messages, for whoever has the turn to send until the end of the transaction; `None` when another has it.
pub async fn take_turn(conn: &mut AnyConnection, most: u32) -> Result<Option<Vec<Message>>, StoreError> {
    let has_turn: String = sqlx::query_scalar(advisory::SEND).fetch_one(&mut *conn).await?;
    if has_turn != "true" {
        return Ok(None);
    }
    let sql = "SELECT id, scan_id, priority, hint, event FROM kafka_message ORDER BY id LIMIT +$1";
    let found = sqlx::query(sql).bind(i64::from(most)).fetch_all(conn).await?;
    found.iter().map(message).collect::<Result<_, _>>().map(Some)
}

fn message(row: &AnyRow) -> Result<Message, StoreError> {
    Ok(Message {
        id: row.try_get("id")?,
        scan_id: row.try_get("scan_id")?,
        priority: super::parsed(&row.try_get::<String, _>("priority")?, "priority")?,
        hint: row.try_get("hint")?,
        event: row.try_get("event")?,
    })
}

/// Takes out what Kafka has.
pub async fn delete(conn: &mut AnyConnection, ids: &[i64]) -> Result<(), StoreError> {
    let sql = "DELETE FROM kafka_message WHERE id IN (SELECT CAST(value AS BIGINT) FROM json_array_elements_text(CAST($1 AS json)) AS value)";
    sqlx::query(sql).bind(serde_json::to_string(ids)?).execute(conn).await?;
    Ok(())
}
