//! The audit log: every change with its actor and its source, read by its own tenant and by the operator.

use crate::harness::{Answer, Caller, START, Test};
use scanyard_server::store::audit::{self, Actor, AuditRecord};
use serde_json::{Value, json};

fn actions(list: &Answer) -> Vec<&str> {
    list.ok(200).data().as_array().unwrap().iter().map(|entry| entry["action"].as_str().unwrap()).collect()
}

/// An operator, and what it did a minute apart each: a tenant made, changed, suspended.
async fn some_changes(t: &Test) -> (Caller<'_>, String) {
    let operator = t.key("tenants:create tenants:update audit:read").made().await.from("198.51.100.7");
    let created = operator.again().post("/tenants", json!({"name": "acme"})).await;
    let id = created.ok(201).data()["id"].as_str().unwrap().to_string();
    t.pass(60_000);
    operator.again().patch(&format!("/tenants/{id}"), json!({"monthlyQuota": 5})).await.ok(200);
    t.pass(60_000);
    operator.again().post_text(&format!("/tenants/{id}/suspend"), "").await.ok(200);
    (operator, id)
}

#[tokio::test]
async fn a_change_is_recorded_with_its_actor_its_source_and_what_it_was() {
    let t = Test::new().await;
    let (operator, id) = some_changes(&t).await;
    let list = operator.again().get("/audit").await;
    assert_eq!(actions(&list), ["tenant.suspended", "tenant.updated", "tenant.created"]);
    let updated = &list.data()[1];
    assert!(updated["actor"].as_str().unwrap().starts_with("key-"));
    assert_eq!(
        updated,
        &json!({
            "id": updated["id"],
            "tenantId": updated["tenantId"],
            "createdAt": "2026-03-06T10:01:00Z",
            "actor": updated["actor"],
            "sourceIp": "198.51.100.7",
            "action": "tenant.updated",
            "resourceId": id,
            "details": {"changed": {"monthlyQuota": 5}},
        })
    );
    assert_eq!(list.body["pagination"]["total"], 3);
}

#[tokio::test]
async fn the_log_is_filtered_and_paged() {
    let t = Test::new().await;
    let (operator, _) = some_changes(&t).await;
    let all = operator.again().get("/audit").await;
    let actor = all.data()[0]["actor"].as_str().unwrap();
    for (query, expected) in [
        ("action=tenant.updated", vec!["tenant.updated"]),
        ("action=tenant", vec![]),
        ("createdAfter=2026-03-06T10:01:00Z", vec!["tenant.suspended", "tenant.updated"]),
        ("createdBefore=2026-03-06T10:01:00Z", vec!["tenant.created"]),
        ("createdAfter=2026-03-06T12:01:00%2B02:00&createdBefore=2026-03-06T10:02:00Z", vec!["tenant.updated"]),
        ("actor=usr-none", vec![]),
        (&*format!("actor={actor}&limit=1"), vec!["tenant.suspended"]),
    ] {
        assert_eq!(actions(&operator.again().get(&format!("/audit?{query}")).await), expected, "{query}");
    }
    let first = operator.again().get("/audit?limit=2").await;
    let cursor = first.body["pagination"]["nextCursor"].as_str().unwrap();
    let rest = operator.again().get(&format!("/audit?limit=2&cursor={cursor}")).await;
    assert_eq!(actions(&rest), ["tenant.created"]);
    assert_eq!(rest.body["pagination"].get("nextCursor"), None);
    for query in ["createdAfter=yesterday", "cursor=aud-x", "createdBefore=2026-03-06", "actor=a&actor=b"] {
        operator.again().get(&format!("/audit?{query}")).await.is(400, "INVALID_PARAMETER");
    }
    operator.again().get("/audit?page=0").await.is(400, "INVALID_PAGE");
    operator.again().get("/audit?limit=0").await.is(400, "INVALID_LIMIT");
    operator.again().get("/audit?user=x").await.is(400, "UNKNOWN_PARAMETER");
    t.key("tenants:read").get("/audit").await.is(403, "INSUFFICIENT_SCOPE");
}

#[tokio::test]
async fn a_tenant_reads_its_own_log_and_the_operator_any() {
    let t = Test::new().await;
    let (operator, id) = some_changes(&t).await;
    operator.again().post_text(&format!("/tenants/{id}/resume"), "").await.ok(200);
    let record = AuditRecord::new(START, &id, Actor::system(), "webhook.disabled", "wh-1").with("reason", "gone");
    t.app.store.write(move |conn| Box::pin(async move { audit::insert(conn, &record).await })).await.unwrap();
    let member = t.session("admin").of_tenant("acme").made().await;
    let own = member.again().get("/audit").await;
    assert_eq!(actions(&own), ["webhook.disabled"]);
    assert_eq!((&own.data()[0]["actor"], own.data()[0].get("sourceIp")), (&json!("system"), None::<&Value>));
    assert_eq!(actions(&member.again().get(&format!("/audit?tenantId={id}")).await), ["webhook.disabled"]);
    assert_eq!(actions(&operator.again().get(&format!("/audit?tenantId={id}")).await), ["webhook.disabled"]);
    let operators = operator.again().get("/audit").await.data()[0]["tenantId"].as_str().unwrap().to_string();
    for foreign in [operators.as_str(), "019bc000-0000-7000-8000-000000000000", "default"] {
        member.again().get(&format!("/audit?tenantId={foreign}")).await.is(404, "TENANT_NOT_FOUND");
    }
    operator.again().get("/audit?tenantId=acme").await.is(404, "TENANT_NOT_FOUND");
}

#[tokio::test]
async fn a_change_that_failed_leaves_no_record() {
    let t = Test::new().await;
    let operator = t.key("tenants:create audit:read").made().await;
    operator.again().post("/tenants", json!({"name": "default"})).await.is(409, "DUPLICATE_TENANT_NAME");
    assert_eq!(actions(&operator.again().get("/audit").await), [] as [&str; 0]);
}
