//! `scanyard restore`.

use crate::commands::backup::table;
use crate::exit::{Exit, Failure};
use crate::options::Settings;
use crate::output;
use crate::progress::{Meter, Unit};
use clap::Args;
use scanyard_server::backup;
use std::path::PathBuf;

/// Put a backup in the place of a data folder's database
///
/// No process may use the folder. The backup is checked before anything is touched, copied, checked again and then put in
/// place at once. What runs or was to be sent at the time of the backup is run or sent again by the next `scanyard serve`;
/// keys and sessions that were revoked since the backup are valid again, so revoke them again.
#[derive(Args)]
#[command(after_help = "Examples:
  scanyard restore /var/backups/scanyard-2026-03-06.db --data-dir /var/lib/scanyard
  scanyard restore before-upgrade.db --config /etc/scanyard.toml --force

Exit codes:
  0  the backup is in its place
  2  wrong usage: a process uses the folder, or it holds a database and --force is missing
  3  the backup is damaged, newer than this program, or could not be copied; the old database is where it was")]
pub struct RestoreArgs {
    /// The backup
    file: PathBuf,
    /// Replace a database that is there; it is kept beside the new one under another name
    #[arg(long)]
    force: bool,
    #[command(flatten)]
    settings: Settings,
}

/// Restores a backup.
pub async fn run(args: RestoreArgs) -> Result<Exit, Failure> {
    let config = args.settings.load()?.config;
    let meter = Meter::new("restore", Unit::Bytes);
    let show = |done, total| {
        meter.total(total);
        meter.at(done);
    };
    let kept = backup::restore(&config, &args.file, args.force, &show).await?;
    drop(meter);
    output::print(&table(&kept))?;
    if let Some(aside) = &kept.aside {
        eprintln!("note: the database that was there is now {}", aside.display());
    }
    for id in &kept.lacking {
        eprintln!(
            "warning: the master key {id} is not in {}; put the key file of the backed-up server there (mode 0600) \
             before `scanyard serve`, which will not start without it",
            config.master_key_file().display()
        );
    }
    Ok(Exit::Clean)
}
