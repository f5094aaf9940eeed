//! `scanyard copy`.

use crate::exit::{Exit, Failure};
use crate::output;
use crate::progress::{Meter, Unit};
use clap::Args;
use scanyard_server::copy;
use scanyard_server::store::copy::Step;
use std::path::PathBuf;

/// Move an instance from the embedded database to PostgreSQL
///
/// The server that uses the source must be stopped, and stays so; the source is only read. The target must be an empty
/// database; its tables are made. Every table is copied in batches and then read again on both sides, row by row. When the
/// command is ended, by whatever, the same command goes on where it was; until it has ended well no server starts on the
/// target. Give the target by SCANYARD_COPY_TO, or its password by ~/.pgpass: arguments are seen by everybody on the machine.
#[derive(Args)]
#[command(after_help = "Examples:
  scanyard copy --from sqlite:///var/lib/scanyard/scanyard.db --to postgres://scanyard@db.example.test/scanyard
  SCANYARD_COPY_TO=postgres://scanyard:secret@127.0.0.1/scanyard scanyard copy --from sqlite:scanyard-data/scanyard.db

Afterwards copy master.key to every node, set database.url and start `scanyard serve`: what was queued runs.

Exit codes:
  0  everything is copied, and the same on both sides
  2  wrong usage or a wrong setting: a server uses the source, or the URL, password or certificate of the target is wrong
  3  the target holds other data, or both sides are not the same
  5  the target cannot be reached")]
pub struct CopyArgs {
    /// The source: sqlite:///path/to/scanyard.db
    #[arg(long, value_name = "URL")]
    from: String,
    /// The target: postgres://user@host/name, with sslmode and sslrootcert as database.url has them
    #[arg(long, value_name = "URL", env = "SCANYARD_COPY_TO", hide_env_values = true)]
    to: String,
    /// The data folder of the server that used the source, when the file lies elsewhere
    #[arg(long, value_name = "FOLDER")]
    data_dir: Option<PathBuf>,
}

/// Copies.
pub async fn run(args: CopyArgs) -> Result<Exit, Failure> {
    let meter = Meter::new("copy", Unit::Rows);
    let show = |step: Step<'_>| match step {
        Step::Total(rows) => meter.total(rows),
        Step::Table(name) => meter.word(name),
        Step::Rows(rows) => meter.add(rows),
    };
    let copied = copy::copy(&args.from, &args.to, args.data_dir.as_deref(), &show).await?;
    drop(meter);
    let lines = copied.iter().map(|(name, rows)| format!("{name:<20} {rows:>12}\n"));
    output::print(&format!("{}all the same on both sides\n", lines.collect::<String>()))?;
    eprintln!(
        "note: copy the source's master.key to every node of the new database (mode 0600); without it no node starts there"
    );
    Ok(Exit::Clean)
}
