//! The broker goes and comes back.

use crate::cluster::{BROKER, Cluster, told};
use scanyard_contract::kafka::TopicEvent;
use scanyard_contract::{Priority, ScanStatus, ScanType};
use std::process::Command;
use std::time::Duration;
use uuid::Uuid;

/// Long enough for a consumer to say again and again that the broker is away.
const LONG: Duration = Duration::from_secs(35);

/// Two attempts to listen take less, and one for each word would take many times as long.
const SOON: Duration = Duration::from_secs(20);

/// Tells the broker's control program what to do.
fn broker(what: &str) {
    let done = Command::new(told("SCANYARD_TEST_KAFKA_CONTROL")).arg(what).status().unwrap();
    assert!(done.success(), "{what}: {done}");
}

/// Starts the broker again however the test ends.
struct Stopped;

impl Stopped {
    fn by(what: &str) -> Stopped {
        broker(what);
        Stopped
    }
}

impl Drop for Stopped {
    fn drop(&mut self) {
        broker("start");
    }
}

/// Waits until each scan's whole life is in Kafka.
async fn all_told(t: &Cluster, scans: &[Uuid]) {
    for (scan, events) in t.events(scans).await {
        let mut told: Vec<TopicEvent> = events.iter().map(|event| event.event).collect();
        // At least once; a repeat comes before its successor.
        told.dedup();
        assert_eq!(told, [TopicEvent::Queued, TopicEvent::Started, TopicEvent::Failed], "{scan}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn scans_are_taken_and_run_while_the_broker_is_away_and_their_events_come_later() {
    let _alone = BROKER.write().await;
    let t = Cluster::without_turn().await;
    let node = t.node(|config| {
        config.worker.concurrency = 2;
        config.queue.poll = Duration::from_millis(200);
    });
    let node = node.await;
    let mut scans = vec![node.submit("default", Priority::Normal, ScanType::Sentinel).await];
    node.ended(&scans).await;
    let stopped = Stopped::by("kill");
    for _ in 0..10 {
        scans.push(node.submit("default", Priority::Normal, ScanType::Sentinel).await);
    }
    node.ended(&scans).await;
    assert!(node.number("SELECT COUNT(*) FROM kafka_message").await >= 20);
    // A node that starts now starts, and says what is wrong.
    let late = t.node(|config| config.queue.kafka.connect_timeout = Duration::from_millis(500)).await;
    assert!(late.app.queue.kafka().unwrap().trouble().is_some());
    drop(stopped);
    node.wait_until("SELECT COUNT(*) FROM kafka_message", 0).await;
    all_told(&t, &scans).await;
    for node in [&node, &late] {
        let mut tries = 0;
        while node.app.queue.kafka().unwrap().trouble().is_some() {
            tries += 1;
            assert!(tries < 200, "{:?}", node.app.queue.kafka().unwrap().trouble());
            tokio::time::sleep(Duration::from_millis(100)).await;
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_broker_that_goes_is_noticed_while_nothing_moves() {
    let _alone = BROKER.write().await;
    let t = Cluster::without_turn().await;
    let node = t.node(|config| config.queue.kafka.connect_timeout = Duration::from_millis(500)).await;
    let kafka = node.app.queue.kafka().unwrap();
    assert_eq!(kafka.trouble(), None);
    let _stopped = Stopped::by("kill");
    let noticed = async {
        while kafka.trouble().is_none() {
            tokio::time::sleep(Duration::from_millis(100)).await;
        }
    };
    tokio::time::timeout(Duration::from_secs(60), noticed).await.expect("it was not noticed");
}

#[tokio::test(flavor = "multi_thread")]
async fn hints_are_heard_soon_after_a_long_absence_of_the_broker() {
    let _alone = BROKER.write().await;
    let t = Cluster::without_turn().await;
    let api = t.node(|_| {}).await;
    let worker = t.worker(|_| {}).await;
    let stopped = Stopped::by("kill");
    tokio::time::sleep(LONG).await;
    let is_deaf = || worker.app.queue.kafka().unwrap().is_deaf();
    assert!(is_deaf());
    drop(stopped);
    let heard = async {
        loop {
            let scan = api.submit("default", Priority::Normal, ScanType::Sentinel).await;
            tokio::time::sleep(Duration::from_millis(500)).await;
            if api.status(scan).await != ScanStatus::Queued && !is_deaf() {
                break;
            }
        }
    };
    tokio::time::timeout(SOON, heard).await.expect("the worker hears nothing");
    // What was said while the broker was away does not come up again.
    for _ in 0..SOON.as_secs() {
        tokio::time::sleep(Duration::from_secs(1)).await;
        assert!(!is_deaf());
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_broker_that_stops_under_load_loses_no_event() {
    let _alone = BROKER.write().await;
    let t = Cluster::without_turn().await;
    let node = t.node(|config| {
        config.worker.concurrency = 4;
        config.queue.poll = Duration::from_millis(200);
    });
    let node = node.await;
    let mut scans = Vec::new();
    let mut stopped = None;
    for number in 0..200 {
        scans.push(node.submit("default", Priority::Normal, ScanType::Sentinel).await);
        if number == 100 {
            stopped = Some(tokio::task::spawn_blocking(|| Stopped::by("stop")));
        }
    }
    let stopped = stopped.unwrap().await.unwrap();
    tokio::task::spawn_blocking(move || drop(stopped)).await.unwrap();
    node.ended(&scans).await;
    node.wait_until("SELECT COUNT(*) FROM kafka_message", 0).await;
    all_told(&t, &scans).await;
}
