//! Registering, changing and testing webhooks.

use crate::harness::Test;
use crate::hooked::{ALL, Hooked, path};
use crate::receiver::{Receiver, Reply};
use axum::body::Body;
use http::Method;
use scanyard_contract::ScanStatus;
use serde_json::{Value, json};
use tokio::net::TcpListener;

async fn delete(h: &Hooked, webhook: &Value) -> crate::harness::Answer {
    h.caller().send(Method::DELETE, &path(webhook), Body::empty()).await
}

#[tokio::test]
async fn a_new_webhook_shows_its_secret_once() {
    let h = Hooked::new().await;
    let body = json!({"name": "ci", "url": h.receiver.url()});
    let created = h.caller().post("/webhooks", body).await;
    let data = created.ok(201).data().clone();
    let fields: Vec<&str> = data.as_object().unwrap().keys().map(String::as_str).collect();
    assert_eq!(fields, ["createdAt", "events", "id", "isActive", "isHealthy", "name", "secret", "url"]);
    assert_eq!(data["events"], json!(["scan.completed", "scan.failed"]));
    assert_eq!((&data["isActive"], &data["isHealthy"]), (&json!(true), &json!(true)));
    let secret = data["secret"].as_str().unwrap();
    assert_eq!((secret.len(), &secret[..6]), (58, "whsec_"));
    assert_eq!(created.header("location"), format!("/scan-api/api/v1{}", path(&data)));

    let read = h.caller().get(&path(&data)).await;
    let listed = h.caller().get("/webhooks").await;
    assert_eq!(listed.ok(200).data(), &json!([read.ok(200).data()]));
    assert_eq!(listed.body["pagination"]["total"], 1);
    for answer in [read, listed] {
        assert!(!answer.text.contains("whsec_") && !answer.text.contains(&secret[6..]), "{}", answer.text);
    }
    assert!(h.receiver.calls().is_empty(), "a probe makes no request");
    let stored: String = sqlx::query_scalar("SELECT secret FROM webhook")
        .fetch_one(&mut *h.t.app.store.read().await.unwrap())
        .await
        .unwrap();
    assert!(!stored.contains(&secret[6..]));
}

#[tokio::test]
async fn what_is_wrong_with_a_new_webhook_is_told_before_it_is_probed() {
    let h = Hooked::new().await;
    let closed = "https://127.0.0.1:1/";
    for (body, status, code) in [
        (json!({"url": closed}), 400, "MISSING_REQUIRED_FIELD"),
        (json!({"name": "a"}), 400, "MISSING_REQUIRED_FIELD"),
        (json!({"name": 1, "url": closed}), 400, "INVALID_FIELD_TYPE"),
        (json!({"name": "", "url": closed}), 400, "INVALID_FIELD_VALUE"),
        (json!({"name": " ", "url": closed}), 400, "INVALID_FIELD_VALUE"),
        (json!({"name": "a\u{7}", "url": closed}), 400, "INVALID_FIELD_VALUE"),
        (json!({"name": "a".repeat(256), "url": closed}), 400, "INVALID_FIELD_VALUE"),
        (json!({"name": "a", "url": format!("https://127.0.0.1/{}", "x".repeat(2048))}), 400, "INVALID_FIELD_VALUE"),
        (json!({"name": "a", "url": closed, "events": []}), 400, "INVALID_FIELD_VALUE"),
        (json!({"name": "a", "url": closed, "events": "scan.completed"}), 400, "INVALID_FIELD_TYPE"),
        (json!({"name": "a", "url": closed, "colour": "red"}), 400, "UNKNOWN_FIELD"),
        (json!({"name": "a", "url": closed, "events": ["scan.done"]}), 400, "INVALID_WEBHOOK_EVENT"),
        (json!({"name": "a", "url": closed, "events": ["ping"]}), 400, "INVALID_WEBHOOK_EVENT"),
        (json!({"name": "a", "url": "http://127.0.0.1/"}), 400, "INVALID_WEBHOOK_URL"),
        (json!({"name": "a", "url": "https://u:p@127.0.0.1/"}), 400, "INVALID_WEBHOOK_URL"),
        (json!({"name": "a", "url": "hooks"}), 400, "INVALID_WEBHOOK_URL"),
        (json!({"name": "a", "url": closed}), 400, "WEBHOOK_URL_UNREACHABLE"),
    ] {
        h.caller().post("/webhooks", body).await.is(status, code);
    }
    assert_eq!(h.t.rows("webhook").await, 0);
}

#[tokio::test]
async fn an_unknown_event_is_told_with_the_four_that_there_are() {
    let h = Hooked::new().await;
    let body = json!({"name": "a", "url": h.receiver.url(), "events": ["scan.completed", "scan.canceled"]});
    let refused = h.caller().post("/webhooks", body).await;
    refused.is(400, "INVALID_WEBHOOK_EVENT");
    assert_eq!(refused.body["error"], "Invalid event type: scan.canceled");
    let expected = "events[1]: must be one of scan.completed, scan.failed, scan.started, scan.cancelled";
    assert_eq!(refused.details(), [expected]);
}

#[tokio::test]
async fn an_event_that_is_given_twice_counts_once() {
    let h = Hooked::new().await;
    let webhook = h.webhook("scan.failed scan.started scan.failed").await;
    assert_eq!(webhook["events"], json!(["scan.failed", "scan.started"]));
}

#[tokio::test]
async fn whatever_a_receiver_answers_it_is_reachable() {
    let h = Hooked::new().await;
    h.receiver.replies(Reply::Status(500));
    h.webhook("scan.completed").await;
}

#[tokio::test]
async fn a_receiver_without_a_handshake_that_we_trust_is_unreachable() {
    let h = Hooked::with(|config| config.webhooks.timeout = std::time::Duration::from_millis(300)).await;
    let plain = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let silent = format!("https://127.0.0.1:{}/", plain.local_addr().unwrap().port());
    let other_name = format!("https://127.0.0.2:{}/", h.receiver.port);
    for (url, reason) in [
        ("https://127.0.0.1:1/".to_string(), "could not connect"),
        (silent, "did not answer within 300 ms"),
        (other_name, "could not connect"),
        ("https://nowhere.example.test/".to_string(), "does not resolve"),
    ] {
        let refused = h.caller().post("/webhooks", json!({"name": "a", "url": url})).await;
        refused.is(400, "WEBHOOK_URL_UNREACHABLE");
        assert!(refused.details()[0].contains(reason), "{url}: {:?}", refused.details());
    }
    // The same receiver, for a node that does not know its authority.
    let stranger = Test::with(|config| {
        crate::receiver::trust(config);
        config.webhooks.ca_file = None;
    });
    let body = json!({"name": "a", "url": h.receiver.url()});
    let refused = stranger.await.key(ALL).post("/webhooks", body).await;
    refused.is(400, "WEBHOOK_URL_UNREACHABLE");
    assert!(refused.details()[0].contains("the operator adds one in webhooks.ca_file"), "{:?}", refused.details());
}

#[tokio::test]
async fn a_repeat_with_the_same_idempotency_key_makes_no_second_webhook() {
    let h = Hooked::new().await;
    let caller = h.caller().header("idempotency-key", "k").made().await;
    let body = json!({"name": "ci", "url": h.receiver.url()});
    let created = caller.again().post("/webhooks", body.clone()).await;
    let repeat = caller.again().post("/webhooks", body).await;
    repeat.is(409, "SECRET_ALREADY_SHOWN");
    assert_eq!(repeat.details(), [format!("id: {}", created.ok(201).data()["id"].as_str().unwrap())]);
    caller.post("/webhooks", json!({"name": "other", "url": h.receiver.url()})).await.is(422, "IDEMPOTENCY_KEY_REUSED");
    assert_eq!(h.t.rows("webhook").await, 1);
    let secret = created.data()["secret"].as_str().unwrap();
    let kept: String = sqlx::query_scalar("SELECT body FROM idempotency")
        .fetch_one(&mut *h.t.app.store.read().await.unwrap())
        .await
        .unwrap();
    assert!(!kept.contains(secret), "{kept}");
}

#[tokio::test]
async fn a_patch_changes_what_it_names_and_probes_a_new_url() {
    let h = Hooked::new().await;
    let webhook = h.webhook("scan.completed").await;
    let other = Receiver::new().await;
    let body = json!({"name": "new", "events": ["scan.started"], "url": other.url()});
    let patched = h.patch(&webhook, body).await;
    let data = patched.ok(200).data();
    assert_eq!((&data["name"], &data["events"]), (&json!("new"), &json!(["scan.started"])));
    assert_eq!(data["url"], other.url());
    assert_eq!(h.patch(&webhook, json!({})).await.ok(200).data()["name"], "new");

    h.patch(&webhook, json!({"url": "https://127.0.0.1:1/"})).await.is(400, "WEBHOOK_URL_UNREACHABLE");
    h.patch(&webhook, json!({"url": "https://169.254.169.254/"})).await.is(400, "WEBHOOK_URL_UNREACHABLE");
    h.patch(&webhook, json!({"url": "http://127.0.0.1/"})).await.is(400, "INVALID_WEBHOOK_URL");
    h.patch(&webhook, json!({"name": null})).await.is(400, "INVALID_FIELD_TYPE");
    h.patch(&webhook, json!({"name": "\t"})).await.is(400, "INVALID_FIELD_VALUE");
    h.patch(&webhook, json!({"events": ["x"]})).await.is(400, "INVALID_WEBHOOK_EVENT");
    h.patch(&webhook, json!({"isActive": "yes"})).await.is(400, "INVALID_FIELD_TYPE");
    assert_eq!(h.shown(&webhook).await["url"], other.url());
}

#[tokio::test]
async fn a_user_disables_and_enables_a_webhook() {
    let h = Hooked::new().await;
    let webhook = h.webhook("scan.completed").await;
    let off = h.patch(&webhook, json!({"isActive": false})).await;
    assert_eq!((&off.ok(200).data()["isActive"], &off.data()["disabledReason"]), (&json!(false), &json!("user")));
    assert_eq!(off.data()["disabledAt"], "2026-03-06T10:00:00Z");
    let refused = h.post(&webhook, "test", json!({})).await;
    refused.is(409, "WEBHOOK_DISABLED");
    assert_eq!(refused.details()[0], "disabledReason: user: isActive was set to false");
    h.post(&webhook, "redeliver", json!({"since": "2026-03-06T00:00:00Z"})).await.is(409, "WEBHOOK_DISABLED");
    let some = "deliveries/dlv-019bc000-0000-7000-8000-000000000000/redeliver";
    h.post(&webhook, some, json!({})).await.is(409, "WEBHOOK_DISABLED");
    // Nothing is noted for it meanwhile, and everything else works.
    h.scan(ScanStatus::Completed).await;
    assert_eq!(h.t.rows("delivery").await, 0);
    h.post(&webhook, "rotate-secret", json!({})).await.ok(200);
    h.patch(&webhook, json!({"name": "other"})).await.ok(200);
    assert_eq!(h.shown(&webhook).await["isActive"], false);

    let on = h.patch(&webhook, json!({"isActive": true})).await;
    assert_eq!((&on.ok(200).data()["isActive"], on.data().get("disabledReason")), (&json!(true), None));
    h.post(&webhook, "test", json!({})).await.ok(200);
    delete(&h, &webhook).await.ok(200);
}

#[tokio::test]
async fn a_webhook_is_enabled_only_when_its_receiver_is_reachable() {
    let h = Hooked::new().await;
    let webhook = h.webhook("scan.completed").await;
    h.patch(&webhook, json!({"isActive": false})).await.ok(200);
    h.t.sql("UPDATE webhook SET url = 'https://127.0.0.1:1/'").await;
    h.patch(&webhook, json!({"isActive": true})).await.is(400, "WEBHOOK_URL_UNREACHABLE");
    assert_eq!(h.shown(&webhook).await["isActive"], false);
    h.patch(&webhook, json!({"isActive": true, "url": h.receiver.url()})).await.ok(200);
}

#[tokio::test]
async fn a_deleted_webhook_is_gone_and_gets_nothing() {
    let h = Hooked::new().await;
    let webhook = h.webhook("scan.completed").await;
    h.scan(ScanStatus::Completed).await;
    let deleted = delete(&h, &webhook).await;
    assert_eq!(deleted.ok(200).data(), &json!({"id": webhook["id"], "deleted": true}));
    delete(&h, &webhook).await.is(404, "WEBHOOK_NOT_FOUND");
    h.caller().get(&path(&webhook)).await.is(404, "WEBHOOK_NOT_FOUND");
    assert_eq!((h.tick().await, h.receiver.calls().len()), (0, 0));
}

#[tokio::test]
async fn another_tenants_webhook_does_not_exist() {
    let h = Hooked::new().await;
    let webhook = h.webhook("scan.completed").await;
    h.scan(ScanStatus::Completed).await;
    let delivery = h.deliveries(&webhook).await.remove(0);
    let delivery = format!("{}/deliveries/{}", path(&webhook), delivery["id"].as_str().unwrap());
    h.t.key("tenants:create").post("/tenants", json!({"name": "other"})).await.ok(201);
    let other = h.t.key(ALL).of_tenant("other").made().await;
    let here = path(&webhook);
    for at in [here.clone(), format!("{here}/deliveries"), delivery.clone()] {
        other.again().get(&at).await.is(404, "WEBHOOK_NOT_FOUND");
    }
    other.again().patch(&here, json!({"name": "mine"})).await.is(404, "WEBHOOK_NOT_FOUND");
    for (at, body) in [
        (format!("{here}/test"), json!({})),
        (format!("{here}/rotate-secret"), json!({})),
        (format!("{here}/redeliver"), json!({"since": "2026-03-06T00:00:00Z"})),
        (format!("{delivery}/redeliver"), json!({})),
    ] {
        other.again().post(&at, body).await.is(404, "WEBHOOK_NOT_FOUND");
    }
    other.again().send(Method::DELETE, &here, Body::empty()).await.is(404, "WEBHOOK_NOT_FOUND");
    assert_eq!(other.get("/webhooks").await.ok(200).data(), &json!([]));
    h.caller().get(&here).await.ok(200);
}

#[tokio::test]
async fn an_id_without_its_form_names_no_webhook() {
    let t = Test::new().await;
    let id = "019bc000-0000-7000-8000-000000000000";
    for given in [id.to_string(), format!("wh-{}", &id[..35]), "wh-".into(), format!("wh_{id}"), format!("key-{id}")] {
        t.key(ALL).get(&format!("/webhooks/{given}")).await.is(404, "WEBHOOK_NOT_FOUND");
    }
}

#[tokio::test]
async fn each_operation_needs_its_scope() {
    let h = Hooked::new().await;
    let webhook = h.webhook("scan.completed").await;
    let at = path(&webhook);
    let read = h.t.key("webhooks:read").made().await;
    read.again().get(&at).await.ok(200);
    read.again().patch(&at, json!({})).await.is(403, "INSUFFICIENT_SCOPE");
    read.again().post("/webhooks", json!({})).await.is(403, "INSUFFICIENT_SCOPE");
    for operation in ["test", "rotate-secret", "redeliver"] {
        read.again().post(&format!("{at}/{operation}"), json!({})).await.is(403, "INSUFFICIENT_SCOPE");
    }
    read.send(Method::DELETE, &at, Body::empty()).await.is(403, "INSUFFICIENT_SCOPE");
    h.t.key("webhooks:update").get(&at).await.is(403, "INSUFFICIENT_SCOPE");
}

#[tokio::test]
async fn both_secrets_sign_until_the_overlap_is_over() {
    let h = Hooked::new().await;
    let webhook = h.webhook("scan.completed").await;
    let old = webhook["secret"].as_str().unwrap().to_string();
    let rotated = h.post(&webhook, "rotate-secret", json!({"overlapSeconds": 60})).await;
    let new = rotated.ok(200).data()["secret"].as_str().unwrap().to_string();
    assert_eq!(rotated.data()["previousSecretUntil"], "2026-03-06T10:01:00Z");
    assert_ne!(new, old);
    let signed = |secret: &str| {
        let call = h.receiver.last();
        let oracle = standardwebhooks::Webhook::new(secret).unwrap();
        let at: i64 = call.header("webhook-timestamp").parse().unwrap();
        let right = oracle.sign(call.header("webhook-id"), at, call.body.as_bytes()).unwrap();
        call.header("webhook-signature").split(' ').any(|given| given == right)
    };
    h.post(&webhook, "test", json!({})).await.ok(200);
    assert!(signed(&new) && signed(&old));
    assert_eq!(h.receiver.last().header("x-certix-signature").split(", ").count(), 2);
    h.t.pass(60_000);
    h.post(&webhook, "test", json!({})).await.ok(200);
    assert!(signed(&new) && !signed(&old));
    assert_eq!(h.receiver.last().header("x-certix-signature").split(", ").count(), 1);

    for overlap in [json!(-1), json!(604_801)] {
        let refused = h.post(&webhook, "rotate-secret", json!({"overlapSeconds": overlap})).await;
        refused.is(400, "INVALID_FIELD_VALUE");
    }
}

#[tokio::test]
async fn a_test_tells_how_the_call_went() {
    let h = Hooked::new().await;
    let webhook = h.webhook("scan.completed").await;
    let tested = h.post(&webhook, "test", json!({})).await;
    let data = tested.ok(200).data();
    assert_eq!(
        (&data["event"], &data["status"], &data["attemptCount"]),
        (&json!("ping"), &json!("delivered"), &json!(1))
    );
    let attempt = &data["attempts"][0];
    assert_eq!((&attempt["statusCode"], &attempt["responseExcerpt"]), (&json!(200), &json!("thank you")));
    let call = h.receiver.last();
    assert_eq!((call.header("x-certix-event"), call.header("webhook-id")), ("ping", data["id"].as_str().unwrap()));
    assert_eq!(call.json(), data["payload"]);
    assert_eq!(call.json()["data"], json!({"webhookId": webhook["id"]}));

    h.receiver.replies(Reply::Status(500));
    let failed = h.post(&webhook, "test", json!({})).await;
    assert_eq!(
        (&failed.ok(200).data()["status"], &failed.data()["attempts"][0]["error"]),
        (&json!("failed"), &json!("answered 500"))
    );
    let shown = h.shown(&webhook).await;
    assert_eq!((&shown["isHealthy"], &shown["consecutiveFailures"]), (&json!(true), &json!(0)));
    assert_eq!(h.tick().await, 0, "a test is not repeated");
}

#[tokio::test]
async fn a_repeated_test_makes_no_second_call() {
    let h = Hooked::new().await;
    let webhook = h.webhook("scan.completed").await;
    let caller = h.caller().header("idempotency-key", "k").made().await;
    let at = format!("{}/test", path(&webhook));
    let first = caller.again().post(&at, json!({})).await;
    let again = caller.post(&at, json!({})).await;
    assert_eq!((again.header("idempotency-replayed"), &again.body), ("true", &first.body));
    assert_eq!(h.receiver.calls().len(), 1);
}

#[tokio::test]
async fn every_change_is_in_the_audit_log() {
    let h = Hooked::new().await;
    let webhook = h.webhook("scan.completed").await;
    h.patch(&webhook, json!({"name": "secret-name"})).await.ok(200);
    h.post(&webhook, "test", json!({})).await.ok(200);
    h.post(&webhook, "rotate-secret", json!({})).await.ok(200);
    h.post(&webhook, "redeliver", json!({"since": "2026-03-06T00:00:00Z"})).await.ok(200);
    delete(&h, &webhook).await.ok(200);
    let actions: Vec<String> = sqlx::query_scalar("SELECT action FROM audit WHERE resource_id = $1 ORDER BY id")
        .bind(webhook["id"].as_str().unwrap())
        .fetch_all(&mut *h.t.app.store.read().await.unwrap())
        .await
        .unwrap();
    let expected = ["created", "updated", "tested", "secret_rotated", "redelivered", "deleted"];
    assert_eq!(actions, expected.map(|verb| format!("webhook.{verb}")));
}

#[tokio::test]
async fn a_list_of_webhooks_is_walked_by_page_and_by_cursor() {
    let h = Hooked::new().await;
    let mut ids = Vec::new();
    for _ in 0..5 {
        ids.insert(0, h.webhook("scan.completed").await["id"].clone());
    }
    let caller = h.caller().made().await;
    let first = caller.again().get("/webhooks?limit=2").await;
    let cursor = first.ok(200).body["pagination"]["nextCursor"].as_str().unwrap().to_string();
    let second = caller.again().get(&format!("/webhooks?limit=2&cursor={cursor}")).await;
    let third = caller.again().get("/webhooks?limit=2&page=3").await;
    let seen: Vec<Value> = [&first, &second, &third]
        .iter()
        .flat_map(|page| page.data().as_array().unwrap().iter().map(|webhook| webhook["id"].clone()))
        .collect();
    assert_eq!(seen, ids);
    assert_eq!(
        (third.body["pagination"].get("nextCursor"), &third.body["pagination"]["totalPages"]),
        (None, &json!(3))
    );
    caller.get("/webhooks?cursor=x").await.is(400, "INVALID_PARAMETER");
}

#[tokio::test]
async fn a_certificate_that_is_refused_is_told_with_what_to_do() {
    let h = Hooked::new().await;
    let webhook = h.webhook("scan.completed").await;
    // The receiver's certificate does not hold this address, and no look-up is made for it.
    let other = Receiver::at("127.0.0.3").await;
    let url = format!("https://127.0.0.3:{}/", other.port);
    let refused = h.caller().post("/webhooks", json!({"name": "a", "url": url})).await;
    let reason = "TLS handshake: the certificate is refused: it is for another name";
    assert_eq!(refused.is(400, "WEBHOOK_URL_UNREACHABLE").details(), [format!("url: {reason}")]);
    h.t.sql(&format!("UPDATE webhook SET url = '{url}'")).await;
    let tested = h.post(&webhook, "test", json!({})).await;
    assert_eq!(tested.ok(200).data()["attempts"][0]["error"], reason);
}
