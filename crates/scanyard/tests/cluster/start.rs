//! What keeps a node from starting, and what it says.

use crate::API;
use crate::node::{Cluster, refusal};
use std::fs::Permissions;
use std::net::TcpListener;
use std::os::unix::fs::PermissionsExt;

#[test]
fn a_node_without_the_master_key_says_how_to_copy_it() {
    let cluster = Cluster::new();
    let _api = cluster.serve(API);
    let mut command = cluster.worker_command(&[]);
    command.env("SCANYARD_MASTER_KEY_FILE", cluster.dir.path().join("other.key"));
    let (code, said) = refusal(command);
    assert_eq!(code, Some(3), "{said}");
    assert!(said.contains("copy the key file of the node that made the database"), "{said}");
    assert!(!cluster.dir.path().join("other.key").exists(), "a new key would only hide the fault");
    // A key of its own is no better.
    let wrong = cluster.dir.path().join("wrong.key");
    std::fs::write(&wrong, format!("{}\n", "5a".repeat(32))).unwrap();
    std::fs::set_permissions(&wrong, Permissions::from_mode(0o600)).unwrap();
    let mut command = cluster.worker_command(&[]);
    command.env("SCANYARD_MASTER_KEY_FILE", &wrong);
    let (code, said) = refusal(command);
    assert_eq!(code, Some(3), "{said}");
    assert!(said.contains("wrong.key does not hold"), "{said}");
}

#[test]
fn a_worker_needs_postgresql_and_something_to_do() {
    let cluster = Cluster::new();
    let mut command = cluster.worker_command(&[]);
    command.env_remove("SCANYARD_DATABASE_URL");
    let (code, said) = refusal(command);
    assert_eq!(code, Some(2), "{said}");
    assert!(said.contains("database.url: is SQLite") && said.contains("scanyard serve"), "{said}");
    let idle = [("SCANYARD_WORKER_CONCURRENCY", "0"), ("SCANYARD_WEBHOOKS_CONCURRENCY", "0")];
    let (code, said) = refusal(cluster.worker_command(&idle));
    assert_eq!(code, Some(2), "{said}");
    assert!(said.contains("nothing to do"), "{said}");
}

#[test]
fn labels_and_engines_that_cannot_be_are_named() {
    let cluster = Cluster::new();
    let (code, said) = refusal(cluster.worker_command(&[("SCANYARD_WORKER_LABELS", "DMZ 1")]));
    assert_eq!(code, Some(2), "{said}");
    assert!(said.contains("worker.labels (from SCANYARD_WORKER_LABELS)"), "{said}");
    let missing = [("SCANYARD_WORKER_ENGINES", "nikto"), ("SCANYARD_ENGINES_NIKTO_PATH", "/nonexistent/nikto")];
    let (code, said) = refusal(cluster.worker_command(&missing));
    assert_eq!(code, Some(2), "{said}");
    assert!(said.contains("worker.engines: names nikto") && said.contains("/nonexistent/nikto"), "{said}");
}

#[test]
fn a_start_that_is_refused_leaves_nothing_behind() {
    let cluster = Cluster::new();
    let used = TcpListener::bind("127.0.0.1:0").unwrap();
    let used = used.local_addr().unwrap().to_string();
    let kafka = [
        ("SCANYARD_QUEUE_KAFKA_BROKERS", "127.0.0.1:9"),
        ("SCANYARD_QUEUE_KAFKA_SECURITY", "sasl-plain"),
        ("SCANYARD_QUEUE_KAFKA_USERNAME", "scanyard"),
        ("SCANYARD_QUEUE_KAFKA_PASSWORD_FILE", "/nonexistent/password"),
    ];
    let engine = [("SCANYARD_WORKER_ENGINES", "nikto"), ("SCANYARD_ENGINES_NIKTO_PATH", "/nonexistent/nikto")];
    let faults: [(&[(&str, &str)], i32, &str); 5] = [
        (&[("SCANYARD_WORKER_LISTEN", used.as_str())], 3, "worker.listen: "),
        (&kafka, 2, "queue.kafka.password_file: "),
        (&engine, 2, "worker.engines: "),
        (&[("SCANYARD_WEBHOOKS_CA_FILE", "/nonexistent/ca.pem")], 2, "webhooks.ca_file: "),
        (&[("SCANYARD_MASTER_KEY_FILE", "/nonexistent/master.key")], 2, "master_key_file: /nonexistent/master.key: "),
    ];
    for (settings, exit, said) in faults {
        let (code, text) = refusal(cluster.worker_command(settings));
        assert_eq!(code, Some(exit), "{text}");
        assert!(text.contains(said), "{said:?} is not in: {text}");
        let tables = "SELECT COUNT(*) FROM pg_tables WHERE schemaname = 'public'";
        assert_eq!(cluster.value(tables), "0", "there is a schema after: {text}");
        assert!(!cluster.dir.path().join("master.key").exists(), "there is a master key after: {text}");
    }
}

#[test]
fn a_node_whose_port_is_used_never_counts_as_a_worker() {
    let cluster = Cluster::new();
    let api = cluster.serve(API);
    let command =
        cluster.worker_command(&[("SCANYARD_WORKER_LABELS", "dmz"), ("SCANYARD_WORKER_LISTEN", &api.address)]);
    let (code, said) = refusal(command);
    assert_eq!(code, Some(3), "{said}");
    assert!(said.contains(&api.address), "{said}");
    assert_eq!(cluster.value("SELECT COUNT(*) FROM worker WHERE labels LIKE '%dmz%'"), "0");
}
