//! The figures of docs/BENCHMARKS.md, measured in one run on one machine. `make bench` runs it; nothing here asserts.
//!
//! The server under measurement is this program again (`serve DIR`), with one route more than the product: a POST that
//! takes the same body apart and answers as long, without a database.

mod lists;
mod load;
mod parsers;
mod ports;
mod postgres;
mod queue;
mod vendors;
mod webhooks;

use anyhow::Context;
use axum::Json;
use axum::extract::State;
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use axum::routing::post;
use load::load;
use scanyard_contract::ScanType;
use scanyard_contract::scan::CreateScan;
use scanyard_engines::policy::Policy;
use scanyard_server::config::{Config, Limits, Secret};
use scanyard_server::error::ApiError;
use scanyard_server::http::auth::Auth;
use scanyard_server::http::posted::Posted;
use scanyard_server::key::{KeyCache, KeyHash, NewKey, is_well_formed};
use scanyard_server::scope::Scope;
use scanyard_server::store::api_key::Holder;
use scanyard_server::store::tenant::{TenantRecord, TenantStatus};
use scanyard_server::store::worker::{self, WorkerRecord};
use scanyard_server::store::{Clock, Store, StoreOptions, scan};
use scanyard_server::{App, Node, Role};
use serde_json::{Value, json};
use std::io::{BufRead, BufReader};
use std::path::Path;
use std::process::{Child, Command, ExitCode, Stdio};
use std::time::{Duration, Instant};
use tokio_util::sync::CancellationToken;

/// As in the product.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

/// How long each load runs.
const LOAD: Duration = Duration::from_secs(5);

/// Connections of the load.
const CONNECTIONS: usize = 64;

fn main() -> anyhow::Result<ExitCode> {
    // As in the product: the server under measurement runs its scans by this program, which must not measure itself then.
    if std::env::args_os().nth(1).is_some_and(|command| command == "__supervise") {
        return Ok(scanyard_engines::process::supervise::main());
    }
    measured().map(|()| ExitCode::SUCCESS)
}

fn measured() -> anyhow::Result<()> {
    let arguments: Vec<String> = std::env::args().skip(1).filter(|a| !a.starts_with("--")).collect();
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build()?;
    match arguments.iter().map(String::as_str).collect::<Vec<_>>().as_slice() {
        ["serve", dir, concurrency] => runtime.block_on(serve(Path::new(dir), concurrency.parse()?, None)),
        ["serve", dir, concurrency, url] => runtime.block_on(serve(Path::new(dir), concurrency.parse()?, Some(url))),
        ["ports"] => ports::in_a_namespace(),
        ["sweep"] => ports::sweep(),
        ["lists"] => runtime.block_on(lists::lists()),
        ["parsers"] => parsers::parsers(),
        ["imports"] => runtime.block_on(parsers::imports()),
        ["postgres"] => runtime.block_on(postgres::posts()),
        ["queue"] => runtime.block_on(queue::queue()),
        ["vendors"] => vendors::vendors(),
        ["fetch", url] => runtime.block_on(vendors::fetch(url)),
        ["webhooks"] => runtime.block_on(webhooks::deliveries()),
        [] => runtime.block_on(measure()),
        other => anyhow::bail!("there is no bench {}", other.join(" ")),
    }
}

/// The product's server with the route beside it that has no database.
async fn serve(dir: &Path, concurrency: u32, database: Option<&str>) -> anyhow::Result<()> {
    let mut config = Config {
        data_dir: dir.join("data"),
        listen: "127.0.0.1:0".parse()?,
        bootstrap_key_file: Some(dir.join("owner.key")),
        ..Config::default()
    };
    webhooks::trust(&mut config, dir)?;
    config.database.url = Secret::new(database.unwrap_or_default());
    config.worker.concurrency = concurrency;
    config.queue.max_backlog = 100_000_000;
    config.limits.per_minute = 100_000_000;
    config.limits.per_hour = 100_000_000;
    config.limits.per_day = 100_000_000;
    let node = Node::start(config, Role::Serve, CancellationToken::new()).await?;
    if concurrency == 0 {
        promise_a_worker(&node.app).await?;
    }
    println!("http://{}", node.address()?.context("an address")?);
    let bare = axum::Router::new().route("/bare", post(no_database));
    let layered = axum::Router::new().route("/layered", post(no_database));
    let layered = scanyard_server::http::guarded(layered, node.app.clone());
    let checked = axum::Router::new().route("/checked", post(no_store)).with_state(node.app.clone());
    let checked = scanyard_server::http::guarded(checked, node.app.clone());
    let router = scanyard_server::router(node.app.clone()).merge(bare).merge(layered).merge(checked);
    node.run(router).await
}

/// Scans are taken for a worker that lives; this one never comes for them.
async fn promise_a_worker(app: &App) -> anyhow::Result<()> {
    let engines = Some([(ScanType::Sentinel, None)].into());
    let labels = vec!["default".to_string()];
    let seen_at = app.store.now().await? + 24 * 3_600_000;
    let worker =
        WorkerRecord { id: uuid::Uuid::nil(), name: "promised".into(), seen_at, concurrency: 1, labels, engines };
    app.store.write(move |conn| Box::pin(async move { worker::seen(conn, &worker).await })).await?;
    Ok(())
}

/// The product's own POST up to where it stores the scan: key, limits, strict body.
async fn no_store(auth: Auth, State(app): State<App>, posted: Posted) -> Result<Response, ApiError> {
    auth.require(Scope::ScansCreate)?;
    let create: CreateScan = posted.receive(&app).await?.json("CreateScan")?;
    Ok(no_database(Json(create)).await.into_response())
}

async fn no_database(Json(body): Json<CreateScan>) -> (StatusCode, Json<Value>) {
    let id = uuid::Uuid::now_v7();
    (
        StatusCode::CREATED,
        Json(
            json!({"success": true, "data": {"id": id, "scanType": body.scan_type, "target": body.target, "status": "queued",
            "targetType": "ip", "priority": "normal", "progress": 0, "tags": body.tags, "options": body.options,
            "config": body.config, "timeout": 3600, "attempts": 0, "createdAt": "2026-01-01T00:00:00Z"}}),
        ),
    )
}

struct Server {
    child: Child,
    address: String,
    key: String,
}

impl Server {
    fn start(dir: &Path, concurrency: u32) -> anyhow::Result<Server> {
        Server::start_on(dir, concurrency, None)
    }

    /// With a database server instead of the embedded one.
    fn start_on(dir: &Path, concurrency: u32, database: Option<&str>) -> anyhow::Result<Server> {
        let mut child = Command::new(std::env::current_exe()?)
            .arg("serve")
            .arg(dir)
            .arg(concurrency.to_string())
            .args(database)
            .stdout(Stdio::piped())
            .spawn()?;
        let out = child.stdout.take().ok_or_else(|| anyhow::anyhow!("no stdout"))?;
        let line = BufReader::new(out).lines().map_while(Result::ok).find(|line| line.starts_with("http://"));
        let line = line.ok_or_else(|| anyhow::anyhow!("the server ended before it listened"))?;
        let key = std::fs::read_to_string(dir.join("owner.key"))?.trim().to_string();
        Ok(Server { child, address: line.trim_start_matches("http://").to_string(), key })
    }

    fn request(&self, method: &str, path: &str, body: &str) -> String {
        format!(
            "{method} {path} HTTP/1.1\r\nHost: {}\r\nX-API-Key: {}\r\nContent-Type: application/json\r\nContent-Length: {}\r\n\r\n{body}",
            self.address,
            self.key,
            body.len()
        )
    }

    async fn call(&self, method: &str, path: &str, body: &str) -> anyhow::Result<Value> {
        let mut stream = tokio::net::TcpStream::connect(&self.address).await?;
        let mut buffer = Vec::new();
        tokio::io::AsyncWriteExt::write_all(&mut stream, self.request(method, path, body).as_bytes()).await?;
        load::answer(&mut stream, &mut buffer).await?;
        let head = buffer.windows(4).position(|w| w == b"\r\n\r\n").unwrap_or(0) + 4;
        Ok(serde_json::from_slice(&buffer[head..])?)
    }

    /// Resident memory in MB.
    fn resident_mb(&self) -> anyhow::Result<f64> {
        let status = std::fs::read_to_string(format!("/proc/{}/status", self.child.id()))?;
        let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:"));
        let kb: f64 = line.and_then(|l| l.split_whitespace().next()).unwrap_or("nan").parse()?;
        Ok(kb / 1024.0)
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

async fn measure() -> anyhow::Result<()> {
    println!("| figure | measured |\n|---|---|");
    posts().await?;
    lists::lists().await?;
    key_check()?;
    submit_to_start().await?;
    webhooks::deliveries().await?;
    parsers::parsers()?;
    parsers::imports().await?;
    tokio::task::block_in_place(vendors::vendors)?;
    ports::in_a_namespace()
}

const BODY: &str = r#"{"target":"127.0.0.1","scanType":"sentinel","tags":["bench","ci"],"options":{"ports":"80,443"}}"#;

/// Durable POST beside POST without a database, three rounds in turn; memory before and after.
async fn posts() -> anyhow::Result<()> {
    let dir = tempfile::tempdir()?;
    println!("| one sync of the disk, after 64 kB | median {:.2} ms |", sync_ms(dir.path())?);
    let server = Server::start(dir.path(), 0)?;
    tokio::time::sleep(Duration::from_secs(2)).await;
    println!("| resident memory at rest | {:.1} MB |", server.resident_mb()?);
    let routes = [
        ("/api/v1/scans", "POST /scans, durable"),
        ("/checked", "POST without a database, with key, limits and checks of the body"),
        ("/layered", "POST without a database, in the layers of every answer"),
        ("/bare", "POST without a database, axum alone"),
    ];
    let mut rates = [const { Vec::new() }; 4];
    for round in 1..=3 {
        for ((path, what), rates) in routes.iter().zip(&mut rates) {
            let seen = load(&server.address, server.request("POST", path, BODY), "201", CONNECTIONS, LOAD).await?;
            println!(
                "| round {round}: {what} | {:.0}/s, {} refused, median {:.2} ms, 99 % {:.2} ms |",
                seen.per_second(),
                seen.bad,
                seen.percentile_ms(0.5),
                seen.percentile_ms(0.99)
            );
            rates.push(seen.per_second());
        }
    }
    let [durable, checked, layered, bare] = rates.map(|mut rates| {
        rates.sort_by(f64::total_cmp);
        rates[1]
    });
    println!(
        "| durable / with key, limits and checks, durable / in the layers, durable / axum alone | {:.0} %, {:.0} %, {:.0} % |",
        100.0 * durable / checked,
        100.0 * durable / layered,
        100.0 * durable / bare
    );
    println!("| resident memory after the load | {:.1} MB |", server.resident_mb()?);
    Ok(())
}

/// What one sync costs here: a batch of submissions waits for one.
fn sync_ms(dir: &Path) -> anyhow::Result<f64> {
    let file = std::fs::File::create(dir.join("sync"))?;
    let mut times = Vec::new();
    for round in 0..100u64 {
        std::os::unix::fs::FileExt::write_all_at(&file, &[1; 65_536], round % 16 * 65_536)?;
        let started = Instant::now();
        file.sync_data()?;
        times.push(started.elapsed().as_secs_f64() * 1000.0);
    }
    times.sort_by(f64::total_cmp);
    Ok(times[50])
}

/// What finding the key of a request costs, by its hash and the cache.
fn key_check() -> anyhow::Result<()> {
    let (record, key) =
        NewKey { name: "bench".to_string(), scopes: Scope::ALL.to_vec(), ..NewKey::with_limits(&Limits::default()) }
            .make("t", 0)?;
    let cache = KeyCache::default();
    let holder = Holder {
        key: record,
        tenant: TenantRecord {
            id: "t".to_string(),
            name: "t".to_string(),
            status: TenantStatus::Active,
            is_operator: false,
            plan: None,
            default_limits: [None; 3],
            monthly_quota: None,
            policy: Policy::default(),
            created_at: 0,
        },
    };
    cache.put(key.hash(), 0, holder);
    let rounds = 1_000_000u32;
    let started = Instant::now();
    for _ in 0..rounds {
        let text = std::hint::black_box(key.reveal());
        anyhow::ensure!(is_well_formed(text) && cache.get(&KeyHash::of(text), 0).is_some());
    }
    println!("| key check (hash and cache) | {:.2} µs |", started.elapsed().as_secs_f64() * 1e6 / f64::from(rounds));
    Ok(())
}

/// From the scan's creation to its start, on an idle server, by the database's own times.
async fn submit_to_start() -> anyhow::Result<()> {
    let dir = tempfile::tempdir()?;
    let server = Server::start(dir.path(), 4)?;
    let body = r#"{"target":"127.0.0.1","scanType":"sentinel","options":{"ports":"1"}}"#;
    let mut ids = Vec::new();
    for _ in 0..200 {
        let answer = server.call("POST", "/api/v1/scans", body).await?;
        ids.push(answer["data"]["id"].as_str().unwrap_or_default().parse::<uuid::Uuid>()?);
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    drop(server);
    let url = format!("sqlite://{}", dir.path().join("data/scanyard.db").display());
    let store = Store::open(&StoreOptions { url, read_connections: 1, write_queue: 1, clock: Clock::System }).await?;
    let mut waits = scan::submit_to_start_ms(&mut *store.read().await?, &ids).await?;
    waits.sort_unstable();
    let at = |part: f64| waits.get(((waits.len() - 1) as f64 * part) as usize).copied().unwrap_or_default();
    println!(
        "| submit to start, {} scans one after another | median {} ms, 99 % {} ms |",
        waits.len(),
        at(0.5),
        at(0.99)
    );
    Ok(())
}
