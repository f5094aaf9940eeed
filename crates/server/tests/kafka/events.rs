//! What somebody else's consumer gets.

use crate::cluster::Cluster;
use scanyard_contract::kafka::TopicEvent;
use scanyard_contract::{Priority, ScanType};

#[tokio::test(flavor = "multi_thread")]
async fn a_consumer_gets_each_scans_events_in_order_and_with_its_tenant() {
    let t = Cluster::new().await;
    let node = t.node(|config| config.worker.concurrency = 4).await;
    t.tenant(&node, "a").await;
    let mut scans = Vec::new();
    for _ in 0..20 {
        scans.push(node.submit("a", Priority::Normal, ScanType::Sentinel).await);
    }
    for (scan, events) in t.events(&scans).await {
        let told: Vec<TopicEvent> = events.iter().map(|event| event.event).collect();
        assert_eq!(told, [TopicEvent::Queued, TopicEvent::Started, TopicEvent::Failed], "{scan}");
        for event in &events {
            assert_eq!((event.tenant_id.as_deref(), event.schema_version), (Some("a"), 1));
        }
        let data = events[2].data.as_ref().unwrap();
        assert!(data.failure.is_some() && data.completed_at.is_some() && data.tags == ["ci"], "{data:?}");
    }
    node.wait_until("SELECT COUNT(*) FROM kafka_message", 0).await;
    assert_eq!(node.app.queue.kafka().unwrap().trouble(), None);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_node_without_kafka_tells_of_its_moves_through_the_others() {
    let t = Cluster::new().await;
    let _relay = t.node(|_| {}).await;
    let plain = t.node(|config| {
        config.queue.kafka.brokers.clear();
        config.worker.concurrency = 1;
    });
    let plain = plain.await;
    let scan = plain.submit("default", Priority::Low, ScanType::Sentinel).await;
    let events = t.events(&[scan]).await;
    assert_eq!(events[&scan].len(), 3, "{events:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn nothing_is_noted_where_no_node_uses_kafka() {
    let t = Cluster::new().await;
    let plain = t.node(|config| {
        config.queue.kafka.brokers.clear();
        config.worker.concurrency = 1;
    });
    let plain = plain.await;
    let scan = plain.submit("default", Priority::Low, ScanType::Sentinel).await;
    plain.ended(&[scan]).await;
    assert_eq!(plain.number("SELECT COUNT(*) FROM kafka_message").await, 0);
}
