//! `scanyard simulate`.

use crate::exit::{Exit, Failure};
use crate::interrupt;
use crate::simulate::{Authority, Plan, Settings, Simulator, serve};
use anyhow::{Context, anyhow};
use clap::Args;
use scanyard_contract::Contract;
use std::net::SocketAddr;
use std::path::PathBuf;
use std::time::Duration;
use tokio::net::TcpListener;

/// Serve a vendor's API, simulated, with all of its failures
///
/// Valid answers of the vendor's main endpoints, and every failure of the catalogue: by a plan, by the request header
/// `X-Scanyard-Fail: STATUS or CODE`, or by its documented cause. What was asked stands at `/__scanyard/requests`. It is
/// also a proxy that takes the place of any https host: for a client that only knows its vendor's host set HTTPS_PROXY to
/// its address and let it trust the file of `--ca-file`.
#[derive(Debug, Args)]
#[command(after_help = "Examples:
  scanyard simulate tenable
  scanyard simulate zscaler --plan plan.toml --ca-file ca.pem
  curl -H 'X-Scanyard-Fail: 429' http://127.0.0.1:8090/scans

A plan:
  [[rules]]
  match = { method = \"POST\", path = \"/vulns/export\" }
  then = [{ status = 429, times = 2, headers = { retry-after = \"13s\" } }, { status = 200 }]")]
pub struct SimulateArgs {
    /// Whose API: scan-api, tenable, zscaler, arctic-wolf
    #[arg(value_parser = contract)]
    contract: Contract,
    /// Where to listen; port 0 takes a free one
    #[arg(long, default_value = "127.0.0.1:8090")]
    listen: SocketAddr,
    /// Which requests fail and how: TOML, or JSON in a file whose name says so
    #[arg(long)]
    plan: Option<PathBuf>,
    /// Speak TLS, as the host of `--tls-host`
    #[arg(long)]
    tls: bool,
    /// The host that the certificate names
    #[arg(long, default_value = "127.0.0.1")]
    tls_host: String,
    /// Writes the authority's certificate here, for clients to trust
    #[arg(long)]
    ca_file: Option<PathBuf>,
    /// How many objects each list has
    #[arg(long, default_value_t = 250, value_parser = clap::value_parser!(u64).range(0..=10_000_000))]
    items: u64,
    /// Refuse writes, as Zscaler does during maintenance
    #[arg(long)]
    read_only: bool,
    /// Seconds that a body may take to arrive
    #[arg(long, default_value_t = 10, value_parser = clap::value_parser!(u64).range(1..=600))]
    body_timeout: u64,
    /// Bytes of the largest body that is taken
    #[arg(long, default_value_t = 1024 * 1024)]
    max_body: usize,
}

fn contract(text: &str) -> Result<Contract, String> {
    match text.parse() {
        Ok(Contract::Pytenable) | Err(()) => Err("one of scan-api, tenable, zscaler, arctic-wolf".to_string()),
        Ok(contract @ (Contract::ScanApi | Contract::Tenable | Contract::Zscaler | Contract::ArcticWolf)) => {
            Ok(contract)
        }
    }
}

/// Serves until it is interrupted.
pub async fn run(args: SimulateArgs) -> Result<Exit, Failure> {
    let plan = match &args.plan {
        Some(path) => Plan::read(path, args.contract).map_err(Failure::usage)?,
        None => Plan::default(),
    };
    if args.tls && args.ca_file.is_none() {
        return Err(Failure::usage(anyhow!("--tls needs --ca-file: clients have to trust the certificate in it")));
    }
    if args.read_only && args.contract != Contract::Zscaler {
        let contract = args.contract;
        return Err(Failure::usage(anyhow!("--read-only: {contract} is not known to refuse writes for a maintenance")));
    }
    let stop = interrupt::token()?;
    let authority = Authority::new()?;
    if let Some(path) = &args.ca_file {
        std::fs::write(path, authority.pem()).with_context(|| format!("writing {}", path.display()))?;
    }
    let listener = TcpListener::bind(args.listen).await.with_context(|| format!("listening on {}", args.listen))?;
    let address = listener.local_addr().context("asking for the address")?;
    let scheme = if args.tls { "https" } else { "http" };
    eprintln!("Simulating {} on {scheme}://{address}", args.contract.title());
    let simulator = Simulator::new(Settings {
        contract: args.contract,
        plan,
        items: args.items,
        is_read_only: args.read_only,
        body_timeout: Duration::from_secs(args.body_timeout),
        max_body: args.max_body,
    });
    let tls_host = args.tls.then_some(args.tls_host);
    serve(listener, simulator, authority, tls_host, stop).await.context("serving")?;
    Ok(Exit::Clean)
}
