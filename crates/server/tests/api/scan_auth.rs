//! Credentials for a target: taken, kept sealed as long as the scan is not over, and never shown.

use crate::harness::{Caller, Test};
use crate::scans::end;
use scanyard_contract::{ScanStatus, ScanType};
use scanyard_server::store::claim::{Claim, Claimed, claim};
use serde_json::{Value, json};

const SECRET: &str = "a-secret-that-nobody-repeats";

async fn node() -> Test {
    // Any file will do: nothing runs here.
    Test::with(|config| config.engines.wapiti.path = Some("/bin/sh".into())).await
}

fn body(auth: Value) -> Value {
    json!({"target": "http://127.0.0.1/", "scanType": "wapiti", "auth": auth})
}

fn credentials() -> Value {
    json!({
        "headers": [{"name": "X-Token", "value": SECRET}],
        "cookies": [{"name": "sid", "value": SECRET}],
        "basic": {"username": "joe", "password": SECRET}
    })
}

async fn start(t: &Test) -> Claimed {
    let now = t.app.store.local_now();
    let scan_types = vec![ScanType::Wapiti];
    let next = Claim {
        now,
        scan_types,
        labels: vec!["default".into()],
        limit: 1,
        lease_ms: 30_000,
        per_tenant: 10,
        per_host: 10,
    };
    t.app.store.write(move |conn| Box::pin(async move { claim(conn, &next).await })).await.unwrap().remove(0)
}

/// What the database keeps of the credentials of all scans.
async fn kept(t: &Test) -> Vec<Option<String>> {
    let mut conn = t.app.store.read().await.unwrap();
    sqlx::query_scalar("SELECT auth FROM job").fetch_all(&mut *conn).await.unwrap()
}

async fn shown(caller: &Caller<'_>, id: &str) -> String {
    let mut text = String::new();
    for path in
        ["/scans".to_string(), format!("/scans/{id}?scanType=wapiti"), format!("/scans/{id}/results?scanType=wapiti")]
    {
        text += &caller.again().get(&path).await.text;
    }
    text
}

#[tokio::test]
async fn credentials_are_sealed_and_go_with_the_end_of_the_scan() {
    let t = node().await;
    let caller = t.key("scans:create scans:read scans:list results:read").made().await;
    let created = caller.again().post("/scans", body(credentials())).await;
    let id = created.ok(201).data()["id"].as_str().unwrap().to_string();
    assert!(!created.text.contains(SECRET) && created.data().get("auth").is_none(), "{}", created.text);

    let sealed = kept(&t).await;
    assert!(!format!("{sealed:?}").contains(SECRET));
    let run = start(&t).await;
    let text = t.app.vault.open(run.auth.as_ref().unwrap(), &format!("auth of scan {id}")).unwrap();
    assert_eq!(serde_json::from_str::<Value>(text.expose()).unwrap(), credentials());
    let elsewhere = t.app.vault.open(run.auth.as_ref().unwrap(), "auth of scan 00000000-0000-0000-0000-000000000000");
    assert!(elsewhere.is_err(), "it is another scan's");
    assert!(!format!("{run:?}").contains(SECRET));

    end(&t, &run, ScanStatus::Completed, vec![]).await;
    assert_eq!(kept(&t).await, [] as [Option<String>; 0]);
    assert!(!shown(&caller, &id).await.contains(SECRET));
}

#[tokio::test]
async fn a_cancelled_scan_that_never_ran_keeps_no_credentials() {
    let t = node().await;
    let caller = t.key("scans:create scans:cancel").made().await;
    let created = caller.again().post("/scans", body(credentials())).await;
    let id = created.ok(201).data()["id"].as_str().unwrap().to_string();
    caller.again().post(&format!("/scans/{id}/cancel?scanType=wapiti"), json!({})).await.ok(200);
    assert_eq!(kept(&t).await, [] as [Option<String>; 0]);
}

#[tokio::test]
async fn credentials_that_cannot_be_used_are_refused_without_being_repeated() {
    let t = node().await;
    let caller = t.key("scans:create").made().await;
    let header = |name: &str, value: &str| json!({"headers": [{"name": name, "value": value}]});
    for (auth, field) in [
        (json!({}), "auth"),
        (header("X", &format!("{SECRET}\r\nX: y")), "auth.headers[0].value"),
        (header("Host", SECRET), "auth.headers[0].name"),
        (json!({"cookies": [{"name": "a", "value": format!("{SECRET};")}]}), "auth.cookies[0].value"),
        (json!({"basic": {"username": "a:b", "password": SECRET}}), "auth.basic.username"),
    ] {
        let refused = caller.again().post("/scans", body(auth)).await;
        assert_eq!(refused.status, 400, "{}", refused.text);
        assert!(refused.details().iter().any(|detail| detail.contains(field)), "{field}: {}", refused.text);
        assert!(!refused.text.contains(SECRET), "{}", refused.text);
    }
    let unknown = caller.again().post("/scans", body(json!({"token": SECRET}))).await;
    assert!(!unknown.is(400, "UNKNOWN_FIELD").text.contains(SECRET));
    let none = json!({"target": "127.0.0.1", "scanType": "sentinel", "auth": credentials()});
    let refused = caller.again().post("/scans", none).await;
    assert_eq!(refused.status, 400);
    assert!(refused.details()[0].contains("sentinel takes no credentials"), "{:?}", refused.details());
    let basic = json!({"basic": {"username": "a", "password": SECRET}});
    let files =
        json!({"target": "upload:upl-019a0000-0000-7000-8000-000000000001", "scanType": "trivy", "auth": basic});
    let refused = caller.again().post("/scans", files).await;
    assert!(refused.is(400, "INVALID_FIELD_VALUE").details()[0].contains("login"), "{}", refused.text);
}

#[tokio::test]
async fn a_launch_brings_its_own_credentials_and_leaves_none_in_the_template() {
    let t = node().await;
    let scopes = "scans:create scans:read scans:list results:read templates:create templates:read";
    let caller = t.key(scopes).made().await;
    let template = json!({"name": "shop", "scanType": "wapiti"});
    let made = caller.again().post("/scan-templates", template).await;
    let path = format!("/scan-templates/{}", made.ok(201).data()["id"].as_str().unwrap());
    let launch = json!({"target": "http://127.0.0.1/", "auth": credentials()});
    let created = caller.again().post(&format!("{path}/launch"), launch).await;
    assert!(!created.ok(201).text.contains(SECRET), "{}", created.text);
    let read = caller.again().get(&path).await;
    assert!(!read.ok(200).text.contains(SECRET) && read.data().get("auth").is_none(), "{}", read.text);
    let run = start(&t).await;
    let context = format!("auth of scan {}", created.data()["id"].as_str().unwrap());
    let text = t.app.vault.open(run.auth.as_ref().unwrap(), &context).unwrap();
    assert_eq!(serde_json::from_str::<Value>(text.expose()).unwrap(), credentials());
}
