//! A node's life: from its settings to its orderly end.

use crate::app::App;
use crate::bootstrap::bootstrap;
use crate::config::{self, Config};
use crate::fleet;
use crate::store::{Clock, Dialect, StoreError, job, outbox, worker};
use anyhow::Context;
use axum::Router;
use scanyard_contract::ScanType;
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

/// What a node is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Role {
    /// The API, and whatever else its settings say.
    Serve,
    /// Runs scans and calls webhooks, without the API; PostgreSQL only.
    Worker,
}

/// A node that has opened its database and its port, and does not serve yet.
#[derive(Debug)]
pub struct Node {
    pub app: App,
    /// `None`: a worker that answers nobody.
    listener: Option<TcpListener>,
    /// Held until the process ends.
    _lock: File,
}

/// Serves until `shutdown`, then lets requests finish, gives running scans back and closes the database.
pub async fn serve(config: Config, shutdown: CancellationToken) -> anyhow::Result<()> {
    let node = Node::start(config, Role::Serve, shutdown).await?;
    node.announce("Scanyard listens on")?;
    let router = crate::router(node.app.clone());
    node.run(router).await
}

/// Works until `shutdown`, as [`serve`] does without the API.
pub async fn work(config: Config, shutdown: CancellationToken) -> anyhow::Result<()> {
    let node = Node::start(config, Role::Worker, shutdown).await?;
    println!("Scanyard works");
    node.announce("Scanyard answers probes on")?;
    let router = crate::http::probes(node.app.clone());
    node.run(router).await
}

impl Node {
    /// Opens the database and the port; the first start of the API prints or writes the first key.
    pub async fn start(mut config: Config, role: Role, shutdown: CancellationToken) -> anyhow::Result<Node> {
        crate::http::panic::install_hook();
        config.check_role(role)?;
        config.engines.check_user()?;
        let listen = match role {
            Role::Serve => Some(config.listen),
            Role::Worker => config.worker.listen,
        };
        if listen.is_none() {
            // Nobody is served, so that the certificate need not be here.
            config.tls = config::Tls::default();
        }
        // Whatever this process writes is its owner's alone, also in a data folder that was there before.
        nix::sys::stat::umask(nix::sys::stat::Mode::from_bits_truncate(0o077));
        let data_dir = &config.data_dir;
        DirBuilder::new()
            .recursive(true)
            .mode(0o700)
            .create(data_dir)
            .with_context(|| format!("making the data folder {}", data_dir.display()))?;
        let lock = lock(&config)?;
        let app = App::open(config, Clock::System, shutdown).await?;
        check_engines(&app)?;
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
        // Before anybody can ask who runs what.
        register(&app).await.context("telling the database of this worker")?;
        let listener = match listen {
            Some(listen) => Some(TcpListener::bind(listen).await.with_context(|| format!("listening on {listen}"))?),
            None => None,
        };
        if role == Role::Serve
            && let Some(key) = bootstrap(&app).await?
        {
            println!("The first API key, shown once: {}", key.reveal());
        }
        Ok(Node { app, listener, _lock: lock })
    }

    /// Says where the node listens, if anywhere.
    fn announce(&self, what: &str) -> std::io::Result<()> {
        let scheme = if self.app.tls.is_some() { "https" } else { "http" };
        if let Some(address) = self.address()? {
            println!("{what} {scheme}://{address}");
        }
        Ok(())
    }

    /// Where the node listens; `None`: nowhere.
    pub fn address(&self) -> std::io::Result<Option<SocketAddr>> {
        self.listener.as_ref().map(TcpListener::local_addr).transpose()
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
        let word = tokio::spawn(crate::signals::pass(app.clone()));
        let relay = app.queue.kafka().map(|kafka| tokio::spawn(crate::kafka::relay(app.clone(), kafka.clone())));
        if let Some(kafka) = app.queue.kafka() {
            tokio::spawn(crate::kafka::listen(app.clone(), kafka.clone()));
        }
        let grace = app.config.shutdown_grace.saturating_sub(CLOSING);
        match self.listener {
            Some(listener) => crate::http::serve::serve(listener, app.clone(), router, grace).await,
            None => app.draining.cancelled().await,
        }
        worker.await.context("the worker panicked")?;
        webhooks.await.context("the loop of webhooks panicked")?;
        watch.await.context("the watch over the status panicked")?;
        word.await.context("the loop of signals panicked")?;
        if let Some(relay) = relay {
            relay.await.context("the relay to Kafka panicked")?;
        }
        if let Err(error) = app.calls.flush(&app.store).await {
            tracing::warn!(%error, "the last calls are not in the log");
        }
        app.store.close().await;
        Ok(())
    }
}

/// Refuses engines that are set and not there: scans of them would wait for this worker.
fn check_engines(app: &App) -> anyhow::Result<()> {
    let settings = &app.config.worker;
    let is_missing = |scan_type: &ScanType| Some((*scan_type, app.engines.missing(*scan_type)?));
    match settings.engines.iter().find_map(is_missing).filter(|_| settings.concurrency > 0) {
        Some((scan_type, reason)) => anyhow::bail!("worker.engines names {scan_type}, and {reason}"),
        None => Ok(()),
    }
}

/// Puts this node's worker, if it has one, on the list of those that live.
async fn register(app: &App) -> Result<(), StoreError> {
    match fleet::own_sign(app, app.store.now().await?) {
        Some(sign) => app.store.write(move |conn| Box::pin(async move { worker::seen(conn, &sign).await })).await,
        None => Ok(()),
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
