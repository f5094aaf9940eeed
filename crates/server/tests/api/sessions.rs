//! Sessions: what an access token opens and for how long, logins, refreshes, log-outs and new passwords.

use crate::harness::Test;
use serde_json::json;

const ROLES: [&str; 4] = ["owner", "admin", "analyst", "viewer"];

#[tokio::test]
async fn a_session_opens_what_its_role_opens() {
    let t = Test::new().await;
    let scan = json!({"target": "127.0.0.1", "scanType": "sentinel"});
    for role in ROLES {
        let caller = t.session(role).made().await;
        caller.again().get("/scans").await.ok(200);
        let posted = caller.again().post("/scans", scan.clone()).await;
        match role {
            "viewer" => {
                posted.is(403, "INSUFFICIENT_SCOPE");
                assert_eq!(posted.details(), ["scope: the viewer lacks scans:create"]);
            }
            _ => drop(posted.ok(201)),
        }
        let tenants = caller.again().get("/tenants").await;
        match role {
            "owner" => drop(tenants.ok(200)),
            _ => drop(tenants.is(403, "INSUFFICIENT_SCOPE")),
        }
    }
}

#[tokio::test]
async fn an_owner_of_another_tenant_has_nothing_of_the_operators() {
    let t = Test::new().await;
    t.key("tenants:create").post("/tenants", json!({"name": "other"})).await.ok(201);
    let owner = t.session("owner").of_tenant("other").made().await;
    owner.again().get("/tenants").await.is(403, "INSUFFICIENT_SCOPE");
    owner.get("/scans").await.ok(200);
}

#[tokio::test]
async fn a_token_that_is_none_is_invalid_and_an_old_one_expired() {
    let t = Test::new().await;
    let caller = t.session("viewer").made().await;
    for (header, code) in [
        ("Bearer x", "INVALID_TOKEN"),
        ("bearer eyJhbGciOiJub25lIn0.e30.", "INVALID_TOKEN"),
        ("Bearer cix_sk_abc", "MISSING_API_KEY"),
        ("Basic dTpw", "MISSING_API_KEY"),
        ("Bearer", "MISSING_API_KEY"),
    ] {
        t.nobody().header("authorization", header).get("/scans").await.is(401, code);
    }
    let refused = t.nobody().header("authorization", "Bearer x").get("/scans").await;
    assert_eq!(refused.header("www-authenticate"), "Bearer error=\"invalid_token\"");
    t.pass(15 * 60 * 1000 - 1);
    caller.again().get("/scans").await.ok(200);
    t.pass(1);
    let expired = caller.again().get("/scans").await;
    expired.is(401, "TOKEN_EXPIRED");
    assert_eq!(expired.details(), ["Authorization: the token ended at 2026-03-06T10:15:00Z"]);
}

#[tokio::test]
async fn who_is_suspended_or_gone_stops_within_a_second() {
    let t = Test::new().await;
    for (sql, status, code) in [
        ("UPDATE session SET ended_at = 1", 401, "INVALID_TOKEN"),
        ("UPDATE app_user SET status = 'suspended'", 401, "USER_SUSPENDED"),
        ("DELETE FROM app_user", 401, "INVALID_TOKEN"),
        ("UPDATE tenant SET status = 'suspended'", 403, "TENANT_SUSPENDED"),
    ] {
        let caller = t.session("analyst").made().await;
        caller.again().get("/scans").await.ok(200);
        t.sql(sql).await;
        caller.again().get("/scans").await.ok(200);
        t.pass(1_000);
        caller.again().get("/scans").await.is(status, code);
    }
}

#[tokio::test]
async fn a_user_has_limits_of_its_own() {
    let t = Test::with(|config| config.limits.user_per_minute = 2).await;
    let (one, other) = (t.session("viewer").made().await, t.session("viewer").made().await);
    assert_eq!(one.again().get("/scans").await.ok(200).header("ratelimit-remaining"), "1");
    one.again().get("/scans").await.ok(200);
    let refused = one.again().get("/scans").await;
    assert_eq!(refused.is(429, "RATE_LIMIT_EXCEEDED").header("retry-after"), "60");
    other.get("/scans").await.ok(200);
}

#[tokio::test]
async fn tokens_that_are_tried_out_are_counted_by_source() {
    let t = Test::with(|config| config.limits.per_source = 1).await;
    let tried = || t.nobody().header("authorization", "Bearer x").get("/scans");
    tried().await.is(401, "INVALID_TOKEN");
    tried().await.is(429, "RATE_LIMIT_EXCEEDED");
    t.session("viewer").get("/scans").await.ok(200);
}
