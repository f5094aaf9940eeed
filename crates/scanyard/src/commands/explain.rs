//! `scanyard explain`.

use crate::exit::{Exit, Failure};
use crate::explain::{self, Asked, Hints, Question};
use crate::output::{self, Format};
use anyhow::{Context, anyhow};
use clap::Args;
use std::io::{IsTerminal, Read};
use std::time::SystemTime;

/// The most bytes of a pasted answer that are read.
const MAX_ANSWER: u64 = 1024 * 1024;

/// Explain a failure of any API that Scanyard knows
///
/// A code, a status with its API, or an answer with its headers on stdin: which API it is, what it means, why, what to do,
/// and whether and when to try again. What the answer leaves open is shown as such.
#[derive(Debug, Args)]
#[command(after_help = "Examples:
  scanyard explain QUOTA_EXCEEDED
  scanyard explain zscaler/zia 403
  scanyard explain arctic-wolf 404
  scanyard explain UnsupportedError
  curl -si https://api.example.test/users | scanyard explain
  curl -si https://api.example.test/users | scanyard explain zscaler/zia --format json")]
pub struct ExplainArgs {
    /// A code, an id of the catalogue, or an API with a status or a code; an API alone says whose answer is on stdin
    words: Vec<String>,
    /// The method of the request: some answers mean another thing to a GET
    #[arg(long)]
    method: Option<String>,
    /// The request acted for another user
    #[arg(long)]
    impersonated: bool,
    /// The request set a password
    #[arg(long)]
    password_change: bool,
    #[arg(long, value_enum, default_value_t = Format::Table)]
    format: Format,
}

/// Explains what was asked.
pub async fn run(args: ExplainArgs) -> Result<Exit, Failure> {
    let words = args.words.join(" ");
    let question = explain::without_address(words.trim());
    let asked = Question::parse(question).map_err(Failure::usage)?;
    let hints = Hints {
        method: args.method.unwrap_or_default(),
        is_impersonated: args.impersonated,
        is_password_change: args.password_change,
    };
    let explanation = match asked {
        Asked::Words(words) => explain::words(question, &words),
        Asked::Answer(words) => {
            let text = read_answer()?;
            explain::answer(&words, &text, &hints, SystemTime::now())
        }
    };
    let explanation = explanation.map_err(Failure::usage)?;
    match args.format {
        Format::Json => output::print_json(&explanation)?,
        Format::Table => output::print(&output::clean_lines(&explain::show(&explanation)))?,
    }
    Ok(Exit::Clean)
}

fn read_answer() -> Result<Vec<u8>, Failure> {
    let mut stdin = std::io::stdin().lock();
    if stdin.is_terminal() {
        return Err(Failure::usage(anyhow!(
            "nothing to explain: give a code, an API with a status, or an answer on stdin, as `curl -i` prints it"
        )));
    }
    let mut text = Vec::new();
    stdin.by_ref().take(MAX_ANSWER).read_to_end(&mut text).context("reading the answer from stdin")?;
    if text.iter().all(u8::is_ascii_whitespace) {
        return Err(Failure::usage(anyhow!(
            "stdin is empty: paste an answer with its headers, as `curl -i` prints it"
        )));
    }
    Ok(text)
}
