//! `scanyard keys`.

use crate::exit::{Exit, Failure};
use crate::options::Settings;
use crate::output;
use anyhow::{Context, anyhow};
use clap::{Args, Subcommand};
use scanyard_contract::ScanType;
use scanyard_server::bootstrap::TENANT;
use scanyard_server::key::{NewKey, create_key};
use scanyard_server::scope::Scope;
use scanyard_server::store::{Clock, Store};

/// Manage API keys, directly on the database
#[derive(Args)]
#[command(after_help = "Example:
  scanyard keys create ci --scope scans:create --scope scans:read --scope results:read")]
pub struct KeysArgs {
    #[command(subcommand)]
    command: KeysCommand,
}

#[derive(Subcommand)]
enum KeysCommand {
    Create(Box<CreateArgs>),
}

/// Make a key and print it, once
///
/// Works beside a running server: both open the database of --data-dir or --database-url.
#[derive(Args)]
#[command(after_help = "Examples:
  scanyard keys create ci --scope scans:create --scope scans:read --scope results:read
  scanyard keys create nightly --tenant default --scan-type sentinel --data-dir /var/lib/scanyard")]
struct CreateArgs {
    /// What the key is called, at most 255 characters
    name: String,
    /// The tenant that it belongs to
    #[arg(long, default_value = "default")]
    tenant: String,
    /// What it may do; may be repeated; without it, everything
    #[arg(long, value_parser = scope)]
    scope: Vec<Scope>,
    /// Engine that it may use; may be repeated; without it, all
    #[arg(long, value_parser = scan_type)]
    scan_type: Vec<ScanType>,
    #[command(flatten)]
    settings: Settings,
}

fn scope(text: &str) -> Result<Scope, String> {
    let words: Vec<&str> = Scope::ALL.iter().map(|scope| scope.as_str()).collect();
    text.parse().map_err(|()| format!("there are the scopes {}", words.join(", ")))
}

fn scan_type(text: &str) -> Result<ScanType, String> {
    text.parse().map_err(|()| format!("there are the engines {}", ScanType::words()))
}

/// Makes the key.
pub async fn run(args: KeysArgs) -> Result<Exit, Failure> {
    let KeysCommand::Create(args) = args.command;
    if args.name.is_empty() || args.name.chars().count() > 255 {
        return Err(Failure::usage(anyhow!("the name must have 1 to 255 characters")));
    }
    let config = args.settings.load()?.config;
    let new = NewKey {
        name: args.name,
        scopes: if args.scope.is_empty() { Scope::for_keys(args.tenant == TENANT) } else { args.scope },
        allowed_scan_types: (!args.scan_type.is_empty()).then_some(args.scan_type),
        follows: [true; 3],
        ..NewKey::with_limits(&config.limits)
    };
    let store = Store::open_beside(config.store_options(Clock::System)).await.context("opening the database")?;
    let made = create_key(&store, &args.tenant, new).await;
    store.close().await;
    let (_, key) = made.context("making the key")?;
    output::print(&format!("{}\n", key.reveal()))?;
    Ok(Exit::Clean)
}
