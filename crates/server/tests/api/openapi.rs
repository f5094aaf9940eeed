//! The OpenAPI document: whole, valid, and printed as it is served.

use crate::harness::Test;
use proptest::prelude::*;
use scanyard_contract::scan::CreateScan;
use scanyard_contract::{Code, Support};
use serde_json::Value;

fn document() -> Value {
    serde_json::from_str(&scanyard_server::openapi(&Support::default()).to_pretty_json().unwrap()).unwrap()
}

/// Every operation with its path and verb.
fn operations(document: &Value) -> Vec<(String, &Value)> {
    let mut found = Vec::new();
    for (path, item) in document["paths"].as_object().unwrap() {
        for (verb, operation) in item.as_object().unwrap().iter().filter(|(verb, _)| *verb != "servers") {
            found.push((format!("{verb} {path}"), operation));
        }
    }
    found
}

#[test]
fn the_printed_document_is_current() {
    let path = concat!(env!("CARGO_MANIFEST_DIR"), "/../../docs/openapi.json");
    let printed = std::fs::read_to_string(path).unwrap_or_default();
    let current = scanyard_server::openapi(&Support::default()).to_pretty_json().unwrap();
    if printed.trim_end() != current {
        let fresh = concat!(env!("CARGO_TARGET_TMPDIR"), "/openapi.json");
        std::fs::write(fresh, current + "\n").unwrap();
        panic!("docs/openapi.json is stale: `make generated` prints it anew ({fresh} is what it should be)");
    }
}

#[test]
fn every_operation_documents_each_answer_and_its_codes() {
    let document = document();
    assert_eq!(document["openapi"], "3.1.0");
    let mut ids = std::collections::BTreeSet::new();
    for (name, operation) in operations(&document) {
        assert!(ids.insert(operation["operationId"].as_str().unwrap()), "{name}");
        assert!(!operation["summary"].as_str().unwrap_or_default().is_empty(), "{name} has no summary");
        let responses = operation["responses"].as_object().unwrap();
        for (status, response) in responses {
            assert!(!response["description"].as_str().unwrap().trim().is_empty(), "{name} {status}");
            assert_eq!(response["content"].is_object(), status != "204", "{name} {status}");
            assert!(response["headers"]["X-Request-Id"].is_object(), "{name} {status}");
        }
        for status in ["405", "406", "414", "431", "500", "501", "503", "504"] {
            assert!(responses.contains_key(status), "{name} lacks {status}");
        }
        // Those of sessions look for credentials in the body.
        let is_open = operation.get("security").is_none() && operation["tags"][0] != "sessions";
        assert_eq!(is_open, !responses.contains_key("401"), "{name}");
    }
}

#[test]
fn every_reference_leads_somewhere() {
    fn walk(root: &Value, value: &Value) {
        match value {
            Value::Object(members) => {
                if let Some(Value::String(target)) = members.get("$ref") {
                    let found = root.pointer(target.strip_prefix('#').unwrap());
                    assert!(found.is_some(), "{target} leads nowhere");
                }
                members.values().for_each(|value| walk(root, value));
            }
            Value::Array(items) => items.iter().for_each(|value| walk(root, value)),
            Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => {}
        }
    }
    let document = document();
    walk(&document, &document);
}

#[test]
fn every_schema_of_a_component_is_valid_json_schema() {
    let document = document();
    for (name, schema) in document["components"]["schemas"].as_object().unwrap() {
        let mut root = schema.clone();
        root["components"] = document["components"].clone();
        jsonschema::validator_for(&root).unwrap_or_else(|error| panic!("{name}: {error}"));
    }
}

#[test]
fn examples_name_no_host_but_loopback_and_example_test() {
    let text = document().to_string();
    for (at, _) in text.match_indices("://") {
        let host: String =
            text[at + 3..].chars().take_while(|c| c.is_ascii_alphanumeric() || ".-".contains(*c)).collect();
        assert!(host == "127.0.0.1" || host.ends_with("example.test") || host.is_empty(), "{host}");
    }
}

#[test]
fn every_code_of_a_4xx_or_5xx_is_in_the_catalogue() {
    for (name, operation) in operations(&document()) {
        for (status, response) in
            operation["responses"].as_object().unwrap().iter().filter(|(s, _)| s.as_str() >= "400")
        {
            for line in response["description"].as_str().unwrap().split("\n\n") {
                let code: Code = line.split('`').nth(1).unwrap().parse().unwrap_or_else(|()| panic!("{name}: {line}"));
                assert_eq!(code.status().to_string(), *status);
            }
        }
    }
}

/// A value that is often nearly a scan.
fn nearly_a_scan() -> impl Strategy<Value = Value> {
    let leaf = prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::from),
        any::<i64>().prop_map(Value::from),
        (0..90_000i64).prop_map(Value::from),
        any::<f64>().prop_map(Value::from),
        "[a-z]{0,5}".prop_map(Value::from),
        prop::sample::select(vec!["nmap", "sentinel", "high", "url", "127.0.0.1"]).prop_map(Value::from),
        prop::collection::vec("[a-z]{0,3}", 0..3).prop_map(Value::from),
        Just(serde_json::json!({})),
        Just(serde_json::json!([1])),
    ];
    let fields = ["target", "scanType", "name", "targetType", "priority", "options", "config", "tags", "timeout"];
    let right = serde_json::json!({"target": "127.0.0.1", "scanType": "nmap"});
    prop::collection::vec((prop::sample::select([&fields[..], &["assetId", "other"]].concat()), leaf), 0..4).prop_map(
        move |changes| {
            let mut scan = right.clone();
            for (field, value) in changes {
                scan[field] = value;
            }
            scan
        },
    )
}

proptest! {
    /// What the schema lets through, the type takes: so a caller is never told less than the schema knows.
    #[test]
    fn the_schema_of_a_scan_is_no_wider_than_its_type(scan in nearly_a_scan()) {
        let (root, schema) = scanyard_server::http::openapi::schema("CreateScan");
        let faults = scanyard_server::schema::faults(root, schema, &scan, "");
        let typed = serde_json::from_value::<CreateScan>(scan.clone());
        if faults.is_empty() {
            prop_assert!(typed.is_ok(), "{scan}: {typed:?}");
        }
        if typed.is_err() {
            prop_assert!(!faults.is_empty(), "{scan}");
        }
    }
}

#[tokio::test]
async fn the_document_is_served_without_a_key() {
    let t = Test::new().await;
    for path in ["/scan-api/api/v1/openapi.json", "/api/v1/openapi.json"] {
        let served = t.nobody().get(path).await;
        assert_eq!(served.ok(200).body["servers"][1]["url"], "/api/v1");
        assert_eq!(served.body["info"]["contact"]["email"], "help@example.test");
    }
}
