//! A node's life: from its settings to its orderly end.

use crate::app::App;
use crate::bootstrap::{self, bootstrap};
use crate::config::{self, Config};
use crate::data_folder::DataFolder;
use crate::fleet;
use crate::key::RawKey;
use crate::store::{Clock, Dialect, OpenError, StoreError, Trouble, job, outbox, worker};
use anyhow::Context;
use axum::Router;
use scanyard_engines::probe::Probe;
use scanyard_engines::process;
use std::io::Write;
use std::net::SocketAddr;
use std::path::Path;
use std::time::Duration;
use tokio::net::{TcpListener, TcpSocket};
use tokio::signal::unix::{Signal, SignalKind, signal};
use tokio_util::sync::CancellationToken;

/// Of the grace of a stop, what is kept for storing and closing after the last connection.
const CLOSING: Duration = Duration::from_secs(1);

/// Connections that wait to be accepted at most.
const WAITING: u32 = 1024;

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
    /// What asks for the certificate to be read again.
    hangups: Signal,
    /// Held until the process ends.
    _folder: DataFolder,
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
    say("Scanyard works");
    node.announce("Scanyard answers probes on")?;
    let router = crate::http::probes(node.app.clone());
    node.run(router).await
}

impl Node {
    /// Opens the database and the port; the first start of the API prints or writes the first key.
    pub async fn start(config: Config, role: Role, shutdown: CancellationToken) -> anyhow::Result<Node> {
        let is_server = config.database_file().is_none();
        let started = Node::begin(config, role, shutdown).await;
        started.map_err(|error| if is_server { lost(error) } else { error })
    }

    async fn begin(mut config: Config, role: Role, shutdown: CancellationToken) -> anyhow::Result<Node> {
        crate::http::panic::install_hook();
        // Before anything else: without a listener the signal would end the process.
        let hangups = signal(SignalKind::hangup()).context("listening for SIGHUP")?;
        config.check_role(role)?;
        config.engines.check_user()?;
        let listen = match role {
            Role::Serve => Some(("listen", config.listen)),
            Role::Worker => config.worker.listen.map(|address| ("worker.listen", address)),
        };
        if listen.is_none() {
            // Nobody is served, so that the certificate need not be here.
            config.tls = config::Tls::default();
        }
        // Whatever this process writes is its owner's alone, also in a data folder that was there before.
        nix::sys::stat::umask(nix::sys::stat::Mode::from_bits_truncate(0o077));
        let data_dir = &config.data_dir;
        let mut folder = DataFolder::take(data_dir)?.with_context(|| {
            format!(
                "another process uses the data folder {}; give this one its own with --data-dir",
                data_dir.display()
            )
        })?;
        if role == Role::Serve {
            bootstrap::check(&config)?;
        }
        let port = listen.map(|(setting, address)| bind(setting, address)).transpose()?;
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
        let listener = port.map(|port| port.listen(WAITING)).transpose().context("listening")?;
        if role == Role::Serve {
            bootstrap(&app, show).await?;
        }
        // Before anybody is answered who asks who runs what, and when nothing can stop this start any more.
        register(&app).await.context("telling the database of this worker")?;
        folder.keep();
        Ok(Node { app, listener, hangups, _folder: folder })
    }

    /// Says where the node listens, if anywhere.
    fn announce(&self, what: &str) -> std::io::Result<()> {
        let scheme = if self.app.tls.is_some() { "https" } else { "http" };
        if let Some(address) = self.address()? {
            say(&format!("{what} {scheme}://{address}"));
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
        tokio::spawn(renew(app.clone(), self.hangups));
        let versions = tokio::spawn(ask_versions(app.clone()));
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
        worker.await.and_then(|ended| ended).context("the worker panicked")?;
        versions.await.context("asking for versions panicked")?;
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
        app.config.leave_jobs_dir();
        Ok(())
    }
}

/// A server that goes away while a node starts, or has no room for its connections, is as one that was never there.
fn lost(error: anyhow::Error) -> anyhow::Error {
    let is_away = |cause: &StoreError| matches!(cause, StoreError::Unavailable(_));
    match error.chain().any(|cause| cause.downcast_ref().is_some_and(is_away)) {
        true => OpenError::new(Trouble::Unreachable, format!("{error:#}")).into(),
        false => error,
    }
}

/// A line on stdout; nobody need be there to read it.
fn say(line: &str) {
    let _ = writeln!(std::io::stdout(), "{line}");
}

/// Prints the first key.
fn show(key: &RawKey) -> anyhow::Result<()> {
    let written = writeln!(std::io::stdout(), "The first API key, shown once: {}", key.reveal());
    written.context("printing the first key to stdout; bootstrap_key_file names a file for it instead")
}

/// Takes the port; nobody can connect before the node is ready.
fn bind(setting: &str, address: SocketAddr) -> anyhow::Result<TcpSocket> {
    let bound = || {
        let socket = if address.is_ipv4() { TcpSocket::new_v4() } else { TcpSocket::new_v6() }?;
        // The connections of the process before this one may not be forgotten yet.
        socket.set_reuseaddr(true)?;
        socket.bind(address)?;
        Ok::<_, std::io::Error>(socket)
    };
    bound().with_context(|| format!("{setting}: taking {address}"))
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
    while let Some(()) = hangups.recv().await {
        match app.tls.as_ref().map(|tls| tls.reload()) {
            None => tracing::info!("SIGHUP: there is nothing to read again, for no certificate is set"),
            Some(Ok(())) => tracing::info!("the certificate was read again"),
            Some(Err(error)) => tracing::error!(%error, "the certificate stays the old one"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::vault::LoadError;

    #[test]
    fn a_server_that_is_lost_while_a_node_starts_is_a_database_that_cannot_be_reached() {
        let of = |error: StoreError| {
            lost(anyhow::Error::new(LoadError::Store(error)).context("opening the master key file"))
        };
        let error = of(StoreError::Unavailable("gone".to_string()));
        assert_eq!(error.downcast_ref::<OpenError>().map(|error| error.trouble), Some(Trouble::Unreachable));
        let text = format!("{error:#}");
        assert!(text.starts_with("database.url: ") && text.ends_with("gone"), "{text}");
        assert!(!of(StoreError::Bug("odd".to_string())).is::<OpenError>());
    }
}
