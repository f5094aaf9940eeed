//! What web servers show, beyond the weak target.

use crate::common::{answering, job, ports, rules_of, run};
use scanyard_engines::job::Outcome;
use scanyard_engines::weak_target::WeakTarget;
use serde_json::json;
use std::net::SocketAddr;

async fn rules_at(address: SocketAddr) -> Vec<String> {
    let report = run(job("127.0.0.1", json!({"ports": ports(&[address])}))).await;
    rules_of(&report.findings, address)
}

/// The path of a request.
fn path_of(request: &[u8]) -> String {
    String::from_utf8_lossy(request).split(' ').nth(1).unwrap_or_default().to_string()
}

fn page(status: &str, headers: &str, body: &str) -> Vec<u8> {
    let length = body.len();
    format!("HTTP/1.1 {status}\r\n{headers}Content-Length: {length}\r\nConnection: close\r\n\r\n{body}").into_bytes()
}

#[tokio::test]
async fn a_server_that_says_yes_to_every_path_exposes_nothing() {
    for body in ["<html>Welcome</html>", "ref: refs/heads/main", "A=1\nB=2", "-- MySQL dump"] {
        let address = answering(move |_| page("200 OK", "", body)).await;
        let rules = rules_at(address).await;
        assert!(!rules.iter().any(|rule| rule.starts_with("http-exposed")), "{body}: {rules:?}");
        assert!(rules.iter().any(|rule| rule.starts_with("http-missing")), "{body}: {rules:?}");
    }
}

#[tokio::test]
async fn a_redirect_is_followed_on_the_same_server_and_nowhere_else() {
    let weak = WeakTarget::start().await.unwrap();
    let report = run(job(&format!("http://{}/old", weak.http), json!({"checks": ["http"]}))).await;
    assert_eq!(report.outcome, Outcome::Completed);
    assert!(rules_of(&report.findings, weak.http).contains(&"http-directory-listing /".to_string()));
    // The other server of this machine must not be asked: it is another port, and so another origin.
    let elsewhere = weak.http;
    let address = answering(move |_| page("302 Found", &format!("Location: http://{elsewhere}/\r\n"), "")).await;
    let report = run(job(&format!("http://{address}/"), json!({"checks": ["http"]}))).await;
    assert_eq!(report.outcome, Outcome::Completed);
    assert!(!rules_of(&report.findings, address).iter().any(|rule| rule.contains("listing")), "{:?}", report.findings);
}

#[tokio::test]
async fn redirects_in_a_circle_end() {
    let address = answering(|request| {
        let to = if path_of(request) == "/" { "/a" } else { "/" };
        page("302 Found", &format!("Location: {to}\r\n"), "")
    })
    .await;
    let report = run(job(&format!("http://{address}/"), json!({"checks": ["http"]}))).await;
    assert_eq!(report.outcome, Outcome::Completed);
}

#[tokio::test]
async fn services_over_http_that_let_everybody_in_are_found() {
    let docker = answering(|request| match path_of(request).as_str() {
        "/version" => page("200 OK", "", r#"{"Version":"27.1","ApiVersion":"1.46","MinAPIVersion":"1.24"}"#),
        _ => page("404 Not Found", "", r#"{"message":"page not found"}"#),
    })
    .await;
    let elasticsearch = answering(|request| match path_of(request).as_str() {
        "/" => page("200 OK", "", r#"{"cluster_name":"logs","version":{"number":"8.1","lucene_version":"9"}}"#),
        _ => page("404 Not Found", "", "{}"),
    })
    .await;
    let etcd = |locked: bool| {
        answering(move |request| match path_of(request).as_str() {
            "/version" => page("200 OK", "", r#"{"etcdserver":"3.5.1","etcdcluster":"3.5.0"}"#),
            "/v3/kv/range" if locked => page("400 Bad Request", "", r#"{"error":"user name is empty"}"#),
            "/v3/kv/range" => page("200 OK", "", r#"{"header":{"cluster_id":"1"},"count":"12"}"#),
            _ => page("404 Not Found", "", "not found"),
        })
    };
    for (address, rule) in
        [(docker, "docker-api-no-auth"), (elasticsearch, "elasticsearch-no-auth"), (etcd(false).await, "etcd-no-auth")]
    {
        assert!(rules_at(address).await.contains(&rule.to_string()), "{rule}");
    }
    assert!(!rules_at(etcd(true).await).await.contains(&"etcd-no-auth".to_string()));
}
