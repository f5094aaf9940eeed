//! The first start: the operator's tenant and its first key.

use crate::app::App;
use crate::config::{Config, ConfigError};
use crate::data_folder;
use crate::key::{NewKey, RawKey};
use crate::scope::Scope;
use crate::store::tenant::{self, TenantRecord, TenantStatus};
use crate::store::{StoreError, api_key};
use anyhow::Context;
use scanyard_engines::policy::Policy;
use std::fs::{File, OpenOptions};
use std::io::Write;
use std::os::unix::fs::OpenOptionsExt;
use std::path::Path;
use tokio::sync::oneshot;
use uuid::Uuid;

/// The operator's tenant.
pub const TENANT: &str = "default";

/// Whether the first key can be written where it shall be; of an instance that has a master key it is written already.
pub fn check(config: &Config) -> Result<(), ConfigError> {
    match &config.bootstrap_key_file {
        Some(path) if !config.master_key_file().exists() => {
            data_folder::check_place(path).map_err(|reason| fault(path, &reason))
        }
        Some(_) | None => Ok(()),
    }
}

fn fault(path: &Path, reason: &dyn std::fmt::Display) -> ConfigError {
    ConfigError(vec![format!("bootstrap_key_file: {}: {reason}", path.display())])
}

/// Makes the tenant and the key when there is no tenant yet; gives the key when `show` was shown it, not the key file.
pub async fn bootstrap(
    app: &App,
    show: impl FnOnce(&RawKey) -> anyhow::Result<()> + Send + 'static,
) -> anyhow::Result<Option<RawKey>> {
    if tenant::by_name(&mut *app.store.read().await?, TENANT).await?.is_some() {
        return Ok(None);
    }
    let now = app.store.now().await?;
    let owner = TenantRecord {
        id: Uuid::now_v7().to_string(),
        name: TENANT.to_string(),
        status: TenantStatus::Active,
        is_operator: true,
        plan: None,
        monthly_quota: None,
        default_limits: [None; 3],
        policy: Policy::operator(),
        created_at: now,
    };
    let new =
        NewKey { name: "owner".to_string(), scopes: Scope::for_keys(true), ..NewKey::with_limits(&app.config.limits) };
    let (record, key) = new.make(&owner.id, now)?;
    let file = app.config.bootstrap_key_file.clone();
    let shown = file.is_none().then(|| key.clone());
    let tell = move || match &file {
        Some(path) => Ok(write_secret(path, key.reveal()).map_err(|error| fault(path, &error))?),
        None => show(&key),
    };
    let (untold, reason) = oneshot::channel();
    let stored = app.store.write(move |conn| {
        Box::pin(async move {
            tenant::insert(conn, &owner).await?;
            api_key::insert(conn, &record).await?;
            // Before the commit: a key that nobody can read must not become the only one. After the rows: where another node
            // was first, its key is the one that works.
            tell().map_err(|error| {
                let _ = untold.send(error);
                StoreError::Bug("the first key was told nobody".into())
            })
        })
    });
    match stored.await {
        Ok(()) => Ok(shown),
        Err(StoreError::Duplicate) => Ok(None),
        Err(error) => {
            Err(reason.await.unwrap_or_else(|_| error.into())).context("storing the first tenant and its key")
        }
    }
}

/// Writes a file that only its owner can read, durably, in place of whatever is there.
fn write_secret(path: &Path, secret: &str) -> std::io::Result<()> {
    let dir = data_folder::folder_of(path);
    let draft = dir.join(format!(".{}", Uuid::new_v4().simple()));
    let mut file = OpenOptions::new().write(true).create_new(true).mode(0o600).open(&draft)?;
    let written = writeln!(file, "{secret}").and_then(|()| file.sync_all());
    if let Err(error) = written.and_then(|()| std::fs::rename(&draft, path)) {
        // The draft holds a key: it must not stay, and its own failure adds nothing.
        let _ = std::fs::remove_file(&draft);
        return Err(error);
    }
    File::open(dir)?.sync_all()
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::os::unix::fs::PermissionsExt;

    #[test]
    fn the_file_is_its_owners_alone_and_replaces_what_was_there() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("key");
        std::fs::write(&path, "old and long").unwrap();
        write_secret(&path, "new").unwrap();
        assert_eq!(std::fs::read_to_string(&path).unwrap(), "new\n");
        assert_eq!(std::fs::metadata(&path).unwrap().permissions().mode() & 0o777, 0o600);
        assert_eq!(std::fs::read_dir(dir.path()).unwrap().count(), 1);
    }
}
