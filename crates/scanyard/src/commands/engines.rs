//! `scanyard engines`.

use crate::exit::{Exit, Failure};
use crate::output::{self, Format, clean};
use crate::remote::Remote;
use clap::Args;
use scanyard_contract::scan::EngineInfo;
use scanyard_server::config::Layers;
use scanyard_server::engines::Engines;
use serde_json::json;
use std::path::PathBuf;

/// List the scan engines, here or on a server
#[derive(Debug, Args)]
#[command(after_help = "Examples:
  scanyard engines
  scanyard engines --format json
  scanyard engines --server http://127.0.0.1:8080 --key cix_sk_…")]
pub struct EnginesArgs {
    #[arg(long, value_enum, default_value_t = Format::Table)]
    format: Format,
    /// File of settings, for engines in unusual places
    #[arg(long, value_name = "FILE", env = "SCANYARD_CONFIG")]
    config: Option<PathBuf>,
    #[command(flatten)]
    remote: Remote,
}

/// Lists them.
pub async fn run(args: EnginesArgs) -> Result<Exit, Failure> {
    let engines = match args.remote.client()? {
        Some(client) => client.engines().await?,
        None => {
            let loaded = Layers::of_process(args.config, Vec::new()).load().map_err(Failure::usage)?;
            Engines::locate(&loaded.config.engines).infos()
        }
    };
    match args.format {
        Format::Json => output::print_json(json!({ "engines": engines }))?,
        Format::Table => output::print(&table(&engines))?,
    }
    Ok(Exit::Clean)
}

fn table(engines: &[EngineInfo]) -> String {
    let mut table = output::table(&["ENGINE", "AVAILABLE", "TARGETS", "WHAT IT DOES"]);
    for engine in engines {
        let targets: Vec<&str> = engine.targets.iter().map(|target| target.target_type.as_str()).collect();
        let what = match &engine.unavailable_reason {
            Some(reason) => format!("{} ({reason})", engine.description),
            None => engine.description.clone(),
        };
        let available = if engine.available { "yes" } else { "no" };
        table.add_row([engine.scan_type.as_str(), available, &targets.join(", "), &clean(&what)]);
    }
    format!("{table}\nscanyard scan --help names the options of each engine.\n")
}
