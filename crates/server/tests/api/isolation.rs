//! Whatever is another tenant's answers as what does not exist: every operation of the document that names a thing by its
//! id is tried with a stranger's id and with nobody's.

use crate::harness::{Answer, Caller, Test};
use crate::receiver::{Receiver, trust};
use axum::body::Body;
use http::Method;
use serde_json::{Value, json};
use std::collections::BTreeMap;

/// Operations whose parameter names nothing that belongs to a tenant.
const NOBODYS: &[(&str, &str)] = &[
    ("get_error", "the catalogue is everybody's"),
    ("get_contract_error", "the catalogue is everybody's"),
    ("get_service_error", "the catalogue is everybody's"),
    ("get_service_code_error", "the catalogue is everybody's"),
    ("get_tenant", "tenants are the operator's, which sees all of them"),
    ("update_tenant", "tenants are the operator's, which sees all of them"),
    ("suspend_tenant", "tenants are the operator's, which sees all of them"),
    ("resume_tenant", "tenants are the operator's, which sees all of them"),
];

/// Bodies without which an operation would not come so far as to look for the thing.
fn body(operation: &str) -> Option<Value> {
    match operation {
        "update_template" => Some(json!({"description": "mine now"})),
        "update_api_key" => Some(json!({"name": "mine now"})),
        "update_user" => Some(json!({"name": "Mine now"})),
        "rotate_api_key" => Some(json!({})),
        "launch_template" => Some(json!({"target": "127.0.0.1"})),
        "update_webhook" => Some(json!({"name": "mine now"})),
        "rotate_webhook_secret" => Some(json!({})),
        "redeliver_webhook" => Some(json!({"since": "2026-03-06T00:00:00Z"})),
        _ => None,
    }
}

/// An operation with parameters in its path.
struct Operation {
    id: String,
    method: Method,
    path: String,
}

fn operations(t: &Test) -> Vec<Operation> {
    let mut found = Vec::new();
    for (path, item) in t.document["paths"].as_object().unwrap() {
        for (verb, operation) in item.as_object().unwrap().iter().filter(|(verb, _)| *verb != "servers") {
            let id = operation["operationId"].as_str().unwrap().to_string();
            found.push(Operation { id, method: verb.to_uppercase().parse().unwrap(), path: path.clone() });
        }
    }
    // What ends a thing comes last: until then it is there.
    found.sort_by_key(|operation| operation.method == Method::DELETE);
    found
}

/// What a tenant has: an id for the collection before each `{parameter}` of a path.
type Things = BTreeMap<&'static str, String>;

async fn things_of(caller: &Caller<'_>, receiver: &Receiver) -> Things {
    let made = async |path: &str, body: Value| {
        let made = caller.again().post(path, body).await;
        made.ok(201).data()["id"].as_str().unwrap().to_string()
    };
    let webhook = made("/webhooks", json!({"name": "ci", "url": receiver.url()})).await;
    caller.again().post_text(&format!("/webhooks/{webhook}/test"), "").await.ok(200);
    let deliveries = caller.again().get(&format!("/webhooks/{webhook}/deliveries")).await;
    let email = format!("{}@example.test", uuid::Uuid::now_v7());
    let upload = caller.again().header("content-type", "application/octet-stream");
    let upload = upload.post_text("/uploads?name=Dockerfile", "FROM scratch").await;
    BTreeMap::from([
        ("uploads", upload.ok(201).data()["id"].as_str().unwrap().to_string()),
        ("webhooks", webhook),
        ("deliveries", deliveries.ok(200).data()[0]["id"].as_str().unwrap().to_string()),
        ("scans", made("/scans", json!({"target": "127.0.0.1", "scanType": "nmap"})).await),
        ("users", made("/users", json!({"email": email, "role": "viewer"})).await),
        ("api-keys", made("/api-keys", json!({"name": "nightly", "scopes": ["scans:read"]})).await),
        ("scan-templates", made("/scan-templates", json!({"name": "nightly", "scanType": "nmap"})).await),
    ])
}

/// The same shape of id, which nobody has.
fn nobodys(things: &Things) -> Things {
    let fresh = |id: &String| format!("{}{}", &id[..id.len() - 36], uuid::Uuid::now_v7());
    things.iter().map(|(name, id)| (*name, fresh(id))).collect()
}

/// The collections whose things a path names.
fn collections(operation: &Operation) -> impl Iterator<Item = &str> {
    let segments: Vec<&str> = operation.path.split('/').collect();
    let pairs: Vec<[&str; 2]> = segments.windows(2).map(|pair| [pair[0], pair[1]]).collect();
    pairs.into_iter().filter(|[_, id]| id.starts_with('{')).map(|[name, _]| name)
}

/// The path with the things' ids in it.
fn filled(operation: &Operation, things: &Things) -> String {
    let (mut path, mut collection) = (String::new(), "");
    for segment in operation.path.split('/').skip(1) {
        let id = things.get(collection).map(String::as_str);
        let segment = if segment.starts_with('{') {
            id.unwrap_or_else(|| panic!("{}: the matrix has nothing in {collection:?}", operation.id))
        } else {
            collection = segment;
            segment
        };
        path.push_str(&format!("/{segment}"));
    }
    path
}

async fn call(caller: &Caller<'_>, operation: &Operation, things: &Things) -> Answer {
    let path = filled(operation, things);
    let body = body(&operation.id).map_or(Body::empty(), |body| Body::from(body.to_string()));
    let caller = caller.again().header("content-type", "application/json");
    caller.send(operation.method.clone(), &path, body).await
}

/// Everything of an answer that its receiver can see, but for what differs between any two answers.
fn seen(answer: &Answer, things: &Things) -> String {
    let mut headers = answer.headers.clone();
    for name in ["x-request-id", "ratelimit-remaining", "date"] {
        headers.remove(name);
    }
    let request_id = answer.body["requestId"].as_str().unwrap_or("-");
    let mut text = format!("{} {headers:?} {}", answer.status, answer.text).replace(request_id, "<request>");
    for id in things.values() {
        text = text.replace(id, "<id>");
    }
    text
}

/// A node with two tenants, and the owner of each, who may do everything a tenant may.
async fn two_tenants(t: &Test) -> (Caller<'_>, Caller<'_>) {
    let operator = t.key("tenants:create").made().await;
    for name in ["ours", "theirs"] {
        let policy = json!({"granted": ["127.0.0.0/8"]});
        operator.again().post("/tenants", json!({"name": name, "policy": policy})).await.ok(201);
    }
    let owner = |tenant: &str| t.session("owner").of_tenant(tenant);
    (owner("ours").made().await, owner("theirs").made().await)
}

#[tokio::test]
async fn what_is_another_tenants_answers_as_what_does_not_exist() {
    let t = Test::with(trust).await;
    let receiver = Receiver::new().await;
    let (ours, theirs) = two_tenants(&t).await;
    let things = things_of(&theirs, &receiver).await;
    let (nobodys, own) = (nobodys(&things), things_of(&ours, &receiver).await);
    let operations = operations(&t);
    let named = operations.iter().filter(|operation| operation.path.contains('{'));
    let named: Vec<_> = named.filter(|operation| NOBODYS.iter().all(|(id, _)| *id != operation.id)).collect();
    let mut codes = Vec::new();
    for operation in &named {
        // The whole path is a stranger's; and, where it names several things, each of them alone.
        let mut mixed = vec![(things.clone(), nobodys.clone())];
        for name in collections(operation).filter(|_| operation.path.matches('{').count() > 1) {
            let with =
                |id: &String| own.iter().map(|(n, own)| (*n, if *n == name { id } else { own }.clone())).collect();
            mixed.push((with(&things[name]), with(&nobodys[name])));
        }
        let mut refusals = Vec::new();
        for (theirs, nobodys) in mixed {
            let foreign = call(&ours, operation, &theirs).await;
            let missing = call(&ours, operation, &nobodys).await;
            let why = "a body or a query is missing that lets the operation look for the thing";
            assert_eq!(missing.status, 404, "{}: {why}: {}", operation.id, missing.text);
            assert_eq!(seen(&foreign, &theirs), seen(&missing, &nobodys), "{}", operation.id);
            refusals.push(missing.body["code"].clone());
        }
        codes.push(refusals);
    }
    // The things were there all the time: whoever has them is told something else, both before and after the stranger's calls.
    for (operation, refusals) in named.iter().zip(codes) {
        let own = call(&theirs, operation, &things).await;
        assert!(!refusals.contains(&own.body["code"]), "{}: {}", operation.id, own.text);
    }
    assert!(named.len() >= 19, "{}", named.len());
}

#[tokio::test]
async fn no_list_shows_what_is_another_tenants() {
    let t = Test::with(trust).await;
    let receiver = Receiver::new().await;
    let (ours, theirs) = two_tenants(&t).await;
    let mut things = things_of(&theirs, &receiver).await;
    things.remove("deliveries").expect("listed only under their webhook");
    let (mut lists, mut own) = (0, 0);
    for operation in operations(&t) {
        if operation.method != Method::GET || operation.path.contains('{') {
            continue;
        }
        let answer = ours.again().get(&operation.path).await;
        for (name, id) in &things {
            assert!(!answer.text.contains(id.as_str()), "{} shows the {name} of another tenant", operation.id);
        }
        let shown = theirs.again().get(&operation.path).await;
        own += things.values().filter(|id| shown.text.contains(id.as_str())).count();
        lists += usize::from(answer.body["pagination"].is_object());
    }
    assert!(lists >= 2 && own >= things.len(), "{lists} lists show {own} of their owner's things");
}
