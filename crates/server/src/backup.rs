//! Backup and restore of the embedded database: one file, checked before anybody relies on it.

use crate::config::Config;
use crate::data_folder::{self, DataFolder, folder_of};
use crate::store::schema::STEPS;
use crate::store::snapshot::{self, Checked};
use crate::vault;
use anyhow::{Context, bail, ensure};
use std::fs::{File, Metadata, OpenOptions};
use std::io::{Read, Write};
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};
use std::time::Duration;

/// Told how many bytes of how many are done.
pub type Bytes<'f> = &'f (dyn Fn(u64, u64) + Sync);

/// How often the growing file is looked at.
const LOOK: Duration = Duration::from_millis(100);
/// Bytes copied at a time.
const PIECE: usize = 1024 * 1024;

/// What a backup or a restore came to.
#[derive(Debug)]
pub struct Kept {
    pub checked: Checked,
    pub bytes: u64,
    /// Where the database that was there before is now.
    pub aside: Option<PathBuf>,
    /// Ids of master keys that the database needs and this data folder does not have.
    pub lacking: Vec<String>,
}

/// What the user asked for cannot be, as it is.
#[derive(Debug, thiserror::Error)]
pub enum Refused {
    #[error(
        "database.url: only the embedded database is kept this way; for PostgreSQL there are pg_dump and pg_restore"
    )]
    NotEmbedded,
    #[error("{} is there already; name another file", .0.display())]
    IsThere(PathBuf),
    #[error("there is no database at {}; name its folder with --data-dir", .0.display())]
    NoDatabase(PathBuf),
    #[error("{} holds a database already; --force puts it aside", .0.display())]
    Occupied(PathBuf),
    #[error(
        "{file} is no backup but a database with its last writes in {file}-wal. Put both into a folder of their own, as \
         scanyard.db and scanyard.db-wal, make a backup with `scanyard backup FILE --data-dir FOLDER`, and restore that", file = .0.display()
    )]
    HasLog(PathBuf),
    #[error("a process uses the data folder {}; stop it first, or restore into another one with --data-dir", .0.display())]
    InUse(PathBuf),
}

/// Writes a backup of the database, also while a server uses it.
pub async fn backup(config: &Config, file: &Path, bytes: Bytes<'_>) -> anyhow::Result<Kept> {
    let database = config.database_file().ok_or(Refused::NotEmbedded)?;
    if !database.exists() {
        bail!(Refused::NoDatabase(database));
    }
    if file.symlink_metadata().is_ok() {
        bail!(Refused::IsThere(file.into()));
    }
    let part = beside(file, &format!("part-{}", std::process::id()));
    let written = write_part(&database, &part, bytes).await;
    let linked = written.and_then(|checked| {
        // A link, unlike a renaming, replaces nothing.
        match std::fs::hard_link(&part, file) {
            Err(error) if error.kind() == std::io::ErrorKind::AlreadyExists => bail!(Refused::IsThere(file.into())),
            linked => linked.with_context(|| format!("making {}", file.display()))?,
        }
        Ok(checked)
    });
    let _ = std::fs::remove_file(&part);
    let checked = linked?;
    sync_folder(file)?;
    Ok(Kept { checked, bytes: file.metadata()?.len(), aside: None, lacking: Vec::new() })
}

async fn write_part(database: &Path, part: &Path, bytes: Bytes<'_>) -> anyhow::Result<Checked> {
    let made = OpenOptions::new().write(true).create_new(true).mode(0o600).open(part);
    let made = made.with_context(|| format!("making {}", part.display()))?;
    let total = database.metadata()?.len();
    let writing = snapshot::write_into(database, part);
    tokio::pin!(writing);
    loop {
        tokio::select! {
            written = &mut writing => break written.context("writing the backup")?,
            () = tokio::time::sleep(LOOK) => bytes(made.metadata()?.len().min(total), total),
        }
    }
    made.sync_all().context("bringing the backup to the disk")?;
    snapshot::check(part).await.context("checking the backup")
}

/// Puts a backup in the place of a data folder's database, which no process may use.
pub async fn restore(config: &Config, file: &Path, force: bool, bytes: Bytes<'_>) -> anyhow::Result<Kept> {
    let database = config.database_file().ok_or(Refused::NotEmbedded)?;
    if with_end(file, "-wal").metadata().is_ok_and(|log| log.len() > 0) {
        bail!(Refused::HasLog(file.into()));
    }
    let checked = snapshot::check(file).await.with_context(|| format!("checking {}", file.display()))?;
    let known = STEPS.len() as i64;
    let version = checked.version;
    ensure!(
        version <= known,
        "the backup has schema version {version}, this program knows {known}: run the newer program"
    );
    let folder = config.data_dir.as_path();
    let Some(mut held) = DataFolder::take(folder)? else { bail!(Refused::InUse(folder.into())) };
    let old = database.symlink_metadata().ok();
    if old.is_some() && !force {
        bail!(Refused::Occupied(database));
    }
    let new = beside(&database, "restored");
    let placed = put_in_place(file, &new, &database, old, &checked, bytes).await;
    if placed.is_err() {
        let _ = std::fs::remove_file(&new);
    }
    let aside = placed?;
    held.keep();
    let lacking = vault::lacking(&config.master_key_file(), &checked.master_keys)?;
    Ok(Kept { checked, bytes: database.metadata()?.len(), aside, lacking })
}

/// Copies the backup beside the database, and puts the copy in its place; answers where the old one is then.
async fn put_in_place(
    file: &Path,
    new: &Path,
    database: &Path,
    old: Option<Metadata>,
    checked: &Checked,
    bytes: Bytes<'_>,
) -> anyhow::Result<Option<PathBuf>> {
    let is_occupied = old.is_some();
    let like = old.map_or_else(|| folder_of(database).metadata(), Ok)?;
    copy(file, new, &like, bytes).with_context(|| format!("copying {} to {}", file.display(), new.display()))?;
    let copied = snapshot::check(new).await.context("checking the copy")?;
    ensure!(copied.tables == checked.tables, "the copy is not what the backup is; was it written to meanwhile?");
    let aside = if is_occupied { Some(put_aside(database).await?) } else { None };
    std::fs::rename(new, database).with_context(|| format!("putting {} in its place", database.display()))?;
    sync_folder(database)?;
    Ok(aside)
}

/// Keeps the old database under another name. It stays in its place as well until the new one is there, so that at no
/// moment a server would find none and begin an empty one.
async fn put_aside(database: &Path) -> anyhow::Result<PathBuf> {
    let now = time::OffsetDateTime::now_utc();
    let aside = beside(database, &format!("before-{}-{}", now.unix_timestamp(), std::process::id()));
    // One that is too damaged for it is kept as it is, with its log.
    if let Err(error) = snapshot::fold(database).await {
        tracing::warn!(%error, "the old database is put aside with its log");
    }
    std::fs::hard_link(database, &aside).with_context(|| format!("keeping the old database as {}", aside.display()))?;
    for end in ["-wal", "-shm"] {
        let (log, kept) = (with_end(database, end), with_end(&aside, end));
        match std::fs::rename(&log, &kept) {
            Err(error) if error.kind() != std::io::ErrorKind::NotFound => {
                return Err(error).with_context(|| format!("putting {} aside", log.display()));
            }
            Ok(()) | Err(_) => {}
        }
    }
    Ok(aside)
}

/// `like` is whose the copy becomes: a server as another user than root must be able to open it.
fn copy(from: &Path, to: &Path, like: &Metadata, bytes: Bytes<'_>) -> std::io::Result<()> {
    let mut from = File::open(from)?;
    let total = from.metadata()?.len();
    // What an interrupted restore left is nobody's.
    let _ = std::fs::remove_file(to);
    let mut into = OpenOptions::new().write(true).create_new(true).mode(0o600).open(to)?;
    data_folder::give(&into, like)?;
    let (mut piece, mut done) = (vec![0; PIECE], 0);
    loop {
        let read = from.read(&mut piece)?;
        if read == 0 {
            return into.sync_all();
        }
        into.write_all(&piece[..read])?;
        done += read as u64;
        bytes(done, total);
    }
}

fn with_end(path: &Path, end: &str) -> PathBuf {
    let mut name = path.as_os_str().to_owned();
    name.push(end);
    name.into()
}

fn beside(path: &Path, what: &str) -> PathBuf {
    with_end(path, &format!(".{what}"))
}

/// A new name is only there for good when its folder is on the disk.
fn sync_folder(file: &Path) -> anyhow::Result<()> {
    let folder = folder_of(file);
    File::open(folder)?.sync_all().with_context(|| format!("bringing {} to the disk", folder.display()))
}
