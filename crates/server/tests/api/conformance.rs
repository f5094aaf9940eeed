//! Each code that the server can answer so far, with the request that provokes it.

use crate::harness::{Answer, Caller, Test};
use crate::record;
use axum::body::Body;
use http::Method;
use scanyard_contract::Code::{self, *};
use scanyard_contract::wire::Failed;
use scanyard_server::config::Config;
use serde_json::json;
use std::time::Duration;

const ALL: &str = "scans:create scans:read scans:list scans:cancel results:read";
const NO_SCAN: &str = "/scans/019bc000-0000-7000-8000-000000000000";

/// Submits this body.
async fn submit(t: &Test, body: serde_json::Value) -> Answer {
    t.key(ALL).post("/scans", body).await
}

/// Submits a scan that is fine but for one field.
async fn submit_with(t: &Test, field: &str, value: serde_json::Value) -> Answer {
    let mut body = json!({"target": "127.0.0.1", "scanType": "sentinel"});
    body[field] = value;
    submit(t, body).await
}

/// Submits a scan and leaves it in this status.
async fn scan_in(t: &Test, caller: &Caller<'_>, status: &str) -> String {
    let body = json!({"target": "127.0.0.1", "scanType": "sentinel"});
    let created = caller.again().post("/scans", body).await;
    t.sql("DELETE FROM job").await;
    t.sql(&format!("UPDATE scan SET status = '{status}'")).await;
    created.ok(201).data()["id"].as_str().unwrap().to_string()
}

async fn cancel_in(t: &Test, status: &str) -> Answer {
    let caller = t.key(ALL).made().await;
    let id = scan_in(t, &caller, status).await;
    caller.post_text(&format!("/scans/{id}/cancel?scanType=sentinel"), "").await
}

async fn log_in(t: &Test) -> Answer {
    t.nobody().post("/auth/login", json!({"email": "ada@example.test", "password": "x"})).await
}

/// An admin makes a user.
async fn make_user(t: &Test, role: &str, password: serde_json::Value) -> Answer {
    let body = json!({"email": "ada@example.test", "role": role, "password": password});
    t.session("admin").post("/users", body).await
}

/// A caller whose key's row was changed.
async fn changed(t: &Test, change: &str) -> Answer {
    let caller = t.key(ALL).made().await;
    t.sql(&format!("UPDATE api_key SET {change}")).await;
    caller.get("/scans").await
}

/// The request that provokes a code.
async fn provoke(t: &Test, code: Code) -> Answer {
    let get = |path: &'static str| t.key(ALL).get(path);
    match code {
        MissingApiKey => t.nobody().get("/scans").await,
        InvalidApiKey => t.nobody().header("x-api-key", "x").get("/scans").await,
        KeyExpired => changed(t, "expires_at = 0").await,
        KeyRevoked => changed(t, "status = 'revoked'").await,
        KeySuspended => changed(t, "status = 'suspended'").await,
        InsufficientScope => t.key("scans:read").get("/scans").await,
        ScanTypeNotAllowed => {
            let bound = t.key(ALL).with(|key| key.allowed_scan_types = Some(vec![]));
            bound.post("/scans", json!({"target": "127.0.0.1", "scanType": "sentinel"})).await
        }
        IpNotAllowed => t.key(ALL).with(|key| key.allowed_ips = Some(vec![])).get("/scans").await,
        TenantSuspended => {
            let caller = t.key(ALL).made().await;
            t.sql("UPDATE tenant SET status = 'suspended'").await;
            caller.get("/scans").await
        }
        TargetNotAllowed => submit_with(t, "target", json!("169.254.169.254")).await,
        ScanNotFound => get(NO_SCAN).await,
        InvalidScanType => submit_with(t, "scanType", json!("nessus")).await,
        InvalidTarget => submit_with(t, "target", json!("-oN")).await,
        TargetUnresolvable => submit_with(t, "target", json!("nowhere.example.test")).await,
        InvalidPriority => submit_with(t, "priority", json!("urgent")).await,
        ScanAlreadyCompleted => cancel_in(t, "completed").await,
        ScanAlreadyCancelled => cancel_in(t, "cancelled").await,
        ScanAlreadyFailed => cancel_in(t, "failed").await,
        ResultsNotReady => {
            let caller = t.key(ALL).made().await;
            let id = scan_in(t, &caller, "running").await;
            caller.get(&format!("/scans/{id}/results?scanType=sentinel")).await
        }
        ReportNotFound => {
            let caller = t.key(ALL).made().await;
            let id = scan_in(t, &caller, "completed").await;
            let path = format!("/scans/{id}/report?scanType=sentinel");
            caller.header("accept", "application/octet-stream").get(&path).await
        }
        ScanNotFinished => {
            let caller = t.key("scans:create scans:delete").made().await;
            let id = scan_in(t, &caller, "running").await;
            caller.send(Method::DELETE, &format!("/scans/{id}?scanType=sentinel"), Body::empty()).await
        }
        TooManyStreams => {
            let t = Test::with(|config: &mut Config| config.http.max_event_streams = 1).await;
            let caller = t.key(ALL).made().await;
            let id = scan_in(&t, &caller, "running").await;
            let path = format!("/scans/{id}/events?scanType=sentinel");
            let (_, _open) = caller.again().open(Method::GET, &path, Body::empty()).await;
            caller.get(&path).await
        }
        ConsentRequired => submit(t, json!({"target": "example.test", "scanType": "sublist3r"})).await,
        EngineUnavailable => submit(t, json!({"target": "http://127.0.0.1/", "scanType": "zap"})).await,
        TenantNotFound => t.key("tenants:read").get("/tenants/019bc000-0000-7000-8000-000000000000").await,
        DuplicateTenantName => t.key("tenants:create").post("/tenants", json!({"name": "default"})).await,
        OperatorTenant => {
            let caller = t.key("tenants:read tenants:update").made().await;
            let id = caller.again().get("/tenants").await.data()[0]["id"].as_str().unwrap().to_string();
            caller.post_text(&format!("/tenants/{id}/suspend"), "").await
        }
        ApiKeyNotFound | ApiKeyRevoked | InvalidScope | SessionRequired => crate::api_keys::provoke(t, code).await,
        UploadNotFound => t.key("uploads:read").get("/uploads/project.tar.gz").await,
        InvalidUpload => {
            let caller = t.key("uploads:create").header("content-type", "application/json");
            caller.post_text("/uploads", "{}").await
        }
        TemplateNotFound => t.key("templates:read").get("/scan-templates/nightly").await,
        TemplateNameRequired => {
            t.key("templates:create").post("/scan-templates", json!({"name": " ", "scanType": "nmap"})).await
        }
        DuplicateTemplateName => {
            let caller = t.key("templates:create").made().await;
            let body = json!({"name": "nightly", "scanType": "nmap"});
            caller.again().post("/scan-templates", body.clone()).await.ok(201);
            caller.post("/scan-templates", body).await
        }
        RateLimitExceeded => {
            let caller = t.key(ALL).with(|key| key.limits = [1, 9, 9]).made().await;
            caller.again().get("/scans").await.ok(200);
            caller.get("/scans").await
        }
        QuotaExceeded => {
            t.sql("UPDATE tenant SET monthly_quota = 0").await;
            submit(t, json!({"target": "127.0.0.1", "scanType": "sentinel"})).await
        }
        InvalidJson => t.key(ALL).post_text("/scans", "{").await,
        MissingRequiredField => submit(t, json!({"scanType": "nmap"})).await,
        InvalidFieldType => submit_with(t, "target", json!(1)).await,
        InvalidFieldValue => submit_with(t, "timeout", json!(0)).await,
        UnknownField => submit_with(t, "colour", json!("red")).await,
        InvalidPage => get("/scans?page=0").await,
        InvalidLimit => get("/scans?limit=101").await,
        UnknownParameter => get("/scans?colour=red").await,
        InvalidParameter => get("/scans?status=done").await,
        InvalidIdempotencyKey => t.key(ALL).header("idempotency-key", "").post("/scans", json!({})).await,
        IdempotencyKeyReused => {
            let caller = t.key(ALL).header("idempotency-key", "k").made().await;
            let body = |target: &str| json!({"target": target, "scanType": "sentinel"});
            caller.again().post("/scans", body("127.0.0.1")).await.ok(201);
            caller.post("/scans", body("127.0.0.2")).await
        }
        IdempotencyInProgress => in_progress().await,
        WebhookNotFound
        | InvalidWebhookUrl
        | WebhookUrlUnreachable
        | InvalidWebhookEvent
        | WebhookDisabled
        | DeliveryNotFound
        | SecretAlreadyShown => crate::hooked::provoke(code).await,
        RouteNotFound => get("/nowhere").await,
        ErrorNotFound => get("/errors/NO_SUCH_CODE").await,
        MethodNotAllowed => t.key(ALL).send(Method::PUT, "/scans", Body::empty()).await,
        NotAcceptable => t.key(ALL).header("accept", "text/html").get("/scans").await,
        RequestTimeout => slow_body().await,
        PayloadTooLarge => t.key(ALL).post_text("/scans", " ".repeat(1024 * 1024 + 1)).await,
        UriTooLong => t.key(ALL).get(&format!("/scans?x={}", "x".repeat(9000))).await,
        UnsupportedMediaType => t.key(ALL).header("content-type", "text/xml").post_text("/scans", "<a/>").await,
        HeadersTooLarge => t.key(ALL).header("x-padding", &"x".repeat(17_000)).get("/scans").await,
        NotImplemented => t.key(ALL).send("BREW".parse().unwrap(), "/scans", Body::empty()).await,
        OperationTimeout => slow_server().await,
        InternalError => {
            let caller = t.key(ALL).made().await;
            caller.again().get("/scans").await.ok(200);
            t.sql("ALTER TABLE scan_count RENAME TO elsewhere").await;
            caller.get("/scans").await
        }
        ServiceUnavailable => full_house().await,
        DatabaseError => {
            let caller = t.key(ALL).made().await;
            t.app.store.close().await;
            caller.get("/scans").await
        }
        InvalidToken => t.nobody().header("authorization", "Bearer x").get("/scans").await,
        TokenExpired => {
            let caller = t.session("viewer").made().await;
            t.pass(15 * 60 * 1000);
            caller.get("/scans").await
        }
        UserSuspended => {
            let caller = t.session("viewer").made().await;
            t.sql("UPDATE app_user SET status = 'suspended'").await;
            caller.get("/scans").await
        }
        ImpersonationNotAllowed => t.session("viewer").header("x-impersonate", "usr-1").get("/scans").await,
        InvalidCredentials => log_in(t).await,
        AccountLocked => {
            for _ in 0..5 {
                log_in(t).await.is(401, "INVALID_CREDENTIALS");
            }
            log_in(t).await
        }
        PasswordPolicyViolation => make_user(t, "viewer", json!("x")).await,
        UserNotFound => t.session("owner").get("/users/usr-1").await,
        DuplicateEmail => {
            make_user(t, "viewer", json!("Correct-Horse-1")).await.ok(201);
            make_user(t, "viewer", json!("Correct-Horse-1")).await
        }
        LastOwner => {
            let owner = t.session("owner").made().await;
            owner.again().delete(&format!("/users/{}", owner.user_id())).await
        }
        InsufficientRole => make_user(t, "owner", json!("Correct-Horse-1")).await,
        KafkaError => told_nothing().await,
    }
}

/// Kafka is away, and as many moves wait for it as may.
async fn told_nothing() -> Answer {
    let t = Test::with(|config: &mut Config| {
        config.queue.kafka.brokers = vec!["127.0.0.1:9".into()];
        config.queue.kafka.connect_timeout = Duration::from_millis(100);
        config.queue.kafka.max_backlog = 1;
    });
    let t = t.await;
    t.sql("INSERT INTO kafka_message (id, scan_id, priority) VALUES (1, 's', 'normal')").await;
    submit(&t, json!({"target": "127.0.0.1", "scanType": "sentinel"})).await
}

/// One connection more than there are seats.
async fn full_house() -> Answer {
    let t = Test::with(|config: &mut Config| config.http.max_connections = 1).await;
    let _seated = tokio::net::TcpStream::connect(t.address().await).await.unwrap();
    t.key(ALL).get("/scans").await
}

/// A body that never ends.
async fn slow_body() -> Answer {
    let t = Test::with(|config: &mut Config| config.http.body_timeout = Duration::from_millis(20)).await;
    let caller = t.key(ALL).made().await;
    caller.post_text("/scans", Body::from_stream(futures::stream::pending::<Result<Vec<u8>, std::io::Error>>())).await
}

/// A server that has no time at all.
async fn slow_server() -> Answer {
    let t = Test::with(|config: &mut Config| config.http.request_timeout = Duration::ZERO).await;
    let timed_out = submit(&t, json!({"target": "127.0.0.1", "scanType": "sentinel"})).await;
    assert!(timed_out.details()[0].contains("the outcome is unknown"), "{:?}", timed_out.details());
    timed_out
}

/// One of two requests waits a second for DNS; the other has not that much patience.
async fn in_progress() -> Answer {
    let t = Test::with(|config: &mut Config| config.http.request_timeout = Duration::from_millis(1_500)).await;
    let caller = t.key(ALL).header("idempotency-key", "k").made().await;
    let body = || json!({"target": "silent.example.test", "scanType": "sentinel"});
    let (one, other) = tokio::join!(caller.again().post("/scans", body()), caller.again().post("/scans", body()));
    let (first, again) = if one.status == 201 { (one, other) } else { (other, one) };
    first.ok(201);
    assert_eq!(again.header("retry-after"), "1");
    again
}

/// Provokes every code over real HTTP, and prints what was asked and answered.
#[tokio::test]
async fn each_code_is_provoked() {
    record::go_over_http();
    let mut printed = HEAD.to_string();
    for code in Code::ALL {
        let t = Test::new().await;
        let answer = provoke(&t, *code).await;
        answer.is(code.status(), code.as_str());
        printed.push_str(&row(*code, &answer));
    }
    let path = concat!(env!("CARGO_MANIFEST_DIR"), "/../../docs/CONFORMANCE.md");
    if std::env::var_os("SCANYARD_TEST_PRINT").is_some() {
        std::fs::write(path, &printed).unwrap();
    }
    let kept = std::fs::read_to_string(path).unwrap_or_default();
    assert!(kept == printed, "docs/CONFORMANCE.md is stale: `make generated` prints it anew");
}

const HEAD: &str = "# Conformance

Every code of the Scan API with a request that provokes it and the whole answer, as the test suite sent and got them over
HTTP: `make generated` prints this page, and the suite fails when it is not what the server does. Keys, tokens and passwords
are blotted out (`…`), ids that are new every time are `<uuid>`.
";

/// A code's part of the page.
fn row(code: Code, answer: &Answer) -> String {
    let failed: Failed = serde_json::from_str(&answer.text).unwrap();
    let headers = ["allow", "retry-after", "www-authenticate"].into_iter().filter_map(|name| {
        let value = answer.headers.get(name)?.to_str().ok()?;
        Some(format!("{name}: {value}\n"))
    });
    let text = format!(
        "\n## `{}`\n\n```http\n{}\n```\n\n```http\nHTTP/1.1 {}\n{}\n{}\n```\n",
        code.as_str(),
        answer.asked,
        answer.status,
        headers.collect::<String>(),
        serde_json::to_string_pretty(&failed).unwrap(),
    );
    record::steady(&text)
}

#[test]
fn every_code_is_documented_by_some_operation() {
    let text = scanyard_server::openapi(&scanyard_contract::Support::default()).to_json().unwrap();
    for code in Code::ALL {
        // A route that does not exist has no operation that could document it.
        let is_documented = text.contains(&format!("`{}`", code.as_str())) || *code == RouteNotFound;
        assert!(is_documented, "{}", code.as_str());
    }
}
