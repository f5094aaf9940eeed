//! What stands for Kafka in a build without the feature `kafka`: nothing of it can be made.

use crate::App;
use crate::backlog::Backlog;
use crate::config::{self, ConfigError};
use crate::store::StoreError;

/// Never made.
#[derive(Debug, Clone)]
pub enum Kafka {}

impl Kafka {
    /// Refused: the settings were checked before.
    pub async fn connect(_: &config::Kafka, _: bool) -> Result<Kafka, ConfigError> {
        Err(ConfigError(vec!["queue.kafka.brokers: this build is without the feature kafka".to_string()]))
    }

    pub fn trouble(&self) -> Option<String> {
        match *self {}
    }

    pub fn is_deaf(&self) -> bool {
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
