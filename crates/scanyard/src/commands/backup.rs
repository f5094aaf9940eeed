//! `scanyard backup`.

use crate::exit::{Exit, Failure};
use crate::options::Settings;
use crate::output;
use crate::progress::{Meter, Unit};
use clap::Args;
use scanyard_server::backup::{self, Kept};
use std::path::PathBuf;

/// Write the embedded database into one file, also while a server uses it
///
/// The backup is the database as it is at one moment: everything that was answered before is in it. It is read back and
/// checked, and its rows are counted, before it gets its name; a file that is there is never replaced. The master key is
/// not in it: keep a copy of that file elsewhere, for without it the secrets in the backup stay sealed.
#[derive(Args)]
#[command(after_help = "Examples:
  scanyard backup /var/backups/scanyard-$(date +%F).db --data-dir /var/lib/scanyard
  scanyard backup before-upgrade.db --config /etc/scanyard.toml

Exit codes:
  0  the backup is written and checked
  2  wrong usage: no database there, the file is there already, or the database is PostgreSQL's
  3  it could not be written, or it is damaged")]
pub struct BackupArgs {
    /// The file to write
    file: PathBuf,
    #[command(flatten)]
    settings: Settings,
}

/// Writes a backup.
pub async fn run(args: BackupArgs) -> Result<Exit, Failure> {
    let config = args.settings.load()?.config;
    let meter = Meter::new("backup", Unit::Bytes);
    let show = |done, total| {
        meter.total(total);
        meter.at(done);
    };
    let kept = backup::backup(&config, &args.file, &show).await?;
    drop(meter);
    output::print(&table(&kept))?;
    let key = config.master_key_file();
    eprintln!(
        "note: the master key is not in the backup. Keep a copy of {} elsewhere, away from the backup: without it the \
         webhook secrets in the backup stay sealed and no server starts on it",
        std::path::absolute(&key).unwrap_or(key).display()
    );
    Ok(Exit::Clean)
}

/// Each table with its rows, and the whole.
pub fn table(kept: &Kept) -> String {
    let checked = &kept.checked;
    let mut text = String::new();
    for (name, rows) in &checked.tables {
        text.push_str(&format!("{name:<20} {rows:>12}\n"));
    }
    text.push_str(&format!("schema version {}, {} bytes, whole\n", checked.version, kept.bytes));
    text
}
