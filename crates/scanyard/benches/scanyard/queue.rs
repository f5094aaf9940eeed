//! The queue: how soon a scan starts, on servers one that another node submitted, how fast jobs go that do nothing, and what
//! more workers cost. On SQLite, and where `SCANYARD_TEST_DATABASE_URL` and `SCANYARD_TEST_KAFKA` name servers on those too.

use anyhow::Context;
use futures::StreamExt;
use nix::sys::resource::{UsageWho, getrusage};
use nix::sys::time::TimeVal;
use scanyard_contract::ScanType;
use scanyard_engines::Target;
use scanyard_server::config::{Config, Secret};
use scanyard_server::store::scan::submit_to_start_ms;
use scanyard_server::store::{Clock, NewScan, kafka_message, scan_count, tenant};
use scanyard_server::{App, bootstrap, kafka, scan, signals, worker};
use serde_json::json;
use std::path::Path;
use std::time::{Duration, Instant};
use tokio_util::sync::CancellationToken;

/// Jobs of one drain.
const JOBS: usize = 50_000;
/// Scans that the drain runs at the same time, and submissions that are under way at the same time.
const AT_ONCE: u32 = 1024;
/// Scans of one look at how soon they start.
const STARTS: usize = 300;

/// Where the state and the hints are.
struct Place<'a> {
    name: &'static str,
    dir: &'a Path,
    /// A database that is nobody else's; `None`: SQLite.
    postgres: Option<String>,
    brokers: Vec<String>,
}

impl Place<'_> {
    /// A node here, with so many places for scans.
    async fn node(&self, concurrency: u32) -> anyhow::Result<App> {
        let mut config = Config { data_dir: self.dir.into(), ..Config::default() };
        config.database.url = Secret::new(self.postgres.clone().unwrap_or_default());
        config.database.read_connections = 16;
        config.worker.per_tenant = AT_ONCE;
        config.worker.concurrency = concurrency;
        config.queue.kafka.brokers.clone_from(&self.brokers);
        config.queue.kafka.topic_prefix = format!("bench{}", std::process::id());
        let app = App::open(config, Clock::System, CancellationToken::new()).await?;
        bootstrap::bootstrap(&app, |_| Ok(())).await?;
        match app.queue.kafka() {
            Some(kafka) => {
                tokio::spawn(kafka::relay(app.clone(), kafka.clone()));
                tokio::spawn(kafka::listen(app.clone(), kafka.clone()));
            }
            // Where there is Kafka, it alone wakes the workers here: that is what is measured.
            None => drop(tokio::spawn(signals::pass(app.clone()))),
        }
        Ok(app)
    }
}

/// Both figures of every place that there is.
pub async fn queue() -> anyhow::Result<()> {
    let (embedded, outgrown) = (tempfile::tempdir()?, tempfile::tempdir()?);
    let place = |name, dir, postgres, brokers| Place { name, dir, postgres, brokers };
    let mut places = vec![place("SQLite", embedded.path(), None, Vec::new())];
    if let Ok(url) = std::env::var("SCANYARD_TEST_DATABASE_URL") {
        places.push(place("PostgreSQL", outgrown.path(), Some(url.clone()), Vec::new()));
        if let Ok(broker) = std::env::var("SCANYARD_TEST_KAFKA") {
            places.push(place("PostgreSQL and Kafka", outgrown.path(), Some(url), vec![broker]));
        }
    }
    for place in &places {
        starts(place).await?;
        drain(place, 1).await?;
    }
    if let Some(place) = places.get(1) {
        for workers in [2, 4] {
            drain(place, workers).await?;
        }
    }
    Ok(())
}

/// From submission to start, one after another: on servers the worker is another node, which only word of it wakes in time.
async fn starts(place: &Place<'_>) -> anyhow::Result<()> {
    let worker = place.node(4).await?;
    let (_, is_remote) = (tokio::spawn(worker::work(worker.clone())), place.postgres.is_some());
    let api = if is_remote { place.node(0).await? } else { worker.clone() };
    // Until the consumer group has its partitions.
    tokio::time::sleep(Duration::from_secs(if is_remote { 8 } else { 1 })).await;
    let tenant_id = tenant_of(&api).await?;
    let mut ids = Vec::new();
    for _ in 0..STARTS {
        let new = no_op(&tenant_id, api.store.local_now())?;
        ids.push(new.scan.id);
        api.store.submit(new).await?;
        api.wake_workers(None);
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    tokio::time::sleep(Duration::from_secs(1)).await;
    let mut waits = submit_to_start_ms(&mut *api.store.read().await?, &ids).await?;
    waits.sort_unstable();
    let at = |part: f64| waits.get(((waits.len().max(1) - 1) as f64 * part) as usize).copied().unwrap_or_default();
    println!(
        "| submit to start, {}, {} scans one after another | median {} ms, 99 % {} ms |",
        place.name,
        waits.len(),
        at(0.5),
        at(0.99)
    );
    worker.draining.cancel();
    api.draining.cancel();
    Ok(())
}

/// Jobs whose runs end at once, because no version takes their options: claim, note, end, and whatever is told of them. All
/// workers are in this process, so that its time is theirs.
async fn drain(place: &Place<'_>, workers: u32) -> anyhow::Result<()> {
    let mut nodes = Vec::new();
    for _ in 0..workers {
        nodes.push(place.node(AT_ONCE / workers).await?);
    }
    let app = &nodes[0];
    let tenant_id = tenant_of(app).await?;
    let written_before = if place.postgres.is_some() { Some(Written::by(app).await?) } else { None };
    let begun = Instant::now();
    let submit = async || anyhow::Ok(app.store.submit(no_op(&tenant_id, app.store.local_now())?).await?);
    let submissions = (0..JOBS).map(|_| submit());
    let mut submissions = futures::stream::iter(submissions).buffer_unordered(AT_ONCE as usize);
    while let Some(submitted) = submissions.next().await {
        submitted?;
    }
    let submitted = JOBS as f64 / begun.elapsed().as_secs_f64();
    let (begun, used_before) = (Instant::now(), cpu_seconds()?);
    let work: Vec<_> = nodes.iter().map(|node| tokio::spawn(worker::work(node.clone()))).collect();
    loop {
        tokio::time::sleep(Duration::from_millis(50)).await;
        let is_running = nodes.iter().any(|node| node.runs.count() > 0);
        if !is_running && scan_count::queued(&mut *app.store.read().await?).await? == 0 {
            break;
        }
    }
    println!(
        "| drain of {JOBS} jobs that do nothing, {}, {workers} workers | {:.0}/s, {:.0} µs of CPU a job in the workers (submitted at {submitted:.0}/s) |",
        place.name,
        JOBS as f64 / begun.elapsed().as_secs_f64(),
        1e6 * (cpu_seconds()? - used_before) / JOBS as f64
    );
    if app.queue.kafka().is_some() {
        let begun = Instant::now();
        while kafka_message::count(&mut *app.store.read().await?, 1).await? > 0 {
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
        println!("| until Kafka had been told of all of them | {:.1} s more |", begun.elapsed().as_secs_f64());
    }
    if let Some(before) = written_before {
        // The server counts with a delay of up to a second.
        tokio::time::sleep(Duration::from_secs(2)).await;
        let Written { commits, rows, log, size } = Written::by(app).await?;
        println!(
            "| the same, submission included, for each job | {:.2} commits, {:.1} rows written, {:.0} bytes of WAL, {:.0} bytes kept |",
            (commits - before.commits) as f64 / JOBS as f64,
            (rows - before.rows) as f64 / JOBS as f64,
            (log - before.log) as f64 / JOBS as f64,
            (size - before.size) as f64 / JOBS as f64
        );
    }
    nodes.iter().for_each(|node| node.draining.cancel());
    for work in work {
        work.await??;
    }
    Ok(())
}

/// What PostgreSQL has written so far.
struct Written {
    commits: i64,
    /// Rows inserted, changed and deleted.
    rows: i64,
    /// Bytes of write-ahead log.
    log: i64,
    /// Bytes of tables and indexes.
    size: i64,
}

impl Written {
    async fn by(app: &App) -> anyhow::Result<Written> {
        let sql = "SELECT xact_commit, tup_inserted + tup_updated + tup_deleted, \
             CAST(pg_wal_lsn_diff(pg_current_wal_lsn(), '0/0') AS BIGINT), \
             pg_database_size(current_database()) FROM pg_stat_database WHERE datname = current_database()";
        let (commits, rows, log, size) = sqlx::query_as(sql).fetch_one(&mut *app.store.read().await?).await?;
        Ok(Written { commits, rows, log, size })
    }
}

/// What this process has used of the processors.
fn cpu_seconds() -> anyhow::Result<f64> {
    let usage = getrusage(UsageWho::RUSAGE_SELF)?;
    let seconds = |time: TimeVal| time.tv_sec() as f64 + time.tv_usec() as f64 / 1e6;
    Ok(seconds(usage.user_time()) + seconds(usage.system_time()))
}

async fn tenant_of(app: &App) -> anyhow::Result<String> {
    let tenant = tenant::by_name(&mut *app.store.read().await?, "default").await?;
    Ok(tenant.context("there is no tenant")?.id)
}

fn no_op(tenant_id: &str, now: i64) -> anyhow::Result<NewScan> {
    let create = json!({
        "target": "127.0.0.1", "scanType": ScanType::Sentinel, "timeout": 60, "tags": ["bench"],
        "options": {"no such option": 1},
    });
    let target = Target::parse_for(ScanType::Sentinel, "127.0.0.1").map_err(|fault| anyhow::anyhow!("{fault}"))?;
    let record = scan::record(serde_json::from_value(create)?, &target, tenant_id, "bench", now);
    // A host of its own: the cap per host is not what is measured.
    let host = record.id.to_string();
    Ok(NewScan::of(record, host))
}
