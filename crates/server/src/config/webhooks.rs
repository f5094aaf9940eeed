//! The settings of webhooks and callbacks.

use super::duration;
use ipnet::IpNet;
use serde::{Deserialize, Deserializer, de::Error};
use std::net::IpAddr;
use std::path::PathBuf;
use std::time::Duration;

/// How webhooks are called.
#[derive(Debug, Clone, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Webhooks {
    /// Receivers that may be reached although their addresses are not public.
    pub allow: Vec<Allow>,
    /// File (PEM) with certificate authorities besides the system's.
    #[serde(deserialize_with = "super::empty_is_none")]
    pub ca_file: Option<PathBuf>,
    /// How long a receiver may take to answer.
    #[serde(deserialize_with = "duration::deserialize")]
    pub timeout: Duration,
    /// Pauses before each further attempt.
    #[serde(deserialize_with = "durations")]
    pub retries: Vec<Duration>,
    /// Failed attempts in a row after which a webhook is disabled.
    pub disable_after: u32,
    /// Attempts that this node makes at the same time; 0 is none.
    pub concurrency: u32,
    /// Attempts at the same time for one webhook.
    pub per_webhook: u32,
    /// How long deliveries are kept.
    #[serde(deserialize_with = "duration::deserialize")]
    pub keep: Duration,
}

/// A receiver that the operator trusts.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Allow {
    Net(IpNet),
    /// A host name in lower case, without a final dot: whatever addresses it has.
    Host(String),
}

impl<'de> Deserialize<'de> for Allow {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Allow, D::Error> {
        let text = String::deserialize(deserializer)?;
        if let Ok(net) = text.parse::<IpNet>() {
            return Ok(Allow::Net(net));
        }
        if let Ok(ip) = text.parse::<IpAddr>() {
            return Ok(Allow::Net(ip.into()));
        }
        match url::Host::parse(text.trim_end_matches('.')) {
            Ok(url::Host::Domain(name)) if !text.contains(['/', ':']) => Ok(Allow::Host(name)),
            Ok(_) | Err(_) => Err(D::Error::custom("names no address, network or host name")),
        }
    }
}

fn durations<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Vec<Duration>, D::Error> {
    let texts = Vec::<String>::deserialize(deserializer)?;
    let read = |text: &String| duration::parse(text).ok_or_else(|| D::Error::custom("has a text that is no duration"));
    texts.iter().map(read).collect()
}

impl Default for Webhooks {
    fn default() -> Webhooks {
        Webhooks {
            allow: Vec::new(),
            ca_file: None,
            timeout: Duration::from_secs(10),
            retries: [5, 300, 1_800, 7_200, 18_000, 36_000].map(Duration::from_secs).into(),
            disable_after: 10,
            concurrency: 256,
            per_webhook: 8,
            keep: Duration::from_secs(30 * 24 * 3600),
        }
    }
}

impl Webhooks {
    /// Asks for what the values must be.
    pub(super) fn require(&self, require: &mut impl FnMut(bool, &'static str, &str)) {
        let timeout = Duration::from_millis(100)..=Duration::from_secs(60);
        require(timeout.contains(&self.timeout), "webhooks.timeout", "must be 100ms to 60s");
        let week = Duration::from_secs(7 * 24 * 3600);
        let retries = self.retries.len() <= 20 && self.retries.iter().all(|pause| *pause <= week);
        require(retries, "webhooks.retries", "must be at most 20 pauses of at most 168h");
        require((1..=1000).contains(&self.disable_after), "webhooks.disable_after", "must be 1 to 1000");
        require(self.concurrency <= 4096, "webhooks.concurrency", "must be 0 to 4096");
        require((1..=1024).contains(&self.per_webhook), "webhooks.per_webhook", "must be 1 to 1024");
        let keep = Duration::from_secs(3600)..=Duration::from_secs(3660 * 24 * 3600);
        require(keep.contains(&self.keep), "webhooks.keep", "must be 1h to 87840h");
    }
}
