//! `scanyard scan`.

use crate::engine_options;
use crate::exit::{Exit, Failure, SCAN_EXIT_CODES};
use crate::interrupt;
use crate::local::{self, LocalScan};
use crate::options::pair;
use crate::output::{self, ResultsFormat};
use crate::progress::Progress;
use crate::remote::{self, Remote};
use anyhow::anyhow;
use clap::builder::{PossibleValuesParser, TypedValueParser};
use clap::{Args, ValueEnum};
use scanyard_client::scan_api::Client;
use scanyard_contract::scan::{CreateScan, Results};
use scanyard_contract::{ScanStatus, ScanType, Severity};
use scanyard_engines::{Options, Target};
use scanyard_server::config::Layers;
use std::path::PathBuf;
use std::time::Duration;

/// Scan a target, here or on a server, and print what was found
///
/// Without --server the scan runs in this process: nothing else is needed. Progress goes to stderr, results to stdout.
/// Ctrl-C cancels the scan and prints what was found until then.
#[derive(Debug, Args)]
#[command(
    after_help = format!("Examples:
  scanyard scan sentinel http://127.0.0.1:8000/
  scanyard scan nmap 127.0.0.0/29 -o ports=1-1024 --format json
  scanyard scan sentinel app.example.test --fail-on high --server https://scan.example.test

{SCAN_EXIT_CODES}

--help shows the options of each engine."),
    after_long_help = format!("Examples:
  scanyard scan sentinel http://127.0.0.1:8000/
  scanyard scan nmap 127.0.0.0/29 -o ports=1-1024 --format json
  scanyard scan sentinel app.example.test --fail-on high --server https://scan.example.test

{SCAN_EXIT_CODES}

{}", engine_options::help()),
)]
pub struct ScanArgs {
    #[arg(value_parser = engine_parser())]
    engine: ScanType,
    /// Address, network, host name or URL; which of them depends on the engine
    target: String,
    /// Option of the engine; may be repeated
    #[arg(short = 'o', long = "option", value_name = "KEY=VALUE", value_parser = pair)]
    options: Vec<(String, String)>,
    #[arg(long, value_enum, default_value_t = ResultsFormat::Table)]
    format: ResultsFormat,
    /// Exit with 1 at a finding of this severity or above
    #[arg(long, value_enum, default_value_t = FailOn::Medium)]
    fail_on: FailOn,
    /// Longest run, in seconds
    #[arg(long, value_name = "SECONDS", default_value_t = 3600, value_parser = clap::value_parser!(u32).range(1..=86_400))]
    timeout: u32,
    /// File of settings, for engines in unusual places and DNS servers
    #[arg(long, value_name = "FILE", env = "SCANYARD_CONFIG")]
    config: Option<PathBuf>,
    #[command(flatten)]
    remote: Remote,
}

/// From which severity on findings are a failure.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(super) enum FailOn {
    Info,
    Low,
    Medium,
    High,
    Critical,
    /// Findings never are
    None,
}

pub(super) fn engine_parser() -> impl TypedValueParser<Value = ScanType> {
    let words: Vec<&'static str> = ScanType::ALL.iter().map(|scan_type| scan_type.as_str()).collect();
    PossibleValuesParser::new(words).try_map(|word| word.parse().map_err(|()| format!("{word} is no engine")))
}

/// Runs the scan and prints its results.
pub async fn run(args: ScanArgs) -> Result<Exit, Failure> {
    let scanned = match args.remote.client()? {
        Some(client) => remotely(&args, &client).await,
        None => locally(&args).await,
    };
    let results = scanned?;
    output::print_results(&results, args.format)?;
    Ok(exit(&results, args.fail_on))
}

async fn locally(args: &ScanArgs) -> Result<Results, Failure> {
    let given = engine_options::parse(args.engine, &args.options).map_err(|faults| Failure::usage(anyhow!(faults)))?;
    let target = Target::parse(&args.target)
        .map_err(|fault| Failure::usage(anyhow!("the target {} {fault}", output::clean(&args.target))))?;
    let options = match Options::parse(args.engine, &given) {
        Some(Ok(options)) => options,
        Some(Err(faults)) => return Err(Failure::usage(anyhow!(engine_options::faults(&faults)))),
        None => {
            let error = anyhow!("this version of Scanyard does not drive {}; see `scanyard engines`", args.engine);
            return Err(Failure::usage(error));
        }
    };
    options.check_target(&target).map_err(|faults| Failure::usage(anyhow!(engine_options::faults(&faults))))?;
    let loaded = Layers::of_process(args.config.clone(), Vec::new()).load().map_err(Failure::usage)?;
    let timeout = Duration::from_secs(u64::from(args.timeout));
    let scan = LocalScan { scan_type: args.engine, target, options, timeout };
    let progress = Progress::new(false);
    let mut bar = progress.add(&label(args));
    Ok(local::run(scan, &loaded.config, &mut bar, &interrupt::token()?).await)
}

async fn remotely(args: &ScanArgs, client: &Client) -> Result<Results, Failure> {
    let cancel = interrupt::token()?;
    let new = CreateScan {
        target: args.target.clone(),
        scan_type: args.engine,
        name: None,
        target_type: None,
        priority: None,
        options: engine_options::parse(args.engine, &args.options).map_err(|faults| Failure::usage(anyhow!(faults)))?,
        config: serde_json::Map::new(),
        tags: Vec::new(),
        timeout: Some(args.timeout),
        asset_id: None,
        callback_url: None,
    };
    let scan = client.create_scan(&new).await?;
    let progress = Progress::new(false);
    let mut bar = progress.add(&label(args));
    remote::follow(client, scan, &mut bar, &cancel).await
}

fn label(args: &ScanArgs) -> String {
    output::clean(&format!("{} {}", args.engine, args.target))
}

pub(super) fn exit(results: &Results, fail_on: FailOn) -> Exit {
    if results.status != ScanStatus::Completed {
        return Exit::Failed;
    }
    let least = match fail_on {
        FailOn::Info => Severity::Info,
        FailOn::Low => Severity::Low,
        FailOn::Medium => Severity::Medium,
        FailOn::High => Severity::High,
        FailOn::Critical => Severity::Critical,
        FailOn::None => return Exit::Clean,
    };
    match results.findings.iter().any(|finding| finding.severity >= least) {
        true => Exit::Findings,
        false => Exit::Clean,
    }
}
