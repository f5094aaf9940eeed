//! Arbitrary answers: nothing panics, and the same answer is always the same failure.

use http::{HeaderMap, HeaderName, HeaderValue};
use proptest::prelude::*;
use scanyard_contract::{Context, Contract, Service, classify, classify_success};
use std::time::{Duration, SystemTime};

fn contexts() -> impl Iterator<Item = Context<'static>> {
    Contract::ALL.iter().flat_map(|contract| {
        let services = contract.services().map(Some).chain([None]);
        services.map(|service| Context::of(*contract, service))
    })
}

const NAMES: [&str; 8] = [
    "retry-after",
    "content-type",
    "x-zscaler-mode",
    "x-ratelimit-reset",
    "x-rate-limit-retry-after-seconds",
    "ratelimit-reset",
    "x-request-uuid",
    "x-transaction-id",
];

/// JSON as the vendors' bodies have it, with anything in any member.
fn document() -> impl Strategy<Value = String> {
    let member = prop::sample::select(vec![
        "code",
        "id",
        "message",
        "reason",
        "error",
        "errors",
        "params",
        "validation",
        "detail",
        "Retry-After",
        "exception",
        "errorCode",
        "errorMsg",
        "statusCode",
        "active_job_id",
        "title",
    ]);
    let value = prop_oneof![
        any::<String>().prop_map(|text| serde_json::json!(text)),
        any::<i64>().prop_map(|number| serde_json::json!(number)),
        Just(serde_json::json!(null)),
        Just(serde_json::json!([{"code": "x", "message": "y", "field": "z"}, 1])),
        Just(serde_json::json!({"keys": ["a", 1], "source": "payload", "message": {"message": "deep"}})),
        Just(serde_json::json!("{\"error\": \"{\\\"message\\\": \\\"inner\\\"}\"}")),
    ];
    prop::collection::vec((member, value), 0..6).prop_map(|members| {
        let object: serde_json::Map<String, serde_json::Value> =
            members.into_iter().map(|(name, value)| (name.to_string(), value)).collect();
        serde_json::Value::Object(object).to_string()
    })
}

fn judge_twice(status: u16, headers: &HeaderMap, body: &[u8]) -> Result<(), TestCaseError> {
    let now = SystemTime::UNIX_EPOCH + Duration::from_secs(1_700_000_000);
    for context in contexts() {
        let first = classify(&context, status, headers, body, now);
        let second = classify(&context, status, headers, body, now);
        prop_assert_eq!(&first, &second);
        prop_assert!(!first.message.is_empty());
        prop_assert!(!first.message.chars().any(char::is_control));
        prop_assert_eq!(
            classify_success(&context, 200, headers, body, now),
            classify_success(&context, 200, headers, body, now)
        );
    }
    Ok(())
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn any_bytes_are_some_failure(status in 0u16..1000, body in prop::collection::vec(any::<u8>(), 0..300),
        values in prop::collection::vec((prop::sample::select(NAMES.to_vec()), "[ -~]{0,40}"), 0..4)) {
        let pairs = values.iter().map(|(name, value)| {
            (HeaderName::from_static(name), HeaderValue::from_str(value).unwrap())
        });
        judge_twice(status, &HeaderMap::from_iter(pairs), &body)?;
    }

    #[test]
    fn any_document_is_some_failure(status in 200u16..600, body in document()) {
        judge_twice(status, &HeaderMap::new(), body.as_bytes())?;
    }
}

#[test]
fn the_service_of_another_vendor_is_no_trouble() {
    let context = Context { service: Some(Service::Aurora), ..Context::of(Contract::Zscaler, None) };
    classify(&context, 418, &HeaderMap::new(), b"", SystemTime::UNIX_EPOCH);
}

#[test]
fn a_document_nested_beyond_reason_is_judged_by_its_status() {
    let deep = "[".repeat(100_000);
    let context = Context::of(Contract::Tenable, None);
    let got = classify(&context, 500, &HeaderMap::new(), deep.as_bytes(), SystemTime::UNIX_EPOCH);
    assert_eq!(got.kind, scanyard_contract::Kind::Server);
}
