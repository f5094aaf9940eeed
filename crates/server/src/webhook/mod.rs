//! Webhooks and callbacks: who may be called, how a call is signed and sent, and the loop that sends what is due.

pub mod deliver;
pub mod flights;
pub mod guard;
pub mod register;
pub mod rule;
pub mod send;
pub mod sign;

pub use deliver::deliver;
pub use flights::Flights;

use crate::config;
use guard::Guard;
use scanyard_engines::resolve::Resolver;
use send::Sender;
use tokio::sync::Notify;

/// What a node needs to call receivers.
#[derive(Debug)]
pub struct Webhooks {
    pub sender: Sender,
    /// What this node is sending.
    pub flights: Flights,
    due: Notify,
}

impl Webhooks {
    pub fn new(settings: &config::Webhooks, resolver: Resolver) -> anyhow::Result<Webhooks> {
        let guard = Guard::new(resolver, &settings.allow);
        let sender = Sender::new(guard, settings.timeout, settings.ca_file.as_deref())?;
        Ok(Webhooks { sender, flights: Flights::default(), due: Notify::new() })
    }

    /// Says that there may be something to send; a lost hint costs a second.
    pub fn hint(&self) {
        self.due.notify_one();
    }

    /// Waits for a hint.
    pub async fn hinted(&self) {
        self.due.notified().await;
    }
}
