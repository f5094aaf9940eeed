//! The binary `scanyard`: the server, and everything a person runs at a prompt. Knows no SQL.

mod cli;
mod commands;
mod engine_options;
mod exit;
mod explain;
mod interrupt;
mod local;
mod options;
mod output;
mod packing;
mod progress;
mod remote;
mod simulate;

use clap::Parser;
use std::process::ExitCode;

/// A request is many small allocations: with the system's own a POST took a sixth longer.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

fn main() -> ExitCode {
    // Before anything else: a supervisor has one thread and none of our machinery.
    if std::env::args_os().nth(1).is_some_and(|command| command == "__supervise") {
        return scanyard_engines::process::supervise::main();
    }
    let is_json = output::is_json_asked(std::env::args().skip(1));
    let cli = cli::Cli::try_parse().unwrap_or_else(|error| {
        if is_json && error.use_stderr() {
            print_error(&exit::Failure::usage(anyhow::anyhow!("{}", error.render())));
        }
        error.exit()
    });
    let runtime = match tokio::runtime::Builder::new_multi_thread().enable_all().build() {
        Ok(runtime) => runtime,
        Err(error) => {
            eprintln!("error: starting the runtime: {error}");
            return exit::Exit::Failed.into();
        }
    };
    let result = runtime.block_on(commands::run(cli.command));
    // A blocking look-up that nobody waits for must not hold the exit back.
    runtime.shutdown_background();
    match result {
        Ok(exit) => exit.into(),
        Err(failure) => {
            if is_json {
                print_error(&failure);
            }
            eprintln!("error: {}", output::clean_lines(&failure.to_string()));
            failure.exit.into()
        }
    }
}

/// A program reads stdout also when there is nothing else to read there.
fn print_error(failure: &exit::Failure) {
    if let Err(error) = output::print_json(serde_json::json!({ "error": failure.to_json() })) {
        eprintln!("error: {error:#}");
    }
}
