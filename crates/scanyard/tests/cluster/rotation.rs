//! The change of the master key, node by node.

use crate::node::Cluster;
use crate::server::Server;
use serde_json::json;
use std::process::Command;

/// Submits a scan under an idempotency key; its id, or the code of the refusal.
fn submit(server: &Server, key: &str, name: &str) -> String {
    let body = json!({"target": "127.0.0.1", "scanType": "sentinel", "name": name}).to_string();
    let header = format!("Idempotency-Key: {key}\r\n");
    let (_, answer) = server.try_call_with(&header, "POST", "/scans", &body).expect("an answer");
    let said = answer["data"]["id"].as_str().or_else(|| answer["code"].as_str());
    said.unwrap_or_else(|| panic!("{answer}")).to_string()
}

#[test]
fn a_repeat_is_known_at_every_step_of_a_change_of_the_master_key() {
    let cluster = Cluster::new();
    let file = cluster.master_key();
    let before = cluster.serve(&[]);
    let old = submit(&before, "old", "a");

    let lines = std::fs::read_to_string(&file).unwrap();
    let new_line = "7".repeat(64);
    std::fs::write(&file, format!("{new_line}\n{lines}")).unwrap();
    let between = cluster.serve(&[]);
    assert_eq!(submit(&between, "old", "a"), old);
    assert_eq!(submit(&between, "old", "b"), "IDEMPOTENCY_KEY_REUSED");
    let new = submit(&between, "new", "a");
    assert_eq!(submit(&before, "new", "a"), new, "on a node whose turn is still to come");
    assert_eq!(submit(&before, "new", "b"), "IDEMPOTENCY_KEY_REUSED");
    drop(before);

    let mut reseal = Command::new(env!("CARGO_BIN_EXE_scanyard"));
    reseal.arg("reseal").env("SCANYARD_DATABASE_URL", &cluster.url).env("SCANYARD_MASTER_KEY_FILE", &file);
    let done = reseal.output().unwrap();
    assert!(done.status.success(), "{}", String::from_utf8_lossy(&done.stderr));
    assert_eq!(submit(&between, "old", "a"), old);

    std::fs::write(&file, new_line).unwrap();
    let after = cluster.serve(&[]);
    assert_eq!(submit(&after, "new", "a"), new, "although the old key is gone");
    let last = submit(&after, "last", "a");
    assert_eq!(submit(&between, "last", "a"), last);
}
