//! Copies of the embedded database's file, and what is in them.

use super::catalogue;
use super::{StoreError, master_key, schema, sqlite_url};
use sqlx::any::AnyConnectOptions;
use sqlx::{AnyConnection, ConnectOptions, Connection};
use std::path::Path;

/// What a file was found to hold.
#[derive(Debug)]
pub struct Checked {
    pub version: i64,
    /// Each table with its rows.
    pub tables: Vec<(String, u64)>,
    /// Ids of the master keys that it was written with.
    pub master_keys: Vec<String>,
}

/// A connection of its own to a file that is there; the mode is a URL's, `rw` to begin with.
pub async fn connect(file: &Path, mode: &str) -> Result<AnyConnection, StoreError> {
    sqlx::any::install_default_drivers();
    let options: AnyConnectOptions = format!("{}?mode={mode}", sqlite_url::of(file)).parse()?;
    let mut conn = options.connect().await?;
    sqlx::raw_sql("PRAGMA busy_timeout = 5000").execute(&mut conn).await?;
    Ok(conn)
}

/// Writes the database as it is at one moment into an empty file, while others go on writing.
pub async fn write_into(source: &Path, target: &Path) -> Result<(), StoreError> {
    // Not read-only: a reader of a database with a WAL writes its marks beside it.
    let mut conn = connect(source, "rw").await?;
    let target = target.to_str().ok_or_else(|| StoreError::Bug("the file's name is not UTF-8".into()))?;
    sqlx::query("VACUUM INTO $1").bind(target).execute(&mut conn).await?;
    conn.close().await?;
    Ok(())
}

/// Reads the whole file, to which nobody writes, holds it against its own rules, and counts its rows.
pub async fn check(file: &Path) -> Result<Checked, StoreError> {
    // Without a look for a log: reading would leave one beside the file.
    let mut conn = connect(file, "ro&immutable=1").await?;
    let said: Vec<String> = sqlx::query_scalar("PRAGMA integrity_check(3)").fetch_all(&mut conn).await?;
    if said != ["ok"] {
        return Err(StoreError::Unavailable(format!("{} is damaged: {}", file.display(), said.join("; "))));
    }
    let version = schema::version(&mut conn).await?;
    if version == 0 {
        let reason = "holds no tables of Scanyard; was it taken from a data folder without the scanyard.db-wal beside it? \
                      Backups are made by `scanyard backup`";
        return Err(StoreError::Unavailable(format!("{} {reason}", file.display())));
    }
    let mut tables = Vec::new();
    for table in catalogue::tables(&mut conn).await? {
        let rows = table.count(&mut conn).await?;
        tables.push((table.name, rows));
    }
    let has_keys = tables.iter().any(|(name, _)| name == "master_key");
    let master_keys = if has_keys { master_key::ids(&mut conn).await? } else { Vec::new() };
    conn.close().await?;
    Ok(Checked { version, tables, master_keys })
}

/// Brings what the write-ahead log holds into the file itself; the log is gone then, unless another process is there.
pub async fn fold(file: &Path) -> Result<(), StoreError> {
    let mut conn = connect(file, "rw").await?;
    sqlx::raw_sql("PRAGMA wal_checkpoint(TRUNCATE)").execute(&mut conn).await?;
    Ok(conn.close().await?)
}
