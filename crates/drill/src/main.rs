//! Breaks real Scanyard processes under load, at random moments that a seed repeats, and checks after every fault that
//! nothing accepted is lost, frozen, counted twice or left untold, and that no engine process outlives its worker.

mod api;
mod broker;
mod check;
mod dice;
mod disk;
mod drill;
mod fault;
mod ledger;
mod load;
mod node;
mod orphans;
mod postgres;
mod proxy;
mod receiver;
mod site;
mod table;
mod truth;

use anyhow::Context;
use clap::Parser;
use drill::{Outcome, Plan};
use fault::Fault;
use std::path::PathBuf;
use std::process::ExitCode;
use std::time::{SystemTime, UNIX_EPOCH};

/// Break real nodes under load and check that nothing accepted is lost
#[derive(Debug, Parser)]
struct Args {
    /// The seed of every random moment and choice; by default a new one, which is printed
    #[arg(long)]
    seed: Option<u64>,
    /// Only these faults, separated by commas
    #[arg(long, value_delimiter = ',')]
    only: Vec<Fault>,
    /// How often each fault is done, instead of the short round's numbers
    #[arg(long)]
    times: Option<u32>,
    /// How many short rounds long each fault is done
    #[arg(long, default_value_t = 1)]
    rounds: u32,
    /// Submissions in a second
    #[arg(long, default_value_t = 4)]
    rate: u64,
    /// The program to break; by default the one beside this
    #[arg(long)]
    program: Option<PathBuf>,
    /// Keep the folders, with the logs and databases, also when all is well
    #[arg(long)]
    keep: bool,
}

fn main() -> ExitCode {
    let args = Args::parse();
    match drill_all(&args) {
        Ok(true) => ExitCode::SUCCESS,
        Ok(false) => ExitCode::FAILURE,
        Err(error) => {
            eprintln!("drill: {error:#}");
            ExitCode::FAILURE
        }
    }
}

/// Answers whether everything held.
fn drill_all(args: &Args) -> anyhow::Result<bool> {
    let faults = if args.only.is_empty() { Fault::ALL } else { &args.only };
    if faults.contains(&Fault::Disk) {
        disk::enter_namespace()?;
    }
    let provider = rustls::crypto::ring::default_provider();
    provider.install_default().ok().context("a provider of TLS was there before")?;
    sqlx::any::install_default_drivers();
    let runtime = tokio::runtime::Runtime::new()?;
    runtime.block_on(async {
        tokio::select! {
            held = in_order(args, faults) => held,
            // What runs is dropped, and the nodes with it.
            _ = tokio::signal::ctrl_c() => anyhow::bail!("interrupted"),
        }
    })
}

async fn in_order(args: &Args, faults: &[Fault]) -> anyhow::Result<bool> {
    let seed = args.seed.unwrap_or_else(new_seed);
    println!("seed {seed}");
    let program = program(args)?;
    let mut rows: Vec<(Fault, Outcome)> = Vec::new();
    for fault in faults {
        let mut dir = tempfile::Builder::new().prefix("scanyard-drill-").tempdir()?;
        let times = args.times.unwrap_or_else(|| fault.short() * args.rounds);
        let plan = Plan { program: &program, dir: dir.path(), fault: *fault, times, per_second: args.rate, seed };
        let outcome = drill::run(&plan).await;
        dir.disable_cleanup(args.keep || outcome.as_ref().map_or(true, |outcome| !outcome.wrong.is_empty()));
        if args.keep || !matches!(&outcome, Ok(outcome) if outcome.wrong.is_empty()) {
            println!("kept: {}", dir.path().display());
        }
        let outcome = outcome.with_context(|| format!("{}, seed {seed}", fault.title()))?;
        rows.push((*fault, outcome));
        if rows.iter().any(|(_, outcome)| !outcome.wrong.is_empty()) {
            break;
        }
    }
    println!("{}", table::of(&rows));
    for (fault, outcome) in &rows {
        for wrong in outcome.wrong.iter().take(20) {
            println!("VIOLATED by {}: {wrong}", fault.title());
        }
    }
    let held = rows.iter().all(|(_, outcome)| outcome.wrong.is_empty());
    println!("{}, seed {seed}", if held { "everything held" } else { "NOT everything held" });
    Ok(held)
}

fn program(args: &Args) -> anyhow::Result<PathBuf> {
    let beside = || -> anyhow::Result<PathBuf> { Ok(std::env::current_exe()?.with_file_name("scanyard")) };
    let program = args.program.clone().map_or_else(beside, Ok)?;
    program.canonicalize().with_context(|| format!("{} is missing: cargo build --package scanyard", program.display()))
}

fn new_seed() -> u64 {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    since.as_millis() as u64
}
