//! Vendors' failures, made an error by us and by the vendors' own libraries in one run, and a list of 100,000 items read page
//! by page. `cargo bench --package scanyard --bench scanyard -- vendors` runs it alone; it needs the network once, for the
//! libraries.

use anyhow::{Context as _, ensure};
use futures::TryStreamExt;
use http::{HeaderMap, HeaderName, HeaderValue};
use scanyard_client::zscaler::{self, zpa_path};
use scanyard_client::{Error, Hidden, Request, Settings};
use scanyard_contract::catalogue::rows_of;
use scanyard_contract::{Context, Contract, Service};
use serde::Serialize;
use serde_json::Value;
use std::hint::black_box;
use std::io::{BufRead, BufReader, Read, Write};
use std::net::TcpStream;
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant, SystemTime};
use url::Url;

/// How often each failure is made an error.
const ROUNDS: u32 = 2_000;
/// Items of the lists that are read.
const LISTS: [u64; 3] = [1_000, 10_000, 100_000];
/// The largest page of ZPA.
const PAGE: u64 = 500;

/// A running simulator.
struct Simulator {
    child: Child,
    url: String,
}

impl Simulator {
    fn start(contract: &str, items: u64) -> anyhow::Result<Simulator> {
        let mut child = Command::new(env!("CARGO_BIN_EXE_scanyard"))
            .args(["simulate", contract, "--listen", "127.0.0.1:0", "--items", &items.to_string()])
            .stderr(Stdio::piped())
            .spawn()?;
        let mut line = String::new();
        BufReader::new(child.stderr.take().context("no stderr")?).read_line(&mut line)?;
        let url = line.trim().rsplit(" on ").next().unwrap_or_default().to_string();
        ensure!(url.starts_with("http://"), "the simulator said {line}");
        Ok(Simulator { child, url })
    }
}

impl Drop for Simulator {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// A failure as it came over the wire.
#[derive(Serialize)]
struct Failed {
    url: String,
    status: u16,
    headers: Vec<(String, String)>,
    body: String,
}

/// All of it.
pub fn vendors() -> anyhow::Result<()> {
    errors(Contract::Tenable, "pytenable-26", "pyTenable 26.10.1")?;
    errors(Contract::Zscaler, "zscaler", "zscaler-sdk-python 1.11.3")?;
    for items in LISTS {
        let simulator = Simulator::start("zscaler", items)?;
        let reader = Command::new(std::env::current_exe()?).args(["fetch", &simulator.url]).output()?;
        ensure!(reader.status.success(), "{}", String::from_utf8_lossy(&reader.stderr));
        println!("| ZPA, {items} items in pages of {PAGE} | {} |", String::from_utf8_lossy(&reader.stdout).trim());
    }
    Ok(())
}

/// Every failure of a contract, by us and by the vendor's library.
fn errors(contract: Contract, environment: &str, library: &str) -> anyhow::Result<()> {
    let simulator = Simulator::start(contract.as_str(), 1)?;
    let mut all = Vec::new();
    for row in rows_of(contract).filter(|row| row.status.is_some_and(|status| status >= 400)) {
        all.push((row.service, failed(&simulator.url, path_of(row.service), &row.id())?));
    }
    let ours = ours(contract, &all)?;
    let dir = tempfile::tempdir()?;
    let file = dir.path().join("failures.json");
    let failures: Vec<&Failed> = all.iter().map(|(_, failed)| failed).collect();
    std::fs::write(&file, serde_json::to_vec(&failures)?)?;
    let theirs = theirs(contract, environment, &file)?;
    println!("| {} failures of {contract}, each made an error | {ours:.2} µs |", all.len());
    println!("| the same by {library} | {theirs:.2} µs, {:.1} × |", theirs / ours);
    Ok(())
}

fn path_of(service: Option<Service>) -> &'static str {
    match service {
        Some(Service::Zia) => "/zia/api/v1/urlCategories",
        Some(Service::Zpa) => "/zpa/mgmtconfig/v1/admin/customers/1/application",
        Some(Service::Zcc) => "/zcc/papi/public/v1/getDevices",
        Some(Service::Cbc) => "/ztw/api/v1/ecgroup",
        Some(Service::Zidentity) => "/ziam/admin/api/v1/users",
        Some(Service::Zdx) => "/zdx/v1/devices",
        Some(Service::Bi) => "/bi/api/v1/report/all",
        Some(_) => "/oauth2/v1/token",
        None => "/scans",
    }
}

/// Microseconds for one failure: its body taken apart, classified, made the client's error and dropped.
fn ours(contract: Contract, all: &[(Option<Service>, Failed)]) -> anyhow::Result<f64> {
    let mut prepared = Vec::new();
    for (service, failed) in all {
        let mut headers = HeaderMap::new();
        for (name, value) in &failed.headers {
            headers.append(HeaderName::try_from(name)?, HeaderValue::try_from(value)?);
        }
        prepared.push((*service, Url::parse(&failed.url)?, failed.status, headers, failed.body.as_bytes()));
    }
    let now = SystemTime::now();
    let one = |rounds: u32| {
        let started = Instant::now();
        for _ in 0..rounds {
            for (service, url, status, headers, body) in &prepared {
                let context = Context {
                    contract,
                    service: *service,
                    method: "GET",
                    path: url.path(),
                    is_impersonated: false,
                    is_password_change: false,
                    is_sign_in: false,
                    is_download: false,
                };
                black_box(Error::of_answer(&context, black_box(url), *status, headers, body, now));
            }
        }
        started.elapsed().as_secs_f64() * 1e6 / f64::from(rounds) / prepared.len() as f64
    };
    one(ROUNDS / 10);
    Ok(one(ROUNDS))
}

/// The same in the library's own code, in its environment.
fn theirs(contract: Contract, environment: &str, file: &Path) -> anyhow::Result<f64> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("../..");
    let python =
        Command::new("scripts/test-vendors").args(["--environment", environment]).current_dir(&root).output()?;
    ensure!(python.status.success(), "{}", String::from_utf8_lossy(&python.stderr));
    let python = String::from_utf8(python.stdout)?;
    let timed = Command::new(python.trim())
        .args(["scripts/vendors/time_errors.py", contract.as_str()])
        .arg(file)
        .current_dir(&root)
        .output()?;
    ensure!(timed.status.success(), "{}", String::from_utf8_lossy(&timed.stderr));
    String::from_utf8(timed.stdout)?.trim().parse().context("the script's figure")
}

/// Asks the simulator for a failure.
fn failed(base: &str, path: &str, id: &str) -> anyhow::Result<Failed> {
    let mut stream = TcpStream::connect(base.trim_start_matches("http://"))?;
    write!(stream, "GET {path} HTTP/1.1\r\nHost: 127.0.0.1\r\nX-Scanyard-Fail: {id}\r\nConnection: close\r\n\r\n")?;
    let mut bytes = Vec::new();
    stream.read_to_end(&mut bytes)?;
    let text = String::from_utf8(bytes)?;
    let (head, body) = text.split_once("\r\n\r\n").context("no answer")?;
    let mut lines = head.lines();
    let status = lines.next().and_then(|line| line.split(' ').nth(1)).context("no status")?.parse()?;
    let headers =
        lines.filter_map(|line| line.split_once(": ")).map(|(name, value)| (name.to_string(), value.to_string()));
    Ok(Failed { url: format!("{base}{path}"), status, headers: headers.collect(), body: body.to_string() })
}

/// Reads the whole list in a process of its own and prints how fast, and how much memory it took at most.
pub async fn fetch(url: &str) -> anyhow::Result<()> {
    let place = zscaler::Place { gateway: url.to_string(), login: url.to_string() };
    let credential =
        zscaler::Credential::Secret { client_id: "id".to_string(), client_secret: Hidden::new("client-secret") };
    // The limits of the vendor would be what is measured.
    let settings = Settings { keep_limits: false, ..Settings::default() };
    let client = zscaler::Client::new(&place, credential, settings)?;
    let started = Instant::now();
    let mut items = client.zpa().list::<Value>(Request::get(zpa_path(1, "7", "application")), PAGE)?;
    let mut count = 0u64;
    while let Some(item) = items.try_next().await? {
        black_box(item);
        count += 1;
    }
    let elapsed: Duration = started.elapsed();
    println!("{count} read, {:.0}/s, at most {:.1} MB", count as f64 / elapsed.as_secs_f64(), peak_mb()?);
    Ok(())
}

/// The most memory that this process ever had, in MB.
fn peak_mb() -> anyhow::Result<f64> {
    let status = std::fs::read_to_string("/proc/self/status")?;
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:")).context("no VmHWM")?;
    let kb: f64 = line.split_whitespace().next().context("no VmHWM")?.parse()?;
    Ok(kb / 1024.0)
}
