//! `scanyard openapi`.

use crate::exit::{Exit, Failure};
use crate::output;
use anyhow::Context;
use clap::Args;
use scanyard_contract::Support;

/// Print the OpenAPI 3.1 document of the Scan API
#[derive(Debug, Args)]
#[command(after_help = "Example:
  scanyard openapi > openapi.json")]
pub struct OpenapiArgs {}

/// Prints it as a server without further settings serves it.
pub fn run(_args: OpenapiArgs) -> Result<Exit, Failure> {
    let document = scanyard_server::openapi(&Support::default());
    let text = document.to_pretty_json().context("printing the OpenAPI document")?;
    output::print(&format!("{text}\n"))?;
    Ok(Exit::Clean)
}
