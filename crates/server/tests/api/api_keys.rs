//! API keys: made, changed, rotated, suspended and revoked by people who are logged in.

use crate::harness::{Answer, Caller, Test};
use axum::body::Body;
use http::Method;
use scanyard_contract::Code;
use serde_json::{Value, json};

const NO_KEY: &str = "/api-keys/key-019bc000-0000-7000-8000-000000000000";

/// Makes a key with these scopes and other fields: its path, its secret.
async fn made(user: &Caller<'_>, scopes: &[&str], mut body: Value) -> (String, String) {
    body["name"] = json!("ci");
    body["scopes"] = json!(scopes);
    let created = user.again().post("/api-keys", body).await;
    let data = created.ok(201).data();
    (format!("/api-keys/{}", data["id"].as_str().unwrap()), data["key"].as_str().unwrap().to_string())
}

async fn rotated(user: &Caller<'_>, path: &str, overlap_seconds: u32) -> String {
    let answer = user.again().post(&format!("{path}/rotate"), json!({"overlapSeconds": overlap_seconds})).await;
    answer.ok(200).data()["key"].as_str().unwrap().to_string()
}

async fn list_with(t: &Test, secret: &str) -> Answer {
    t.nobody().header("x-api-key", secret).get("/scans").await
}

async fn delete(user: &Caller<'_>, path: &str) -> Answer {
    user.again().send(Method::DELETE, path, Body::empty()).await
}

/// The request that provokes a code of these routes.
pub async fn provoke(t: &Test, code: Code) -> Answer {
    let user = t.session("owner").made().await;
    let body = |scope: &str| json!({"name": "ci", "scopes": [scope]});
    match code {
        Code::ApiKeyNotFound => user.get(NO_KEY).await,
        Code::ApiKeyRevoked => {
            let (path, _) = made(&user, &["scans:list"], json!({})).await;
            delete(&user, &path).await.ok(200);
            user.post_text(&format!("{path}/suspend"), "").await
        }
        Code::InvalidScope => user.post("/api-keys", body("scans:*")).await,
        _ => t.key("scans:list").get("/api-keys").await,
    }
}

#[tokio::test]
async fn a_key_is_made_shown_once_read_and_used() {
    let t = Test::new().await;
    let user = t.session("owner").made().await;
    let body = json!({
        "name": "CI key",
        "description": "nightly scans",
        "scopes": ["scans:list", "scans:create", "scans:list"],
        "allowedScanTypes": ["nuclei", "nmap"],
        "allowedIpAddresses": ["127.0.0.1", "198.51.100.0/24", "2001:db8::/32"],
        "rateLimitPerMinute": 30,
        "rateLimitPerHour": 500,
        "expiresInDays": 90,
    });
    let created = user.again().post("/api-keys", body).await;
    let data = created.ok(201).data();
    let (id, secret) = (data["id"].as_str().unwrap(), data["key"].as_str().unwrap());
    assert_eq!(created.header("location"), format!("/scan-api/api/v1/api-keys/{id}"));
    assert!(secret.starts_with("cix_sk_") && secret.len() == 47);
    let mut shown = json!({
        "id": id,
        "name": "CI key",
        "description": "nightly scans",
        "keyPrefix": &secret[..12],
        "scopes": ["scans:list", "scans:create"],
        "allowedScanTypes": ["nmap", "nuclei"],
        "allowedIpAddresses": ["127.0.0.1", "198.51.100.0/24", "2001:db8::/32"],
        "rateLimitPerMinute": 30,
        "rateLimitPerHour": 500,
        "rateLimitPerDay": 200_000,
        "status": "active",
        "expiresAt": "2026-06-04T10:00:00Z",
        "createdAt": "2026-03-06T10:00:00Z",
    });
    let path = format!("/api-keys/{id}");
    assert_eq!(user.again().get(&path).await.ok(200).data(), &shown);
    t.pass(5_000);
    list_with(&t, secret).await.ok(200);
    // It is noted without making the caller wait.
    let used = async || user.again().get(&path).await.ok(200).data().clone();
    while used().await.get("lastUsedAt").is_none() {
        tokio::task::yield_now().await;
    }
    shown["lastUsedAt"] = json!("2026-03-06T10:00:05Z");
    assert_eq!(used().await, shown);
}

#[tokio::test]
async fn keys_are_listed_by_state() {
    let t = Test::new().await;
    let user = t.session("admin").made().await;
    let body = json!({"expiresInDays": 1});
    let (expired, _) = made(&user, &["scans:list"], body).await;
    let (revoked, _) = made(&user, &["scans:list"], json!({})).await;
    let (suspended, _) = made(&user, &["scans:list"], json!({})).await;
    let (active, _) = made(&user, &["scans:list"], json!({})).await;
    delete(&user, &revoked).await.ok(200);
    user.again().post_text(&format!("{suspended}/suspend"), "").await.ok(200);
    let user = {
        t.pass(86_400_000);
        t.session("admin").made().await
    };
    let paths = async |query: &str| -> Vec<String> {
        let list = user.again().get(&format!("/api-keys{query}")).await;
        let data = list.ok(200).data().as_array().unwrap().clone();
        data.iter().map(|key| format!("/api-keys/{}", key["id"].as_str().unwrap())).collect()
    };
    assert_eq!(paths("?limit=3").await, [&*active, &*suspended, &*revoked]);
    for (status, path) in [("active", &active), ("suspended", &suspended), ("revoked", &revoked), ("expired", &expired)]
    {
        let found = paths(&format!("?status={status}")).await;
        assert!(found.contains(path), "{status}: {found:?}");
        assert_eq!(user.again().get(path).await.ok(200).data()["status"], status);
    }
    let first = user.again().get("/api-keys?limit=3").await;
    let cursor = first.body["pagination"]["nextCursor"].as_str().unwrap();
    assert_eq!(paths(&format!("?limit=1&cursor={cursor}")).await, [&*expired]);
    user.again().get("/api-keys?status=gone").await.is(400, "INVALID_PARAMETER");
    user.again().get("/api-keys?page=0").await.is(400, "INVALID_PAGE");
    user.again().get("/api-keys?limit=1000").await.is(400, "INVALID_LIMIT");
}

#[tokio::test]
async fn no_api_key_reaches_api_keys() {
    let t = Test::new().await;
    let user = t.session("owner").made().await;
    let (path, secret) = made(&user, &["scans:list"], json!({})).await;
    for caller in [t.nobody(), t.nobody().header("x-api-key", &secret), t.nobody().header("x-api-key", "nonsense")] {
        caller.again().get("/api-keys").await.is(401, "SESSION_REQUIRED");
        caller.again().get(&path).await.is(401, "SESSION_REQUIRED");
        caller.again().post("/api-keys", json!({})).await.is(401, "SESSION_REQUIRED");
        caller.again().patch(&path, json!({})).await.is(401, "SESSION_REQUIRED");
        caller.again().post_text(&format!("{path}/rotate"), "{}").await.is(401, "SESSION_REQUIRED");
        caller.again().post_text(&format!("{path}/suspend"), "").await.is(401, "SESSION_REQUIRED");
        delete(&caller, &path).await.is(401, "SESSION_REQUIRED");
    }
}

#[tokio::test]
async fn every_fault_of_a_key_is_named() {
    let t = Test::new().await;
    let user = t.session("owner").made().await;
    let post = |body: Value| user.again().post("/api-keys", body);
    let right = || json!({"name": "ci", "scopes": ["scans:list"]});
    let with = |field: &str, value: Value| {
        let mut body = right();
        body[field] = value;
        post(body)
    };
    post(json!({"name": "ci"})).await.is(400, "MISSING_REQUIRED_FIELD");
    with("name", json!("x".repeat(256))).await.is(400, "INVALID_FIELD_VALUE");
    with("name", json!(" ")).await.is(400, "INVALID_FIELD_VALUE");
    with("scopes", json!([])).await.is(400, "INVALID_FIELD_VALUE");
    with("scopes", json!("scans:list")).await.is(400, "INVALID_FIELD_TYPE");
    with("rateLimitPerDay", json!(0)).await.is(400, "INVALID_FIELD_VALUE");
    with("expiresInDays", json!(3651)).await.is(400, "INVALID_FIELD_VALUE");
    with("allowedIpAddresses", json!([])).await.is(400, "INVALID_FIELD_VALUE");
    with("expiresAt", json!("2027-01-01T00:00:00Z")).await.is(400, "UNKNOWN_FIELD");
    let nessus = with("allowedScanTypes", json!(["nmap", "nessus"])).await;
    nessus.is(400, "INVALID_SCAN_TYPE");
    assert_eq!(nessus.body["error"], "Invalid scan type: nessus");
    assert!(nessus.details()[0].starts_with("allowedScanTypes[1]: must be one of nmap"), "{:?}", nessus.details());
    let addresses = json!(["198.51.100.7", "198.51.100.7/24", "2001:db8::/129", "localhost"]);
    let refused = with("allowedIpAddresses", addresses).await;
    refused.is(400, "INVALID_FIELD_VALUE");
    let fields: Vec<String> = refused.details().iter().map(|d| d.split(':').next().unwrap().to_string()).collect();
    assert_eq!(fields, ["allowedIpAddresses[1]", "allowedIpAddresses[2]", "allowedIpAddresses[3]"]);
    let scopes = with("scopes", json!(["scans:list", "scans:*", "api-keys:create"])).await;
    scopes.is(400, "INVALID_SCOPE");
    assert_eq!(scopes.body["error"], "Invalid scope: scans:*");
    assert_eq!(scopes.details().len(), 2);
    assert!(scopes.details()[1].starts_with("scopes[2]: must be one of scans:create"), "{:?}", scopes.details());
    assert_eq!(t.rows("api_key").await, 1, "the first key alone");
}

#[tokio::test]
async fn nobody_gives_more_than_they_have() {
    let t = Test::new().await;
    let owner = t.session("owner").made().await;
    let (path, _) = made(&owner, &["tenants:read"], json!({})).await;
    let admin = t.session("admin").made().await;
    let given = admin.again().post("/api-keys", json!({"name": "x", "scopes": ["scans:list", "tenants:read"]})).await;
    given.is(403, "INSUFFICIENT_SCOPE");
    assert_eq!(given.body["error"], "Insufficient scope: requires tenants:read");
    admin.again().patch(&path, json!({"scopes": ["tenants:read"]})).await.is(403, "INSUFFICIENT_SCOPE");
    // Whoever rotates a key would hold it.
    admin.again().post(&format!("{path}/rotate"), json!({})).await.is(403, "INSUFFICIENT_SCOPE");
    admin.again().patch(&path, json!({"name": "y"})).await.ok(200);
    for role in ["analyst", "viewer"] {
        let user = t.session(role).made().await;
        user.again().get("/api-keys").await.is(403, "INSUFFICIENT_SCOPE");
        user.again()
            .post("/api-keys", json!({"name": "x", "scopes": ["scans:list"]}))
            .await
            .is(403, "INSUFFICIENT_SCOPE");
        delete(&user, &path).await.is(403, "INSUFFICIENT_SCOPE");
    }
}

#[tokio::test]
async fn a_tenants_keys_are_its_own_and_never_the_operators() {
    let t = Test::new().await;
    t.key("tenants:create").post("/tenants", json!({"name": "acme"})).await.ok(201);
    let operator = t.session("owner").made().await;
    let (path, _) = made(&operator, &["scans:list"], json!({})).await;
    let owner = t.session("owner").of_tenant("acme").made().await;
    let (own, secret) = made(&owner, &["scans:list"], json!({})).await;
    list_with(&t, &secret).await.ok(200);
    let list = owner.again().get("/api-keys").await;
    assert_eq!(list.ok(200).body["pagination"]["total"], 1);
    assert_eq!(format!("/api-keys/{}", list.data()[0]["id"].as_str().unwrap()), own);
    owner.again().get(&path).await.is(404, "API_KEY_NOT_FOUND");
    owner.again().patch(&path, json!({"name": "x"})).await.is(404, "API_KEY_NOT_FOUND");
    owner.again().post(&format!("{path}/rotate"), json!({})).await.is(404, "API_KEY_NOT_FOUND");
    owner.again().post_text(&format!("{path}/suspend"), "").await.is(404, "API_KEY_NOT_FOUND");
    owner.again().post_text(&format!("{path}/resume"), "").await.is(404, "API_KEY_NOT_FOUND");
    delete(&owner, &path).await.is(404, "API_KEY_NOT_FOUND");
    for scope in ["tenants:read", "audit:read"] {
        owner.again().post("/api-keys", json!({"name": "x", "scopes": [scope]})).await.is(400, "INVALID_SCOPE");
    }
}

#[tokio::test]
async fn a_changed_key_is_another_one_from_the_next_request_on() {
    let t = Test::new().await;
    let user = t.session("owner").made().await;
    let (path, secret) = made(&user, &["scans:read"], json!({"description": "x", "rateLimitPerMinute": 7})).await;
    list_with(&t, &secret).await.is(403, "INSUFFICIENT_SCOPE");
    let patch = async |body: Value| user.again().patch(&path, body).await;
    patch(json!({"scopes": ["scans:list"]})).await.ok(200);
    list_with(&t, &secret).await.ok(200);
    patch(json!({"allowedIpAddresses": ["198.51.100.0/24"], "allowedScanTypes": ["nmap"]})).await.ok(200);
    list_with(&t, &secret).await.is(403, "IP_NOT_ALLOWED");
    let changed = patch(json!({"name": "new", "description": null, "rateLimitPerMinute": null})).await;
    let data = changed.ok(200).data();
    assert_eq!((&data["name"], data.get("description")), (&json!("new"), None));
    assert_eq!((&data["rateLimitPerMinute"], &data["allowedScanTypes"]), (&json!(600), &json!(["nmap"])));
    let changed = patch(json!({"allowedIpAddresses": null, "allowedScanTypes": null, "rateLimitPerMinute": 1})).await;
    t.pass(60_000);
    assert_eq!(changed.ok(200).data().get("allowedIpAddresses"), None);
    list_with(&t, &secret).await.ok(200);
    list_with(&t, &secret).await.is(429, "RATE_LIMIT_EXCEEDED");
    patch(json!({"scopes": ["no:such"]})).await.is(400, "INVALID_SCOPE");
    patch(json!({"allowedScanTypes": ["nessus"]})).await.is(400, "INVALID_SCAN_TYPE");
    for field in ["name", "scopes"] {
        patch(json!({field: null})).await.is(400, "INVALID_FIELD_TYPE");
    }
    patch(json!({"expiresInDays": 5})).await.is(400, "UNKNOWN_FIELD");
    user.again().patch(NO_KEY, json!({})).await.is(404, "API_KEY_NOT_FOUND");
}

#[tokio::test]
async fn both_secrets_work_through_the_overlap() {
    let t = Test::new().await;
    let user = t.session("owner").made().await;
    let (path, old) = made(&user, &["scans:list"], json!({})).await;
    list_with(&t, &old).await.ok(200);
    let new = rotated(&user, &path, 60).await;
    assert_ne!(old, new);
    let shown = user.again().get(&path).await;
    assert_eq!(shown.ok(200).data()["previousKeyExpiresAt"], "2026-03-06T10:01:00Z");
    assert_eq!(shown.data()["keyPrefix"], new[..12]);
    list_with(&t, &old).await.ok(200);
    list_with(&t, &new).await.ok(200);
    t.pass(59_999);
    list_with(&t, &old).await.ok(200);
    t.pass(1);
    let over = list_with(&t, &old).await;
    over.is(401, "KEY_EXPIRED");
    let reason = "expiresAt: this secret was replaced by a rotation and stopped at 2026-03-06T10:01:00Z";
    assert_eq!(over.details(), [reason]);
    list_with(&t, &new).await.ok(200);
    // Without an overlap the old one stops at once, also where it was just used.
    let newest = rotated(&user, &path, 0).await;
    list_with(&t, &new).await.is(401, "KEY_EXPIRED");
    list_with(&t, &newest).await.ok(200);
    list_with(&t, &old).await.is(401, "INVALID_API_KEY");
}

#[tokio::test]
async fn an_expired_key_is_rotated_and_its_old_secret_stays_dead() {
    let t = Test::new().await;
    let user = t.session("owner").made().await;
    let (path, old) = made(&user, &["scans:list"], json!({"expiresInDays": 1})).await;
    t.pass(86_400_000);
    list_with(&t, &old).await.is(401, "KEY_EXPIRED");
    let user = t.session("owner").made().await;
    let new = rotated(&user, &path, 3_600).await;
    list_with(&t, &old).await.is(401, "KEY_EXPIRED");
    list_with(&t, &new).await.ok(200);
    assert_eq!(user.again().get(&path).await.ok(200).data()["expiresAt"], "2026-03-08T10:00:00Z");
}

#[tokio::test]
async fn states_answer_in_their_order_and_revoked_is_final() {
    let t = Test::new().await;
    let user = t.session("owner").made().await;
    let (path, secret) = made(&user, &["scans:list"], json!({"expiresInDays": 1})).await;
    list_with(&t, &secret).await.ok(200);
    let act = async |user: &Caller<'_>, verb: &str| user.again().post_text(&format!("{path}/{verb}"), "").await;
    assert_eq!(act(&user, "suspend").await.ok(200).data()["status"], "suspended");
    list_with(&t, &secret).await.is(401, "KEY_SUSPENDED");
    act(&user, "suspend").await.ok(200);
    assert_eq!(act(&user, "resume").await.ok(200).data()["status"], "active");
    list_with(&t, &secret).await.ok(200);
    t.pass(86_400_000);
    let user = t.session("owner").made().await;
    list_with(&t, &secret).await.is(401, "KEY_EXPIRED");
    act(&user, "suspend").await.ok(200);
    list_with(&t, &secret).await.is(401, "KEY_SUSPENDED");
    let revoked = delete(&user, &path).await;
    assert_eq!(revoked.ok(200).data(), &json!({"id": &path["/api-keys/".len()..], "deleted": true}));
    list_with(&t, &secret).await.is(401, "KEY_REVOKED");
    delete(&user, &path).await.ok(200);
    act(&user, "suspend").await.is(409, "API_KEY_REVOKED");
    act(&user, "resume").await.is(409, "API_KEY_REVOKED");
    user.again().post(&format!("{path}/rotate"), json!({})).await.is(409, "API_KEY_REVOKED");
    user.again().patch(&path, json!({"name": "x"})).await.is(409, "API_KEY_REVOKED");
    assert_eq!(user.again().get(&path).await.ok(200).data()["status"], "revoked");
    delete(&user, NO_KEY).await.is(404, "API_KEY_NOT_FOUND");
    user.again().get("/api-keys/ci").await.is(404, "API_KEY_NOT_FOUND");
}

#[tokio::test]
async fn a_repeat_makes_no_second_key_and_shows_no_secret() {
    let t = Test::new().await;
    let user = t.session("owner").made().await.header("idempotency-key", "k");
    let body = || json!({"name": "ci", "scopes": ["scans:list"]});
    let first = user.again().post("/api-keys", body()).await;
    let id = first.ok(201).data()["id"].as_str().unwrap().to_string();
    let again = user.again().post("/api-keys", body()).await;
    again.is(409, "SECRET_ALREADY_SHOWN");
    assert_eq!(again.details(), [format!("id: {id}")]);
    let rotate = format!("/api-keys/{id}/rotate");
    let rotated = user.again().post(&rotate, json!({"overlapSeconds": 5})).await;
    let secret = rotated.ok(200).data()["key"].as_str().unwrap().to_string();
    user.again().post(&rotate, json!({"overlapSeconds": 5})).await.is(409, "SECRET_ALREADY_SHOWN");
    list_with(&t, &secret).await.ok(200);
    user.again().post(&rotate, json!({"overlapSeconds": -1})).await.is(422, "IDEMPOTENCY_KEY_REUSED");
}

#[tokio::test]
async fn each_change_of_a_key_is_in_the_audit_log_without_its_secret() {
    let t = Test::new().await;
    let user = t.session("owner").made().await;
    let (path, _) = made(&user, &["scans:list"], json!({})).await;
    user.again().patch(&path, json!({"name": "new"})).await.ok(200);
    let secret = rotated(&user, &path, 5).await;
    user.again().post_text(&format!("{path}/suspend"), "").await.ok(200);
    user.again().post_text(&format!("{path}/resume"), "").await.ok(200);
    delete(&user, &path).await.ok(200);
    let log = user.again().get("/audit").await;
    let entries = log.ok(200).data().as_array().unwrap();
    let of_key = entries.iter().filter(|entry| entry["resourceId"] == path["/api-keys/".len()..]);
    let actions: Vec<&str> = of_key.map(|entry| entry["action"].as_str().unwrap()).collect();
    let verbs = ["revoked", "resumed", "suspended", "rotated", "updated", "created"];
    assert_eq!(actions, verbs.map(|verb| format!("api-key.{verb}")));
    assert!(entries.iter().all(|entry| entry["actor"] == user.user_id()), "{}", log.text);
    assert!(!log.text.contains(&secret[12..]), "a secret in the log");
}

#[tokio::test]
async fn a_key_without_limits_follows_its_tenants() {
    let t = Test::new().await;
    let user = t.session("owner").made().await;
    let (path, secret) = made(&user, &["scans:list"], json!({"rateLimitPerDay": 9})).await;
    let limits = async || {
        let key = user.again().get(&path).await;
        ["Minute", "Hour", "Day"].map(|window| key.ok(200).data()[format!("rateLimitPer{window}")].as_u64().unwrap())
    };
    assert_eq!(limits().await, [600, 18_000, 9]);
    assert_eq!(list_with(&t, &secret).await.header("ratelimit-policy"), "600;w=60, 18000;w=3600, 9;w=86400");
    let operator = t.key("tenants:read tenants:update").made().await;
    let id = operator.again().get("/tenants").await.data()[0]["id"].as_str().unwrap().to_string();
    let body = json!({"defaultLimits": {"rateLimitPerMinute": 2, "rateLimitPerDay": 50}});
    operator.again().patch(&format!("/tenants/{id}"), body).await.ok(200);
    assert_eq!(list_with(&t, &secret).await.header("ratelimit-policy"), "2;w=60, 18000;w=3600, 9;w=86400");
    t.pass(1_000);
    assert_eq!(limits().await, [2, 18_000, 9]);
    user.again().patch(&path, json!({"rateLimitPerMinute": 4, "rateLimitPerDay": null})).await.ok(200);
    assert_eq!(limits().await, [4, 18_000, 50]);
}
