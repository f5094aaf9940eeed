//! `scanyard scan`.

use crate::engine_options;
use crate::exit::{Exit, Failure, SCAN_EXIT_CODES};
use crate::interrupt::{self, Interrupt};
use crate::local::{self, LocalScan};
use crate::options::pair;
use crate::output::{self, ResultsFormat};
use crate::packing;
use crate::progress::Progress;
use crate::remote::{self, Remote};
use anyhow::anyhow;
use clap::builder::{PossibleValuesParser, TypedValueParser};
use clap::{Args, ValueEnum};
use scanyard_client::scan_api::Client;
use scanyard_contract::consent::Consent;
use scanyard_contract::scan::{CreateScan, Results, ScanAuth};
use scanyard_contract::wire::Detail;
use scanyard_contract::{ScanStatus, ScanType, Severity};
use scanyard_engines::engine::engine;
use scanyard_engines::{Options, Target};
use scanyard_server::config::Layers;
use scanyard_server::scan::is_note;
use std::fs::File;
use std::io::Read;
use std::path::PathBuf;
use std::time::Duration;
use tokio_util::sync::CancellationToken;

/// Scan a target, here or on a server, and print what was found
///
/// Without --server the scan runs in this process: nothing else is needed. Progress goes to stderr, results to stdout.
/// Ctrl-C cancels the scan and prints what was found until then; a second one ends it at once.
#[derive(Debug, Args)]
#[command(
    after_help = format!("Examples:
  scanyard scan sentinel http://127.0.0.1:8000/
  scanyard scan nmap 127.0.0.0/29 -o ports=1-1024 --format json
  scanyard scan trivy ./project -o scanners=misconfig,secret
  scanyard scan sentinel app.example.test --fail-on high --server https://scan.example.test
  scanyard scan sublist3r example.test --consent-third-party 'agreed with the owner'

{SCAN_EXIT_CODES}

--help shows the options of each engine."),
    after_long_help = format!("Examples:
  scanyard scan sentinel http://127.0.0.1:8000/
  scanyard scan nmap 127.0.0.0/29 -o ports=1-1024 --format json
  scanyard scan trivy ./project -o scanners=misconfig,secret
  scanyard scan sentinel app.example.test --fail-on high --server https://scan.example.test
  scanyard scan sublist3r example.test --consent-third-party 'agreed with the owner'

{SCAN_EXIT_CODES}

{}", engine_options::help()),
)]
pub struct ScanArgs {
    #[arg(value_parser = engine_parser(|_| true))]
    engine: ScanType,
    /// Address, network, host name, URL, or for trivy a path or an image; which of them depends on the engine
    target: String,
    /// Option of the engine; may be repeated
    #[arg(short = 'o', long = "option", value_name = "KEY=VALUE", value_parser = pair)]
    options: Vec<(String, String)>,
    /// File of credentials for the target, as JSON: headers, cookies, basic; `-` reads them from stdin
    ///
    /// {"headers": [{"name": "X-Token", "value": "…"}], "cookies": [{"name": "sid", "value": "…"}],
    /// "basic": {"username": "…", "password": "…"}}: any of the three. What an engine takes is in docs/ENGINES.md.
    #[arg(long, value_name = "FILE")]
    auth_file: Option<PathBuf>,
    #[arg(long, value_enum, default_value_t = ResultsFormat::Table)]
    format: ResultsFormat,
    /// Exit with 1 at a finding of this severity or above
    #[arg(long, value_enum, default_value_t = FailOn::Medium)]
    fail_on: FailOn,
    /// Longest run, in seconds
    #[arg(long, value_name = "SECONDS", default_value_t = 3600, value_parser = clap::value_parser!(u32).range(1..=86_400))]
    timeout: u32,
    /// Third parties may be told of the target: who agreed to it, and why; harvester and sublist3r need it
    #[arg(long, value_name = "NOTE", value_parser = note)]
    consent_third_party: Option<String>,
    /// File of settings, for engines in unusual places and DNS servers
    #[arg(long, value_name = "FILE", env = "SCANYARD_CONFIG")]
    config: Option<PathBuf>,
    #[command(flatten)]
    remote: Remote,
}

/// A note as servers take it too.
fn note(text: &str) -> Result<String, &'static str> {
    is_note(text)
        .then(|| text.to_string())
        .ok_or("write who agreed, and why: 1 to 500 characters, no control characters")
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

/// The engines of which `is_one` says so.
pub(super) fn engine_parser(is_one: impl Fn(ScanType) -> bool) -> impl TypedValueParser<Value = ScanType> {
    let scan_types = ScanType::ALL.iter().filter(|scan_type| is_one(**scan_type));
    let words: Vec<&'static str> = scan_types.map(|scan_type| scan_type.as_str()).collect();
    PossibleValuesParser::new(words).try_map(|word| word.parse().map_err(|()| format!("{word} is no engine")))
}

impl ScanArgs {
    /// The consent that was given; an engine that needs one does not run without it, here or on a server.
    fn consent(&self) -> Result<Option<Consent>, Failure> {
        let consent = self.consent_third_party.clone().map(|note| Consent { third_party: true, note });
        if engine(self.engine).needs_consent && consent.is_none() {
            return Err(Failure::usage(anyhow!(
                "{} tells third parties of the target. If they may learn of it, say who agreed: --consent-third-party NOTE",
                self.engine
            )));
        }
        Ok(consent)
    }
}

/// Runs the scan and prints its results.
pub async fn run(args: ScanArgs) -> Result<Exit, Failure> {
    let consent = args.consent()?;
    // Before signals are ours: whoever types it can still stop.
    let auth = auth(&args)?;
    let Interrupt { cancel, end } = interrupt::of_scan()?;
    let scan = async {
        match args.remote.client()? {
            Some(client) => remotely(&args, consent, auth, &client, &cancel).await,
            None => locally(&args, auth, &cancel).await,
        }
    };
    let results = tokio::select! {
        scanned = scan => scanned?,
        // Its folders are gone with it; its supervisor sees the end of their socket and kills the engine.
        () = end.cancelled() => return Ok(Exit::Interrupted),
    };
    output::print_results(&results, args.format)?;
    Ok(exit(&results, args.fail_on))
}

async fn locally(args: &ScanArgs, auth: Option<ScanAuth>, cancel: &CancellationToken) -> Result<Results, Failure> {
    let given = engine_options::parse(args.engine, &args.options).map_err(|faults| Failure::usage(anyhow!(faults)))?;
    let packing = match packing::path(args.engine, &args.target) {
        Some(path) => Some(packing::pack(path, cancel).await?),
        None => None,
    };
    let target = match &packing {
        Some(packing) => Target::Upload(packing.id),
        None => engine(args.engine).target(&args.target).map_err(|details| refused(&args.target, &details))?,
    };
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
    let upload = packing.as_ref().map(|packing| packing.packed.clone());
    let scan = LocalScan { scan_type: args.engine, target, upload, options, auth, timeout };
    let progress = Progress::new(false);
    let mut bar = progress.add(&label(args));
    let mut results = local::run(scan, &loaded.config, &mut bar, cancel).await;
    if packing.is_some() {
        // The id is nobody's; the path is what was asked for.
        results.target = args.target.clone();
    }
    Ok(results)
}

/// A target that the engine does not take: why, and what it takes.
pub(super) fn refused(target: &str, details: &[Detail]) -> Failure {
    let reasons: Vec<&str> = details.iter().map(|detail| detail.reason.as_str()).collect();
    Failure::usage(anyhow!("the target {} {}", output::clean(target), reasons.join("\n")))
}

async fn remotely(
    args: &ScanArgs,
    consent: Option<Consent>,
    auth: Option<ScanAuth>,
    client: &Client,
    cancel: &CancellationToken,
) -> Result<Results, Failure> {
    let progress = Progress::new(false);
    let mut bar = progress.add(&label(args));
    let options =
        engine_options::parse(args.engine, &args.options).map_err(|faults| Failure::usage(anyhow!(faults)))?;
    let target = match packing::path(args.engine, &args.target) {
        Some(path) => {
            let packing = packing::pack(path, cancel).await?;
            format!("upload:{}", packing::upload(client, &packing, &mut bar).await?.id)
        }
        None => args.target.clone(),
    };
    let new = CreateScan {
        target,
        scan_type: args.engine,
        name: None,
        target_type: None,
        priority: None,
        options,
        config: serde_json::Map::new(),
        tags: Vec::new(),
        timeout: Some(args.timeout),
        worker_label: None,
        asset_id: None,
        callback_url: None,
        consent,
        auth,
    };
    let scan = client.create_scan(&new).await?;
    remote::follow(client, scan, &mut bar, cancel).await
}

/// The most bytes of a file of credentials; the largest that is taken has a fifth of it.
const MAX_AUTH: u64 = 1024 * 1024;

/// Reads the credentials; a fault names its place and never repeats a value.
fn auth(args: &ScanArgs) -> Result<Option<ScanAuth>, Failure> {
    let Some(path) = &args.auth_file else { return Ok(None) };
    let place = || output::clean(&path.display().to_string());
    let mut text = String::new();
    let read = match path.as_os_str() == "-" {
        true => std::io::stdin().take(MAX_AUTH).read_to_string(&mut text),
        false => File::open(path).and_then(|file| file.take(MAX_AUTH).read_to_string(&mut text)),
    };
    read.map_err(|error| Failure::usage(anyhow!("--auth-file {}: {error}", place())))?;
    let auth: ScanAuth = serde_json::from_str(&text).map_err(|error| {
        let (line, column) = (error.line(), error.column());
        Failure::usage(anyhow!(
            "--auth-file {}: no credentials as `scan --help` shows them, line {line}, column {column}",
            place()
        ))
    })?;
    let faults = scanyard_engines::auth::faults(args.engine, &auth);
    if !faults.is_empty() {
        return Err(Failure::usage(anyhow!(engine_options::faults(&faults))));
    }
    Ok(Some(auth))
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
