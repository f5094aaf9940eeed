//! `scanyard export`.

use super::{Caller, failed, vendor};
use crate::exit::{CALL_EXIT_CODES, Exit, Failure};
use crate::interrupt;
use crate::output::{self, clean};
use crate::progress::Progress;
use anyhow::{Context, bail};
use clap::{Args, Subcommand, ValueEnum};
use scanyard_client::tenable::export::{Checkpoint, Export, Waiting};
use scanyard_client::tenable::filters::{Assets, Compliance, Vulns, What};
use serde::{Deserialize, Serialize};
use serde_json::Value;
use serde_json::value::RawValue;
use std::path::{Path, PathBuf};
use std::time::Duration;

const EXAMPLES: &str = "Examples:
  scanyard export tenable vulns > vulns.jsonl
  scanyard export tenable vulns --severity high --severity critical --state open
  scanyard export tenable assets --profile prod --checkpoint assets.json >> assets.jsonl";

/// Export everything of one kind from a vendor, one item in a line
#[derive(Debug, Args)]
#[command(after_help = EXAMPLES)]
pub struct ExportArgs {
    #[command(subcommand)]
    from: From,
}

#[derive(Debug, Subcommand)]
enum From {
    Tenable(TenableArgs),
}

/// Export findings, assets or compliance findings from Tenable
///
/// Goes on after what passes: rate limits, ended sessions, chunks that fail. A chunk that Tenable lost is an error at the end.
#[derive(Debug, Args)]
#[command(after_help = format!("{EXAMPLES}\n\n{CALL_EXIT_CODES}"))]
struct TenableArgs {
    #[arg(value_enum)]
    what: Kind,
    /// Assets per chunk of findings (50 to 5000), assets (100 to 10000) or findings of compliance (50 to 5000)
    #[arg(long, value_name = "N")]
    chunk_size: Option<u64>,
    /// Only findings of this severity: info, low, medium, high, critical
    #[arg(long, value_name = "WORD")]
    severity: Vec<String>,
    /// Only findings in this state: open, reopened, fixed
    #[arg(long, value_name = "WORD")]
    state: Vec<String>,
    /// Only findings that changed since then, in seconds since 1970
    #[arg(long, value_name = "SECONDS")]
    since: Option<i64>,
    /// Keep in this file what was printed, and go on from there; gone at the end
    #[arg(long, value_name = "FILE")]
    checkpoint: Option<PathBuf>,
    /// Then the export is cancelled at Tenable, in seconds
    #[arg(long, value_name = "SECONDS", default_value_t = 86_400)]
    export_deadline: u64,
    #[command(flatten)]
    caller: Caller,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Kind {
    Vulns,
    Assets,
    Compliance,
}

/// Prints every item.
pub async fn run(args: ExportArgs) -> Result<Exit, Failure> {
    let From::Tenable(args) = args.from;
    let what = what(&args).map_err(Failure::usage)?;
    let profile = args.caller.profile("tenable")?;
    let client = vendor::tenable_client(&profile, args.caller.settings()?).map_err(Failure::usage)?;
    let waiting = Waiting { deadline: Duration::from_secs(args.export_deadline), ..Waiting::default() };
    let request = what.body().map_err(failed)?;
    let kept = args.checkpoint.as_deref().map(|path| kept(path, what.kind(), &request)).transpose()?.flatten();
    let mut export = match kept {
        Some(checkpoint) => client.resume(checkpoint, waiting).map_err(failed)?,
        None => client.export(&what, waiting).await.map_err(failed)?,
    };
    if export.is_adopted() {
        eprintln!("the same export runs already: going on with it");
    }
    let cancel = interrupt::token()?;
    let outcome = tokio::select! {
        outcome = print_all(&mut export, &args, &request) => Some(outcome),
        () = cancel.cancelled() => None,
    };
    match outcome {
        Some(outcome) => outcome.map(|()| Exit::Clean),
        None => {
            match &args.checkpoint {
                Some(path) => keep(path, export.checkpoint(), &request)?,
                None => {
                    eprintln!("cancelling the export at Tenable");
                    export.cancel().await.map_err(failed)?;
                }
            }
            Err(anyhow::anyhow!("interrupted").into())
        }
    }
}

async fn print_all(export: &mut Export, args: &TenableArgs, request: &Value) -> Result<(), Failure> {
    let progress = Progress::new(false);
    let mut bar = progress.add("tenable export");
    loop {
        let now = export.progress();
        let total = now.total.unwrap_or(now.done + now.ready).max(1);
        bar.show(
            (now.done * 100 / total).min(100) as u8,
            &format!("{} {} of {total} chunks", clean(&now.status), now.done),
        );
        let Some(chunk) = export.next_chunk::<Box<RawValue>>().await.map_err(failed)? else { break };
        let mut lines = String::new();
        for item in chunk.items {
            // One item in a line, also when Tenable wraps it.
            lines.extend(item.get().chars().filter(|c| !matches!(c, '\n' | '\r')));
            lines.push('\n');
        }
        output::print(&lines)?;
        if let Some(path) = &args.checkpoint {
            keep(path, export.checkpoint(), request)?;
        }
    }
    bar.finish();
    if let Some(path) = &args.checkpoint {
        std::fs::remove_file(path).with_context(|| path.display().to_string())?;
    }
    Ok(())
}

fn what(args: &TenableArgs) -> anyhow::Result<What> {
    let of_findings =
        [("severity", !args.severity.is_empty()), ("state", !args.state.is_empty()), ("since", args.since.is_some())];
    if let Some((name, _)) = of_findings.iter().find(|(_, is_given)| *is_given && args.what != Kind::Vulns) {
        bail!("--{name} is about findings: only an export of vulns takes it");
    }
    Ok(match args.what {
        Kind::Vulns => What::Vulns(Vulns {
            num_assets: args.chunk_size,
            severity: args.severity.clone(),
            state: args.state.clone(),
            since: args.since,
            ..Vulns::default()
        }),
        Kind::Assets => What::Assets(Assets { chunk_size: args.chunk_size, ..Assets::default() }),
        Kind::Compliance => What::Compliance(Compliance { num_findings: args.chunk_size, ..Compliance::default() }),
    })
}

/// What a file of a checkpoint holds.
#[derive(Debug, Serialize, Deserialize)]
struct Kept {
    #[serde(flatten)]
    checkpoint: Checkpoint,
    /// The body that began the export.
    request: Value,
}

/// Where an earlier run of the same request stood; `None` when there was none. Where nothing can be kept it is an error, before
/// anything was started.
fn kept(path: &Path, kind: &str, request: &Value) -> Result<Option<Checkpoint>, Failure> {
    let read = || {
        let beside = beside(path);
        std::fs::File::create(&beside).and_then(|_| std::fs::remove_file(&beside))?;
        let bytes = match std::fs::read(path) {
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(None),
            read => read?,
        };
        let Kept { checkpoint, request: before } = serde_json::from_slice(&bytes).context("this is no checkpoint")?;
        if checkpoint.kind != kind {
            bail!("this is the checkpoint of an export of {}, not of {kind}", checkpoint.kind);
        }
        if before != *request {
            bail!(
                "this is the checkpoint of an export that asked for {before}: give the same options, or another file"
            );
        }
        Ok(Some(checkpoint))
    };
    read().with_context(|| path.display().to_string()).map_err(Failure::usage)
}

/// Written beside and moved into place: a crash leaves the old one or the new one.
fn keep(path: &Path, checkpoint: Checkpoint, request: &Value) -> anyhow::Result<()> {
    let beside = beside(path);
    let bytes = serde_json::to_vec(&Kept { checkpoint, request: request.clone() }).context("the checkpoint")?;
    std::fs::write(&beside, bytes)
        .and_then(|()| std::fs::rename(&beside, path))
        .with_context(|| path.display().to_string())
}

fn beside(path: &Path) -> PathBuf {
    let mut name = path.as_os_str().to_owned();
    name.push(".new");
    PathBuf::from(name)
}
