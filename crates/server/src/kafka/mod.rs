//! Kafka: carries hints to workers and tells the world of scans. The database owns the state; nothing here decides what runs.
//!
//! Moves of scans are noted in the database in their own transactions (`store/kafka_message.rs`); `relay.rs` sends them, one
//! node at a time; [`listen`] wakes this node's worker when a hint comes.

mod connect;
mod hints;
mod relay;
mod topics;

pub use hints::listen;
pub use relay::{relay, tick};

use crate::backlog::Backlog;
use crate::config::{self, ConfigError};
use connect::{Context, Trouble};
use rdkafka::producer::{FutureProducer, Producer};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use tokio::sync::{Notify, watch};
use topics::Topics;

/// A node's connection to Kafka; cheap to clone.
#[derive(Clone)]
pub struct Kafka(Arc<Parts>);

struct Parts {
    settings: config::Kafka,
    login: connect::Login,
    topics: Topics,
    context: Context,
    producer: Mutex<FutureProducer<Context>>,
    /// Messages that wait, on all nodes together.
    backlog: Backlog,
    /// Wakes the relay.
    moved: Notify,
    /// How many times this node's worker has looked for work.
    looks: watch::Sender<u64>,
    /// Why Kafka does not take messages; `None`: it does.
    trouble: watch::Sender<Option<String>>,
    /// Whether this node's worker listens in vain.
    is_deaf: AtomicBool,
}

impl std::fmt::Debug for Kafka {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Kafka").field("settings", &self.0.settings).finish_non_exhaustive()
    }
}

impl Kafka {
    /// Connects and proves that topics are there and take messages, and when this node `listens`, that it may. Brokers that
    /// are down are no error: the relay tries again. One that refuses this node is.
    pub async fn connect(settings: &config::Kafka, listens: bool) -> Result<Kafka, ConfigError> {
        let refused = |reason: String| ConfigError(vec![reason]);
        let login = connect::Login::read(settings).map_err(|error| refused(format!("{error:#}")))?;
        let context = Context::default();
        let producer = login.producer(settings, &context).map_err(|error| refused(format!("{error:#}")))?;
        let kafka = Kafka(Arc::new(Parts {
            settings: settings.clone(),
            login,
            topics: Topics::new(&settings.topic_prefix),
            context,
            producer: Mutex::new(producer),
            backlog: Backlog::of_messages(settings.max_backlog),
            moved: Notify::new(),
            looks: watch::Sender::new(0),
            trouble: watch::Sender::new(Some("no broker has answered yet".into())),
            is_deaf: AtomicBool::new(false),
        }));
        match kafka.prove().await {
            Ok(()) => kafka.works(),
            Err(Trouble::Refused(reason)) => return Err(refused(reason)),
            Err(Trouble::Down(reason)) => {
                tracing::warn!(
                    reason,
                    "Kafka cannot be reached (queue.kafka.brokers); scans run by the slow poll until it is"
                );
                kafka.fails(reason);
            }
        }
        // Whoever is only too slow to say so is asked again by who listens.
        if listens
            && kafka.trouble().is_none()
            && let Err(Trouble::Refused(reason)) = hints::prove(&kafka).await
        {
            return Err(refused(reason));
        }
        Ok(kafka)
    }

    /// Makes the topics that are missing, and sends a message to each.
    async fn prove(&self) -> Result<(), Trouble> {
        connect::wait_for_broker(self).await?;
        topics::ensure(self).await?;
        relay::ping(self).await
    }

    fn producer(&self) -> FutureProducer<Context> {
        self.lock().clone()
    }

    fn lock(&self) -> MutexGuard<'_, FutureProducer<Context>> {
        self.0.producer.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// A producer that has met an error it cannot recover from is replaced.
    fn renew_broken_producer(&self) {
        let is_broken = self.lock().client().fatal_error().is_some();
        if is_broken && let Ok(new) = self.0.login.producer(&self.0.settings, &self.0.context) {
            tracing::warn!("the Kafka producer was made anew");
            *self.lock() = new;
        }
    }

    fn works(&self) {
        metrics::gauge!("scanyard_kafka_breaker_open").set(0.0);
        let was_in_trouble = self.0.trouble.send_replace(None);
        if was_in_trouble.is_some() {
            tracing::info!("Kafka takes messages");
        }
    }

    fn fails(&self, reason: String) {
        metrics::gauge!("scanyard_kafka_breaker_open").set(1.0);
        self.0.trouble.send_replace(Some(reason));
    }

    /// Why Kafka does not take messages; `None`: it does.
    pub fn trouble(&self) -> Option<String> {
        self.0.trouble.borrow().clone()
    }

    fn hears(&self, does: bool) {
        metrics::gauge!("scanyard_kafka_hints_failing").set(if does { 0.0 } else { 1.0 });
        self.0.is_deaf.store(!does, Ordering::Relaxed);
    }

    /// Whether this node's worker listens to hints in vain.
    pub fn is_deaf(&self) -> bool {
        self.0.is_deaf.load(Ordering::Relaxed)
    }

    /// What waits to be sent, and its bound.
    pub fn backlog(&self) -> &Backlog {
        &self.0.backlog
    }

    /// Says that there may be something to send.
    pub fn moved(&self) {
        self.0.moved.notify_one();
    }

    /// Says that this node's worker has looked for work.
    pub fn looked(&self) {
        self.0.looks.send_modify(|looks| *looks += 1);
    }
}
