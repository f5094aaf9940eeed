//! TLS and SCRAM: only with the feature `kafka-tls`.

use crate::cluster::{Cluster, refusal, told};
use scanyard_contract::{Priority, ScanType};
use scanyard_server::config::{Config, Secret, Security};

fn log_in(config: &mut Config, password: &str) {
    let kafka = &mut config.queue.kafka;
    kafka.brokers = vec![told("SCANYARD_TEST_KAFKA_TLS")];
    kafka.security = Security::TlsScramSha512;
    kafka.username = Some("scanyard".into());
    kafka.password = Secret::new(password);
    kafka.ca_file = Some(told("SCANYARD_TEST_KAFKA_CA").into());
}

#[tokio::test(flavor = "multi_thread")]
async fn scram_over_tls_lets_in_with_the_right_password_alone() {
    let t = Cluster::new().await;
    let node = t.node(|config| {
        log_in(config, "scanyard-password");
        config.worker.concurrency = 1;
    });
    let node = node.await;
    let scan = node.submit("default", Priority::Normal, ScanType::Sentinel).await;
    assert_eq!(t.events(&[scan]).await[&scan].len(), 3);
    let reason = refusal(&t, |config| log_in(config, "a-wrong-word")).await;
    assert!(reason.contains("queue.kafka.password") && !reason.contains("a-wrong-word"), "{reason}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_broker_whose_authority_is_not_known_is_refused() {
    let t = Cluster::new().await;
    let key = rcgen::KeyPair::generate().unwrap();
    let other = rcgen::CertificateParams::new(vec!["127.0.0.1".to_string()]).unwrap().self_signed(&key).unwrap();
    let path = t.database.dir.path().join("other.pem");
    std::fs::write(&path, other.pem()).unwrap();
    let with_other = |config: &mut Config| {
        log_in(config, "scanyard-password");
        config.queue.kafka.ca_file = Some(path);
    };
    let reason = refusal(&t, with_other).await;
    assert!(reason.contains("queue.kafka.ca_file"), "{reason}");
}

#[tokio::test(flavor = "multi_thread")]
async fn plain_settings_at_a_broker_with_tls_name_the_setting() {
    let t = Cluster::new().await;
    let reason = refusal(&t, |config| config.queue.kafka.brokers = vec![told("SCANYARD_TEST_KAFKA_TLS")]).await;
    assert!(reason.contains("queue.kafka.security"), "{reason}");
}
