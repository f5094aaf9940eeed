//! The state of an instance on the wire, as `GET /status` shows it.

use crate::scan::{ScanType, words};
use crate::timestamp::Timestamp;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

words! {
    /// How a part works.
    Condition {
        Ok = "ok",
        /// Works, but not as it should.
        Degraded = "degraded",
        Down = "down",
    }
}

/// The state of an instance.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct Status {
    /// `down` when the API or the database is, `degraded` when any part but an engine is not `ok`.
    pub status: Condition,
    pub api: Part,
    pub database: Part,
    pub queue: QueueStatus,
    pub workers: WorkersStatus,
    pub engines: EnginesStatus,
}

/// One part.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct Part {
    pub status: Condition,
    /// Since when, as this node saw it; at the earliest its own start.
    pub since: Timestamp,
    /// Why it is not `ok`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reason: Option<String>,
}

/// The scans that wait.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct QueueStatus {
    #[serde(flatten)]
    pub part: Part,
    /// Scans that wait, of all tenants; absent while it cannot be counted.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub backlog: Option<u64>,
    /// How many may wait; beyond it `POST /scans` is `SERVICE_UNAVAILABLE`.
    pub max_backlog: u64,
    /// What goes over Kafka; absent where the queue is in the database alone.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub kafka: Option<KafkaStatus>,
}

/// What waits to be sent to Kafka.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct KafkaStatus {
    /// Whether Kafka took what this node sent last.
    pub is_reached: bool,
    /// Moves of scans that Kafka has not been told of yet, on all nodes; absent while they cannot be counted.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub undelivered: Option<u64>,
    /// How many there may be; beyond it `POST /scans` is `KAFKA_ERROR`.
    pub max_undelivered: u64,
}

/// The processes that run scans.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct WorkersStatus {
    #[serde(flatten)]
    pub part: Part,
    /// Processes that gave a sign of life a moment ago; absent while it is not known.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub processes: Option<u64>,
    /// Scans that they can run at the same time.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub capacity: Option<u64>,
    /// Scans that run.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub running: Option<u64>,
    /// What the workers of each label can do, by the label. A label that is missing here has no worker: its scans wait.
    #[serde(default)]
    pub labels: Vec<LabelStatus>,
}

/// The living workers of one label.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct LabelStatus {
    /// `workerLabel` of the scans that they run.
    pub label: String,
    pub processes: u64,
    /// Scans that they can run at the same time; a worker with several labels counts for each.
    pub capacity: u64,
    /// What at least one of them can run.
    pub engines: Vec<ScanType>,
}

/// What can scan: the engines of this node's worker and of every other worker that lives.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct EnginesStatus {
    #[serde(flatten)]
    pub part: Part,
    pub available: Vec<ScanType>,
    /// Scans of these are `ENGINE_UNAVAILABLE`; `GET /engines` says why.
    pub unavailable: Vec<ScanType>,
}
