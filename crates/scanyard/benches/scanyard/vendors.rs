//! Vendors' failures, made an error by us and by the vendors' own libraries in one run, and a list of 100,000 items read page
//! by page. `cargo bench --package scanyard --bench scanyard -- vendors` runs it alone; it needs the network once, for the
//! libraries.

use crate::errors::errors;
use anyhow::{Context as _, ensure};
use futures::TryStreamExt;
use scanyard_client::zscaler::{self, zpa_path};
use scanyard_client::{Hidden, Request, Settings};
use scanyard_contract::Contract;
use serde_json::Value;
use std::hint::black_box;
use std::io::{BufRead, BufReader};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

/// Items of the lists that are read.
const LISTS: [u64; 3] = [1_000, 10_000, 100_000];
/// The largest page of ZPA.
const PAGE: u64 = 500;

/// A running simulator.
pub struct Simulator {
    child: Child,
    pub url: String,
}

impl Simulator {
    pub fn start(contract: &str, items: u64) -> anyhow::Result<Simulator> {
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
