//! One file per command.

pub mod backup;
pub mod call;
pub mod completions;
pub mod copy;
pub mod demo;
pub mod doctor;
pub mod engines;
pub mod errors;
pub mod explain;
pub mod import;
pub mod keys;
pub mod openapi;
pub mod reseal;
pub mod restore;
pub mod scan;
pub mod serve;
pub mod simulate;
pub mod uploads;
pub mod users;
pub mod weak_target;
pub mod worker;

use crate::cli::Command;
use crate::exit::{Exit, Failure};

/// Runs the command.
pub async fn run(command: Command) -> Result<Exit, Failure> {
    match command {
        Command::Serve(args) => serve::run(args).await,
        Command::Worker(args) => worker::run(args).await,
        Command::Scan(args) => scan::run(args).await,
        Command::Import(args) => import::run(args).await,
        Command::Engines(args) => engines::run(args).await,
        Command::Errors(args) => errors::run(args).await,
        Command::Explain(args) => explain::run(args).await,
        Command::Simulate(args) => simulate::run(args).await,
        Command::Openapi(args) => openapi::run(args),
        Command::Keys(args) => keys::run(args).await,
        Command::Users(args) => users::run(args).await,
        Command::Uploads(args) => uploads::run(args).await,
        Command::Backup(args) => backup::run(args).await,
        Command::Restore(args) => restore::run(args).await,
        Command::Copy(args) => copy::run(args).await,
        Command::Reseal(args) => reseal::run(args).await,
        Command::Demo(args) => demo::run(args).await,
        Command::Doctor(args) => doctor::run(args).await,
        Command::Call(args) => call::run(args).await,
        Command::Export(args) => call::export(args).await,
        Command::WeakTarget(args) => weak_target::run(args).await,
        Command::Completions(args) => completions::run(args),
    }
}
