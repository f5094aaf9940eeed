//! One file per command.

pub mod completions;
pub mod demo;
pub mod doctor;
pub mod engines;
pub mod errors;
pub mod keys;
pub mod openapi;
pub mod scan;
pub mod serve;
pub mod uploads;
pub mod users;

use crate::cli::Command;
use crate::exit::{Exit, Failure};

/// Runs the command.
pub async fn run(command: Command) -> Result<Exit, Failure> {
    match command {
        Command::Serve(args) => serve::run(args).await,
        Command::Scan(args) => scan::run(args).await,
        Command::Engines(args) => engines::run(args).await,
        Command::Errors(args) => errors::run(args).await,
        Command::Openapi(args) => openapi::run(args),
        Command::Keys(args) => keys::run(args).await,
        Command::Users(args) => users::run(args).await,
        Command::Uploads(args) => uploads::run(args).await,
        Command::Demo(args) => demo::run(args).await,
        Command::Doctor(args) => doctor::run(args).await,
        Command::Completions(args) => completions::run(args),
    }
}
