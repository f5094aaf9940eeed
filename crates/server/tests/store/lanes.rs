//! Labels and engines: which worker gets which scan.

use crate::{Fixture, new_scan};
use scanyard_contract::{Priority, ScanType};
use scanyard_server::store::NewScan;
use scanyard_server::store::scan::ScanRecord;

fn scan(label: &str, scan_type: ScanType) -> NewScan {
    let new = new_scan("a", Priority::Normal);
    NewScan { scan: ScanRecord { label: label.into(), scan_type, ..new.scan }, ..new }
}

#[tokio::test]
async fn a_worker_gets_the_oldest_scan_of_its_own_labels_and_engines() {
    let t = Fixture::new().await;
    for _ in 0..3 {
        t.submit(scan("default", ScanType::Nmap)).await;
        t.submit(scan("dmz", ScanType::Zap)).await;
    }
    let dmz = t.submit(scan("dmz", ScanType::Nmap)).await;
    let sentinel = t.submit(scan("default", ScanType::Sentinel)).await;
    let ids = async |labels: &[&str], types: &[ScanType]| -> Vec<uuid::Uuid> {
        let claimed = t.claim_with(|ask| {
            ask.labels = labels.iter().map(|label| label.to_string()).collect();
            ask.scan_types = types.to_vec();
            ask.limit = 2;
        });
        claimed.await.into_iter().map(|claimed| claimed.scan.id).collect()
    };
    assert!(ids(&["lab"], ScanType::ALL).await.is_empty());
    assert!(ids(&["default"], &[ScanType::Zap]).await.is_empty());
    assert!(ids(&[], ScanType::ALL).await.is_empty());
    assert_eq!(ids(&["dmz"], &[ScanType::Nmap]).await, [dmz]);
    assert_eq!(ids(&["default", "dmz"], &[ScanType::Sentinel]).await, [sentinel]);
    let both = ids(&["default", "dmz"], &[ScanType::Zap, ScanType::Nmap]).await;
    assert!(both.len() == 2 && both[0] < both[1] && both[1] < dmz, "the oldest of all lanes, in their order: {both:?}");
}

#[tokio::test]
async fn a_host_at_its_cap_holds_up_no_other_lane() {
    let t = Fixture::new().await;
    for _ in 0..30 {
        t.submit(scan("default", ScanType::Nmap)).await;
    }
    let other = NewScan { host: "127.0.0.2".into(), ..scan("default", ScanType::Sentinel) };
    let other = t.submit(other).await;
    let claimed = t.claim_with(|ask| (ask.limit, ask.per_host) = (10, 1)).await;
    assert_eq!(claimed.len(), 2);
    assert_eq!(claimed[1].scan.id, other);
    assert_eq!(claimed[1].scan.label, "default");
}
