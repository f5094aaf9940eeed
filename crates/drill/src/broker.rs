//! The Kafka broker of a cluster: `scripts/with-kafka` starts it and says where it is and how it is stopped.

use anyhow::{Context, ensure};
use std::path::PathBuf;
use tokio::process::Command;

/// The broker, and the program that starts, stops and kills it.
#[derive(Debug, Clone)]
pub struct Broker {
    /// As `queue.kafka.brokers` takes it.
    pub address: String,
    control: PathBuf,
}

impl Broker {
    /// The broker that the environment tells of.
    pub fn told() -> anyhow::Result<Broker> {
        let told = |name: &str| {
            std::env::var(name).with_context(|| format!("{name} is not set: run it as `scripts/with-kafka drill …`"))
        };
        Ok(Broker { address: told("SCANYARD_TEST_KAFKA")?, control: told("SCANYARD_TEST_KAFKA_CONTROL")?.into() })
    }

    /// kill -9, as a power cut would end it.
    pub async fn kill(&self) -> anyhow::Result<()> {
        self.tell("kill").await
    }

    /// An orderly stop.
    pub async fn stop(&self) -> anyhow::Result<()> {
        self.tell("stop").await
    }

    /// Starts it and waits until it listens.
    pub async fn start(&self) -> anyhow::Result<()> {
        self.tell("start").await
    }

    async fn tell(&self, what: &str) -> anyhow::Result<()> {
        let done = Command::new(&self.control).arg(what).status().await.context("telling the broker")?;
        ensure!(done.success(), "telling the broker to {what}: {done}");
        Ok(())
    }
}
