//! `scanyard errors`.

use crate::exit::{Exit, Failure};
use crate::output::{self, Format, clean, clean_lines};
use crate::remote::Remote;
use clap::Args;
use scanyard_contract::{Code, ErrorInfo, Support};
use serde_json::json;

/// Explain the failures of the Scan API
///
/// Without a code: all of them. With one: what it means, what leads to it and what to do.
#[derive(Debug, Args)]
#[command(after_help = "Examples:
  scanyard errors
  scanyard errors KEY_EXPIRED
  scanyard errors --format json")]
pub struct ErrorsArgs {
    /// Such as KEY_EXPIRED; upper or lower case
    code: Option<String>,
    #[arg(long, value_enum, default_value_t = Format::Table)]
    format: Format,
    #[command(flatten)]
    remote: Remote,
}

/// Prints one or all.
pub async fn run(args: ErrorsArgs) -> Result<Exit, Failure> {
    let client = args.remote.client()?;
    let Some(code) = &args.code else {
        let errors = match client {
            Some(client) => client.errors().await?,
            None => Code::ALL.iter().map(|code| code.row().info(&Support::default())).collect(),
        };
        match args.format {
            Format::Json => output::print_json(json!({ "errors": errors }))?,
            Format::Table => output::print(&list(&errors))?,
        }
        return Ok(Exit::Clean);
    };
    let code = code.to_uppercase();
    let error = match (client, code.parse::<Code>()) {
        (Some(client), _) => client.error(&code).await?,
        (None, Ok(code)) => code.row().info(&Support::default()),
        (None, Err(())) => {
            let error = anyhow::anyhow!("there is no code {}; `scanyard errors` lists all", clean(&code));
            return Err(Failure::usage(error));
        }
    };
    match args.format {
        Format::Json => output::print_json(&error)?,
        Format::Table => output::print(&page(&error))?,
    }
    Ok(Exit::Clean)
}

fn list(errors: &[ErrorInfo]) -> String {
    let mut table = output::table(&["STATUS", "CODE", "MESSAGE", "TRY AGAIN"]);
    for error in errors {
        let again = if error.retryable { "yes" } else { "no" };
        let code = error.code.as_deref().unwrap_or_default();
        table.add_row([&status(error), &clean(code), &clean(&error.message), again]);
    }
    format!("{table}\nscanyard errors CODE explains one.\n")
}

fn page(error: &ErrorInfo) -> String {
    let code = error.code.as_deref().unwrap_or_default();
    let mut text = format!("{} {code}: {}\n\n{}\n\nCauses:\n", status(error), error.message, error.meaning);
    for cause in &error.causes {
        text.push_str(&format!("  - {cause}\n"));
    }
    let again = if error.retryable { "yes" } else { "no" };
    text.push_str(&format!("\nWhat to do:\n  {}\n\nTry again by itself: {again}\n", error.resolution));
    clean_lines(&text)
}

fn status(error: &ErrorInfo) -> String {
    error.status.map_or(String::new(), |status| status.to_string())
}
