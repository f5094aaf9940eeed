//! The command line as clap sees it.

use crate::commands::{
    backup, call, completions, copy, demo, doctor, engines, errors, explain, import, keys, openapi, reseal, restore,
    scan, serve, simulate, uploads, users, weak_target, worker,
};
use clap::{Parser, Subcommand};

/// One API for security scanning, and one error contract for the security APIs around it.
#[derive(Parser)]
#[command(name = "scanyard", version, propagate_version = true, disable_help_subcommand = true, max_term_width = 110)]
pub struct Cli {
    #[command(subcommand)]
    pub command: Command,
}

#[derive(Subcommand)]
pub enum Command {
    Serve(serve::Serve),
    Worker(worker::Worker),
    Scan(scan::ScanArgs),
    Import(import::ImportArgs),
    Engines(engines::EnginesArgs),
    Errors(errors::ErrorsArgs),
    Explain(explain::ExplainArgs),
    Simulate(simulate::SimulateArgs),
    Openapi(openapi::OpenapiArgs),
    Keys(keys::KeysArgs),
    Users(users::UsersArgs),
    Uploads(uploads::UploadsArgs),
    Backup(backup::BackupArgs),
    Restore(restore::RestoreArgs),
    Copy(copy::CopyArgs),
    Reseal(reseal::ResealArgs),
    Demo(demo::DemoArgs),
    Doctor(doctor::DoctorArgs),
    Call(call::CallArgs),
    Export(call::ExportArgs),
    #[command(hide = true)]
    WeakTarget(weak_target::WeakTargetArgs),
    Completions(completions::CompletionsArgs),
}
