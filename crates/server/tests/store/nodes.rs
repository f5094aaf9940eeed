//! Several writers at one time: nodes on one database, operations in one batch, operations in any order.

use crate::submit::keyed;
use crate::{Fixture, new_scan};
use futures::future::join_all;
use scanyard_contract::{Priority, ScanStatus, ScanType};
use scanyard_server::store::claim::{Claim, claim};
use scanyard_server::store::finish::Finish;
use scanyard_server::store::scan_list::ScanFilter;
use scanyard_server::store::{NewScan, Store, StoreError, Submitted, job, quota_use, scan_count};
use std::sync::atomic::{AtomicU64, Ordering};

#[tokio::test]
async fn a_submission_that_breaks_a_constraint_fails_alone() {
    let t = Fixture::new().await;
    let before = new_scan("a", Priority::Normal);
    t.submit(before.clone()).await;
    let again = NewScan { scan: before.scan, ..new_scan("a", Priority::Normal) };
    let mut scans: Vec<NewScan> = (0..20).map(|_| new_scan("a", Priority::Normal)).collect();
    scans.insert(10, again);
    let outcomes = join_all(scans.into_iter().map(|new| t.store.submit(new))).await;
    for (at, outcome) in outcomes.iter().enumerate() {
        match at {
            10 => assert!(matches!(outcome, Err(StoreError::Duplicate)), "{outcome:?}"),
            _ => assert!(matches!(outcome, Ok(Submitted::Stored)), "{at}: {outcome:?}"),
        }
    }
    let mut conn = t.store.read().await.unwrap();
    assert_eq!(quota_use::used(&mut conn, "a", 0).await.unwrap(), 21, "what was not stored uses no quota");
    assert_eq!(scan_count::total(&mut conn, "a", &ScanFilter::default()).await.unwrap(), 21);
}

#[tokio::test]
async fn two_nodes_keep_a_quota_and_an_idempotency_key() {
    let t = Fixture::new().await;
    let other = t.db.open().await;
    let node = |at: usize| if at.is_multiple_of(2) { t.store.clone() } else { other.clone() };
    let limited = (0..60).map(|at| {
        let new = NewScan { quota: Some(35), ..new_scan("a", Priority::Normal) };
        let store = node(at);
        tokio::spawn(async move { store.submit(new).await.unwrap() })
    });
    let outcomes: Vec<Submitted> = join_all(limited).await.into_iter().map(Result::unwrap).collect();
    assert_eq!(outcomes.iter().filter(|outcome| **outcome == Submitted::Stored).count(), 35);

    let repeats = (0..60).map(|at| {
        let store = node(at);
        tokio::spawn(async move { store.submit(keyed(&format!("key {}", at / 4), "body")).await.unwrap() })
    });
    let outcomes: Vec<Submitted> = join_all(repeats).await.into_iter().map(Result::unwrap).collect();
    assert_eq!(outcomes.iter().filter(|outcome| **outcome == Submitted::Stored).count(), 15);
    assert_eq!(outcomes.iter().filter(|outcome| matches!(outcome, Submitted::Replay(_))).count(), 45);
    let mut conn = t.store.read().await.unwrap();
    assert_eq!(quota_use::used(&mut conn, "a", 0).await.unwrap(), 50);
}

#[tokio::test]
async fn a_refused_submission_leaves_its_idempotency_key_free() {
    let t = Fixture::new().await;
    let none = |body| NewScan { quota: Some(0), ..keyed("key", body) };
    let outcomes = join_all(["x", "x", "y"].map(|body| t.store.submit(none(body)))).await;
    assert!(outcomes.iter().all(|outcome| matches!(outcome, Ok(Submitted::QuotaExceeded))), "{outcomes:?}");
    assert_eq!(t.store.submit(keyed("key", "y")).await.unwrap(), Submitted::Stored);
}

#[tokio::test]
async fn a_key_reused_within_one_batch_is_told_apart_from_a_repeat() {
    let t = Fixture::new().await;
    let first = keyed("key", "x");
    let answer = first.idempotency.clone().unwrap().answer;
    let outcomes = join_all([first, keyed("key", "x"), keyed("key", "y")].map(|new| t.store.submit(new))).await;
    let outcomes: Vec<Submitted> = outcomes.into_iter().map(Result::unwrap).collect();
    assert_eq!(outcomes, [Submitted::Stored, Submitted::Replay(answer), Submitted::KeyReused]);
}

/// A small generator, seeded: the same steps in every run.
struct Dice(AtomicU64);

impl Dice {
    fn roll(&self, sides: u64) -> u64 {
        let step =
            |seed: u64| Some(seed.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407));
        let before = self.0.fetch_update(Ordering::SeqCst, Ordering::SeqCst, step).unwrap();
        (before >> 33) % sides
    }
}

#[tokio::test]
async fn counts_stay_exact_under_any_operations_at_one_time() {
    let t = Fixture::new().await;
    let other = t.db.open().await;
    let dice = Dice(AtomicU64::new(7));
    let (t, other, dice) = (&t, &other, &dice);
    let worker = |at: u64| async move {
        let store = if at.is_multiple_of(2) { t.store.clone() } else { other.clone() };
        for _ in 0..60 {
            step(t, &store, dice.roll(8)).await;
        }
    };
    join_all((0..6).map(worker)).await;
    t.assert_counts().await;
    let mut conn = t.store.read().await.unwrap();
    let open: i64 = sqlx::query_scalar("SELECT COUNT(*) FROM scan WHERE status IN ('queued', 'running')")
        .fetch_one(&mut *conn)
        .await
        .unwrap();
    let jobs: i64 = sqlx::query_scalar("SELECT COUNT(*) FROM job WHERE state IN ('queued', 'running')")
        .fetch_one(&mut *conn)
        .await
        .unwrap();
    assert_eq!(open, jobs, "a job for each scan that is not over");
    let parted: i64 = sqlx::query_scalar("SELECT COUNT(*) FROM job JOIN scan ON id = scan_id WHERE state <> status")
        .fetch_one(&mut *conn)
        .await
        .unwrap();
    assert_eq!(parted, 0, "job and scan agree");
}

async fn step(t: &Fixture, store: &Store, roll: u64) {
    match roll {
        0..=2 => drop(store.submit(new_scan("a", Priority::Normal)).await.unwrap()),
        3 | 4 => {
            let (now, scan_types) = (t.now(), vec![ScanType::Sentinel]);
            let ask = Claim {
                now,
                scan_types,
                labels: vec!["default".into()],
                limit: 2,
                lease_ms: 30_000,
                per_tenant: 100,
                per_host: 100,
            };
            let claimed = store.write(move |conn| Box::pin(async move { claim(conn, &ask).await })).await.unwrap();
            for claimed in claimed.into_iter().take(1) {
                let end = Finish {
                    scan: claimed.scan.clone(),
                    run_id: claimed.run_id,
                    status: ScanStatus::Completed,
                    failure: None,
                    coverage: Default::default(),
                    records: Default::default(),
                    findings: Vec::new(),
                    report: None,
                    engine_version: None,
                };
                store.end(end).await.unwrap();
            }
        }
        5 => {
            t.pass(20_000);
            let now = t.now();
            store.write(move |conn| Box::pin(async move { job::sweep(conn, now).await })).await.unwrap();
        }
        _ => {
            let sql = "SELECT scan_id FROM job ORDER BY scan_id DESC LIMIT 1";
            let id: Option<String> =
                sqlx::query_scalar(sql).fetch_optional(&mut *store.read().await.unwrap()).await.unwrap();
            let (Some(id), now) = (id, t.now()) else { return };
            let id = id.parse().unwrap();
            let cancel = store
                .write(move |conn| Box::pin(async move { job::cancel(conn, "a", id, ScanType::Sentinel, now).await }))
                .await
                .unwrap();
            if let job::Cancel::Already(status) = cancel {
                assert!(status.is_terminal(), "refused to cancel a scan that is {status}");
            }
        }
    }
}
