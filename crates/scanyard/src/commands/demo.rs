//! `scanyard demo`.

use crate::exit::{Exit, Failure};
use crate::interrupt;
use crate::output;
use crate::progress::{Bar, Progress};
use crate::remote;
use anyhow::{Context, anyhow};
use clap::Args;
use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;
use scanyard_client::Retrying;
use scanyard_client::scan_api::Client;
use scanyard_contract::scan::{CreateScan, Results};
use scanyard_contract::{ScanStatus, ScanType};
use scanyard_engines::weak_target::WeakTarget;
use std::fs::{DirBuilder, File};
use std::os::unix::fs::DirBuilderExt;
use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::time::Duration;
use tokio::io::{AsyncBufReadExt, BufReader};
use tokio::process::{Child, Command};
use tokio_util::sync::CancellationToken;
use uuid::Uuid;

/// How long the server may take to start, and to stop.
const SERVER_PATIENCE: Duration = Duration::from_secs(15);

/// Watch a real scan of a weak target, all on this machine
///
/// Starts a server on loopback with its database in a temporary folder and a small, deliberately weak target, scans the
/// target through the API, prints what was found, and removes everything again. Needs no network.
#[derive(Debug, Args)]
#[command(after_help = "Example:
  scanyard demo")]
pub struct DemoArgs {}

/// Runs the demo.
pub async fn run(_args: DemoArgs) -> Result<Exit, Failure> {
    let cancel = interrupt::token()?;
    let dir = TempDir::create()?;
    let target = WeakTarget::start().await.context("starting the weak target")?;
    eprintln!("A weak target listens on 127.0.0.1:");
    for service in target.services() {
        eprintln!("  {:>5}  {}", service.port, service.about);
    }
    let mut server = Server::start(&dir.0).await?;
    eprintln!("Scanyard listens on {}, its database in {}\n", server.url, dir.0.display());

    let ports: Vec<String> = target.services().iter().map(|service| service.port.to_string()).collect();
    let scanned = scan(&server, &ports.join(","), &cancel).await;
    let stopped = server.stop().await;
    let results = match scanned {
        Ok(results) => results,
        Err(failure) => {
            let log = std::fs::read_to_string(dir.0.join("server.log")).unwrap_or_default();
            eprintln!("The server's log:\n{}", output::clean_lines(&log));
            return Err(failure);
        }
    };
    stopped?;
    for result in &results {
        output::print(&format!("\n{}", output::results(result)))?;
    }
    let has_nmap = results.iter().any(|result| result.scan_type == ScanType::Nmap);
    output::print(&how_to_go_on(has_nmap))?;
    match results.iter().all(|result| result.status == ScanStatus::Completed) {
        true => Ok(Exit::Clean),
        false => Ok(Exit::Failed),
    }
}

/// Submits a scan per engine that is there and follows them side by side.
async fn scan(server: &Server, ports: &str, cancel: &CancellationToken) -> Result<Vec<Results>, Failure> {
    let client =
        Client::new(&server.url, Some(server.key.clone()), Retrying::default()).context("making the client")?;
    let progress = Progress::new(true);
    let (mut running, mut results) = (Vec::new(), Vec::new());
    for engine in client.engines().await? {
        let wanted = matches!(engine.scan_type, ScanType::Sentinel | ScanType::Nmap);
        if wanted && engine.available {
            let scan = client.create_scan(&new_scan(engine.scan_type, ports)).await?;
            let bar = progress.add(&format!("{} 127.0.0.1", engine.scan_type));
            running.push(tokio::spawn(follow(client.clone(), scan, bar, cancel.clone())));
        }
    }
    for scan in running {
        results.push(scan.await.context("following a scan")??);
    }
    Ok(results)
}

async fn follow(
    client: Client,
    scan: scanyard_contract::Scan,
    mut bar: Bar,
    cancel: CancellationToken,
) -> Result<Results, Failure> {
    remote::follow(&client, scan, &mut bar, &cancel).await
}

fn new_scan(scan_type: ScanType, ports: &str) -> CreateScan {
    CreateScan {
        target: "127.0.0.1".to_string(),
        scan_type,
        name: Some("demo".to_string()),
        target_type: None,
        priority: None,
        options: serde_json::Map::from_iter([("ports".to_string(), ports.into())]),
        config: serde_json::Map::new(),
        tags: Vec::new(),
        timeout: Some(300),
        worker_label: None,
        asset_id: None,
        callback_url: None,
        consent: None,
        auth: None,
    }
}

fn how_to_go_on(has_nmap: bool) -> String {
    let nmap = if has_nmap { "" } else { "\nnmap is not installed; with it this demo runs an nmap scan too.\n" };
    // As it was called: after `make demo` the program is not on the PATH.
    let me = std::env::args().next().unwrap_or_else(|| "scanyard".to_string());
    format!(
        "{nmap}
How to go on:
  {me} serve                          # a server of your own; prints its first key
  {me} scan sentinel http://HOST/     # one scan without a server
  {me} engines                        # what else can scan
  {me} errors KEY_EXPIRED             # what a failure means and what to do
"
    )
}

/// A server of this binary, in a process of its own.
struct Server {
    process: Child,
    url: String,
    key: String,
}

impl Server {
    async fn start(dir: &Path) -> anyhow::Result<Server> {
        let program = std::env::current_exe().context("finding this program")?;
        let key_file = dir.join("key");
        let log = File::create(dir.join("server.log")).context("making the server's log")?;
        let mut command = Command::new(program);
        // Settings of a real server must not reach this one.
        for (name, _) in std::env::vars_os().filter(|(name, _)| name.to_string_lossy().starts_with("SCANYARD_")) {
            command.env_remove(name);
        }
        command.args(["serve", "--listen", "127.0.0.1:0"]).arg("--data-dir").arg(dir.join("data"));
        command.arg("--bootstrap-key-file").arg(&key_file);
        command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(log).kill_on_drop(true);
        // Ctrl-C is for us; the server is stopped when the scans are cancelled.
        command.process_group(0);
        let mut process = command.spawn().context("starting the server")?;
        let stdout = process.stdout.take().context("reading what the server says")?;
        let listening = async {
            let mut lines = BufReader::new(stdout).lines();
            while let Some(line) = lines.next_line().await? {
                if let Some(at) = line.find("http://") {
                    return Ok(line[at..].trim().to_string());
                }
            }
            Err(anyhow!("the server ended at its start"))
        };
        let url = match tokio::time::timeout(SERVER_PATIENCE, listening).await {
            Ok(Ok(url)) => url,
            Ok(Err(error)) => {
                let log = std::fs::read_to_string(dir.join("server.log")).unwrap_or_default();
                return Err(error.context(log));
            }
            Err(_) => return Err(anyhow!("the server does not listen after {} s", SERVER_PATIENCE.as_secs())),
        };
        let key = std::fs::read_to_string(&key_file).context("reading the first key")?;
        Ok(Server { process, url, key: key.trim().to_string() })
    }

    /// Stops it in order: running scans would go back to its queue.
    async fn stop(&mut self) -> anyhow::Result<()> {
        let Some(pid) = self.process.id() else { return Ok(()) };
        kill(Pid::from_raw(pid as i32), Signal::SIGTERM).context("stopping the server")?;
        let ended = tokio::time::timeout(SERVER_PATIENCE, self.process.wait()).await;
        ended.context("the server does not stop")?.context("waiting for the server")?;
        Ok(())
    }
}

/// A folder of our own, gone when dropped.
struct TempDir(PathBuf);

impl TempDir {
    fn create() -> anyhow::Result<TempDir> {
        let path = std::env::temp_dir().join(format!("scanyard-demo-{}", Uuid::new_v4().simple()));
        DirBuilder::new().mode(0o700).create(&path).with_context(|| format!("making {}", path.display()))?;
        Ok(TempDir(path))
    }
}

impl Drop for TempDir {
    fn drop(&mut self) {
        if let Err(error) = std::fs::remove_dir_all(&self.0) {
            eprintln!("warning: {} stays behind: {error}", self.0.display());
        }
    }
}
