//! Starts that Kafka refuses, each with one sentence that names the setting.

use crate::cluster::{Cluster, refusal, told};
use scanyard_contract::{Priority, ScanType};
use scanyard_server::config::{Config, Secret, Security};
use sqlx::Connection;
use std::time::Duration;

/// Logs in by SASL/PLAIN.
fn log_in(config: &mut Config, user: &str, password: &str) {
    let kafka = &mut config.queue.kafka;
    kafka.brokers = vec![told("SCANYARD_TEST_KAFKA_SASL")];
    kafka.security = Security::SaslPlain;
    kafka.username = Some(user.into());
    kafka.password = Secret::new(password);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_login_lets_in_with_the_right_password_alone() {
    let t = Cluster::new().await;
    let reason = refusal(&t, |config| log_in(config, "scanyard", "a-wrong-word")).await;
    assert!(reason.contains("queue.kafka.password") && !reason.contains("a-wrong-word"), "{reason}");
    let node = t.node(|config| {
        log_in(config, "scanyard", "scanyard-password");
        config.worker.concurrency = 1;
    });
    let node = node.await;
    let scan = node.submit("default", Priority::Normal, ScanType::Sentinel).await;
    assert_eq!(t.events(&[scan]).await[&scan].len(), 3);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_start_that_is_refused_leaves_no_schema() {
    let t = Cluster::new().await;
    refusal(&t, |config| log_in(config, "scanyard", "a-wrong-word")).await;
    let mut conn = sqlx::AnyConnection::connect(&t.database.options.url).await.unwrap();
    let tables = "SELECT COUNT(*) FROM pg_tables WHERE schemaname = 'public'";
    let tables: i64 = sqlx::query_scalar(tables).fetch_one(&mut conn).await.unwrap();
    assert_eq!(tables, 0);
    assert!(!t.database.dir.path().join("master.key").exists());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_password_file_is_as_good_as_a_password() {
    let t = Cluster::new().await;
    let path = t.database.dir.path().join("password");
    std::fs::write(&path, "scanyard-password\n").unwrap();
    let with_file = |config: &mut Config| {
        log_in(config, "scanyard", "");
        config.queue.kafka.password_file = Some(path.clone());
    };
    assert!(t.open(with_file).await.unwrap().app.queue.kafka().unwrap().trouble().is_none());
    std::fs::remove_file(&path).unwrap();
    let reason = refusal(&t, with_file).await;
    assert!(reason.contains("queue.kafka.password_file") && reason.contains("password"), "{reason}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_user_without_rights_is_told_the_topic_and_what_to_do() {
    let t = Cluster::new().await;
    let reason = refusal(&t, |config| log_in(config, "nobody", "nobody-password")).await;
    let topic = format!("{}.work.", t.prefix);
    assert!(reason.contains(&topic) || reason.contains(&format!("{}.events", t.prefix)), "{reason}");
    assert!(reason.contains("kafka-topics.sh") && reason.contains("--create"), "{reason}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_worker_that_may_not_listen_is_refused_and_told_of_what() {
    let t = Cluster::new().await;
    for (user, lacks) in
        [("writer", format!("group {}.workers.", t.prefix)), ("member", format!("topic {}.work.", t.prefix))]
    {
        let worker = |config: &mut Config| {
            log_in(config, user, &format!("{user}-password"));
            config.worker.concurrency = 1;
        };
        let reason = refusal(&t, worker).await;
        assert!(reason.contains("queue.kafka.username") && reason.contains(&lacks), "{reason}");
        // Who runs nothing need not listen.
        let api = t.open(|config| log_in(config, user, &format!("{user}-password"))).await.unwrap();
        assert_eq!(api.app.queue.kafka().unwrap().trouble(), None);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_broker_that_wants_a_login_refuses_a_start_without_one() {
    let t = Cluster::new().await;
    let reason = refusal(&t, |config| config.queue.kafka.brokers = vec![told("SCANYARD_TEST_KAFKA_SASL")]).await;
    assert!(reason.contains("queue.kafka.security"), "{reason}");
}

#[tokio::test(flavor = "multi_thread")]
async fn brokers_that_are_down_do_not_stop_a_start() {
    let t = Cluster::new().await;
    let node = t.node(|config| {
        config.queue.kafka.brokers = vec!["127.0.0.1:9".into()];
        config.queue.kafka.connect_timeout = Duration::from_millis(200);
        config.queue.poll = Duration::from_millis(100);
        config.worker.concurrency = 1;
    });
    let node = node.await;
    assert!(node.app.queue.kafka().unwrap().trouble().is_some());
    let scan = node.submit("default", Priority::Normal, ScanType::Sentinel).await;
    node.ended(&[scan]).await;
    let status = scanyard_server::status::look(&node.app).await;
    let kafka = status.queue.kafka.unwrap();
    assert_eq!((status.queue.part.status.as_str(), kafka.is_reached, kafka.undelivered), ("degraded", false, Some(3)));
    let full = t.open(|config| {
        config.queue.kafka.brokers = vec!["127.0.0.1:9".into()];
        config.queue.kafka.connect_timeout = Duration::from_millis(200);
        config.queue.kafka.max_backlog = 2;
    });
    let status = scanyard_server::status::look(&full.await.unwrap().app).await;
    assert_eq!(status.queue.kafka.unwrap().undelivered, Some(3), "the number does not stop at the limit");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_broker_that_hangs_does_not_stop_a_start() {
    let t = Cluster::new().await;
    // The system takes the connections, and nobody ever answers.
    let silent = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let node = t.node(|config| {
        log_in(config, "scanyard", "scanyard-password");
        config.queue.kafka.brokers = vec![silent.local_addr().unwrap().to_string()];
        // Longer than librdkafka's own first question.
        config.queue.kafka.connect_timeout = Duration::from_secs(12);
    });
    let trouble = node.await.app.queue.kafka().unwrap().trouble().unwrap();
    assert!(trouble.contains("Timed out"), "{trouble}");
}
