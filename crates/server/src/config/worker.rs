//! How scans are run, and which.

use scanyard_contract::ScanType;
use scanyard_contract::scan::{DEFAULT_LABEL, is_worker_label};
use serde::{Deserialize, Deserializer};
use std::net::SocketAddr;

/// The most labels of one worker.
const MAX_LABELS: usize = 32;

/// How scans are run.
#[derive(Debug, Clone, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Worker {
    /// Scans that run at the same time in this process; 0 is none, for a node that only serves the API.
    pub concurrency: u32,
    /// Only scans with one of these labels are run here.
    pub labels: Vec<String>,
    /// Only scans of these engines are run here; empty: of all that are installed.
    pub engines: Vec<ScanType>,
    /// Where `scanyard worker` answers probes and serves its metrics; `None`: nowhere.
    #[serde(deserialize_with = "optional_address")]
    pub listen: Option<SocketAddr>,
    /// Scans of one tenant that run at the same time.
    pub per_tenant: u32,
    /// Scans of one target host that run at the same time.
    pub per_host: u32,
    /// Milliseconds that a running scan stays with its worker without a sign of life.
    pub lease_ms: u64,
    /// Milliseconds between a worker's signs of life.
    pub heartbeat_ms: u64,
    /// Milliseconds between looks for scans whose worker was lost.
    pub sweep_ms: u64,
}

impl Default for Worker {
    fn default() -> Worker {
        Worker {
            concurrency: 4,
            labels: vec![DEFAULT_LABEL.to_string()],
            engines: Vec::new(),
            listen: None,
            per_tenant: 4,
            per_host: 2,
            lease_ms: 30_000,
            heartbeat_ms: 10_000,
            sweep_ms: 5_000,
        }
    }
}

impl Worker {
    /// Whether scans with this label are run here.
    pub fn has_label(&self, label: &str) -> bool {
        self.concurrency > 0 && self.labels.iter().any(|own| own == label)
    }

    /// Whether scans of this engine may run here, where it is installed.
    pub fn takes(&self, scan_type: ScanType) -> bool {
        self.concurrency > 0 && (self.engines.is_empty() || self.engines.contains(&scan_type))
    }

    pub(super) fn require(&self, require: &mut impl FnMut(bool, &'static str, &str)) {
        require(self.concurrency <= 1024, "worker.concurrency", "must be 0 to 1024");
        let labels = (1..=MAX_LABELS).contains(&self.labels.len()) && self.labels.iter().all(|l| is_worker_label(l));
        require(labels, "worker.labels", "must be 1 to 32 labels, each of 1 to 32 of a to z, 0 to 9 and -");
        require((1..=1024).contains(&self.per_tenant), "worker.per_tenant", "must be 1 to 1024");
        require((1..=1024).contains(&self.per_host), "worker.per_host", "must be 1 to 1024");
        require((1_000..=600_000).contains(&self.lease_ms), "worker.lease_ms", "must be 1000 to 600000");
        let beats = self.heartbeat_ms >= 100 && self.heartbeat_ms < self.lease_ms / 2;
        require(beats, "worker.heartbeat_ms", "must be at least 100 and less than half of worker.lease_ms");
        require((100..=600_000).contains(&self.sweep_ms), "worker.sweep_ms", "must be 100 to 600000");
    }
}

/// An empty text is no address.
fn optional_address<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<SocketAddr>, D::Error> {
    let text = String::deserialize(deserializer)?;
    if text.is_empty() {
        return Ok(None);
    }
    text.parse()
        .map(Some)
        .map_err(|_| serde::de::Error::custom("must be an address and a port, such as 127.0.0.1:9090"))
}
