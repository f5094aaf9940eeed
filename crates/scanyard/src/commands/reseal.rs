//! `scanyard reseal`.

use crate::exit::{Exit, Failure};
use crate::options::Settings;
use crate::output;
use anyhow::Context;
use clap::Args;
use scanyard_server::reseal::reseal;
use scanyard_server::store::{Clock, Store};
use scanyard_server::vault::Vault;

/// Seal stored secrets anew with the first master key, so that older ones can be removed
///
/// The change of a master key in three steps: put the new key into the first line of the key file of every node and start
/// them again one by one; run this once, beside them; seven days later, when no session goes by the old key any more, take
/// its line out of the files. Secrets do not change, and no receiver of webhooks notices.
#[derive(Args)]
#[command(after_help = "Examples:
  scanyard reseal --config /etc/scanyard/scanyard.toml
  scanyard reseal --database-url postgres://scanyard@127.0.0.1/scanyard --master-key-file /etc/scanyard/master.key")]
pub struct ResealArgs {
    #[command(flatten)]
    settings: Settings,
}

/// Seals everything anew.
pub async fn run(args: ResealArgs) -> Result<Exit, Failure> {
    let config = args.settings.load()?.config;
    let store = Store::open_beside(config.store_options(Clock::System)).await.context("opening the database")?;
    let vault = Vault::load(&store, &config.master_key_file()).await.context("opening the master key file")?;
    let done = reseal(&store, &vault).await;
    store.close().await;
    let done = done?;
    let retired = match &done.retired[..] {
        [] => "The file holds no key that can be removed.\n".to_string(),
        ids => format!(
            "Nothing is sealed any more with {}: its line can go when sessions do not need it, in 7 days.\n",
            ids.join(", ")
        ),
    };
    output::print(&format!("Sealed anew: secrets of webhooks {}, of scans {}.\n{retired}", done.webhooks, done.scans))?;
    Ok(Exit::Clean)
}
