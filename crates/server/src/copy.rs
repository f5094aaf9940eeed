//! Moving an instance from the embedded database to PostgreSQL: nobody may use either meanwhile.

use crate::serve;
use crate::store::copy::{self, CopyError, Report};
use crate::store::open::connect_postgres;
use crate::store::schema::{self, STEPS};
use crate::store::snapshot;
use anyhow::{Context, bail};
use sqlx::Connection;
use std::path::{Path, PathBuf};

/// What the user asked for cannot be, as it is.
#[derive(Debug, thiserror::Error)]
pub enum Refused {
    #[error("--from: must be sqlite:///path/to/scanyard.db")]
    From,
    #[error("--to: must be postgres://user@host/name")]
    To,
    #[error("--from: there is no database at {}", .0.display())]
    NoSource(PathBuf),
    #[error("a process uses the data folder {}; stop it first: running scans go back to the queue, and nothing is lost", .0.display())]
    InUse(PathBuf),
    #[error("the source has schema version {found}, this program knows {known}: {advice}")]
    Version { found: i64, known: i64, advice: &'static str },
}

/// Copies everything from a file to a server; answers each table with its rows.
///
/// `data_dir` is the folder whose server uses the file; none: the file's own.
pub async fn copy(
    from: &str,
    to: &str,
    data_dir: Option<&Path>,
    report: Report<'_>,
) -> anyhow::Result<Vec<(String, u64)>> {
    let file = from.strip_prefix("sqlite:").map(|path| PathBuf::from(path.strip_prefix("//").unwrap_or(path)));
    let file = file.ok_or(Refused::From)?;
    if !["postgres://", "postgresql://"].iter().any(|scheme| to.starts_with(scheme)) {
        bail!(Refused::To);
    }
    if !file.is_file() {
        bail!(Refused::NoSource(file));
    }
    let own = file.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."));
    let folder = data_dir.unwrap_or(own);
    let Some(_lock) = serve::try_lock(folder)? else { bail!(Refused::InUse(folder.into())) };
    let mut source = snapshot::connect(&file, "rw").await.context("opening the source")?;
    check_version(schema::version(&mut source).await.context("opening the source")?)?;
    // A process with another data folder may use the file all the same: it writes nothing from here on.
    let mut source = source.begin_with("BEGIN IMMEDIATE").await.context("holding the source")?;
    let (mut target, place) = connect_postgres(to).await.context("opening the target")?;
    schema::migrate_conn(&mut target, &place).await.context("opening the target")?;
    let copied =
        copy::copy(&mut source, &mut target, report).await.map_err(|error: CopyError| anyhow::Error::new(error))?;
    let _ = target.close().await;
    source.rollback().await.context("letting the source go")?;
    Ok(copied)
}

fn check_version(found: i64) -> Result<(), Refused> {
    let known = STEPS.len() as i64;
    let advice = match found.cmp(&known) {
        std::cmp::Ordering::Equal => return Ok(()),
        std::cmp::Ordering::Less => "start this version's `scanyard serve` on it once, which brings it up to date",
        std::cmp::Ordering::Greater => "take the newer program",
    };
    Err(Refused::Version { found, known, advice })
}
