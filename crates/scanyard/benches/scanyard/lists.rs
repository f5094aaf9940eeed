//! `GET /scans`, 25 of few and of many scans: the first page, one by cursor, the last by number, and one in the middle by
//! number. `cargo bench --package scanyard --bench scanyard -- lists` runs it alone.

use crate::load::load;
use crate::{BODY, LOAD, Server};
use anyhow::Context;
use scanyard_server::store::{Clock, Store, StoreOptions, scan};
use std::path::Path;
use std::time::Instant;

/// Scans in the lists.
const SIZES: [u64; 2] = [10_000, 1_000_000];
/// Scans on a page.
const LIMIT: u64 = 25;
/// Connections of the load.
const CONNECTIONS: usize = 8;

/// Measures the pages of lists of each size, and of the largest how far the pages are apart.
pub async fn lists() -> anyhow::Result<()> {
    let dir = tempfile::tempdir()?;
    let first = Server::start(dir.path(), 0)?;
    let scan = first.call("POST", "/api/v1/scans", BODY).await?;
    let id: uuid::Uuid = scan["data"]["id"].as_str().context("no scan")?.parse()?;
    drop(first);
    let mut stored = 1;
    for size in SIZES {
        let began = Instant::now();
        fill(dir.path(), id, stored..size).await?;
        stored = size;
        println!("| {size} scans stored, the new ones in one statement | {:.1} s |", began.elapsed().as_secs_f64());
        pages(&Server::start(dir.path(), 0)?, size).await?;
    }
    Ok(())
}

/// Adds copies of a scan behind the server's back.
async fn fill(dir: &Path, id: uuid::Uuid, numbers: std::ops::Range<u64>) -> anyhow::Result<()> {
    let url = format!("sqlite://{}", dir.join("data/scanyard.db").display());
    let store = Store::open(&StoreOptions { url, read_connections: 1, write_queue: 1, clock: Clock::System }).await?;
    store.write(move |conn| Box::pin(async move { scan::multiply(conn, id, numbers).await })).await?;
    store.close().await;
    Ok(())
}

async fn pages(server: &Server, size: u64) -> anyhow::Result<()> {
    let last = size / LIMIT;
    let middle = format!("/api/v1/scans?limit={LIMIT}&page={}", last / 2);
    let page = server.call("GET", &middle, "").await?;
    anyhow::ensure!(page["pagination"]["total"] == size, "{} instead of {size}", page["pagination"]);
    let cursor = page["pagination"]["nextCursor"].as_str().context("no cursor in the middle")?;
    let targeted = [
        ("the first page", format!("/api/v1/scans?limit={LIMIT}")),
        ("a page in the middle, by cursor", format!("/api/v1/scans?limit={LIMIT}&cursor={cursor}")),
        ("the last page, by number", format!("/api/v1/scans?limit={LIMIT}&page={last}")),
    ];
    // A node that has just started asks its engines for their versions, and they take the processor.
    load(&server.address, server.request("GET", &targeted[0].1, ""), "200", CONNECTIONS, LOAD).await?;
    let mut rates = Vec::new();
    for (what, path) in &targeted {
        rates.push(rate(server, size, what, path).await?);
    }
    rate(server, size, "a page in the middle, by number", &middle).await?;
    let of_status = format!("/api/v1/scans?limit={LIMIT}&status=failed&page={}", last / 10);
    rate(server, size, "a page of one status, by number", &of_status).await?;
    rates.sort_by(f64::total_cmp);
    let apart = rates.last().context("no rate")? / rates.first().context("no rate")?;
    println!("| list 25 of {size}: the first three of these apart | {apart:.2} × |");
    Ok(())
}

async fn rate(server: &Server, size: u64, what: &str, path: &str) -> anyhow::Result<f64> {
    let seen = load(&server.address, server.request("GET", path, ""), "200", CONNECTIONS, LOAD).await?;
    println!(
        "| list 25 of {size}: {what} | {:.0}/s, {} refused, median {:.2} ms, 99 % {:.2} ms |",
        seen.per_second(),
        seen.bad,
        seen.percentile_ms(0.5),
        seen.percentile_ms(0.99)
    );
    Ok(seen.per_second())
}
