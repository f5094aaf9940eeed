//! Templates: made, listed, read, changed, deleted.

use crate::harness::{Answer, Caller, Test};
use scanyard_engines::policy::Policy;
use scanyard_server::store::tenant::{self, TenantRecord};
use serde_json::{Value, json};

const ALL: &str = "templates:create templates:read templates:update templates:delete";
const NO_TEMPLATE: &str = "/scan-templates/tmpl-019bc000-0000-7000-8000-000000000000";

async fn create(caller: &Caller<'_>, body: Value) -> Answer {
    caller.again().post("/scan-templates", body).await
}

async fn made(caller: &Caller<'_>, name: &str) -> String {
    let created = create(caller, json!({"name": name, "scanType": "sentinel"})).await;
    format!("/scan-templates/{}", created.ok(201).data()["id"].as_str().unwrap())
}

/// The actions in the audit log with what they were done to, oldest first.
async fn audited(t: &Test) -> Vec<(String, String)> {
    let sql = "SELECT action, resource_id FROM audit ORDER BY id";
    sqlx::query_as(sql).fetch_all(&mut *t.app.store.read().await.unwrap()).await.unwrap()
}

#[tokio::test]
async fn a_template_is_made_and_read_back() {
    let t = Test::new().await;
    let caller = t.key(ALL).made().await;
    let body = json!({
        "name": "Container CI", "description": "every night\nat two", "scanType": "sentinel", "targetType": "host",
        "priority": "high", "options": {"ports": "80,443"}, "config": {"ports": "443"}, "tags": ["ci"], "timeout": 60,
    });
    let created = create(&caller, body.clone()).await;
    let data = created.ok(201).data().clone();
    let id = data["id"].as_str().unwrap();
    assert!(id.starts_with("tmpl-") && id.len() == 41, "{id}");
    assert_eq!(created.header("location"), format!("/scan-api/api/v1/scan-templates/{id}"));
    for (field, value) in body.as_object().unwrap() {
        assert_eq!(&data[field], value, "{field}");
    }
    let tenant: String =
        sqlx::query_scalar("SELECT id FROM tenant").fetch_one(&mut *t.app.store.read().await.unwrap()).await.unwrap();
    assert_eq!(data["tenantId"], tenant);
    assert_eq!((&data["createdAt"], &data["updatedAt"]), (&json!("2026-03-06T10:00:00Z"), &data["createdAt"]));
    let read = caller.again().get(&format!("/scan-templates/{}", id.to_uppercase().replace("TMPL", "tmpl"))).await;
    assert_eq!(read.ok(200).data(), &data);
    let least = create(&caller, json!({"name": "least", "scanType": "nmap"})).await;
    let data = least.ok(201).data();
    assert_eq!((&data["priority"], &data["timeout"], &data["options"]), (&json!("normal"), &json!(3600), &json!({})));
    assert_eq!(data.get("targetType"), None);
}

#[tokio::test]
async fn a_name_is_required_and_no_other_template_of_the_tenant_has_it() {
    let t = Test::new().await;
    let caller = t.key(ALL).made().await;
    for name in [json!(null), json!(""), json!(" \t ")] {
        let refused = create(&caller, json!({"name": name, "scanType": "sentinel"})).await;
        refused.is(400, "TEMPLATE_NAME_REQUIRED");
    }
    let refused = create(&caller, json!({"scanType": "nessus", "tags": 1})).await;
    refused.is(400, "TEMPLATE_NAME_REQUIRED");
    assert_eq!(refused.details().len(), 3, "{:?}", refused.details());
    create(&caller, json!({"name": 1, "scanType": "sentinel"})).await.is(400, "INVALID_FIELD_TYPE");
    create(&caller, json!({"name": "x".repeat(256), "scanType": "sentinel"})).await.is(400, "INVALID_FIELD_VALUE");
    create(&caller, json!({"name": "a\nb", "scanType": "sentinel"})).await.is(400, "INVALID_FIELD_VALUE");
    let path = made(&caller, "nightly").await;
    let refused = create(&caller, json!({"name": "nightly", "scanType": "nmap"})).await;
    refused.is(400, "DUPLICATE_TEMPLATE_NAME");
    assert!(refused.details()[0].contains(path.rsplit('/').next().unwrap()), "{:?}", refused.details());
    made(&caller, "Nightly").await;
    assert_eq!(t.rows("template").await, 2);
}

#[tokio::test]
async fn many_at_once_of_one_name_make_one_template() {
    let t = Test::new().await;
    let caller = t.key(ALL).made().await;
    let body = || json!({"name": "nightly", "scanType": "sentinel"});
    let answers = futures::future::join_all((0..20).map(|_| create(&caller, body()))).await;
    let stored = answers.iter().filter(|answer| answer.status == 201).count();
    for refused in answers.iter().filter(|answer| answer.status != 201) {
        refused.is(400, "DUPLICATE_TEMPLATE_NAME");
    }
    assert_eq!((stored, t.rows("template").await, audited(&t).await.len()), (1, 1, 1));
}

#[tokio::test]
async fn the_settings_of_a_template_are_those_of_a_scan() {
    let t = Test::new().await;
    let caller = t.key(ALL).made().await;
    for (field, value, code) in [
        ("scanType", json!("nessus"), "INVALID_SCAN_TYPE"),
        ("priority", json!("urgent"), "INVALID_PRIORITY"),
        ("targetType", json!("planet"), "INVALID_FIELD_TYPE"),
        ("targetType", json!("network"), "INVALID_FIELD_VALUE"),
        ("timeout", json!(0), "INVALID_FIELD_VALUE"),
        ("tags", json!([""]), "INVALID_FIELD_VALUE"),
        ("options", json!({"ports": 80}), "INVALID_FIELD_TYPE"),
        ("options", json!({"no-such": 1}), "UNKNOWN_FIELD"),
        ("config", json!({"ports": "99999999"}), "INVALID_FIELD_VALUE"),
        ("description", json!("\u{7}"), "INVALID_FIELD_VALUE"),
        ("target", json!("127.0.0.1"), "UNKNOWN_FIELD"),
        ("auth", json!({"basic": {"username": "u", "password": "p"}}), "UNKNOWN_FIELD"),
    ] {
        let mut body = json!({"name": "t", "scanType": "sentinel"});
        body[field] = value;
        create(&caller, body.clone()).await.is(400, code);
        let path = made(&caller, field).await;
        body["name"] = json!(field);
        caller.again().patch(&path, body).await.is(400, code);
        caller.again().delete(&path).await.ok(200);
    }
    create(&caller, json!({"name": "t"})).await.is(400, "MISSING_REQUIRED_FIELD");
}

#[tokio::test]
async fn a_change_keeps_what_it_does_not_name_and_clears_what_is_null() {
    let t = Test::new().await;
    let caller = t.key(ALL).made().await;
    let created = create(
        &caller,
        json!({"name": "a", "description": "d", "scanType": "sentinel", "targetType": "ip", "priority": "low",
            "options": {"ports": "80"}, "tags": ["x"], "timeout": 60}),
    )
    .await;
    let path = format!("/scan-templates/{}", created.ok(201).data()["id"].as_str().unwrap());
    t.pass(5_000);
    let changed = caller.again().patch(&path, json!({"name": "b", "options": {"ports": "81"}})).await;
    let data = changed.ok(200).data().clone();
    assert_eq!(
        (&data["name"], &data["description"], &data["options"]),
        (&json!("b"), &json!("d"), &json!({"ports": "81"}))
    );
    assert_eq!(
        (&data["createdAt"], &data["updatedAt"]),
        (&json!("2026-03-06T10:00:00Z"), &json!("2026-03-06T10:00:05Z"))
    );
    let nulls = json!({"description": null, "targetType": null, "priority": null, "options": null, "config": null,
        "tags": null, "timeout": null});
    let cleared = caller.again().patch(&path, nulls).await;
    let data = cleared.ok(200).data();
    assert_eq!((data.get("description"), data.get("targetType")), (None, None));
    assert_eq!((&data["priority"], &data["options"], &data["tags"]), (&json!("normal"), &json!({}), &json!([])));
    assert_eq!(data["timeout"], 3600);
    assert_eq!(caller.again().get(&path).await.ok(200).data(), data);
    caller.again().patch(&path, json!({"scanType": null})).await.is(400, "INVALID_FIELD_TYPE");
    for name in [json!(null), json!("  ")] {
        caller.again().patch(&path, json!({"name": name})).await.is(400, "TEMPLATE_NAME_REQUIRED");
    }
    made(&caller, "taken").await;
    caller.again().patch(&path, json!({"name": "taken"})).await.is(400, "DUPLICATE_TEMPLATE_NAME");
    caller.again().patch(&path, json!({"name": "b"})).await.ok(200);
    caller.again().patch(&path, json!({})).await.ok(200);
}

/// Options that fit one engine need not fit another: the change is judged together with what stays.
#[tokio::test]
async fn a_change_is_judged_as_a_whole() {
    let t = Test::new().await;
    let caller = t.key(ALL).made().await;
    let body = json!({"name": "a", "scanType": "nmap", "options": {"timing": "T3"}});
    let path = format!("/scan-templates/{}", create(&caller, body).await.ok(201).data()["id"].as_str().unwrap());
    caller.again().patch(&path, json!({"scanType": "sentinel"})).await.is(400, "UNKNOWN_FIELD");
    caller.again().patch(&path, json!({"scanType": "sentinel", "options": {}})).await.ok(200);
}

#[tokio::test]
async fn changes_at_the_same_time_are_all_made() {
    let t = Test::new().await;
    let caller = t.key(ALL).made().await;
    let path = made(&caller, "a").await;
    let changes =
        [json!({"description": "d"}), json!({"timeout": 60}), json!({"tags": ["x"]}), json!({"priority": "high"})];
    let answers = futures::future::join_all(changes.into_iter().map(|body| caller.again().patch(&path, body))).await;
    for answer in &answers {
        answer.ok(200);
    }
    let read = caller.again().get(&path).await;
    let data = read.data();
    let seen = (&data["description"], &data["timeout"], &data["tags"], &data["priority"]);
    assert_eq!(seen, (&json!("d"), &json!(60), &json!(["x"]), &json!("high")));
}

#[tokio::test]
async fn templates_are_listed_newest_first_by_page_and_by_cursor() {
    let t = Test::new().await;
    let caller = t.key(ALL).made().await;
    for name in ["1", "2", "3", "4", "5"] {
        made(&caller, name).await;
    }
    create(&caller, json!({"name": "n", "scanType": "nmap"})).await.ok(201);
    let names = |answer: &Answer| -> Vec<String> {
        answer.data().as_array().unwrap().iter().map(|each| each["name"].as_str().unwrap().to_string()).collect()
    };
    let first = caller.again().get("/scan-templates?limit=2&scanType=sentinel").await;
    assert_eq!(names(first.ok(200)), ["5", "4"]);
    assert_eq!((&first.body["pagination"]["total"], &first.body["pagination"]["totalPages"]), (&json!(5), &json!(3)));
    let cursor = first.body["pagination"]["nextCursor"].as_str().unwrap();
    let next = caller.again().get(&format!("/scan-templates?limit=2&scanType=sentinel&cursor={cursor}")).await;
    assert_eq!(names(next.ok(200)), ["3", "2"]);
    let last = caller.again().get("/scan-templates?limit=2&scanType=sentinel&page=3").await;
    assert_eq!((names(last.ok(200)), last.body["pagination"].get("nextCursor")), (vec!["1".to_string()], None));
    assert_eq!(names(&caller.again().get("/scan-templates").await), ["n", "5", "4", "3", "2", "1"]);
    for (query, code) in [
        ("page=0", "INVALID_PAGE"),
        ("limit=101", "INVALID_LIMIT"),
        ("cursor=x", "INVALID_PARAMETER"),
        ("scanType=x", "INVALID_SCAN_TYPE"),
        ("name=n", "UNKNOWN_PARAMETER"),
    ] {
        caller.again().get(&format!("/scan-templates?{query}")).await.is(400, code);
    }
}

#[tokio::test]
async fn another_tenants_template_does_not_exist() {
    let t = Test::new().await;
    let other = TenantRecord {
        id: uuid::Uuid::now_v7().to_string(),
        name: "acme".into(),
        is_operator: false,
        policy: Policy::default(),
        ..operator(&t).await
    };
    t.app.store.write(move |conn| Box::pin(async move { tenant::insert(conn, &other).await })).await.unwrap();
    let path = made(&t.key(ALL).made().await, "nightly").await;
    let stranger = t.key(&format!("{ALL} scans:create")).of_tenant("acme").made().await;
    for path in [&*path, NO_TEMPLATE, "/scan-templates/nightly", "/scan-templates/tmpl-%00", "/scan-templates/é"] {
        stranger.again().get(path).await.is(404, "TEMPLATE_NOT_FOUND");
        stranger.again().patch(path, json!({"name": "mine"})).await.is(404, "TEMPLATE_NOT_FOUND");
        stranger.again().delete(path).await.is(404, "TEMPLATE_NOT_FOUND");
        let launched = stranger.again().post(&format!("{path}/launch"), json!({"target": "127.0.0.1"})).await;
        launched.is(404, "TEMPLATE_NOT_FOUND");
    }
    assert_eq!(stranger.again().get("/scan-templates").await.ok(200).data(), &json!([]));
    made(&stranger, "nightly").await;
}

async fn operator(t: &Test) -> TenantRecord {
    tenant::by_name(&mut t.app.store.read().await.unwrap(), "default").await.unwrap().unwrap()
}

#[tokio::test]
async fn every_change_is_in_the_audit_log_and_no_refusal() {
    let t = Test::new().await;
    let caller = t.key(ALL).made().await;
    let path = made(&caller, "a").await;
    create(&caller, json!({"name": "a", "scanType": "nmap"})).await.is(400, "DUPLICATE_TEMPLATE_NAME");
    caller.again().patch(&path, json!({"timeout": 9})).await.ok(200);
    caller.again().patch(&path, json!({"timeout": 0})).await.is(400, "INVALID_FIELD_VALUE");
    let deleted = caller.again().delete(&path).await;
    let id = path.rsplit('/').next().unwrap().to_string();
    assert_eq!(deleted.ok(200).data(), &json!({"id": id, "deleted": true}));
    caller.again().delete(&path).await.is(404, "TEMPLATE_NOT_FOUND");
    caller.again().patch(&path, json!({"timeout": 9})).await.is(404, "TEMPLATE_NOT_FOUND");
    let seen = audited(&t).await;
    let expected = ["template.created", "template.updated", "template.deleted"].map(|a| (a.to_string(), id.clone()));
    assert_eq!(seen, expected);
    made(&caller, "a").await;
}

#[tokio::test]
async fn a_repeat_of_a_creation_gets_the_first_answer() {
    let t = Test::new().await;
    let caller = t.key(ALL).made().await.header("idempotency-key", "k");
    let body = || json!({"name": "nightly", "scanType": "sentinel"});
    let first = create(&caller, body()).await;
    let again = create(&caller, body()).await;
    assert_eq!((again.ok(201).header("idempotency-replayed"), &again.text), ("true", &first.text));
    assert_eq!(again.header("location"), first.header("location"));
    create(&caller, json!({"name": "other", "scanType": "sentinel"})).await.is(422, "IDEMPOTENCY_KEY_REUSED");
    // A refusal is not kept.
    let caller = caller.header("idempotency-key", "l");
    create(&caller, body()).await.is(400, "DUPLICATE_TEMPLATE_NAME");
    create(&caller, json!({"name": "other", "scanType": "sentinel"})).await.ok(201);
}

#[tokio::test]
async fn each_operation_needs_its_own_scope() {
    let t = Test::new().await;
    let path = made(&t.key(ALL).made().await, "a").await;
    let body = || json!({"name": "x", "scanType": "nmap"});
    t.key("templates:read").post("/scan-templates", body()).await.is(403, "INSUFFICIENT_SCOPE");
    t.key("templates:create").get("/scan-templates").await.is(403, "INSUFFICIENT_SCOPE");
    t.key("templates:update").get(&path).await.is(403, "INSUFFICIENT_SCOPE");
    t.key("templates:delete").patch(&path, body()).await.is(403, "INSUFFICIENT_SCOPE");
    t.key("templates:update").delete(&path).await.is(403, "INSUFFICIENT_SCOPE");
    for (lacking, has) in [("scans:create", "templates:read"), ("templates:read", "scans:create")] {
        let refused = t.key(has).post(&format!("{path}/launch"), json!({"target": "127.0.0.1"})).await;
        refused.is(403, "INSUFFICIENT_SCOPE");
        assert_eq!(refused.details(), [format!("scope: the key lacks {lacking}")]);
    }
}
