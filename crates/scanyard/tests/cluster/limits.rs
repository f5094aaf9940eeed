//! What is counted is counted once, on however many nodes.

use crate::node::Cluster;
use crate::server::Server;
use serde_json::json;

const MANY: (&str, &str) = ("SCANYARD_LIMITS_PER_MINUTE", "100000");

/// How many of the calls are answered with `status`, all of them at one time and in turn to each node.
fn answered(nodes: &[Server], calls: usize, call: impl Fn(&Server) -> u16 + Sync, status: u16) -> usize {
    std::thread::scope(|scope| {
        let (nodes, call) = (&nodes, &call);
        let calls: Vec<_> = (0..calls).map(|at| scope.spawn(move || call(&nodes[at % nodes.len()]))).collect();
        calls.into_iter().map(|call| call.join().unwrap()).filter(|answer| *answer == status).count()
    })
}

/// The window is a day: this test is not meant to be run at midnight UTC.
#[test]
fn a_rate_limit_holds_on_all_nodes_together() {
    let cluster = Cluster::new();
    let settings = [("SCANYARD_WORKER_CONCURRENCY", "0"), ("SCANYARD_LIMITS_PER_DAY", "50"), MANY];
    let nodes: Vec<Server> = (0..3).map(|_| cluster.serve(&settings)).collect();
    let list = |server: &Server| server.call("GET", "/scans", "").0;
    assert_eq!(answered(&nodes, 30, list, 200), 30);
    assert_eq!(answered(&nodes, 60, list, 200), 20);
    for node in &nodes {
        assert_eq!(list(node), 429);
    }
}

#[test]
fn a_quota_is_exact_on_all_nodes_together() {
    let cluster = Cluster::new();
    let nodes: Vec<Server> = (0..3).map(|_| cluster.serve(&[MANY])).collect();
    let (_, usage) = nodes[0].call("GET", "/usage/summary", "");
    let tenant = format!("/tenants/{}", usage["data"]["tenantId"].as_str().unwrap());
    assert_eq!(nodes[1].call("PATCH", &tenant, r#"{"monthlyQuota": 40}"#).0, 200);
    // A key's holder is believed for a second.
    std::thread::sleep(std::time::Duration::from_secs(2));
    let body = json!({"target": "127.0.0.1", "scanType": "sentinel", "options": {"ports": "64000"}}).to_string();
    let submit = |server: &Server| server.call("POST", "/scans", &body).0;
    assert_eq!(answered(&nodes, 60, submit, 201), 40);
    assert_eq!(nodes[2].call("GET", "/usage/quota", "").1["data"]["used"], 40);
}
