//! Launches: the template's settings, the launch's own, and otherwise all that holds for a submission.

use crate::harness::{Answer, Caller, Test};
use serde_json::{Value, json};

const ALL: &str =
    "scans:create scans:read scans:list templates:create templates:read templates:update templates:delete";

/// Makes a template and gives the path of its launches.
async fn template(caller: &Caller<'_>, mut settings: Value) -> String {
    settings["name"] = json!("nightly");
    if settings.get("scanType").is_none() {
        settings["scanType"] = json!("sentinel");
    }
    let created = caller.again().post("/scan-templates", settings).await;
    format!("/scan-templates/{}/launch", created.ok(201).data()["id"].as_str().unwrap())
}

async fn launch(caller: &Caller<'_>, path: &str, body: Value) -> Answer {
    caller.again().post(path, body).await
}

#[tokio::test]
async fn a_launch_with_a_target_alone_is_a_scan_with_the_templates_settings() {
    let t = Test::new().await;
    let caller = t.key(ALL).made().await;
    let settings = json!({"description": "d", "targetType": "host", "priority": "high", "options": {"ports": "80"},
        "config": {"ports": "81"}, "tags": ["ci"], "timeout": 60});
    let path = template(&caller, settings).await;
    let launched = launch(&caller, &path, json!({"target": "127.0.0.1"})).await;
    let data = launched.ok(201).data().clone();
    let id = data["id"].as_str().unwrap();
    assert_eq!(launched.header("location"), format!("/scan-api/api/v1/scans/{id}?scanType=sentinel"));
    assert_eq!(data["templateId"], path.split('/').nth(2).unwrap());
    for (field, value) in [
        ("name", json!("nightly")),
        ("status", json!("queued")),
        ("target", json!("127.0.0.1")),
        ("targetType", json!("host")),
        ("priority", json!("high")),
        ("options", json!({"ports": "80"})),
        ("config", json!({"ports": "81"})),
        ("tags", json!(["ci"])),
        ("timeout", json!(60)),
    ] {
        assert_eq!(data[field], value, "{field}");
    }
    let scan = caller.again().get(&format!("/scans/{id}?scanType=sentinel")).await;
    let mut queued = data.clone();
    queued["queuePosition"] = json!(1);
    assert_eq!(*scan.ok(200).data(), queued);
    // What is launched stays as it was launched.
    let template = path.trim_end_matches("/launch");
    caller.again().patch(template, json!({"timeout": 61})).await.ok(200);
    caller.again().delete(template).await.ok(200);
    assert_eq!(caller.again().get(&format!("/scans/{id}?scanType=sentinel")).await.ok(200).data(), &queued);
    launch(&caller, &path, json!({"target": "127.0.0.1"})).await.is(404, "TEMPLATE_NOT_FOUND");
    let plain = caller.again().post("/scans", json!({"target": "127.0.0.1", "scanType": "sentinel"})).await;
    assert_eq!(plain.ok(201).data().get("templateId"), None);
}

#[tokio::test]
async fn a_launch_overrides_the_template_options_key_by_key() {
    let t = Test::new().await;
    let caller = t.key(ALL).made().await;
    let settings = json!({"scanType": "nmap", "priority": "low", "options": {"ports": "80", "timing": "T2"},
        "config": {"ports": "81"}, "tags": ["ci"], "timeout": 60, "targetType": "ip"});
    let path = template(&caller, settings).await;
    let body = json!({"target": "127.0.0.1", "name": "now", "priority": "critical", "targetType": "host",
        "options": {"ports": "82"}, "config": {"timing": "T4"}, "tags": [], "timeout": 5, "assetId": "a-1",
        "callbackUrl": "https://hooks.example.test/scan"});
    let launched = launch(&caller, &path, body).await;
    let data = launched.ok(201).data();
    for (field, value) in [
        ("name", json!("now")),
        ("priority", json!("critical")),
        ("targetType", json!("host")),
        ("options", json!({"ports": "82", "timing": "T2"})),
        ("config", json!({"timing": "T4"})),
        ("tags", json!([])),
        ("timeout", json!(5)),
        ("assetId", json!("a-1")),
        ("callbackUrl", json!("https://hooks.example.test/scan")),
    ] {
        assert_eq!(data[field], value, "{field}");
    }
}

#[tokio::test]
async fn a_launch_is_checked_as_a_submission_is() {
    let t = Test::new().await;
    let caller = t.key(ALL).made().await;
    let path = template(&caller, json!({"targetType": "ip"})).await;
    for (body, status, code) in [
        (json!({}), 400, "MISSING_REQUIRED_FIELD"),
        (json!({"target": 1}), 400, "INVALID_FIELD_TYPE"),
        (json!({"target": "127.0.0.1", "scanType": "sentinel"}), 400, "UNKNOWN_FIELD"),
        (json!({"target": "127.0.0.1", "priority": "urgent"}), 400, "INVALID_PRIORITY"),
        (json!({"target": "127.0.0.1", "timeout": 0}), 400, "INVALID_FIELD_VALUE"),
        (json!({"target": "127.0.0.1", "callbackUrl": "http://127.0.0.1/"}), 400, "INVALID_WEBHOOK_URL"),
        (json!({"target": "127.0.0.1", "options": {"x": 1}}), 400, "UNKNOWN_FIELD"),
        (json!({"target": "-oN"}), 400, "INVALID_TARGET"),
        (json!({"target": "http://127.0.0.1/"}), 400, "INVALID_TARGET"),
        (json!({"target": "nowhere.example.test", "targetType": "host"}), 400, "TARGET_UNRESOLVABLE"),
        (json!({"target": "169.254.169.254"}), 403, "TARGET_NOT_ALLOWED"),
    ] {
        launch(&caller, &path, body).await.is(status, code);
    }
    caller.again().post_text(&path, "{").await.is(400, "INVALID_JSON");
    let bound = t.key(ALL).with(|key| key.allowed_scan_types = Some(vec![])).made().await;
    launch(&bound, &path, json!({"target": "127.0.0.1"})).await.is(403, "SCAN_TYPE_NOT_ALLOWED");
    assert_eq!(t.rows("scan").await, 0);
    t.sql("UPDATE tenant SET monthly_quota = 1").await;
    let caller = t.key(ALL).made().await;
    launch(&caller, &path, json!({"target": "127.0.0.1"})).await.ok(201);
    launch(&caller, &path, json!({"target": "127.0.0.1"})).await.is(429, "QUOTA_EXCEEDED");
}

#[tokio::test]
async fn a_repeated_launch_is_one_scan() {
    let t = Test::new().await;
    let caller = t.key(ALL).made().await;
    let path = template(&caller, json!({})).await;
    let caller = caller.header("idempotency-key", "k");
    let first = launch(&caller, &path, json!({"target": "127.0.0.1"})).await;
    let again = launch(&caller, &path, json!({"target": "127.0.0.1"})).await;
    assert_eq!((again.ok(201).header("idempotency-replayed"), &again.text), ("true", &first.text));
    launch(&caller, &path, json!({"target": "127.0.0.2"})).await.is(422, "IDEMPOTENCY_KEY_REUSED");
    assert_eq!(t.rows("scan").await, 1);
}
