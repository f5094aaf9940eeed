//! Messages in Kafka: hints for workers, and the records of scan events for anybody who reads them.

use crate::scan::{Priority, ScanStatus, ScanType, words};
use crate::timestamp::Timestamp;
use crate::webhook::ScanEventData;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

/// The version of these shapes; fields may be added to one, what is there stays.
pub const SCHEMA_VERSION: u32 = 1;

words! {
    /// What a record in the topic of events tells.
    TopicEvent {
        /// It was accepted and waits for capacity.
        Queued = "scan.queued",
        /// It began to run, for the first time.
        Started = "scan.started",
        /// It ended well; its results can be fetched.
        Completed = "scan.completed",
        Failed = "scan.failed",
        /// It was cancelled, its processes are gone and what it had found is stored.
        Cancelled = "scan.cancelled",
        /// A node has connected and may write here; about no scan.
        Ping = "ping",
    }
}

impl TopicEvent {
    /// What is told of a scan that has just got to this status: of one that was given back neither that it waits again nor
    /// that it starts again, of a cancelled one only when its processes are gone.
    pub fn of(status: ScanStatus, attempts: u32, is_sealed: bool) -> Option<TopicEvent> {
        match status {
            ScanStatus::Queued => (attempts == 0).then_some(TopicEvent::Queued),
            ScanStatus::Running => (attempts == 0).then_some(TopicEvent::Started),
            ScanStatus::Completed => Some(TopicEvent::Completed),
            ScanStatus::Failed => Some(TopicEvent::Failed),
            ScanStatus::Cancelled => is_sealed.then_some(TopicEvent::Cancelled),
        }
    }
}

/// A record in the topic `<prefix>.events`; its key is the scan's id, so that the records of one scan stay in order.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct EventMessage {
    /// `evt-` and a UUID: the same when a record comes again.
    pub id: String,
    pub event: TopicEvent,
    /// The version of this shape: 1.
    pub schema_version: u32,
    /// When it happened.
    pub timestamp: Timestamp,
    /// The tenant that the scan belongs to; absent in `ping`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub tenant_id: Option<String>,
    /// The scan as it stood then; absent in `ping`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub data: Option<ScanEventData>,
}

/// A message in a topic `<prefix>.work.<priority>`: there may be work. It names no scan: who gets it claims the best one.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct HintMessage {
    /// The version of this shape: 1.
    pub schema_version: u32,
    pub priority: Priority,
    /// The label of the workers that the work is for; absent: any.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub label: Option<String>,
    /// The engine that the work is for; absent: any.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub scan_type: Option<ScanType>,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_repeat_is_told_once_and_a_cancel_when_it_is_sealed() {
        assert_eq!(TopicEvent::of(ScanStatus::Queued, 0, false), Some(TopicEvent::Queued));
        assert_eq!(TopicEvent::of(ScanStatus::Queued, 1, false), None);
        assert_eq!(TopicEvent::of(ScanStatus::Running, 1, false), None);
        assert_eq!(TopicEvent::of(ScanStatus::Cancelled, 0, false), None);
        assert_eq!(TopicEvent::of(ScanStatus::Cancelled, 0, true), Some(TopicEvent::Cancelled));
        assert_eq!(TopicEvent::of(ScanStatus::Failed, 2, false), Some(TopicEvent::Failed));
    }
}
