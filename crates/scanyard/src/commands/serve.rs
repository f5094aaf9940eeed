//! `scanyard serve`.

use crate::exit::{Exit, Failure, SERVE_EXIT_CODES};
use crate::interrupt;
use crate::options::Settings;
use crate::output;
use anyhow::Context;
use clap::Args;
use scanyard_server::config::{DEFAULT_FILE, Log, LogFormat};
use std::io::IsTerminal;
use tracing_subscriber::EnvFilter;

/// Run the server: API, database and workers in one process
///
/// The first start makes the tenant `default` and a key with every scope, and prints the key once. SIGTERM or Ctrl-C
/// ends it: running scans go back to the queue; SIGHUP reads a renewed certificate, if there is one. Plain HTTP is served on loopback or
/// behind a declared proxy only.
#[derive(Args)]
#[command(after_help = format!("{EXAMPLES}\n\n{SERVE_EXIT_CODES}"))]
pub struct Serve {
    /// Print the commented default file and stop
    #[arg(long)]
    print_config: bool,
    #[command(flatten)]
    settings: Settings,
}

const EXAMPLES: &str = "Examples:
  scanyard serve
  scanyard serve --listen 0.0.0.0:443 --tls-cert cert.pem --tls-key key.pem --data-dir /var/lib/scanyard
  scanyard serve --listen 0.0.0.0:8080 --http-trusted-proxies 10.0.0.0/8 --bootstrap-key-file /run/scanyard/key
  scanyard serve --worker-concurrency 0    # the API alone; `scanyard worker` runs the scans
  scanyard serve --print-config > scanyard.toml && scanyard serve --config scanyard.toml
  SCANYARD_DATABASE_URL=postgres://scanyard@127.0.0.1/scanyard scanyard serve";

/// Serves until a signal.
pub async fn run(args: Serve) -> Result<Exit, Failure> {
    if args.print_config {
        output::print(DEFAULT_FILE)?;
        return Ok(Exit::Clean);
    }
    let config = args.settings.load()?.config;
    start_log(&config.log).map_err(Failure::usage)?;
    let shutdown = interrupt::token()?;
    scanyard_server::serve(config, shutdown).await?;
    Ok(Exit::Clean)
}

/// Logs to stderr.
pub fn start_log(log: &Log) -> anyhow::Result<()> {
    let filter = EnvFilter::try_new(&log.level).with_context(|| format!("log.level: {:?}", log.level))?;
    // A log that cannot be written, on a full disk, would be told of on stderr, and that panics in the loops of the worker.
    let builder = tracing_subscriber::fmt().log_internal_errors(false);
    let builder = builder.with_env_filter(filter).with_writer(std::io::stderr);
    match log.format {
        LogFormat::Json => builder.json().init(),
        LogFormat::Text => {
            let no_color = std::env::var_os("NO_COLOR").is_some_and(|value| !value.is_empty());
            builder.with_ansi(std::io::stderr().is_terminal() && !no_color).init();
        }
    }
    Ok(())
}
