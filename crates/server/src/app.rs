//! What a running node consists of.

use crate::backlog::Backlog;
use crate::calls::CallLog;
use crate::config::{Config, ConfigError};
use crate::engines::Engines;
use crate::fleet::{self, Fleet};
use crate::http::idempotency::InFlight;
use crate::key::KeyCache;
use crate::limit::Limiter;
use crate::live::Live;
use crate::login::Logins;
use crate::metrics::Answers;
use crate::password::Passwords;
use crate::queue::Queue;
use crate::session::SessionCache;
use crate::signals::Signals;
use crate::status::Board;
use crate::store::{Clock, Store, StoreOptions, kafka_message};
use crate::tls::Tls;
use crate::vault::{self, Vault};
use crate::webhook::Webhooks;
use crate::worker::Runs;
use anyhow::Context;
use metrics_exporter_prometheus::PrometheusHandle;
use scanyard_contract::Support;
use scanyard_engines::resolve::Resolver;
use std::ops::Deref;
use std::sync::{Arc, OnceLock};
use tokio::sync::Semaphore;
use tokio_util::sync::CancellationToken;
use uuid::Uuid;

/// Everything a request or a run needs; a clone is one more reference.
#[derive(Clone)]
pub struct App(Arc<Parts>);

/// What an [`App`] refers to.
pub struct Parts {
    pub config: Config,
    pub store: Store,
    /// Seals the secrets that the database holds.
    pub vault: Vault,
    pub resolver: Resolver,
    /// Which engines are here.
    pub engines: Engines,
    /// Which workers live, of all nodes.
    pub fleet: Fleet,
    /// Word between the nodes of one database.
    pub signals: Signals,
    /// Keys looked up within the last second.
    pub keys: KeyCache,
    pub passwords: Passwords,
    pub logins: Logins,
    /// Sessions looked up within the last second.
    pub sessions: SessionCache,
    pub limits: Limiter,
    /// Requests with an `Idempotency-Key` that run here.
    pub in_flight: InFlight,
    /// Calls on their way to the log.
    pub calls: CallLog,
    pub queue: Queue,
    /// Seats of uploads that are being received here.
    pub uploads: Semaphore,
    /// One report at a time is read and held in memory.
    pub import_turn: Semaphore,
    /// Streams of live events.
    pub live: Live,
    /// How many scans wait.
    pub backlog: Backlog,
    /// How the parts of the instance worked when last looked at.
    pub status: Board,
    /// This process, among those of the same database.
    pub node_id: Uuid,
    /// How receivers are called.
    pub webhooks: Webhooks,
    /// What this node's worker runs.
    pub runs: Runs,
    /// The program and arguments that become an engine's supervisor.
    pub supervisor: Vec<String>,
    /// With which certificate connections are accepted; `None`: plain HTTP.
    pub tls: Option<Tls>,
    pub metrics: PrometheusHandle,
    /// Counts what is answered.
    pub answers: Answers,
    /// Where failures send people.
    pub support: Support,
    /// The OpenAPI document, as text.
    openapi: OnceLock<Arc<str>>,
    /// Set when this node goes down.
    pub draining: CancellationToken,
}

impl Deref for App {
    type Target = Parts;

    fn deref(&self) -> &Parts {
        &self.0
    }
}

impl std::fmt::Debug for Parts {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Parts").field("config", &self.config).finish_non_exhaustive()
    }
}

impl std::fmt::Debug for App {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("App").field("config", &self.config).finish_non_exhaustive()
    }
}

impl App {
    /// Opens the database and the master keys, and looks for the engines.
    pub async fn open(config: Config, clock: Clock, draining: CancellationToken) -> anyhow::Result<App> {
        let tls = Tls::load(&config.tls)?;
        let options = config.store_options(clock);
        let support = Support {
            contact: config.support.contact.clone(),
            status_url: config.support.status_url.clone(),
            upgrade_url: config.support.upgrade_url.clone(),
        };
        let resolver = Resolver::new(&config.dns.servers).map_err(anyhow::Error::msg);
        let resolver = resolver.context("setting up DNS look-ups")?;
        let webhooks = Webhooks::new(&config.webhooks, resolver.clone());
        let webhooks = webhooks.map_err(|error| ConfigError(vec![format!("webhooks.ca_file: {error:#}")]))?;
        let engines = Engines::locate(&config.engines);
        fleet::check(&config.worker, &engines)?;
        vault::check(&config.master_key_file())
            .map_err(|error| ConfigError(vec![format!("master_key_file: {error}")]))?;
        // The store has something to show from the beginning.
        let metrics = crate::metrics::recorder()?;
        let queue = open_queue(&config, &options).await?;
        // What is made from here on stays, so that whatever can refuse this node has been asked.
        let store = Store::open(&options).await.context("opening the database")?;
        let vault = Vault::load(&store, &config.master_key_file()).await.context("opening the master key file")?;
        if queue.kafka().is_some() {
            let now = store.now().await?;
            let noting =
                store.write(move |conn| Box::pin(async move { kafka_message::begin_use(conn, now).await })).await;
            noting.context("noting that Kafka is used")?;
        }
        Ok(App(Arc::new(Parts {
            status: Board::new(store.local_now()),
            store,
            vault,
            webhooks,
            resolver,
            engines,
            fleet: Fleet::default(),
            signals: Signals::new(&options.url),
            keys: KeyCache::default(),
            passwords: Passwords::default(),
            logins: Logins::default(),
            sessions: SessionCache::default(),
            limits: Limiter::default(),
            in_flight: InFlight::default(),
            calls: CallLog::new(config.usage.buffer),
            queue,
            uploads: Semaphore::new(config.uploads.concurrency),
            import_turn: Semaphore::new(1),
            live: Live::default(),
            backlog: Backlog::new(config.queue.max_backlog),
            node_id: Uuid::now_v7(),
            runs: Runs::default(),
            supervisor: crate::config::supervisor(),
            tls,
            metrics,
            answers: Answers::default(),
            support,
            openapi: OnceLock::new(),
            config,
            draining,
        })))
    }

    /// The OpenAPI document, as text: made when it is first asked for, because making it takes as much memory as all the
    /// rest of a node at rest.
    pub fn document(&self) -> anyhow::Result<Arc<str>> {
        if let Some(made) = self.openapi.get() {
            return Ok(made.clone());
        }
        let text = crate::openapi(&self.support).to_json().context("printing the OpenAPI document")?;
        Ok(self.openapi.get_or_init(|| text.into()).clone())
    }
}

/// Connects to Kafka, after a look at the database: topics are not made for a node that has none.
async fn open_queue(config: &Config, options: &StoreOptions) -> anyhow::Result<Queue> {
    if config.queue.kafka.is_set() {
        Store::look(options).await.context("opening the database")?;
    }
    Ok(Queue::open(config).await?)
}
