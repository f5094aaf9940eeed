//! Options of every command that can ask a server.

use crate::exit::Failure;
use crate::progress::Bar;
use anyhow::Context;
use clap::Args;
use futures::StreamExt;
use scanyard_client::scan_api::{Client, Credential};
use scanyard_client::{Hidden, Items, Retrying, Settings, SetupError};
use scanyard_contract::scan::{Results, ScanEvent};
use scanyard_contract::{Scan, ScanStatus};
use scanyard_server::config::Secret;
use std::path::PathBuf;
use std::time::{Duration, Instant};
use tokio_util::sync::CancellationToken;

/// First pause between two looks at a scan; grows by half each time.
const FIRST_LOOK: Duration = Duration::from_millis(150);
/// Longest pause between two looks: far below any rate limit.
const LONGEST_LOOK: Duration = Duration::from_secs(2);
/// The same while the server tells of every change by itself.
const LONGEST_TOLD: Duration = Duration::from_secs(20);
/// How long the partial results of a cancelled scan are waited for.
const SEAL_WAIT: Duration = Duration::from_secs(30);

/// Which server, with which key.
#[derive(Debug, Clone, Args)]
pub struct Remote {
    /// Ask this server, such as http://127.0.0.1:8080, instead of doing it here
    #[arg(long, value_name = "URL")]
    pub server: Option<String>,
    /// API key of the server
    #[arg(long, env = "SCANYARD_API_KEY", hide_env_values = true, value_parser = secret)]
    pub key: Option<Secret>,
    /// Trust the server's certificate by these in this file (PEM), instead of by the system's
    #[arg(long, value_name = "FILE", env = "SCANYARD_CA_FILE")]
    pub ca_file: Option<PathBuf>,
    /// Send the key over plain http:// to another machine, although everybody on the way can read it
    #[arg(long)]
    pub insecure_http: bool,
    /// How often a request that can succeed later is sent again
    #[arg(long, value_name = "N", default_value_t = 4, value_parser = clap::value_parser!(u32).range(0..=20))]
    pub retries: u32,
}

fn secret(text: &str) -> Result<Secret, std::convert::Infallible> {
    Ok(Secret::new(text))
}

impl Remote {
    /// The client of the server that was named.
    pub fn client(&self) -> Result<Option<Client>, Failure> {
        let Some(server) = &self.server else { return Ok(None) };
        let credential = match &self.key {
            Some(key) => Credential::Key(Hidden::new(key.expose())),
            None => Credential::Nobody,
        };
        let ca = match &self.ca_file {
            Some(path) => {
                Some(std::fs::read(path).with_context(|| path.display().to_string()).map_err(Failure::usage)?)
            }
            None => None,
        };
        if ca.as_ref().is_some_and(Vec::is_empty) {
            return Err(Failure::usage(SetupError::UnusableCa));
        }
        let retrying = Retrying { attempts: self.retries + 1, ..Retrying::default() };
        let settings = Settings { retrying, ca, allow_plain_http: self.insecure_http, ..Settings::default() };
        Client::with(server, credential, settings).map(Some).map_err(unusable)
    }
}

/// Why there is no client, with the option that allows it.
fn unusable(error: SetupError) -> Failure {
    let is_open = matches!(error, SetupError::InTheClear);
    let error = anyhow::Error::from(error);
    Failure::usage(if is_open { error.context("--insecure-http sends the key all the same") } else { error })
}

/// The scan's live events, as long as there are any. They hasten the next look and show progress; what the scan has come to
/// says the look alone, so that a server or a proxy without streams does no harm.
struct Live(Option<Items<ScanEvent>>);

impl Live {
    /// Waits for an event that ends the pause, at most so long.
    async fn wait(&mut self, pause: Duration, bar: &mut Bar) {
        let until = Instant::now() + if self.0.is_some() { LONGEST_TOLD } else { pause };
        while let Some(events) = &mut self.0 {
            match tokio::time::timeout_at(until.into(), events.next()).await {
                Ok(Some(Ok(event))) => {
                    bar.show(event.progress, event.status.as_str());
                    if event.is_final || !matches!(event.status, ScanStatus::Queued | ScanStatus::Running) {
                        return;
                    }
                }
                // It can be opened no more: from here on there are only looks.
                Ok(Some(Err(_)) | None) => self.0 = None,
                Err(_) => return,
            }
        }
        tokio::time::sleep(pause).await;
    }
}

/// Watches a scan to its end and fetches its results; cancels it when told to.
pub async fn follow(
    client: &Client,
    mut scan: Scan,
    bar: &mut Bar,
    cancel: &CancellationToken,
) -> Result<Results, Failure> {
    let (mut pause, mut cancelled_at) = (FIRST_LOOK, None);
    let mut live = Live(Some(client.events(scan.id, scan.scan_type)));
    loop {
        bar.show(scan.progress, scan.status.as_str());
        let is_over = match scan.status {
            ScanStatus::Completed | ScanStatus::Failed => true,
            ScanStatus::Queued | ScanStatus::Running => false,
            // The last findings come after the cancel, until the scan is sealed.
            ScanStatus::Cancelled => {
                let since: &mut Instant = cancelled_at.get_or_insert_with(Instant::now);
                scan.sealed_at.is_some() || since.elapsed() > SEAL_WAIT
            }
        };
        if is_over {
            bar.finish();
            return Ok(client.results(scan.id, scan.scan_type).await?);
        }
        if cancel.is_cancelled() && cancelled_at.is_none() {
            eprintln!("cancelling scan {} on the server", scan.id);
            cancelled_at = Some(Instant::now());
            match client.cancel(scan.id, scan.scan_type).await {
                // It ended a moment before: the next look says how.
                Err(error) if error.status == Some(409) => {}
                Err(error) => return Err(error.into()),
                Ok(_) => {}
            }
        } else if cancelled_at.is_some() {
            tokio::time::sleep(pause).await;
        } else {
            tokio::select! {
                () = live.wait(pause, bar) => {}
                () = cancel.cancelled() => continue,
            }
        }
        pause = (pause * 3 / 2).min(LONGEST_LOOK);
        scan = tokio::select! {
            seen = client.get_scan(scan.id, scan.scan_type) => seen?,
            () = cancel.cancelled(), if cancelled_at.is_none() => continue,
        };
    }
}
