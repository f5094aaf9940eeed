//! `scanyard completions`.

use crate::cli::Cli;
use crate::exit::{Exit, Failure};
use crate::output;
use clap::{Args, CommandFactory};
use clap_complete::Shell;

/// Print the completions of a shell
#[derive(Debug, Args)]
#[command(after_help = "Examples:
  scanyard completions bash > /etc/bash_completion.d/scanyard
  scanyard completions zsh > \"${fpath[1]}/_scanyard\"
  scanyard completions fish > ~/.config/fish/completions/scanyard.fish")]
pub struct CompletionsArgs {
    shell: Shell,
}

/// Prints them.
pub fn run(args: CompletionsArgs) -> Result<Exit, Failure> {
    let mut script = Vec::new();
    clap_complete::generate(args.shell, &mut Cli::command(), "scanyard", &mut script);
    output::print(&String::from_utf8_lossy(&script))?;
    Ok(Exit::Clean)
}
