//! What the database holds, read in one transaction from outside the nodes.

use anyhow::Context;
use sqlx::any::AnyConnectOptions;
use sqlx::{AnyConnection, ConnectOptions, Connection};
use std::str::FromStr;
use std::time::Duration;

/// How often a database that just came back is asked again, and for how long.
const AGAIN: Duration = Duration::from_millis(200);
const TRIES: u32 = 100;

/// A scan as its row stands.
#[derive(Debug, Clone)]
pub struct ScanRow {
    pub id: String,
    pub name: String,
    pub status: String,
    pub is_sealed: bool,
    pub has_failure: bool,
}

/// A job as its row stands.
#[derive(Debug, Clone)]
pub struct JobRow {
    pub scan_id: String,
    pub state: String,
    /// How often its worker was lost.
    pub lost: i64,
}

/// A delivery that tells the end of a scan.
#[derive(Debug, Clone)]
pub struct DeliveryRow {
    pub id: String,
    pub scan_id: String,
    pub event: String,
    pub status: String,
}

/// Everything at one moment.
#[derive(Debug, Clone, Default)]
pub struct Truth {
    pub scans: Vec<ScanRow>,
    pub jobs: Vec<JobRow>,
    pub ends: Vec<DeliveryRow>,
    pub quota_used: i64,
    /// Counted scans by status.
    pub counted: Vec<(String, i64)>,
    /// Moves of scans that Kafka has not been told of.
    pub untold: i64,
    /// What the database found wrong with itself.
    pub damage: Vec<String>,
}

/// Reads everything; a database that is just coming back is given some seconds.
pub async fn read(url: &str) -> anyhow::Result<Truth> {
    let mut tries = 0;
    loop {
        match read_once(url).await {
            Ok(truth) => return Ok(truth),
            Err(error) if tries == TRIES => return Err(error).context("reading the database"),
            Err(_) => tries += 1,
        }
        tokio::time::sleep(AGAIN).await;
    }
}

async fn read_once(url: &str) -> anyhow::Result<Truth> {
    let is_sqlite = url.starts_with("sqlite:");
    let mut conn = AnyConnectOptions::from_str(url)?.connect().await?;
    let damage = if is_sqlite { sqlite_damage(&mut conn).await? } else { Vec::new() };
    let mut tx = conn.begin().await?;
    if !is_sqlite {
        sqlx::raw_sql("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ, READ ONLY").execute(&mut *tx).await?;
    }
    let scans = "SELECT id, COALESCE(name, ''), status, COALESCE(sealed_at, 0), COALESCE(failure, '') FROM scan";
    let scans: Vec<(String, String, String, i64, String)> = sqlx::query_as(scans).fetch_all(&mut *tx).await?;
    let jobs: Vec<(String, String, i64)> =
        sqlx::query_as("SELECT scan_id, state, lost FROM job").fetch_all(&mut *tx).await?;
    let ends = "SELECT id, scan_id, event, status FROM delivery WHERE scan_id IS NOT NULL AND event <> 'scan.started'";
    let ends: Vec<(String, String, String, String)> = sqlx::query_as(ends).fetch_all(&mut *tx).await?;
    let used = "SELECT CAST(COALESCE(SUM(used), 0) AS BIGINT) FROM quota_use";
    let quota_used: i64 = sqlx::query_scalar(used).fetch_one(&mut *tx).await?;
    let counted = "SELECT status, CAST(SUM(scans) AS BIGINT) FROM scan_count GROUP BY status";
    let counted: Vec<(String, i64)> = sqlx::query_as(counted).fetch_all(&mut *tx).await?;
    let untold: i64 = sqlx::query_scalar("SELECT COUNT(*) FROM kafka_message").fetch_one(&mut *tx).await?;
    tx.commit().await?;
    conn.close().await?;
    let scan = |(id, name, status, sealed_at, failure): (String, String, String, i64, String)| ScanRow {
        id,
        name,
        status,
        is_sealed: sealed_at != 0,
        has_failure: failure.contains("\"reason\""),
    };
    Ok(Truth {
        scans: scans.into_iter().map(scan).collect(),
        jobs: jobs.into_iter().map(|(scan_id, state, lost)| JobRow { scan_id, state, lost }).collect(),
        ends: ends.into_iter().map(|(id, scan_id, event, status)| DeliveryRow { id, scan_id, event, status }).collect(),
        quota_used,
        counted,
        untold,
        damage,
    })
}

async fn sqlite_damage(conn: &mut AnyConnection) -> anyhow::Result<Vec<String>> {
    let said: Vec<String> = sqlx::query_scalar("PRAGMA integrity_check").fetch_all(&mut *conn).await?;
    let broken = sqlx::query("PRAGMA foreign_key_check").fetch_all(conn).await?.len();
    let mut damage: Vec<String> = said.into_iter().filter(|line| line != "ok").collect();
    if broken > 0 {
        damage.push(format!("{broken} rows refer to rows that are not there"));
    }
    Ok(damage)
}
