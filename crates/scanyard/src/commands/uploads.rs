//! `scanyard uploads`.

use crate::exit::{Exit, Failure};
use crate::output::{self, Format, clean};
use crate::remote::Remote;
use anyhow::anyhow;
use clap::{Args, Subcommand};
use scanyard_client::scan_api::Client;
use scanyard_contract::Upload;
use serde_json::json;

/// List or delete the files that were uploaded to a server
#[derive(Debug, Args)]
#[command(after_help = "Examples:
  scanyard uploads list --server http://127.0.0.1:8080
  scanyard uploads delete upl-019a0000-0000-7000-8000-000000000001 --server http://127.0.0.1:8080

`scanyard scan trivy FOLDER --server …` makes one.")]
pub struct UploadsArgs {
    #[command(subcommand)]
    command: UploadsCommand,
}

#[derive(Debug, Subcommand)]
enum UploadsCommand {
    /// List them, newest first
    List(ListArgs),
    /// Delete one
    Delete(DeleteArgs),
}

#[derive(Debug, Args)]
#[command(after_help = "Example:
  scanyard uploads list --server http://127.0.0.1:8080 --format json")]
struct ListArgs {
    #[arg(long, value_enum, default_value_t = Format::Table)]
    format: Format,
    #[command(flatten)]
    remote: Remote,
}

#[derive(Debug, Args)]
#[command(after_help = "Example:
  scanyard uploads delete upl-019a0000-0000-7000-8000-000000000001 --server http://127.0.0.1:8080")]
struct DeleteArgs {
    /// Its id, with its `upl-`
    id: String,
    #[command(flatten)]
    remote: Remote,
}

/// Lists or deletes.
pub async fn run(args: UploadsArgs) -> Result<Exit, Failure> {
    match args.command {
        UploadsCommand::List(args) => {
            let uploads = client(&args.remote)?.uploads().await?;
            match args.format {
                Format::Json => output::print_json(json!({ "uploads": uploads }))?,
                Format::Table => output::print(&table(&uploads))?,
            }
        }
        UploadsCommand::Delete(args) => {
            let deleted = client(&args.remote)?.delete_upload(&args.id).await?;
            output::print(&format!("{} is gone\n", clean(&deleted.id)))?;
        }
    }
    Ok(Exit::Clean)
}

fn client(remote: &Remote) -> Result<Client, Failure> {
    remote.client()?.ok_or_else(|| Failure::usage(anyhow!("uploads are on a server: name it with --server")))
}

fn table(uploads: &[Upload]) -> String {
    let mut table = output::table(&["ID", "NAME", "KIND", "FILES", "BYTES", "KEPT UNTIL"]);
    for upload in uploads {
        let Upload { id, kind, name, files, bytes, sha256: _, created_at: _, expires_at } = upload;
        let (files, bytes) = (files.to_string(), bytes.to_string());
        table.add_row([&clean(id), &clean(name), kind.as_str(), &files, &bytes, &expires_at.to_string()]);
    }
    format!("{table}\n")
}
