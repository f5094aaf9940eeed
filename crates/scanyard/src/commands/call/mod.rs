//! `scanyard call`.

mod export;
mod profile;
mod vendor;

pub use export::{ExportArgs, run as export};

use crate::exit::{CALL_EXIT_CODES, Exit, Failure};
use crate::output::{self, clean};
use anyhow::Context;
use clap::{Args, ValueEnum};
use futures::TryStreamExt;
use scanyard_client::{Answer, OnRetry, Request, Retrying, Settings};
use scanyard_contract::{Contract, Service};
use serde_json::{Map, Value, json};
use std::io::Read;
use std::path::PathBuf;
use std::sync::Arc;
use vendor::Vendor;

/// The largest body that is sent, in bytes.
const MAX_INPUT: u64 = 64 * 1024 * 1024;

const EXAMPLES: &str = "A profile says who calls. It holds no secret, only where each one is:

  # ~/.config/scanyard/profiles.toml
  [profile.prod]
  contract = \"tenable\"
  access_key = { env = \"TIO_ACCESS_KEY\" }
  secret_key = { file = \"/run/secrets/tio\" }     # mode 600

A profile of contract zscaler-legacy reaches one service at its own address. Its paths stand below api/v1/ (zia, cbc),
papi/public/ (zcc) or the address itself (zpa): `GET urlCategories`.

Examples:
  scanyard call tenable GET scans
  scanyard call tenable GET scanners/1/agents --paginate
  scanyard call tenable POST scans/7/launch --profile prod
  scanyard call zscaler/zia GET zia/api/v1/urlCategories
  scanyard call zscaler/zpa POST zpa/mgmtconfig/v1/admin/customers/7/segmentGroup -f name=web -j enabled=true
  scanyard call arctic-wolf/aurora GET devices/v2 --paginate
  scanyard call scan-api GET 'scans?status=running' --format json";

/// Call a vendor's API: authenticated, limited, repeated where it helps
///
/// The answer's body goes to stdout, everything else to stderr.
#[derive(Debug, Args)]
#[command(after_help = format!("{EXAMPLES}\n\n{CALL_EXIT_CODES}"))]
pub struct CallArgs {
    /// tenable, zscaler/SERVICE, arctic-wolf/SERVICE or scan-api
    contract: String,
    /// GET, POST, PUT, PATCH or DELETE
    method: String,
    /// Path below the API's base, perhaps with a query
    path: String,
    /// A text for the body: NAME=VALUE
    #[arg(short = 'f', long = "field", value_name = "NAME=VALUE")]
    fields: Vec<String>,
    /// A value in JSON for the body: NAME=JSON
    #[arg(short = 'j', long = "json-field", value_name = "NAME=JSON")]
    json_fields: Vec<String>,
    /// The body from this file, or from stdin with -
    #[arg(long, value_name = "FILE", conflicts_with_all = ["fields", "json_fields"])]
    input: Option<PathBuf>,
    /// Every item of every page, one in a line
    #[arg(long)]
    paginate: bool,
    /// How the answer is printed; a failure is told in the same way
    #[arg(long, value_enum, default_value_t = CallFormat::Body, conflicts_with = "paginate")]
    format: CallFormat,
    /// Print status and headers too, to stderr
    #[arg(short, long)]
    include: bool,
    /// A second try does no harm: send it again after any failure that passes
    #[arg(long)]
    idempotent: bool,
    #[command(flatten)]
    caller: Caller,
}

/// How an answer is printed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum CallFormat {
    /// Its body, as it came
    Body,
    /// An object with status, attempts, headers and body, or with error; carries schemaVersion
    Json,
}

/// Who calls, and how hard it tries.
#[derive(Debug, Args)]
pub struct Caller {
    /// Which profile; needed where several are of the contract
    #[arg(long, value_name = "NAME")]
    profile: Option<String>,
    /// File of the profiles [default: ~/.config/scanyard/profiles.toml]
    #[arg(long, value_name = "FILE", env = "SCANYARD_PROFILES")]
    profiles: Option<PathBuf>,
    /// Trust servers by the certificates in this file (PEM), instead of by the system's
    #[arg(long, value_name = "FILE", env = "SCANYARD_CA_FILE")]
    ca_file: Option<PathBuf>,
    /// Send everything through this proxy
    #[arg(long, value_name = "URL")]
    proxy: Option<url::Url>,
    /// How often a request that can succeed later is sent again
    #[arg(long, value_name = "N", default_value_t = 4, value_parser = clap::value_parser!(u32).range(0..=20))]
    retries: u32,
    /// The longest wait for one more try, in seconds
    #[arg(long, value_name = "SECONDS", default_value_t = 65)]
    max_wait: u64,
    /// All tries together, in seconds
    #[arg(long, value_name = "SECONDS", default_value_t = 180)]
    deadline: u64,
}

impl Caller {
    fn settings(&self) -> Result<Settings, Failure> {
        let ca = self.ca_file.as_ref().map(|path| std::fs::read(path).with_context(|| path.display().to_string()));
        let seconds = std::time::Duration::from_secs;
        let retrying = Retrying {
            attempts: self.retries + 1,
            max_pause: seconds(self.max_wait),
            deadline: seconds(self.deadline),
            ..Retrying::default()
        };
        Ok(Settings {
            retrying,
            ca: ca.transpose().map_err(Failure::usage)?,
            proxy: self.proxy.clone(),
            on_retry: Some(OnRetry(Arc::new(show))),
            ..Settings::default()
        })
    }

    fn profile(&self, contract: &str) -> Result<profile::Profile, Failure> {
        profile::find(self.profiles.as_deref(), self.profile.as_deref(), contract).map_err(Failure::usage)
    }
}

/// A try that failed, on stderr.
fn show(repeat: &scanyard_client::Repeat) {
    let status = repeat.status.map_or(String::new(), |status| format!("{status} "));
    let again = match repeat.sent {
        0 => "waiting".to_string(),
        sent => format!("try {sent} failed, next"),
    };
    let (message, seconds) = (clean(&repeat.message), repeat.pause.as_secs_f32());
    eprintln!(
        "{} {}: {status}{}: {message}; {again} in {seconds:.1} s",
        repeat.method,
        clean(&repeat.url),
        repeat.kind
    );
}

/// What class of failure it is, on stderr above its text, with the row for `scanyard explain`.
fn failed(error: scanyard_client::Error) -> Failure {
    let row = error.row.as_ref().map_or(String::new(), |row| format!(", row {}", clean(row)));
    eprintln!("{}{row}", error.cause_kind);
    Failure::of_call(error)
}

/// Sends the request and prints its answer.
pub async fn run(args: CallArgs) -> Result<Exit, Failure> {
    let (contract, service) = named(&args.contract).map_err(Failure::usage)?;
    let request = request(&args).map_err(Failure::usage)?;
    let profile = args.caller.profile(contract.as_str())?;
    let vendor = Vendor::new(&profile, service, args.caller.settings()?).map_err(Failure::usage)?;
    if args.paginate {
        let mut items = vendor.items(request).map_err(failed)?;
        while let Some(item) = items.try_next().await.map_err(failed)? {
            output::print(&format!("{item}\n"))?;
        }
        return Ok(Exit::Clean);
    }
    let answer = vendor.request(&request).await.map_err(failed)?;
    if args.include {
        head(&answer);
    }
    match args.format {
        CallFormat::Body => output::print_bytes(&answer.body)?,
        CallFormat::Json => output::print_json(whole(&answer))?,
    }
    Ok(Exit::Clean)
}

/// An answer for programs: a body that is no JSON is a text.
fn whole(answer: &Answer) -> Value {
    let body = match answer.decode::<Value>() {
        Ok(body) => body,
        Err(_) => Value::from(String::from_utf8_lossy(&answer.body)),
    };
    let headers: Map<String, Value> =
        headers(answer).map(|(name, value)| (name.to_string(), Value::from(value))).collect();
    json!({ "status": answer.status, "attempts": answer.attempts, "headers": headers, "body": body })
}

/// The contract and the service of `zscaler/zia`.
fn named(text: &str) -> anyhow::Result<(Contract, Option<Service>)> {
    let (contract, service) = text.split_once('/').map_or((text, None), |(name, service)| (name, Some(service)));
    let known = contract.parse::<Contract>().ok().filter(|contract| *contract != Contract::Pytenable);
    let contract = known.with_context(|| format!("{text} is none of tenable, zscaler, arctic-wolf, scan-api"))?;
    let Some(service) = service else { return Ok((contract, None)) };
    let names = || contract.services().map(|service| service.to_string()).collect::<Vec<_>>().join(", ");
    let service =
        Service::named(contract, service).with_context(|| format!("{contract} has the services {}", names()))?;
    Ok((contract, Some(service)))
}

fn request(args: &CallArgs) -> anyhow::Result<Request> {
    let method = args.method.to_uppercase();
    let method = http::Method::from_bytes(method.as_bytes()).context("the method is none of HTTP's")?;
    let (path, query) = args.path.split_once('?').unwrap_or((&args.path, ""));
    let mut request = Request::new(method, path.trim_start_matches('/'));
    request.query = url::form_urlencoded::parse(query.as_bytes()).into_owned().collect();
    request.is_idempotent = args.idempotent.then_some(true);
    if let Some(body) = body(args)? {
        request = request.json(&body);
    }
    Ok(request)
}

fn body(args: &CallArgs) -> anyhow::Result<Option<Value>> {
    if let Some(path) = &args.input {
        let mut text = String::new();
        if path.as_os_str() == "-" {
            std::io::stdin().lock().take(MAX_INPUT).read_to_string(&mut text)?;
        } else {
            let file = std::fs::File::open(path).with_context(|| path.display().to_string())?;
            file.take(MAX_INPUT).read_to_string(&mut text)?;
        }
        return Ok(Some(serde_json::from_str(&text).context("the body is no JSON")?));
    }
    let mut object = Map::new();
    for field in &args.fields {
        let (name, value) = field.split_once('=').with_context(|| format!("{field} is not NAME=VALUE"))?;
        object.insert(name.to_string(), Value::from(value));
    }
    for field in &args.json_fields {
        let (name, value) = field.split_once('=').with_context(|| format!("{field} is not NAME=JSON"))?;
        let value = serde_json::from_str(value).with_context(|| format!("{name} is no JSON"))?;
        object.insert(name.to_string(), value);
    }
    Ok((!object.is_empty()).then_some(Value::Object(object)))
}

fn head(answer: &Answer) {
    eprintln!("{}", answer.status);
    for (name, value) in headers(answer) {
        eprintln!("{name}: {value}");
    }
    eprintln!();
}

/// The headers of an answer, without what opens a session.
fn headers(answer: &Answer) -> impl Iterator<Item = (&str, String)> {
    answer.headers.iter().map(|(name, value)| {
        let shown = match name.as_str() {
            "set-cookie" | "authorization" => "[secret]".to_string(),
            _ => clean(&String::from_utf8_lossy(value.as_bytes())),
        };
        (name.as_str(), shown)
    })
}
