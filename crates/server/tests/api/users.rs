//! Users: made by the operator's key and by each other, each within their tenant and below their role.

use crate::harness::{Answer, Caller, Test};
use serde_json::{Value, json};

const NOBODY: &str = "/users/usr-019bc000-0000-7000-8000-000000000000";
const ALL: &str = "users:create users:read users:update users:delete";
const PASSWORD: &str = "Correct-Horse-1";

async fn make(caller: &Caller<'_>, email: &str, role: &str) -> Answer {
    caller.again().post("/users", json!({"email": email, "role": role, "password": PASSWORD})).await
}

/// The path of a new user.
async fn made(caller: &Caller<'_>, email: &str, role: &str) -> String {
    format!("/users/{}", make(caller, email, role).await.ok(201).data()["id"].as_str().unwrap())
}

async fn tenant(t: &Test, name: &str) -> String {
    let made = t.key("tenants:create").post("/tenants", json!({"name": name})).await;
    made.ok(201).data()["id"].as_str().unwrap().to_string()
}

#[tokio::test]
async fn the_operators_key_makes_the_first_user_of_any_tenant() {
    let t = Test::new().await;
    let operator = t.key(ALL).made().await;
    let other = tenant(&t, "other").await;
    let body = json!({"email": "Ada@Example.test", "name": "Ada", "role": "owner", "tenantId": other});
    let created = operator.again().post("/users", body).await;
    let user = created.ok(201).data();
    let path = format!("/users/{}", user["id"].as_str().unwrap());
    assert_eq!(created.header("location"), format!("/scan-api/api/v1{path}"));
    let expected = json!({
        "id": user["id"],
        "tenantId": other,
        "email": "ada@example.test",
        "name": "Ada",
        "role": "owner",
        "status": "active",
        "passwordChangedAt": "2026-03-06T10:00:00Z",
        "createdAt": "2026-03-06T10:00:00Z",
    });
    let mut without = user.clone();
    let generated = without.as_object_mut().unwrap().remove("password").unwrap();
    assert_eq!(without, expected);
    let login = json!({"email": "ada@example.test", "password": generated});
    let tokens = t.nobody().post("/auth/login", login).await;
    assert_eq!(tokens.ok(200).data()["user"]["tenantId"], other.as_str());
    assert_eq!(operator.again().get(&path).await.ok(200).data().get("password"), None);

    let ids = |list: &Answer| -> Vec<Value> {
        list.ok(200).data().as_array().unwrap().iter().map(|user| user["tenantId"].clone()).collect()
    };
    assert_eq!(ids(&operator.again().get("/users").await), [] as [Value; 0], "its own tenant's");
    assert_eq!(ids(&operator.again().get(&format!("/users?tenantId={other}")).await), [json!(other)]);
    let nowhere = "019bc000-0000-7000-8000-000000000000";
    operator.again().get(&format!("/users?tenantId={nowhere}")).await.is(404, "TENANT_NOT_FOUND");
    let body = json!({"email": "b@example.test", "role": "owner", "tenantId": nowhere});
    operator.again().post("/users", body).await.is(404, "TENANT_NOT_FOUND");
}

#[tokio::test]
async fn an_address_is_one_users_in_upper_or_lower_case() {
    let t = Test::new().await;
    let operator = t.key(ALL).made().await;
    let path = made(&operator, "ada@example.test", "viewer").await;
    make(&operator, "ADA@example.test", "viewer").await.is(409, "DUPLICATE_EMAIL");
    made(&operator, "bob@example.test", "viewer").await;
    operator.again().patch(&path, json!({"email": "Bob@example.test"})).await.is(409, "DUPLICATE_EMAIL");
    let changed = operator.again().patch(&path, json!({"email": "Ada2@example.test", "name": null})).await;
    assert_eq!(changed.ok(200).data()["email"], "ada2@example.test");
    made(&operator, "ada@example.test", "viewer").await;
    assert_eq!(t.rows("app_user").await, 3);
}

#[tokio::test]
async fn every_fault_of_a_user_is_named() {
    let t = Test::new().await;
    let operator = t.key(ALL).made().await;
    let post = async |body: Value| operator.again().post("/users", body).await;
    post(json!({})).await.is(400, "MISSING_REQUIRED_FIELD");
    post(json!({"email": "a@b", "role": "king"})).await.is(400, "INVALID_FIELD_VALUE");
    post(json!({"email": "a@b", "role": 1})).await.is(400, "INVALID_FIELD_TYPE");
    post(json!({"email": "a@b", "role": "viewer", "id": "x"})).await.is(400, "UNKNOWN_FIELD");
    let refused = post(json!({"email": "a b@c", "role": "viewer", "name": " x"})).await;
    let fields: Vec<String> = refused.details().iter().map(|d| d.split(':').next().unwrap().to_string()).collect();
    assert_eq!((refused.is(400, "INVALID_FIELD_VALUE").status, fields), (400, vec!["email".into(), "name".into()]));
    let weak = post(json!({"email": "a@b", "role": "viewer", "password": ""})).await;
    assert_eq!(weak.is(400, "PASSWORD_POLICY_VIOLATION").details().len(), 5);
    let path = made(&operator, "ada@example.test", "viewer").await;
    for field in ["email", "role", "status", "password"] {
        operator.again().patch(&path, json!({field: null})).await.is(400, "INVALID_FIELD_TYPE");
    }
    operator.again().patch(&path, json!({"password": PASSWORD})).await.is(400, "PASSWORD_POLICY_VIOLATION");
    assert_eq!(t.rows("app_user").await, 1);
}

#[tokio::test]
async fn nobody_gives_a_role_above_their_own_or_manages_their_like_but_owners() {
    let t = Test::new().await;
    let operator = t.key(ALL).made().await;
    let (owner, admin) = (t.session("owner").made().await, t.session("admin").made().await);
    made(&operator, "first@example.test", "owner").await;
    let refused = make(&admin, "x@example.test", "owner").await;
    assert_eq!(refused.is(403, "INSUFFICIENT_ROLE").body["error"], "Insufficient role: requires owner");
    let peer = made(&admin, "peer@example.test", "admin").await;
    let analyst = made(&admin, "analyst@example.test", "analyst").await;
    let boss = format!("/users/{}", owner.user_id());
    for path in [&peer, &boss] {
        admin.again().patch(path, json!({"name": "x"})).await.is(403, "INSUFFICIENT_ROLE");
        admin.again().delete(path).await.is(403, "INSUFFICIENT_ROLE");
        admin.again().post_text(&format!("{path}/unlock"), "").await.is(403, "INSUFFICIENT_ROLE");
    }
    admin.again().patch(&analyst, json!({"role": "owner"})).await.is(403, "INSUFFICIENT_ROLE");
    assert_eq!(admin.again().patch(&analyst, json!({"role": "viewer"})).await.ok(200).data()["role"], "viewer");
    let myself = format!("/users/{}", admin.user_id());
    admin.again().patch(&myself, json!({"role": "owner"})).await.is(403, "INSUFFICIENT_ROLE");
    admin.again().patch(&myself, json!({"password": "Correct-Horse-2"})).await.is(400, "INVALID_FIELD_VALUE");
    admin.again().patch(&myself, json!({"name": "Me"})).await.ok(200);
    owner.again().patch(&peer, json!({"role": "owner"})).await.ok(200);
    owner.again().delete(&peer).await.ok(200);
    for role in ["analyst", "viewer"] {
        let caller = t.session(role).made().await;
        make(&caller, "y@example.test", "viewer").await.is(403, "INSUFFICIENT_SCOPE");
        caller.get("/users").await.is(403, "INSUFFICIENT_SCOPE");
    }
}

#[tokio::test]
async fn the_last_owner_stays_however_many_try_at_once() {
    let t = Test::new().await;
    let operator = t.key(ALL).made().await;
    let (one, other) =
        (made(&operator, "a@example.test", "owner").await, made(&operator, "b@example.test", "owner").await);
    let demote = json!({"role": "admin"});
    let (a, b) = tokio::join!(operator.again().patch(&one, demote.clone()), operator.again().delete(&other));
    let mut statuses = [a.status, b.status];
    statuses.sort_unstable();
    assert_eq!(statuses, [200, 409]);
    let last = t.texts("SELECT id FROM app_user WHERE role = 'owner'").await;
    let path = format!("/users/{}", last[0]);
    for body in [demote, json!({"status": "suspended"})] {
        operator.again().patch(&path, body).await.is(409, "LAST_OWNER");
    }
    operator.again().delete(&path).await.is(409, "LAST_OWNER");
    operator.again().patch(&path, json!({"name": "The last"})).await.ok(200);
}

#[tokio::test]
async fn who_is_suspended_deleted_or_given_a_password_is_out_at_once() {
    let t = Test::new().await;
    let owner = t.session("owner").made().await;
    for change in ["suspend", "password", "delete"] {
        let user = t.session("analyst").made().await;
        user.again().get("/scans").await.ok(200);
        let path = format!("/users/{}", user.user_id());
        match change {
            "suspend" => owner.again().patch(&path, json!({"status": "suspended"})).await.ok(200),
            "password" => owner.again().patch(&path, json!({"password": PASSWORD})).await.ok(200),
            _ => owner.again().delete(&path).await.ok(200),
        };
        user.again().get("/scans").await.is(401, "INVALID_TOKEN");
    }
    let user = t.session("analyst").made().await;
    let path = format!("/users/{}", user.user_id());
    user.again().get("/scans").await.ok(200);
    owner.again().patch(&path, json!({"role": "viewer"})).await.ok(200);
    user.again().post("/scans", json!({})).await.is(403, "INSUFFICIENT_SCOPE");
}

#[tokio::test]
async fn users_of_another_tenant_are_as_if_they_did_not_exist() {
    let t = Test::new().await;
    let foreign = made(&t.key(ALL).made().await, "ada@example.test", "viewer").await;
    let other = tenant(&t, "other").await;
    let owner = t.session("owner").of_tenant("other").made().await;
    for path in [&*foreign, NOBODY, "/users/ada@example.test"] {
        let answers = [
            owner.again().get(path).await,
            owner.again().patch(path, json!({"name": "x"})).await,
            owner.again().delete(path).await,
            owner.again().post_text(&format!("{path}/unlock"), "").await,
        ];
        for answer in &answers {
            answer.is(404, "USER_NOT_FOUND");
        }
    }
    let operators = t.texts("SELECT id FROM tenant WHERE is_operator = 1").await.remove(0);
    for id in [&*operators, "019bc000-0000-7000-8000-000000000000"] {
        owner.again().get(&format!("/users?tenantId={id}")).await.is(404, "TENANT_NOT_FOUND");
        let body = json!({"email": "x@example.test", "role": "viewer", "tenantId": id});
        owner.again().post("/users", body).await.is(404, "TENANT_NOT_FOUND");
    }
    let own = owner.again().get(&format!("/users?tenantId={}", other.to_uppercase())).await;
    assert_eq!(own.ok(200).body["pagination"]["total"], 1);
    // A key outside the operator's tenant cannot manage users, whatever stands on it.
    let key = t.key(ALL).of_tenant("other").made().await;
    key.get("/users").await.is(403, "INSUFFICIENT_SCOPE");
}

#[tokio::test]
async fn users_are_listed_filtered_and_paged() {
    let t = Test::new().await;
    let operator = t.key(ALL).made().await;
    for (email, role) in [("a@example.test", "viewer"), ("b@example.test", "admin"), ("c@example.test", "viewer")] {
        made(&operator, email, role).await;
    }
    let emails = |list: &Answer| -> Vec<String> {
        let users = list.ok(200).data().as_array().unwrap();
        users.iter().map(|user| user["email"].as_str().unwrap()[..1].to_string()).collect()
    };
    let first = operator.again().get("/users?limit=2").await;
    assert_eq!((emails(&first), &first.body["pagination"]["total"]), (vec!["c".into(), "b".into()], &json!(3)));
    let cursor = first.body["pagination"]["nextCursor"].as_str().unwrap();
    assert_eq!(emails(&operator.again().get(&format!("/users?limit=2&cursor={cursor}")).await), ["a"]);
    assert_eq!(emails(&operator.again().get("/users?role=viewer").await), ["c", "a"]);
    assert_eq!(emails(&operator.again().get("/users?status=suspended").await), [] as [&str; 0]);
    operator.again().get("/users?role=king").await.is(400, "INVALID_PARAMETER");
    operator.again().get("/users?limit=0").await.is(400, "INVALID_LIMIT");
}

#[tokio::test]
async fn a_repeated_creation_makes_one_user_and_shows_a_password_once() {
    let t = Test::new().await;
    let operator = t.key(ALL).made().await;
    let given = json!({"email": "a@example.test", "role": "viewer", "password": PASSWORD});
    let generated = json!({"email": "b@example.test", "role": "viewer"});
    let post = async |key: &str, body: &Value| {
        operator.again().header("idempotency-key", key).post("/users", body.clone()).await
    };
    let (first, again) = (post("k", &given).await, post("k", &given).await);
    assert_eq!(again.ok(201).data(), first.ok(201).data());
    let first = post("l", &generated).await;
    let again = post("l", &generated).await;
    again.is(409, "SECRET_ALREADY_SHOWN");
    assert_eq!(again.details(), [format!("id: {}", first.ok(201).data()["id"].as_str().unwrap())]);
    assert_eq!(t.rows("app_user").await, 2);
}

#[tokio::test]
async fn every_change_of_a_user_is_in_the_audit_log_without_its_secrets() {
    let t = Test::new().await;
    let owner = t.session("owner").made().await;
    let path = made(&owner, "ada@example.test", "viewer").await;
    owner.again().patch(&path, json!({"role": "analyst", "password": "Correct-Horse-2"})).await.ok(200);
    owner.again().post_text(&format!("{path}/unlock"), "").await.ok(200);
    assert_eq!(
        owner.again().delete(&path).await.ok(200).data(),
        &json!({"id": path["/users/".len()..], "deleted": true})
    );
    let log = owner.again().get("/audit").await;
    let entries = log.ok(200).data().as_array().unwrap();
    let actions: Vec<&Value> = entries.iter().map(|entry| &entry["action"]).collect();
    assert_eq!(actions, ["user.deleted", "user.updated", "user.created"], "an unlock that changes nothing is none");
    assert_eq!(entries[1]["details"], json!({"changed": {"role": "analyst"}, "password": true}));
    assert_eq!(entries[1]["actor"], owner.user_id());
    assert!(!log.text.contains("Horse"), "{}", log.text);
}
