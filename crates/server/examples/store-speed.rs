//! Prints what the store does on this machine: durable submissions, claims out of a backlog, pages of a list.
//!
//! `cargo run --release --package scanyard-server --example store-speed`: SQLite in a temporary folder;
//! under `scripts/with-postgres` a PostgreSQL of its own.

use anyhow::Context;
use futures::future::try_join_all;
use scanyard_contract::scan::ScanSource;
use scanyard_contract::{Priority, ScanStatus, ScanType, TargetType};
use scanyard_engines::policy::Policy;
use scanyard_server::store::claim::{Claim, claim};
use scanyard_server::store::idempotency::{IdempotencyId, NewIdempotency, StoredAnswer};
use scanyard_server::store::scan::ScanRecord;
use scanyard_server::store::scan_list::{Order, ScanFilter, Window, list};
use scanyard_server::store::tenant::{self, TenantRecord, TenantStatus};
use scanyard_server::store::{Clock, NewScan, Store, StoreError, StoreOptions, Submitted};
use std::time::{Duration, Instant};
use uuid::Uuid;

/// Callers at one time, each waiting for its answer before it sends the next.
const CALLERS: usize = 64;

const TENANTS: usize = 64;

const ROUND: Duration = Duration::from_secs(3);

#[tokio::main]
async fn main() -> anyhow::Result<()> {
    let dir = tempfile::tempdir()?;
    let file = || format!("sqlite://{}", dir.path().join("speed.db").display());
    let url = std::env::var("SCANYARD_TEST_DATABASE_URL").unwrap_or_else(|_| file());
    let options = StoreOptions { url, read_connections: 8, write_queue: 4096, clock: Clock::System };
    let store = Store::open(&options).await?;
    println!("{:?}, {CALLERS} callers", store.dialect());
    for name in (0..TENANTS).map(tenant_name) {
        let tenant = TenantRecord {
            id: name.clone(),
            name,
            status: TenantStatus::Active,
            is_operator: false,
            plan: None,
            default_limits: [None; 3],
            monthly_quota: None,
            policy: Policy::operator(),
            created_at: 0,
        };
        store.write(move |conn| Box::pin(async move { tenant::insert(conn, &tenant).await })).await?;
    }
    submissions(&store, "one tenant", |_| new_scan(0)).await?;
    submissions(&store, "one tenant, each with an Idempotency-Key", |_| keyed(new_scan(0))).await?;
    submissions(&store, "a tenant per caller", new_scan).await?;
    claims(&store, 1).await?;
    claims(&store, 16).await?;
    for (what, status) in [("first page", None), ("first page of a status that is rare", Some(ScanStatus::Running))] {
        page(&store, what, status).await?;
    }
    store.close().await;
    Ok(())
}

fn tenant_name(number: usize) -> String {
    format!("tenant-{number}")
}

fn new_scan(caller: usize) -> NewScan {
    let scan = ScanRecord {
        id: Uuid::now_v7(),
        tenant_id: tenant_name(caller),
        api_key_id: "key".into(),
        scan_type: ScanType::Sentinel,
        source: ScanSource::Scan,
        name: Some("nightly".into()),
        target: "https://app.example.test/".into(),
        target_type: TargetType::Url,
        status: ScanStatus::Queued,
        priority: Priority::Normal,
        progress: 0,
        tags: vec!["ci".into()],
        options: serde_json::Map::new(),
        config: serde_json::Map::new(),
        timeout: 3600,
        label: "default".into(),
        asset_id: None,
        callback_url: None,
        consent: None,
        template_id: None,
        attempts: 0,
        created_at: 0,
        started_at: None,
        completed_at: None,
        sealed_at: None,
        failure: None,
        summary: None,
        coverage: None,
        records: None,
        engine_version: None,
    };
    NewScan {
        scan,
        host: "app.example.test".into(),
        month_at: 0,
        quota: Some(u64::MAX >> 1),
        auth: None,
        idempotency: None,
        audit: None,
    }
}

fn keyed(new: NewScan) -> NewScan {
    let id = IdempotencyId {
        tenant_id: new.scan.tenant_id.clone(),
        principal: "key".into(),
        operation: "POST /scans".into(),
        key: new.scan.id.to_string(),
    };
    let answer = StoredAnswer { body_hash: "0".repeat(64), status: 201, location: None, body: "x".repeat(400) };
    NewScan { idempotency: Some(NewIdempotency { id, answer, created_at: 0 }), ..new }
}

async fn submissions(store: &Store, what: &str, make: fn(usize) -> NewScan) -> anyhow::Result<()> {
    let begun = Instant::now();
    let callers = (0..CALLERS).map(|caller| {
        let store = store.clone();
        tokio::spawn(async move {
            let mut waits = Vec::new();
            while begun.elapsed() < ROUND {
                let sent = Instant::now();
                if store.submit(make(caller)).await? == Submitted::Stored {
                    waits.push(sent.elapsed());
                }
            }
            Ok::<_, StoreError>(waits)
        })
    });
    let mut waits = Vec::new();
    for caller in try_join_all(callers).await? {
        waits.extend(caller?);
    }
    let per_second = waits.len() as f64 / begun.elapsed().as_secs_f64();
    println!("submit, {what}: {per_second:.0} per second, {}", spread(waits)?);
    Ok(())
}

async fn claims(store: &Store, limit: usize) -> anyhow::Result<()> {
    let (mut waits, mut claimed) = (Vec::new(), 0);
    for _ in 0..100 {
        let scan_types = vec![ScanType::Sentinel];
        let ask = Claim {
            now: 0,
            scan_types,
            labels: vec!["default".into()],
            limit,
            lease_ms: 30_000,
            per_tenant: 10_000,
            per_host: 10_000,
        };
        let begun = Instant::now();
        let scans = store.write(move |conn| Box::pin(async move { claim(conn, &ask).await })).await?;
        waits.push(begun.elapsed());
        claimed += scans.len();
    }
    println!("claim of {limit}: {claimed} scans, {}", spread(waits)?);
    Ok(())
}

async fn page(store: &Store, what: &str, status: Option<ScanStatus>) -> anyhow::Result<()> {
    let (mut waits, mut found) = (Vec::new(), 0);
    let filter = ScanFilter { status, ..ScanFilter::default() };
    for _ in 0..50 {
        let begun = Instant::now();
        let mut conn = store.read().await?;
        let page = list(&mut conn, "tenant-0", &filter, Order::NewestFirst, Window::Offset(0), 25).await?;
        found = page.scans.len();
        waits.push(begun.elapsed());
    }
    println!("list, {what}: {found} scans, {}", spread(waits)?);
    Ok(())
}

fn spread(mut waits: Vec<Duration>) -> anyhow::Result<String> {
    waits.sort_unstable();
    let at = |part: usize| waits.get((waits.len() * part / 100).min(waits.len().saturating_sub(1)));
    let (median, slow) = (at(50).context("nothing was measured")?, at(99).context("nothing was measured")?);
    Ok(format!("median {:.2} ms, 99 % {:.2} ms", median.as_secs_f64() * 1e3, slow.as_secs_f64() * 1e3))
}
