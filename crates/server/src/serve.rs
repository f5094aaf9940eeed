//! A node's life: from its settings to its orderly end.

use crate::app::App;
use crate::bootstrap::bootstrap;
use crate::config::Config;
use crate::store::{Clock, Dialect, job};
use anyhow::Context;
use std::fs::{DirBuilder, File};
use std::os::unix::fs::DirBuilderExt;
use tokio::net::TcpListener;
use tokio_util::sync::CancellationToken;

/// Serves until `shutdown`, then lets requests finish and closes the database.
pub async fn serve(config: Config, shutdown: CancellationToken) -> anyhow::Result<()> {
    crate::http::panic::install_hook();
    let data_dir = &config.data_dir;
    DirBuilder::new()
        .recursive(true)
        .mode(0o700)
        .create(data_dir)
        .with_context(|| format!("making the data folder {}", data_dir.display()))?;
    let listen = config.listen;
    // Held until the process ends: an embedded database has one owner.
    let lock = lock(&config)?;
    let app = App::open(config, Clock::System, shutdown).await?;
    if app.store.dialect() == Dialect::Sqlite {
        // Whoever held leases on this data folder is dead: the lock is ours.
        let ended = app.store.write(|conn| Box::pin(async move { job::end_all_leases(conn).await })).await;
        ended.context("ending the leases of the last process")?;
    }
    let listener = TcpListener::bind(listen).await.with_context(|| format!("listening on {listen}"))?;
    if let Some(key) = bootstrap(&app).await? {
        println!("The first API key, shown once: {}", key.reveal());
    }
    println!("Scanyard listens on http://{}", listener.local_addr()?);
    let router = crate::router(app.clone());
    crate::http::serve::serve(listener, app.clone(), router, app.config.shutdown_grace).await;
    app.store.close().await;
    drop(lock);
    Ok(())
}

/// Takes the data folder for this process, when the database is in it.
fn lock(config: &Config) -> anyhow::Result<Option<File>> {
    if !config.database_url().expose().starts_with("sqlite:") {
        return Ok(None);
    }
    let path = config.data_dir.join("lock");
    let file = File::create(&path).with_context(|| format!("making {}", path.display()))?;
    file.try_lock().with_context(|| format!("another process uses the data folder {}", config.data_dir.display()))?;
    Ok(Some(file))
}
