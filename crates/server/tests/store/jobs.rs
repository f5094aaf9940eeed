//! Claims, leases, losses, cancels and ends.

use crate::support::all_kept;
use crate::{Fixture, new_scan};
use futures::future::join_all;
use scanyard_contract::finding::{Confidence, Finding, Location, Severity};
use scanyard_contract::scan::{Coverage, FailureReason, Records};
use scanyard_contract::{Priority, Scan, ScanStatus, ScanType};
use scanyard_engines::collected::Collected;
use scanyard_server::store::claim::{Claim, Claimed, claim};
use scanyard_server::store::finish::{self, Finish};
use scanyard_server::store::job::{self, Alive, Beat, Cancel, Swept};
use scanyard_server::store::scan::{self, ScanRecord};
use scanyard_server::store::scan_list::{Order, ScanFilter, Window, list};
use scanyard_server::store::{Clock, Dialect, NewScan, finding, scan_count, scan_event};
use sqlx::AnyConnection;
use std::sync::atomic::Ordering;
use uuid::Uuid;

const LEASE: i64 = 30_000;

impl Fixture {
    pub fn now(&self) -> i64 {
        self.db.clock.load(Ordering::SeqCst)
    }

    pub fn pass(&self, ms: i64) {
        self.db.clock.fetch_add(ms, Ordering::SeqCst);
    }

    fn ask(&self) -> Claim {
        Claim {
            now: self.now(),
            scan_types: vec![ScanType::Nmap, ScanType::Sentinel],
            labels: vec!["default".into()],
            limit: 1,
            lease_ms: LEASE,
            per_tenant: 100,
            per_host: 100,
        }
    }

    pub async fn claim_with(&self, change: impl FnOnce(&mut Claim)) -> Vec<Claimed> {
        let mut ask = self.ask();
        change(&mut ask);
        self.store.write(move |conn| Box::pin(async move { claim(conn, &ask).await })).await.unwrap()
    }

    pub async fn claim_one(&self) -> Option<Claimed> {
        self.claim_with(|_| {}).await.pop()
    }

    /// Which scans a sweep takes back.
    pub async fn sweep(&self) -> Vec<Uuid> {
        self.swept().await.scans
    }

    pub async fn swept(&self) -> Swept {
        let now = self.now();
        self.store.write(move |conn| Box::pin(async move { job::sweep(conn, now).await })).await.unwrap()
    }

    pub async fn beat(&self, claimed: &Claimed, progress: u8) -> Alive {
        let (now, beat) = (self.now(), Beat { scan_id: claimed.scan.id, run_id: claimed.run_id, progress });
        let answers = self
            .store
            .write(move |conn| Box::pin(async move { job::heartbeat(conn, now, LEASE, &[beat]).await }))
            .await;
        answers.unwrap()[0].1
    }

    pub async fn cancel(&self, id: Uuid) -> Cancel {
        let now = self.now();
        self.store
            .write(move |conn| Box::pin(async move { job::cancel(conn, "a", id, ScanType::Sentinel, now).await }))
            .await
            .unwrap()
    }

    pub async fn finish(&self, claimed: &Claimed, findings: Vec<Finding>) -> bool {
        let records = all_kept(&findings);
        self.finish_with(claimed, findings, records).await
    }

    pub async fn finish_with(&self, claimed: &Claimed, findings: Vec<Finding>, records: Records) -> bool {
        self.store.end(completed(claimed, findings, records)).await.unwrap()
    }

    pub async fn scan(&self, id: Uuid) -> ScanRecord {
        scan::by_id(&mut self.store.read().await.unwrap(), &id.to_string()).await.unwrap().unwrap()
    }

    /// The kept counts beside those counted anew.
    pub async fn assert_counts(&self) {
        let mut conn = self.store.read().await.unwrap();
        for status in ScanStatus::ALL {
            let filter = ScanFilter { status: Some(*status), ..ScanFilter::default() };
            let counted: i64 = sqlx::query_scalar("SELECT COUNT(*) FROM scan WHERE tenant_id = 'a' AND status = $1")
                .bind(status.as_str())
                .fetch_one(&mut *conn)
                .await
                .unwrap();
            assert_eq!(scan_count::total(&mut conn, "a", &filter).await.unwrap(), counted as u64, "{status}");
        }
    }
}

fn completed(claimed: &Claimed, findings: Vec<Finding>, records: Records) -> Finish {
    Finish {
        scan: claimed.scan.clone(),
        run_id: claimed.run_id,
        status: ScanStatus::Completed,
        failure: None,
        coverage: Coverage { hosts: 1, reached: 1 },
        records,
        findings,
        report: None,
        engine_version: None,
    }
}

fn found(fingerprint: &str, severity: Severity) -> Finding {
    Finding {
        fingerprint: fingerprint.into(),
        engine: "sentinel".into(),
        rule_id: "open-port".into(),
        title: "Open port".into(),
        severity,
        confidence: Confidence::High,
        location: Location::default(),
        evidence: Some("it's \"quoted\"".into()),
        ..Finding::default()
    }
}

#[tokio::test]
async fn claims_go_by_priority_then_turn_then_age() {
    let t = Fixture::new().await;
    let mut expected = Vec::new();
    let low = t.submit(new_scan("a", Priority::Low)).await;
    let (a1, a2) = (t.submit(new_scan("a", Priority::Normal)).await, t.submit(new_scan("a", Priority::Normal)).await);
    let b1 = t.submit(new_scan("b", Priority::Normal)).await;
    let critical = t.submit(new_scan("b", Priority::Critical)).await;
    expected.extend([critical, a1, b1, a2, low]);
    let mut claimed = Vec::new();
    while let Some(next) = t.claim_one().await {
        claimed.push(next.scan.id);
        t.pass(1);
    }
    assert_eq!(claimed, expected);
}

#[tokio::test]
async fn a_claim_starts_the_scan_and_is_taken_once() {
    let t = Fixture::new().await;
    let id = t.submit(new_scan("a", Priority::Normal)).await;
    let claimed = t.claim_one().await.unwrap();
    assert_eq!(
        (claimed.scan.id, claimed.scan.status, claimed.scan.started_at),
        (id, ScanStatus::Running, Some(t.now()))
    );
    assert!(t.claim_one().await.is_none());
    t.assert_counts().await;
}

#[tokio::test]
async fn caps_and_missing_engines_leave_scans_in_the_queue() {
    let t = Fixture::new().await;
    for _ in 0..3 {
        t.submit(new_scan("a", Priority::Normal)).await;
    }
    let elsewhere = t.submit(NewScan { host: "127.0.0.2".into(), ..new_scan("b", Priority::Normal) }).await;
    assert!(t.claim_with(|ask| ask.scan_types = vec![ScanType::Nmap]).await.is_empty());
    let first = t.claim_with(|ask| (ask.limit, ask.per_host) = (10, 1)).await;
    assert_eq!(first.len(), 2, "one per host");
    assert!(first.iter().any(|claimed| claimed.scan.id == elsewhere));
    assert!(t.claim_with(|ask| (ask.limit, ask.per_tenant) = (10, 1)).await.is_empty(), "one per tenant");
    assert_eq!(t.claim_with(|ask| ask.limit = 10).await.len(), 2);
}

#[tokio::test]
async fn a_lost_run_is_repeated_with_waits_and_fails_after_ten() {
    let t = Fixture::new().await;
    let id = t.submit(new_scan("a", Priority::Normal)).await;
    let mut waits = Vec::new();
    for attempt in 1..=10 {
        let claimed = t.claim_one().await.unwrap();
        assert_eq!(t.beat(&claimed, 40).await, Alive::Renewed);
        assert_eq!(t.scan(id).await.progress, 40);
        t.pass(LEASE + 1);
        assert_eq!(t.sweep().await, [id]);
        let scan = t.scan(id).await;
        assert_eq!((scan.status, scan.progress, scan.started_at), (ScanStatus::Queued, 0, None));
        assert_eq!(scan.attempts, attempt);
        assert_eq!(t.beat(&claimed, 50).await, Alive::Lost);
        assert!(!t.finish(&claimed, vec![]).await, "a lost run writes nothing");
        let before = t.now();
        while !eligible(&t, id).await {
            t.pass(1000);
        }
        waits.push((t.now() - before) / 1000);
    }
    assert_eq!(waits, [0, 0, 8, 16, 30, 30, 30, 30, 30, 30]);
    t.claim_one().await.unwrap();
    t.pass(LEASE + 1);
    assert_eq!(t.swept().await, Swept { scans: vec![id], failed: vec![ScanType::Sentinel] });
    let scan = t.scan(id).await;
    assert_eq!((scan.status, scan.failure.unwrap().reason), (ScanStatus::Failed, FailureReason::WorkerLost));
    t.assert_counts().await;
}

async fn eligible(t: &Fixture, id: Uuid) -> bool {
    let sql = "SELECT eligible_at FROM job WHERE scan_id = $1";
    let mut conn = t.store.read().await.unwrap();
    let at: i64 = sqlx::query_scalar(sql).bind(id.to_string()).fetch_one(&mut *conn).await.unwrap();
    at <= t.now()
}

#[tokio::test]
async fn an_orderly_stop_gives_back_and_does_not_count_as_a_loss() {
    let t = Fixture::new().await;
    let id = t.submit(new_scan("a", Priority::Normal)).await;
    for _ in 0..15 {
        let claimed = t.claim_one().await.expect("at once, however often");
        let (now, run) = (t.now(), (claimed.scan.id, claimed.run_id));
        t.store.write(move |conn| Box::pin(async move { job::give_back(conn, now, &[run]).await })).await.unwrap();
    }
    assert_eq!(t.scan(id).await.attempts, 15);
    t.assert_counts().await;
}

#[tokio::test]
async fn all_leases_end_at_the_start_of_the_one_process() {
    let t = Fixture::new().await;
    let id = t.submit(new_scan("a", Priority::Normal)).await;
    t.claim_one().await.unwrap();
    assert!(t.sweep().await.is_empty());
    t.store.write(|conn| Box::pin(async move { job::end_all_leases(conn).await })).await.unwrap();
    assert_eq!(t.sweep().await, [id]);
}

#[tokio::test]
async fn a_queued_scan_is_cancelled_for_good_at_once() {
    let t = Fixture::new().await;
    let id = t.submit(new_scan("a", Priority::Normal)).await;
    let Cancel::Cancelled(scan) = t.cancel(id).await else { panic!("not cancelled") };
    assert_eq!((scan.status, scan.sealed_at), (ScanStatus::Cancelled, Some(t.now())));
    assert!(t.claim_one().await.is_none());
    assert_eq!(t.cancel(id).await, Cancel::Already(ScanStatus::Cancelled));
    assert_eq!(t.cancel(Uuid::now_v7()).await, Cancel::NotFound);
    t.assert_counts().await;
}

#[tokio::test]
async fn a_running_scan_is_cancelled_and_sealed_with_its_partial_results() {
    let t = Fixture::new().await;
    let id = t.submit(new_scan("a", Priority::Normal)).await;
    let claimed = t.claim_one().await.unwrap();
    let Cancel::Cancelled(scan) = t.cancel(id).await else { panic!("not cancelled") };
    assert_eq!((scan.status, scan.sealed_at), (ScanStatus::Cancelled, None));
    assert_eq!(t.beat(&claimed, 10).await, Alive::Cancelled);
    assert!(t.finish(&claimed, vec![found("f1", Severity::Low)]).await);
    let scan = t.scan(id).await;
    assert_eq!((scan.status, scan.sealed_at.is_some(), scan.summary.unwrap().low), (ScanStatus::Cancelled, true, 1));
    t.assert_counts().await;
}

#[tokio::test]
async fn a_cancelled_scan_whose_worker_is_lost_is_sealed() {
    let t = Fixture::new().await;
    let id = t.submit(new_scan("a", Priority::Normal)).await;
    t.claim_one().await.unwrap();
    t.cancel(id).await;
    t.pass(LEASE + 1);
    t.sweep().await;
    let scan = t.scan(id).await;
    assert_eq!((scan.status, scan.sealed_at), (ScanStatus::Cancelled, Some(t.now())));
    assert!(t.claim_one().await.is_none());
    t.assert_counts().await;
}

#[tokio::test]
async fn the_first_of_end_and_cancel_wins() {
    let t = Fixture::new().await;
    let id = t.submit(new_scan("a", Priority::Normal)).await;
    let claimed = t.claim_one().await.unwrap();
    assert!(t.finish(&claimed, vec![]).await);
    assert_eq!(t.cancel(id).await, Cancel::Already(ScanStatus::Completed));
    assert_eq!(t.scan(id).await.progress, 100);
    assert!(!t.finish(&claimed, vec![]).await, "an end is stored once");
    t.assert_counts().await;
}

#[tokio::test]
async fn ends_that_come_together_are_taken_or_refused_one_by_one() {
    let t = Fixture::new().await;
    for _ in 0..4 {
        t.submit(new_scan("a", Priority::Normal)).await;
    }
    let claimed = t.claim_with(|ask| ask.limit = 4).await;
    let [done, cancelled, lost, other] = claimed.as_slice() else { panic!("not all were claimed") };
    t.cancel(cancelled.scan.id).await;
    let cancelled_at = t.now();
    t.pass(LEASE - 1);
    t.beat(done, 10).await;
    t.beat(cancelled, 20).await;
    t.beat(other, 30).await;
    t.pass(2);
    let end = |claimed: &Claimed| completed(claimed, vec![found("f1", Severity::Low)], all_kept(&[]));
    let stranger = Finish { run_id: Uuid::now_v7(), ..end(other) };
    let ends = vec![end(done), end(cancelled), end(lost), stranger, end(done)];
    let clock = Clock::Manual(t.db.clock.clone());
    let taken = t.store.write(move |conn| Box::pin(async move { finish::together(conn, &clock, &ends).await }));
    assert_eq!(taken.await.unwrap(), [true, true, false, false, false]);
    let scan = t.scan(done.scan.id).await;
    assert_eq!((scan.status, scan.progress, scan.completed_at), (ScanStatus::Completed, 100, Some(t.now())));
    let scan = t.scan(cancelled.scan.id).await;
    assert_eq!((scan.status, scan.progress, scan.completed_at), (ScanStatus::Cancelled, 0, Some(cancelled_at)));
    assert_eq!(scan.sealed_at, Some(t.now()));
    for claimed in [lost, other] {
        assert_eq!(t.scan(claimed.scan.id).await.status, ScanStatus::Running);
    }
    let mut conn = t.store.read().await.unwrap();
    let events = scan_event::after(&mut conn, &done.scan.id.to_string(), 0, 10).await.unwrap();
    assert_eq!(events.iter().filter(|event| event.is_final).count(), 1, "an end is told once");
    drop(conn);
    t.assert_counts().await;
}

/// Jobs that were read from the table over this connection and are not yet told of; SQLite does not count.
async fn fetched(conn: &mut AnyConnection) -> i64 {
    if Dialect::of(conn) == Dialect::Sqlite {
        return 0;
    }
    let sql = "SELECT CAST(idx_tup_fetch + seq_tup_read AS BIGINT) FROM pg_stat_xact_user_tables WHERE relname = 'job'";
    sqlx::query_scalar(sql).fetch_one(conn).await.unwrap()
}

/// PostgreSQL plans by what a table was when it last looked: a queue that was empty then is walked as if it were short.
#[tokio::test]
async fn jobs_are_looked_up_though_the_queue_was_last_seen_empty() {
    const FEW: usize = 5;
    let t = Fixture::new().await;
    join_all((0..1000).map(|_| t.submit(new_scan("a", Priority::Normal)))).await;
    let seen_empty = t.store.write(|conn| {
        Box::pin(async move {
            for sql in ["DELETE FROM job", "ANALYZE job"] {
                sqlx::query(sql).execute(&mut *conn).await?;
            }
            Ok(())
        })
    });
    seen_empty.await.unwrap();
    join_all((0..1000).map(|_| t.submit(new_scan("a", Priority::Normal)))).await;
    let claimed = t.claim_with(|ask| ask.limit = FEW).await;
    assert_eq!(claimed.len(), FEW);

    let now = t.now();
    let beats: Vec<Beat> =
        claimed.iter().map(|run| Beat { scan_id: run.scan.id, run_id: run.run_id, progress: 50 }).collect();
    let ends: Vec<Finish> = claimed.iter().map(|run| completed(run, Vec::new(), Records::default())).collect();
    let (ask, clock) = (t.ask(), t.db.options.clock.clone());
    let all = t.store.write(move |conn| {
        Box::pin(async move {
            let mut reads = vec![fetched(conn).await];
            let alive = job::heartbeat(conn, now, LEASE, &beats).await?;
            assert!(alive.iter().all(|(_, alive)| *alive == Alive::Renewed), "{alive:?}");
            reads.push(fetched(conn).await);
            assert_eq!(finish::together(conn, &clock, &ends).await?, [true; FEW]);
            reads.push(fetched(conn).await);
            claim(conn, &Claim { limit: FEW, ..ask }).await?;
            reads.push(fetched(conn).await);
            Ok(reads)
        })
    });
    let reads = all.await.unwrap();
    assert!(reads[3] - reads[0] < 200, "jobs read before, by a beat, ends and a claim of {FEW}, added up: {reads:?}");
}

#[tokio::test]
async fn every_record_of_a_report_is_accounted_for() {
    let t = Fixture::new().await;
    let id = t.submit(new_scan("a", Priority::Normal)).await;
    let claimed = t.claim_one().await.unwrap();
    let mut collected = Collected::default();
    for fingerprint in ["sy1:a", "sy1:b", "sy1:a"] {
        collected.add(found(fingerprint, Severity::Low));
    }
    collected.drop("no match");
    assert!(t.finish_with(&claimed, collected.findings, collected.records.clone()).await);
    let scan = t.scan(id).await;
    let records = scan.records.clone().unwrap();
    assert_eq!(records, collected.records);
    assert!(records.is_balanced());
    let mut conn = t.store.read().await.unwrap();
    let stored = finding::page(&mut conn, &id.to_string(), None, 0, 0, 10).await.unwrap();
    assert_eq!((stored.len() as u64, scan.summary.unwrap().total), (records.kept, records.kept));
    let all = ScanFilter::default();
    let listed = list(&mut conn, "a", &all, Order::NewestFirst, Window::Offset(0), 10).await.unwrap();
    assert_eq!(serde_json::from_str::<Scan>(listed.scans[0].json.get()).unwrap(), scan.to_wire());
}

#[tokio::test]
async fn findings_are_stored_worst_first_and_seen_again() {
    let t = Fixture::new().await;
    for round in 0..2 {
        let id = t.submit(new_scan("a", Priority::Normal)).await;
        let claimed = t.claim_one().await.unwrap();
        t.finish(&claimed, vec![found("f2", Severity::Low), found("f1", Severity::High), found("f3", Severity::Low)])
            .await;
        let mut conn = t.store.read().await.unwrap();
        let id = id.to_string();
        let all = finding::page(&mut conn, &id, None, 0, 0, 10).await.unwrap();
        assert_eq!(all.iter().map(|(_, f)| f.fingerprint.as_str()).collect::<Vec<_>>(), ["f1", "f2", "f3"]);
        let low = finding::page(&mut conn, &id, Some(Severity::Low), 0, 1, 10).await.unwrap();
        assert_eq!(low.iter().map(|(_, f)| f.fingerprint.as_str()).collect::<Vec<_>>(), ["f3"]);
        let known: i64 = sqlx::query_scalar("SELECT COUNT(*) FROM finding").fetch_one(&mut *conn).await.unwrap();
        assert_eq!(known, 3, "round {round}");
        t.pass(1000);
    }
}
