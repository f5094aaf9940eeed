//! What the product costs on PostgreSQL beside what PostgreSQL costs: a durable POST beside rows that are just inserted.

use super::{BODY, CONNECTIONS, Server};
use crate::load::load;
use anyhow::Context;
use scanyard_server::store::{Clock, Store, StoreOptions};
use serde_json::{Value, json};
use std::time::{Duration, Instant};
use uuid::Uuid;

/// POST and bare inserts in turn, both with as many rows on their way.
pub async fn posts() -> anyhow::Result<()> {
    let url = std::env::var("SCANYARD_TEST_DATABASE_URL").context("run it under scripts/with-postgres")?;
    let dir = tempfile::tempdir()?;
    let server = Server::start_on(dir.path(), 0, Some(&url))?;
    let options = StoreOptions { url, read_connections: 16, write_queue: 1024, clock: Clock::System };
    let store = Store::open(&options).await?;
    execute(&store, "CREATE TABLE bare (LIKE scan INCLUDING ALL)").await?;
    for callers in [CONNECTIONS, 4 * CONNECTIONS] {
        compare(&server, &store, callers).await?;
    }
    store.close().await;
    Ok(())
}

/// Rounds of each in turn. The machine's speed changes while this runs, so what is compared are the two of a round.
const ROUNDS: usize = 11;

/// How long each of a round's two runs.
const ROUND: Duration = Duration::from_secs(2);

/// Rounds of so many callers and of so many rows in a statement.
async fn compare(server: &Server, store: &Store, callers: usize) -> anyhow::Result<()> {
    let mut shares = Vec::new();
    for round in 1..=ROUNDS {
        let request = server.request("POST", "/api/v1/scans", BODY);
        let posted = load(&server.address, request, "201", callers, ROUND).await?;
        let bare = bare(store, callers).await?;
        shares.push(100.0 * posted.per_second() / bare);
        println!(
            "| round {round}: POST /scans on PostgreSQL, durable, {callers} callers; rows of scans inserted into one table, {callers} in a \
             statement and commit | {:.0}/s, {} refused, median {:.2} ms, 99 % {:.2} ms; {bare:.0}/s |",
            posted.per_second(),
            posted.bad,
            posted.percentile_ms(0.5),
            posted.percentile_ms(0.99)
        );
    }
    shares.sort_by(f64::total_cmp);
    println!(
        "| POST / bare insert of the same round, {callers} callers | median {:.0} %, {:.0} to {:.0} % |",
        shares[ROUNDS / 2],
        shares[0],
        shares[ROUNDS - 1]
    );
    Ok(())
}

/// Rows in a second, one statement and commit after another.
async fn bare(store: &Store, rows_at_once: usize) -> anyhow::Result<f64> {
    let begun = Instant::now();
    let mut rows = 0;
    while begun.elapsed() < ROUND {
        let batch: Vec<Value> = (0..rows_at_once).map(|_| row()).collect();
        rows += batch.len();
        let text = serde_json::to_string(&batch)?;
        let insert = "INSERT INTO bare SELECT * FROM json_populate_recordset(CAST(NULL AS bare), CAST($1 AS json))";
        let done = store.write(move |conn| {
            Box::pin(async move {
                sqlx::query(insert).bind(text).execute(conn).await?;
                Ok(())
            })
        });
        done.await?;
    }
    Ok(rows as f64 / begun.elapsed().as_secs_f64())
}

/// What POST stores of the same body, with ids as long as its own.
fn row() -> Value {
    json!({
        "id": Uuid::now_v7(), "tenant_id": Uuid::nil(), "api_key_id": format!("key-{}", Uuid::nil()),
        "scan_type": "sentinel", "source": "scan",
        "target": "127.0.0.1", "target_type": "ip", "priority": 2, "status": "queued", "progress": 0,
        "tags": "[\"bench\",\"ci\"]", "options": "{\"ports\":\"80,443\"}", "config": "{}", "timeout_s": 3600,
        "attempts": 0, "created_at": 1_772_791_200_000_i64, "label": "default",
    })
}

async fn execute(store: &Store, sql: &'static str) -> anyhow::Result<()> {
    let done = store.write(move |conn| {
        Box::pin(async move {
            sqlx::query(sql).execute(conn).await?;
            Ok(())
        })
    });
    Ok(done.await?)
}
