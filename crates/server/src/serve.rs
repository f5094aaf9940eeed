//! A node's life: from its settings to its orderly end.

use crate::app::App;
use crate::bootstrap::bootstrap;
use crate::config::Config;
use crate::store::{Clock, Dialect, job, outbox};
use anyhow::Context;
use axum::Router;
use scanyard_engines::probe::Probe;
use scanyard_engines::process;
use std::fs::{DirBuilder, File, TryLockError};
use std::net::SocketAddr;
use std::os::unix::fs::DirBuilderExt;
use std::path::Path;
use std::time::Duration;
use tokio::net::TcpListener;
use tokio::signal::unix::{Signal, SignalKind, signal};
use tokio_util::sync::CancellationToken;

/// Of the grace of a stop, what is kept for storing and closing after the last connection.
const CLOSING: Duration = Duration::from_secs(1);

/// A node that has opened its database and its port, and does not serve yet.
#[derive(Debug)]
pub struct Node {
    pub app: App,
    listener: TcpListener,
    /// Held until the process ends.
    _lock: File,
}

/// Serves until `shutdown`, then lets requests finish, gives running scans back and closes the database.
pub async fn serve(config: Config, shutdown: CancellationToken) -> anyhow::Result<()> {
    let node = Node::start(config, shutdown).await?;
    let scheme = if node.app.tls.is_some() { "https" } else { "http" };
    println!("Scanyard listens on {scheme}://{}", node.address()?);
    let router = crate::router(node.app.clone());
    node.run(router).await
}

impl Node {
    /// Opens the database and the port; the first start prints or writes the first key.
    pub async fn start(config: Config, shutdown: CancellationToken) -> anyhow::Result<Node> {
        crate::http::panic::install_hook();
        config.check_transport()?;
        config.engines.check_user()?;
        // Whatever this process writes is its owner's alone, also in a data folder that was there before.
        nix::sys::stat::umask(nix::sys::stat::Mode::from_bits_truncate(0o077));
        let data_dir = &config.data_dir;
        DirBuilder::new()
            .recursive(true)
            .mode(0o700)
            .create(data_dir)
            .with_context(|| format!("making the data folder {}", data_dir.display()))?;
        let listen = config.listen;
        let lock = lock(&config)?;
        let app = App::open(config, Clock::System, shutdown).await?;
        if app.store.dialect() == Dialect::Sqlite {
            // Whoever held leases on this data folder is dead: the lock is ours.
            let ended = app.store.write(|conn| {
                Box::pin(async move {
                    outbox::end_all_leases(conn).await?;
                    job::end_all_leases(conn).await
                })
            });
            let ended = ended.await;
            ended.context("ending the leases of the last process")?;
        }
        let left = process::sweep(&app.config.jobs_dir()).context("ending left-over engine processes")?;
        if left > 0 {
            tracing::warn!(processes = left, "ended what the last process left running");
        }
        clear(&app.config.uploads_dir()).context("removing what the last process left of uploads")?;
        let listener = TcpListener::bind(listen).await.with_context(|| format!("listening on {listen}"))?;
        if let Some(key) = bootstrap(&app).await? {
            println!("The first API key, shown once: {}", key.reveal());
        }
        Ok(Node { app, listener, _lock: lock })
    }

    /// Where the node listens.
    pub fn address(&self) -> std::io::Result<SocketAddr> {
        self.listener.local_addr()
    }

    /// Serves the router and works until the node drains.
    pub async fn run(self, router: Router) -> anyhow::Result<()> {
        let app = self.app;
        if app.tls.is_some() {
            // Before anything is served: without a listener the signal would end the process.
            let hangups = signal(SignalKind::hangup()).context("listening for SIGHUP")?;
            tokio::spawn(renew(app.clone(), hangups));
        }
        tokio::spawn(ask_versions(app.clone()));
        let worker = tokio::spawn(crate::worker::work(app.clone()));
        let webhooks = tokio::spawn(crate::webhook::deliver(app.clone()));
        let watch = tokio::spawn(crate::status::watch(app.clone()));
        let grace = app.config.shutdown_grace.saturating_sub(CLOSING);
        crate::http::serve::serve(self.listener, app.clone(), router, grace).await;
        worker.await.context("the worker panicked")?;
        webhooks.await.context("the loop of webhooks panicked")?;
        watch.await.context("the watch over the status panicked")?;
        if let Err(error) = app.calls.flush(&app.store).await {
            tracing::warn!(%error, "the last calls are not in the log");
        }
        app.store.close().await;
        Ok(())
    }
}

/// Removes a folder that a process before this one left.
fn clear(dir: &Path) -> std::io::Result<()> {
    match std::fs::remove_dir_all(dir) {
        Err(error) if error.kind() != std::io::ErrorKind::NotFound => Err(error),
        Ok(()) | Err(_) => Ok(()),
    }
}

/// Asks the engines for their versions, beside everything else.
async fn ask_versions(app: App) {
    let probe = Probe { supervisor: app.supervisor.clone(), ..app.config.probe() };
    tokio::select! {
        () = app.engines.ask_versions(&probe) => {}
        () = app.draining.cancelled() => {}
    }
}

/// Reads the certificate again at every SIGHUP.
async fn renew(app: App, mut hangups: Signal) {
    while let (Some(()), Some(tls)) = (hangups.recv().await, &app.tls) {
        match tls.reload() {
            Ok(()) => tracing::info!("the certificate was read again"),
            Err(error) => tracing::error!(%error, "the certificate stays the old one"),
        }
    }
}

/// Takes the data folder for this process: its job folders, and on SQLite its database, have one owner.
fn lock(config: &Config) -> anyhow::Result<File> {
    let folder = &config.data_dir;
    try_lock(folder)?.with_context(|| {
        format!("another process uses the data folder {}; give this one its own with --data-dir", folder.display())
    })
}

/// Takes a data folder until the file is closed; `None` when another process has it.
pub(crate) fn try_lock(folder: &Path) -> anyhow::Result<Option<File>> {
    let path = folder.join("lock");
    let file = File::create(&path).with_context(|| format!("making {}", path.display()))?;
    match file.try_lock() {
        Ok(()) => Ok(Some(file)),
        Err(TryLockError::WouldBlock) => Ok(None),
        Err(TryLockError::Error(error)) => Err(error).with_context(|| format!("locking {}", path.display())),
    }
}
