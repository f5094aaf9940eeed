//! Prints every finding of Tenable as one line of JSON. Rate limits, ended sessions and chunks that fail are the client's
//! business; what it could not mend comes back as an error, after everything that could be had.
//!
//! `TIO_URL=https://cloud.tenable.com TIO_USERNAME=… TIO_PASSWORD=… cargo run --example export-vulns`

use scanyard_client::tenable::export::Waiting;
use scanyard_client::tenable::filters::{Vulns, What};
use scanyard_client::tenable::{Client, Credential};
use scanyard_client::{Error, Hidden, Settings};
use serde_json::Value;
use std::io::Write;

pub async fn export(client: &Client, waiting: Waiting, out: &mut impl Write) -> Result<u64, Error> {
    let vulns = Vulns { severity: vec!["high".to_string(), "critical".to_string()], ..Vulns::default() };
    let mut export = client.export(&What::Vulns(vulns), waiting).await?;
    let (mut count, mut failures) = (0, 0);
    loop {
        match export.next_chunk::<Value>().await {
            Ok(Some(chunk)) => {
                count += chunk.items.len() as u64;
                chunk.items.iter().for_each(|item| writeln!(out, "{item}").unwrap_or_default());
            }
            Ok(None) => return Ok(count),
            // The same chunk once more, however long its server was away.
            Err(error) if error.kind == scanyard_contract::Kind::RetriesExhausted && failures < 3 => {
                eprintln!("{error}");
                failures += 1;
            }
            Err(error) => return Err(error),
        }
    }
}

#[tokio::main]
async fn main() -> anyhow::Result<()> {
    let (username, password) = (std::env::var("TIO_USERNAME")?, Hidden::new(std::env::var("TIO_PASSWORD")?));
    let url = std::env::var("TIO_URL").unwrap_or(scanyard_client::tenable::CLOUD.to_string());
    let client = Client::at(&url, Credential::Password { username, password }, Settings::default())?;
    let count = export(&client, Waiting::default(), &mut std::io::stdout()).await?;
    eprintln!("{count} findings");
    Ok(())
}
