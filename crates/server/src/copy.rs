//! Moving an instance from the embedded database to PostgreSQL: nobody may use either meanwhile.

use crate::data_folder;
use crate::data_folder::folder_of;
use crate::store::copy::{self, Held, Report};
use crate::store::open::connect_postgres;
use crate::store::schema::{self, STEPS};
use crate::store::{OpenError, snapshot, sqlite_url};
use anyhow::{Context, bail};
use nix::unistd::{AccessFlags, access};
use sqlx::Connection;
use std::fs::File;
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
    #[error("--from: a process uses the data folder {}; stop it first: running scans go back to the queue, and nothing is lost", .0.display())]
    InUse(PathBuf),
    #[error(
        "--from: {file} and its folder must be open to writing, for SQLite keeps its locks and its log there: run this as the file's \
         owner, or copy the file, and {file}-wal if there is one, to another folder", file = .0.display()
    )]
    ReadOnly(PathBuf),
    #[error("--from: this is no database of Scanyard")]
    Stranger,
    #[error("--from: the source has schema version {found}, this program knows {known}: {advice}")]
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
    let file = sqlite_url::file(from).ok_or(Refused::From)?;
    if !["postgres://", "postgresql://"].iter().any(|scheme| to.starts_with(scheme)) {
        bail!(Refused::To);
    }
    if !file.is_file() {
        bail!(Refused::NoSource(file));
    }
    let folder = data_dir.unwrap_or(folder_of(&file));
    let _lock = hold(folder)?;
    if [folder_of(&file), &file].iter().any(|path| access(*path, AccessFlags::W_OK).is_err()) {
        bail!(Refused::ReadOnly(file));
    }
    let of_source = || format!("--from: {}", file.display());
    let mut source = snapshot::connect(&file, "rw").await.with_context(of_source)?;
    check_version(schema::version(&mut source).await.with_context(of_source)?)?;
    // A process with another data folder may use the file all the same: it writes nothing from here on.
    let mut source = source.begin_with("BEGIN IMMEDIATE").await.with_context(of_source)?;
    let (mut target, place) = connect_postgres(to).await.map_err(of_target)?;
    let held = copy::look(&mut source, &mut target).await?;
    // Before the first table: a copy that is killed while the schema is made is unfinished, too.
    if held == Held::Nothing {
        copy::mark(&mut source, &mut target, &place).await.map_err(of_target)?;
    }
    schema::migrate_conn(&mut target, &place).await.map_err(of_target)?;
    let copied = copy::copy(&mut source, &mut target, held, report).await?;
    let _ = target.close().await;
    source.rollback().await.context("letting the source go")?;
    Ok(copied)
}

fn of_target(error: OpenError) -> OpenError {
    error.named_by("--to")
}

/// Takes the folder of the server that uses the source. Where there is no lock file no server has ever used it, and none is
/// made: the source is only read.
fn hold(folder: &Path) -> anyhow::Result<Option<File>> {
    if !folder.join(data_folder::LOCK).exists() {
        return Ok(None);
    }
    match data_folder::try_lock(folder)? {
        Some(lock) => Ok(Some(lock)),
        None => bail!(Refused::InUse(folder.into())),
    }
}

fn check_version(found: i64) -> Result<(), Refused> {
    let known = STEPS.len() as i64;
    if found == 0 {
        return Err(Refused::Stranger);
    }
    let advice = match found.cmp(&known) {
        std::cmp::Ordering::Equal => return Ok(()),
        std::cmp::Ordering::Less => "start this version's `scanyard serve` on it once, which brings it up to date",
        std::cmp::Ordering::Greater => "take the newer program",
    };
    Err(Refused::Version { found, known, advice })
}
