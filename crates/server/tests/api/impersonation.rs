//! Admins who act as others: as whom, with what, and what the audit log says of it.

use crate::harness::Test;
use serde_json::json;

#[tokio::test]
async fn an_admin_acts_as_somebody_below_and_the_log_says_so() {
    let t = Test::new().await;
    let (admin, viewer) = (t.session("admin").made().await, t.session("viewer").made().await);
    let (admin_id, viewer_id) = (admin.user_id(), viewer.user_id());
    let acting = admin.again().header("x-impersonate", &viewer_id);
    let me = acting.again().get("/auth/me").await;
    assert_eq!(me.ok(200).data()["user"]["id"], viewer_id.as_str());
    assert_eq!(me.data()["impersonatedBy"], admin_id.as_str());
    // With the rights of the user, not of the admin.
    let scan = json!({"target": "127.0.0.1", "scanType": "sentinel"});
    acting.again().post("/scans", scan.clone()).await.is(403, "INSUFFICIENT_SCOPE");
    acting.again().get("/users").await.is(403, "INSUFFICIENT_SCOPE");
    let analyst = t.session("analyst").made().await;
    admin.again().header("x-impersonate", &analyst.user_id()).post("/scans", scan).await.ok(201);

    let log = admin.again().get("/audit?action=user.impersonated&limit=100").await;
    let entries = log.ok(200).data().as_array().unwrap();
    assert_eq!(entries.len(), 4);
    let first = entries.last().unwrap();
    assert_eq!((&first["actor"], &first["impersonated"]), (&json!(admin_id), &json!(viewer_id)), "{first}");
    assert_eq!((&first["details"]["method"], &first["details"]["path"]), (&json!("GET"), &json!("/auth/me")));
}

#[tokio::test]
async fn nobody_acts_as_an_equal_a_superior_a_stranger_or_nobody() {
    let t = Test::new().await;
    t.key("tenants:create").post("/tenants", json!({"name": "other"})).await.ok(201);
    let stranger = t.session("viewer").of_tenant("other").made().await.user_id();
    let mut ids = Vec::new();
    for role in ["owner", "admin", "analyst", "viewer"] {
        ids.push((role, t.session(role).made().await.user_id()));
    }
    for (mine, below) in [("owner", 3), ("admin", 2), ("analyst", 0), ("viewer", 0)] {
        let caller = t.session(mine).made().await;
        for (i, (role, id)) in ids.iter().enumerate() {
            let answer = caller.again().header("x-impersonate", id).get("/scans").await;
            if i + below >= ids.len() {
                answer.ok(200);
            } else {
                answer.is(403, "IMPERSONATION_NOT_ALLOWED");
                assert_eq!(answer.details().len(), 1, "{mine} as {role}");
            }
        }
        for id in [&*stranger, "usr-019bc000-0000-7000-8000-000000000000", "x", ""] {
            let refused = caller.again().header("x-impersonate", id).get("/scans").await;
            refused.is(403, "IMPERSONATION_NOT_ALLOWED");
        }
    }
    t.key("scans:list").header("x-impersonate", &ids[3].1).get("/scans").await.is(403, "IMPERSONATION_NOT_ALLOWED");
}

#[tokio::test]
async fn what_is_for_the_user_alone_stays_so() {
    let t = Test::new().await;
    let viewer = t.session("viewer").made().await.user_id();
    let acting = t.session("owner").header("x-impersonate", &viewer).made().await;
    let body = json!({"currentPassword": "x", "newPassword": "y"});
    acting.again().post("/auth/change-password", body).await.is(403, "IMPERSONATION_NOT_ALLOWED");
    t.sql(&format!("UPDATE app_user SET status = 'suspended' WHERE id = '{viewer}'")).await;
    acting.again().get("/scans").await.is(403, "IMPERSONATION_NOT_ALLOWED");
}
