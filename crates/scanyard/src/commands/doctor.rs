//! `scanyard doctor`.

use crate::exit::{Exit, Failure};
use crate::options::Settings;
use crate::output::{self, Format, clean};
use clap::Args;
use scanyard_server::config::Config;
use scanyard_server::doctor::{Diagnosis, Examined, State, examine};
use serde_json::json;

/// Look whether the engines of this machine work, and what keeps them in bounds
///
/// Runs each installed engine for a moment, as a scan would: the same program, user and limits. Nothing is scanned and
/// nobody is contacted.
#[derive(Args)]
#[command(after_help = "Examples:
  scanyard doctor
  scanyard doctor --config /etc/scanyard.toml
  scanyard doctor --format json | jq '.engines[] | select(.state == \"broken\") | .lacks'

Exit codes:
  0  every engine that is installed or configured works
  1  one of them does not, or no engine could run at all
  2  wrong usage, or settings that are wrong")]
pub struct DoctorArgs {
    #[arg(long, value_enum, default_value_t = Format::Table)]
    format: Format,
    #[command(flatten)]
    settings: Settings,
}

/// Examines this machine.
pub async fn run(args: DoctorArgs) -> Result<Exit, Failure> {
    let loaded = args.settings.clone().load()?;
    let file = args.settings.config.map(|path| path.display().to_string());
    let diagnosis = examine(&loaded.config).await;
    match args.format {
        Format::Json => output::print_json(json!({
            "config": {
                "file": file,
                "warnings": loaded.warnings,
                "user": loaded.config.engines.run_as(),
                "workDir": loaded.config.jobs_dir(),
            },
            "isWell": diagnosis.is_well(),
            "engines": diagnosis.engines,
            "bounds": diagnosis.bounds,
            "faults": diagnosis.faults,
        }))?,
        Format::Table => output::print(&text(&diagnosis, &loaded.config, file.as_deref()))?,
    }
    Ok(if diagnosis.is_well() { Exit::Clean } else { Exit::Findings })
}

fn text(diagnosis: &Diagnosis, config: &Config, file: Option<&str>) -> String {
    let mut table = output::table(&["ENGINE", "STATE", "VERSION", "PROGRAM", "LACKS", "CONTACTS"]);
    for engine in &diagnosis.engines {
        let path = engine.path.as_ref().map_or_else(|| "-".to_string(), |path| path.display().to_string());
        let version = engine.version.as_deref().unwrap_or("-");
        let cells = [engine.scan_type.as_str(), engine.state.as_str(), version, &path, &lacks(engine), engine.contacts];
        table.add_row(cells.map(clean));
    }
    let mut text = format!("{table}\n\nThis host enforces:\n");
    for bound in diagnosis.bounds.iter().filter(|bound| bound.is_enforced) {
        text += &format!("  {}: {}\n", bound.bound, clean(&bound.how));
    }
    for bound in diagnosis.bounds.iter().filter(|bound| !bound.is_enforced) {
        text += &format!("  NOT {}: {}\n", bound.bound, clean(&bound.how));
    }
    let user = config.engines.run_as().map_or_else(|| "this user".to_string(), |user| format!("the user {user}"));
    let file = file.unwrap_or("no file, with the defaults");
    text += &format!("\nSettings: {file}. Engines run as {user}, in {}.\n", config.jobs_dir().display());
    for fault in &diagnosis.faults {
        text += &format!("FAULT: {}\n", clean(fault));
    }
    text
}

/// What it lacks; for one that is not there, how it is installed.
fn lacks(engine: &Examined) -> String {
    match engine.state {
        State::NotInstalled => engine.install.to_string(),
        State::Ready | State::Off | State::Broken => engine.lacks.join("; "),
    }
}
