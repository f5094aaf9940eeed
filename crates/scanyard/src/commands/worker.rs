//! `scanyard worker`.

use crate::commands::serve::start_log;
use crate::exit::{Exit, Failure, SERVE_EXIT_CODES};
use crate::interrupt;
use crate::options::Settings;
use clap::Args;

/// Run scans for other nodes: a server without the API
///
/// Claims scans from the PostgreSQL that it shares with `scanyard serve`, runs them, and calls webhooks. It takes the same
/// configuration file and needs the same master keys. SIGTERM or Ctrl-C ends it: running scans go back to the queue. With
/// SQLite there is one process only: `scanyard serve`.
#[derive(Args)]
#[command(after_help = format!("{EXAMPLES}\n\n{SERVE_EXIT_CODES}"))]
pub struct Worker {
    #[command(flatten)]
    settings: Settings,
}

const EXAMPLES: &str = "Examples:
  scanyard worker --config /etc/scanyard/scanyard.toml --data-dir /var/lib/scanyard-worker
  scanyard worker --config scanyard.toml --worker-labels dmz --worker-engines nmap,sentinel --worker-concurrency 8
  scanyard worker --config scanyard.toml --worker-listen 127.0.0.1:9090    # /livez, /readyz and /metrics
  SCANYARD_DATABASE_URL=postgres://scanyard@127.0.0.1/scanyard scanyard worker --master-key-file master.key";

/// Works until a signal.
pub async fn run(args: Worker) -> Result<Exit, Failure> {
    let config = args.settings.load()?.config;
    start_log(&config.log).map_err(Failure::usage)?;
    let shutdown = interrupt::token()?;
    scanyard_server::work(config, shutdown).await?;
    Ok(Exit::Clean)
}
