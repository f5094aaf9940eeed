//! Submissions: whole, exact in their quota, safe to repeat.

use crate::{BEGIN, Fixture, new_scan};
use scanyard_contract::{Priority, ScanType};
use scanyard_server::store::idempotency::{IdempotencyId, NewIdempotency, StoredAnswer};
use scanyard_server::store::scan;
use scanyard_server::store::scan_list::ScanFilter;
use scanyard_server::store::{NewScan, Submitted, quota_use, scan_count};

#[tokio::test]
async fn a_scan_reads_back_as_it_was_submitted() {
    let t = Fixture::new().await;
    let new = new_scan("a", Priority::High);
    t.submit(new.clone()).await;
    let mut conn = t.store.read().await.unwrap();
    let stored = scan::get(&mut conn, "a", new.scan.id, ScanType::Sentinel).await.unwrap();
    assert_eq!(stored.as_ref(), Some(&new.scan));
    assert_eq!(scan::get(&mut conn, "b", new.scan.id, ScanType::Sentinel).await.unwrap(), None);
    assert_eq!(scan::get(&mut conn, "a", new.scan.id, ScanType::Nmap).await.unwrap(), None);
}

#[tokio::test]
async fn any_text_reads_back_as_it_was_submitted() {
    let t = Fixture::new().await;
    let texts = ["", "NULL", "{a,b}", "a,\"b\\\"", "\\", "\"", "\\\\N \n\t'", " ünïcode 🛰 "];
    let scans = texts.map(|text| {
        let mut new = new_scan("a", Priority::Normal);
        new.scan.name = Some(text.into());
        new.scan.target = text.into();
        new.scan.tags = vec![text.into(); 2];
        new.scan.template_id = (!text.is_empty()).then(|| text.into());
        new
    });
    futures::future::join_all(scans.iter().map(|new| t.submit(new.clone()))).await;
    let mut conn = t.store.read().await.unwrap();
    for new in scans {
        let stored = scan::get(&mut conn, "a", new.scan.id, ScanType::Sentinel).await.unwrap();
        assert_eq!(stored, Some(new.scan));
    }
}

#[tokio::test]
async fn a_quota_is_exact_under_64_concurrent_submissions() {
    let t = Fixture::new().await;
    let submissions = (0..64).map(|_| {
        let store = t.store.clone();
        let new = NewScan { quota: Some(40), ..new_scan("a", Priority::Normal) };
        tokio::spawn(async move { store.submit(new).await.unwrap() })
    });
    let outcomes = futures::future::join_all(submissions).await;
    let stored = outcomes.iter().filter(|outcome| *outcome.as_ref().unwrap() == Submitted::Stored).count();
    assert_eq!(stored, 40);
    let mut conn = t.store.read().await.unwrap();
    assert_eq!(quota_use::used(&mut conn, "a", 0).await.unwrap(), 40);
    assert_eq!(scan_count::total(&mut conn, "a", &ScanFilter::default()).await.unwrap(), 40);
    drop(conn);
    t.store.submit(NewScan { month_at: 1, quota: Some(40), ..new_scan("a", Priority::Normal) }).await.unwrap();
    assert_eq!(
        t.store.submit(NewScan { quota: Some(40), ..new_scan("a", Priority::Low) }).await.unwrap(),
        Submitted::QuotaExceeded
    );
}

pub fn keyed(key: &str, body: &str) -> NewScan {
    let new = new_scan("a", Priority::Normal);
    let id = IdempotencyId {
        tenant_id: "a".into(),
        principal: "k".into(),
        operation: "POST /scans".into(),
        key: key.into(),
    };
    let answer = StoredAnswer {
        body_hash: body.into(),
        status: 201,
        location: Some("/x".into()),
        body: new.scan.id.to_string(),
    };
    NewScan { idempotency: Some(NewIdempotency { id, answer, created_at: BEGIN }), ..new }
}

#[tokio::test]
async fn a_repeat_gets_the_stored_answer_and_uses_no_quota() {
    let t = Fixture::new().await;
    let first = keyed("key", "body");
    t.submit(first.clone()).await;
    let repeat = t.store.submit(keyed("key", "body")).await.unwrap();
    assert_eq!(repeat, Submitted::Replay(first.idempotency.unwrap().answer));
    assert_eq!(t.store.submit(keyed("key", "another body")).await.unwrap(), Submitted::KeyReused);
    let mut later = keyed("key", "another body");
    later.idempotency.as_mut().unwrap().created_at = BEGIN + 25 * 3600 * 1000;
    assert_eq!(t.store.submit(later).await.unwrap(), Submitted::Stored);
    let mut conn = t.store.read().await.unwrap();
    assert_eq!(quota_use::used(&mut conn, "a", 0).await.unwrap(), 2);
}

#[tokio::test]
async fn of_one_key_sent_at_once_only_one_is_stored() {
    let t = Fixture::new().await;
    let submissions = (0..32).map(|_| {
        let store = t.store.clone();
        tokio::spawn(async move { store.submit(keyed("once", "body")).await.unwrap() })
    });
    let outcomes = futures::future::join_all(submissions).await;
    let stored = outcomes.iter().filter(|outcome| *outcome.as_ref().unwrap() == Submitted::Stored).count();
    let replayed = outcomes.iter().filter(|o| matches!(o.as_ref().unwrap(), Submitted::Replay(_))).count();
    assert_eq!((stored, replayed), (1, 31));
}
