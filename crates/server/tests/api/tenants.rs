//! Tenants: made, changed, suspended and resumed by the operator, effective at once.

use crate::harness::{Answer, Caller, Test};
use serde_json::{Value, json};

const ALL: &str = "tenants:create tenants:read tenants:update";
const NO_TENANT: &str = "/tenants/019bc000-0000-7000-8000-000000000000";

/// Makes a tenant; its path.
async fn made(operator: &Caller<'_>, body: Value) -> String {
    let created = operator.again().post("/tenants", body).await;
    format!("/tenants/{}", created.ok(201).data()["id"].as_str().unwrap())
}

async fn scan(caller: &Caller<'_>, target: &str) -> Answer {
    caller.again().post("/scans", json!({"target": target, "scanType": "sentinel"})).await
}

#[tokio::test]
async fn a_tenant_is_made_read_and_listed() {
    let t = Test::new().await;
    let operator = t.key(ALL).made().await;
    let body = json!({
        "name": "Example Org",
        "plan": "team",
        "monthlyQuota": 500,
        "defaultLimits": {"rateLimitPerMinute": 30},
        "policy": {"granted": ["10.0.0.0/8"], "deny": {"domains": ["No.Example.Test"]}},
    });
    let created = operator.again().post("/tenants", body).await;
    let tenant = created.ok(201).data().clone();
    let path = format!("/tenants/{}", tenant["id"].as_str().unwrap());
    assert_eq!(created.header("location"), format!("/scan-api/api/v1{path}"));
    assert_eq!(
        tenant,
        json!({
            "id": tenant["id"],
            "name": "Example Org",
            "status": "active",
            "isOperator": false,
            "plan": "team",
            "monthlyQuota": 500,
            "defaultLimits": {"rateLimitPerMinute": 30},
            "policy": {
                "granted": ["10.0.0.0/8"],
                "allow": {"networks": [], "domains": [], "ports": []},
                "deny": {"networks": [], "domains": ["no.example.test"], "ports": []},
            },
            "createdAt": "2026-03-06T10:00:00Z",
        })
    );
    assert_eq!(operator.again().get(&path).await.ok(200).data(), &tenant);
    assert_eq!(operator.again().get(&path.to_uppercase().replace("TENANTS", "tenants")).await.ok(200).data(), &tenant);
    let plain = made(&operator, json!({"name": "Plain"})).await;
    assert_eq!(operator.again().get(&plain).await.ok(200).data()["monthlyQuota"], Value::Null);

    let list = operator.again().get("/tenants?limit=2").await;
    let names = |list: &Answer| -> Vec<String> {
        list.data().as_array().unwrap().iter().map(|t| t["name"].as_str().unwrap().to_string()).collect()
    };
    assert_eq!(names(list.ok(200)), ["Plain", "Example Org"]);
    assert_eq!(list.body["pagination"]["total"], 3);
    let cursor = list.body["pagination"]["nextCursor"].as_str().unwrap();
    let rest = operator.again().get(&format!("/tenants?limit=2&cursor={cursor}")).await;
    assert_eq!(names(rest.ok(200)), ["default"]);
    assert_eq!(rest.data()[0]["isOperator"], true);
    assert_eq!(rest.body["pagination"].get("nextCursor"), None);
    assert_eq!(names(&operator.again().get("/tenants?page=2&limit=2").await), ["default"]);
    assert_eq!(operator.again().get("/tenants?status=suspended").await.ok(200).body["pagination"]["total"], 0);
    operator.again().get("/tenants?status=gone").await.is(400, "INVALID_PARAMETER");
    operator.again().get("/tenants?cursor=x").await.is(400, "INVALID_PARAMETER");
    operator.again().get("/tenants?page=0").await.is(400, "INVALID_PAGE");
}

#[tokio::test]
async fn a_name_that_is_taken_is_a_conflict_that_names_its_holder() {
    let t = Test::new().await;
    let operator = t.key(ALL).made().await;
    let path = made(&operator, json!({"name": "Example Org"})).await;
    let taken = operator.again().post("/tenants", json!({"name": "Example Org"})).await;
    taken.is(409, "DUPLICATE_TENANT_NAME");
    assert_eq!(taken.details(), [format!("name: is the name of the tenant {}", &path["/tenants/".len()..])]);
    assert_eq!(t.rows("tenant").await, 2);
    assert_eq!(t.rows("audit").await, 1);
}

#[tokio::test]
async fn a_repeated_creation_makes_one_tenant() {
    let t = Test::new().await;
    let operator = t.key(ALL).header("idempotency-key", "k").made().await;
    let first = operator.again().post("/tenants", json!({"name": "Example Org"})).await;
    let again = operator.again().post("/tenants", json!({"name": "Example Org"})).await;
    assert_eq!(again.ok(201).data(), first.ok(201).data());
    assert_eq!(again.header("idempotency-replayed"), "true");
    assert_eq!(again.header("location"), first.header("location"));
    operator.again().post("/tenants", json!({"name": "Other"})).await.is(422, "IDEMPOTENCY_KEY_REUSED");
    // A failure is not kept.
    let operator = operator.header("idempotency-key", "l");
    operator.again().post("/tenants", json!({"name": "default"})).await.is(409, "DUPLICATE_TENANT_NAME");
    operator.again().post("/tenants", json!({"name": "Other"})).await.ok(201);
}

#[tokio::test]
async fn every_fault_of_a_tenant_is_named() {
    let t = Test::new().await;
    let operator = t.key(ALL).made().await;
    operator.again().post("/tenants", json!({})).await.is(400, "MISSING_REQUIRED_FIELD");
    operator.again().post("/tenants", json!({"name": ""})).await.is(400, "INVALID_FIELD_VALUE");
    operator.again().post("/tenants", json!({"name": "x", "monthlyQuota": -1})).await.is(400, "INVALID_FIELD_VALUE");
    operator.again().post("/tenants", json!({"name": "x", "monthlyQuota": "9"})).await.is(400, "INVALID_FIELD_TYPE");
    operator.again().post("/tenants", json!({"name": "x", "status": "active"})).await.is(400, "UNKNOWN_FIELD");
    let limit = json!({"name": "x", "defaultLimits": {"rateLimitPerDay": 0}});
    operator.again().post("/tenants", limit).await.is(400, "INVALID_FIELD_VALUE");
    let policy = json!({"granted": ["10.0.0.1/8"], "allow": {"ports": [0], "domains": ["-x"]}});
    let refused = operator.again().post("/tenants", json!({"name": " x", "policy": policy})).await;
    refused.is(400, "INVALID_FIELD_VALUE");
    let fields: Vec<String> = refused.details().iter().map(|d| d.split(':').next().unwrap().to_string()).collect();
    assert_eq!(fields, ["name", "policy.allow.domains[0]", "policy.allow.ports[0]", "policy.granted[0]"]);
    let path = made(&operator, json!({"name": "x"})).await;
    operator.again().patch(&path, json!({"policy": {"granted": ["x"]}})).await.is(400, "INVALID_FIELD_VALUE");
    operator.again().patch(&path, json!({"name": "y"})).await.is(400, "UNKNOWN_FIELD");
}

#[tokio::test]
async fn a_changed_quota_and_policy_hold_for_the_next_request() {
    let t = Test::new().await;
    let operator = t.key(ALL).made().await;
    let path = made(&operator, json!({"name": "acme", "plan": "trial", "monthlyQuota": 0})).await;
    let key = t.key("scans:create").of_tenant("acme").made().await;
    scan(&key, "127.0.0.1").await.is(403, "TARGET_NOT_ALLOWED");
    let granted = json!({"granted": ["127.0.0.0/8"], "deny": {"networks": ["127.0.0.9"]}});
    let changed = operator.again().patch(&path, json!({"policy": granted})).await;
    assert_eq!((&changed.ok(200).data()["plan"], &changed.data()["monthlyQuota"]), (&json!("trial"), &json!(0)));
    scan(&key, "127.0.0.1").await.is(429, "QUOTA_EXCEEDED");
    operator.again().patch(&path, json!({"monthlyQuota": 1})).await.ok(200);
    scan(&key, "127.0.0.9").await.is(403, "TARGET_NOT_ALLOWED");
    scan(&key, "127.0.0.1").await.ok(201);
    scan(&key, "127.0.0.1").await.is(429, "QUOTA_EXCEEDED");
    let cleared = operator.again().patch(&path, json!({"monthlyQuota": null, "plan": null})).await;
    assert_eq!((cleared.ok(200).data().get("plan"), &cleared.data()["monthlyQuota"]), (None, &Value::Null));
    scan(&key, "127.0.0.1").await.ok(201);
    operator.again().patch(&path, json!({"policy": null})).await.ok(200);
    scan(&key, "127.0.0.1").await.is(403, "TARGET_NOT_ALLOWED");
    operator.again().patch(NO_TENANT, json!({})).await.is(404, "TENANT_NOT_FOUND");
}

#[tokio::test]
async fn default_limits_are_set_as_a_whole_and_cleared() {
    let t = Test::new().await;
    let operator = t.key(ALL).made().await;
    let path = made(&operator, json!({"name": "acme"})).await;
    let limits = async |body| operator.again().patch(&path, body).await.ok(200).data()["defaultLimits"].clone();
    let set = json!({"rateLimitPerMinute": 5, "rateLimitPerHour": 50});
    assert_eq!(limits(json!({"defaultLimits": set})).await, set);
    assert_eq!(limits(json!({"plan": "team"})).await, set);
    assert_eq!(limits(json!({"defaultLimits": null})).await, json!({}));
}

#[tokio::test]
async fn a_suspended_tenant_stops_at_once_and_goes_on_when_resumed() {
    let t = Test::new().await;
    let operator = t.key(ALL).made().await;
    let path = made(&operator, json!({"name": "acme"})).await;
    let keys = [t.key("scans:list").of_tenant("acme").made().await, t.key("scans:read").of_tenant("acme").made().await];
    let other = t.key("scans:list").made().await;
    let user = t.session("viewer").of_tenant("acme").made().await;
    user.again().get("/scans").await.ok(200);
    for key in &keys {
        key.again().get("/engines").await.ok(200);
    }
    let suspended = operator.again().post_text(&format!("{path}/suspend"), "").await;
    assert_eq!(suspended.ok(200).data()["status"], "suspended");
    for key in &keys {
        key.again().get("/engines").await.is(403, "TENANT_SUSPENDED");
    }
    user.again().get("/scans").await.is(403, "TENANT_SUSPENDED");
    other.get("/scans").await.ok(200);
    operator.again().post_text(&format!("{path}/suspend"), "").await.ok(200);
    let resumed = operator.again().post_text(&format!("{path}/resume"), "{}").await;
    assert_eq!(resumed.ok(200).data()["status"], "active");
    keys[0].again().get("/engines").await.ok(200);
    user.get("/scans").await.ok(200);
    operator.again().post(&format!("{path}/suspend"), json!({"why": "x"})).await.is(400, "UNKNOWN_FIELD");
    operator.again().post_text(&format!("{NO_TENANT}/suspend"), "").await.is(404, "TENANT_NOT_FOUND");
    operator.again().post_text("/tenants/acme/resume", "").await.is(404, "TENANT_NOT_FOUND");
    // Made, suspended, resumed: what changes nothing leaves no record.
    assert_eq!(t.rows("audit").await, 3);
}

#[tokio::test]
async fn the_operators_own_tenant_is_not_suspended() {
    let t = Test::new().await;
    let operator = t.key(ALL).made().await;
    let id = operator.again().get("/tenants").await.data()[0]["id"].as_str().unwrap().to_string();
    operator.again().post_text(&format!("/tenants/{id}/suspend"), "").await.is(409, "OPERATOR_TENANT");
    operator.again().post_text(&format!("/tenants/{id}/resume"), "").await.ok(200);
    operator.again().get("/tenants").await.ok(200);
    assert_eq!(t.rows("audit").await, 0);
}

#[tokio::test]
async fn no_other_tenant_reaches_tenants_even_with_the_scope() {
    let t = Test::new().await;
    let operator = t.key(ALL).made().await;
    let path = made(&operator, json!({"name": "acme"})).await;
    let tenants = t.key("scans:list").of_tenant("acme").made().await;
    // As if a key had been moved, or the table edited by hand.
    let scopes = r#"["tenants:create","tenants:read","tenants:update"]"#;
    t.sql(&format!("UPDATE api_key SET scopes = '{scopes}' WHERE tenant_id = '{}'", &path["/tenants/".len()..])).await;
    tenants.again().get("/tenants").await.is(403, "INSUFFICIENT_SCOPE");
    tenants.again().get(&path).await.is(403, "INSUFFICIENT_SCOPE");
    tenants.again().post("/tenants", json!({"name": "x"})).await.is(403, "INSUFFICIENT_SCOPE");
    tenants.again().patch(&path, json!({})).await.is(403, "INSUFFICIENT_SCOPE");
    tenants.again().post_text(&format!("{path}/suspend"), "").await.is(403, "INSUFFICIENT_SCOPE");
}

#[tokio::test]
async fn keys_with_the_operators_scopes_are_made_for_the_operator_alone() {
    use scanyard_server::key::{NewKey, NewKeyError, create_key};
    let t = Test::new().await;
    made(&t.key(ALL).made().await, json!({"name": "acme"})).await;
    for scope in ["tenants:read", "audit:read"] {
        let scopes = vec![scope.parse().unwrap()];
        let new = NewKey { name: "x".into(), scopes, ..NewKey::with_limits(&t.app.config.limits) };
        let refused = create_key(&t.app.store, "acme", new.clone()).await;
        assert!(matches!(refused, Err(NewKeyError::Scope(named)) if named == scope));
        create_key(&t.app.store, "default", new).await.unwrap();
    }
    let log = t.key("audit:read").get("/audit?actor=operator&action=api-key.created").await;
    assert_eq!(log.ok(200).body["pagination"]["total"], 2, "a key made on the server's machine is in the log too");
}
