//! What stands for Kafka in a build without the feature `kafka`: nothing of it can be made.

use crate::backlog::Backlog;
use crate::store::StoreError;
use crate::{App, config};

/// Never made.
#[derive(Debug, Clone)]
pub enum Kafka {}

impl Kafka {
    /// Refused: the settings were checked before.
    pub async fn connect(_: &config::Kafka) -> anyhow::Result<Kafka> {
        anyhow::bail!("queue.kafka.brokers: this build is without the feature kafka")
    }

    pub fn trouble(&self) -> Option<String> {
        match *self {}
    }

    pub fn backlog(&self) -> &Backlog {
        match *self {}
    }

    pub fn moved(&self) {
        match *self {}
    }

    pub fn looked(&self) {
        match *self {}
    }
}

pub async fn listen(_: App, kafka: Kafka) {
    match kafka {}
}

pub async fn relay(_: App, kafka: Kafka) {
    match kafka {}
}

pub async fn begin_use(_: &App) -> Result<(), StoreError> {
    Ok(())
}
