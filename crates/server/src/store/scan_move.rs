//! What a scan's move leaves for those who follow it, in the move's own transaction: its live event, the calls of webhooks,
//! and what Kafka is told.

use super::scan::ScanRecord;
use super::scan_event::{self, EventRecord};
use super::{StoreError, kafka_message, outbox};
use sqlx::AnyConnection;

/// Tells of scans that have just got to where they stand.
pub(super) async fn tell(conn: &mut AnyConnection, now: i64, scans: &[&ScanRecord]) -> Result<(), StoreError> {
    let events: Vec<EventRecord> = scans.iter().map(|scan| EventRecord::of(scan, now)).collect();
    scan_event::insert(conn, &events).await?;
    outbox::announce(conn, now, scans).await?;
    kafka_message::note(conn, now, scans).await
}
