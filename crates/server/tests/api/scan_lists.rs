//! `GET /scans`: filters, orders, pages and totals; and what else a queued scan says of itself.

use crate::harness::{Caller, START, Test};
use crate::scans::{start, submit};
use serde_json::{Value, json};

const ALL: &str = "scans:create scans:read scans:list scans:cancel";

/// Submits a scan and answers its id.
async fn with(caller: &Caller<'_>, body: Value) -> String {
    let mut scan = json!({"target": "127.0.0.1", "scanType": "sentinel"});
    scan.as_object_mut().unwrap().extend(body.as_object().unwrap().clone());
    caller.again().post("/scans", scan).await.ok(201).data()["id"].as_str().unwrap().to_string()
}

/// The ids on a page.
async fn ids(caller: &Caller<'_>, query: &str) -> Vec<String> {
    let page = caller.again().get(&format!("/scans?{query}")).await;
    let ids = page.ok(200).data().as_array().unwrap();
    ids.iter().map(|scan| scan["id"].as_str().unwrap().to_string()).collect()
}

#[tokio::test]
async fn a_list_is_filtered_by_tag_target_and_priority() {
    let t = Test::new().await;
    let caller = t.key(ALL).made().await;
    let ci = with(&caller, json!({"tags": ["ci", "web"]})).await;
    let night = with(&caller, json!({"tags": ["night"], "priority": "high"})).await;
    let site = with(&caller, json!({"target": "http://127.0.0.1:80/", "tags": ["ci"]})).await;
    assert_eq!(ids(&caller, "tag=ci").await, [site.clone(), ci.clone()]);
    assert_eq!(ids(&caller, "tag=c").await, [""; 0]);
    assert_eq!(ids(&caller, "tag=ci&target=http://127.0.0.1").await, [site.as_str()]);
    assert_eq!(ids(&caller, "target=HTTP://127.0.0.1:80").await, [site.as_str()]);
    assert_eq!(ids(&caller, "target=127.0.0.1").await, [night.clone(), ci.clone()]);
    assert_eq!(ids(&caller, "target=127.0.0.1&priority=high&status=queued&scanType=sentinel").await, [night.as_str()]);
    assert_eq!(ids(&caller, "priority=normal").await, [site, ci]);
    let page = caller.again().get("/scans?tag=ci&limit=1").await;
    assert_eq!(page.ok(200).body["pagination"]["total"], 2);
    assert_eq!(page.body["pagination"]["totalIsExact"], true);
    caller.again().get("/scans?tag=").await.is(400, "INVALID_PARAMETER");
    caller.again().get("/scans?target=-oN").await.is(400, "INVALID_TARGET");
}

#[tokio::test]
async fn a_list_is_bounded_in_time_and_sorted_both_ways() {
    let t = Test::new().await;
    let caller = t.key(ALL).made().await;
    let mut all = Vec::new();
    for _ in 0..4 {
        all.push(submit(&caller).await);
        t.pass(1_000);
    }
    assert_eq!(ids(&caller, "sort=createdAt").await, all);
    assert_eq!(ids(&caller, "createdAfter=2026-03-06T10:00:01Z&sort=createdAt").await, all[1..]);
    let between = "createdAfter=2026-03-06T10:00:01Z&createdBefore=2026-03-06T10:00:02.001Z";
    assert_eq!(ids(&caller, between).await, [all[2].clone(), all[1].clone()]);
    assert_eq!(ids(&caller, "createdBefore=2026-03-06T10:00:00Z").await, [""; 0]);
    let first = caller.again().get("/scans?sort=createdAt&limit=3").await;
    let cursor = first.ok(200).body["pagination"]["nextCursor"].as_str().unwrap();
    assert_eq!(ids(&caller, &format!("sort=createdAt&limit=3&cursor={cursor}")).await, all[3..]);
    all.reverse();
    assert_eq!(ids(&caller, "sort=-createdAt&page=2&limit=3").await, all[3..]);
    for query in ["sort=name", "createdAfter=yesterday", "createdBefore=2026-03-06T10:00:00+01:00", "createdAfter="] {
        caller.again().get(&format!("/scans?{query}")).await.is(400, "INVALID_PARAMETER");
    }
}

#[tokio::test]
async fn a_queued_scan_knows_its_place_among_its_own_tenants() {
    let t = Test::new().await;
    let caller = t.key(ALL).made().await;
    let first = submit(&caller).await;
    let second = submit(&caller).await;
    let urgent = with(&caller, json!({"priority": "high"})).await;
    let place = async |id: &str| {
        let scan = caller.again().get(&format!("/scans/{id}?scanType=sentinel")).await;
        scan.ok(200).data().get("queuePosition").cloned()
    };
    for (id, at) in [(&urgent, 1), (&first, 2), (&second, 3)] {
        assert_eq!(place(id).await, Some(json!(at)));
    }
    assert_eq!(start(&t).await.scan.id.to_string(), urgent);
    assert_eq!((place(&urgent).await, place(&second).await), (None, Some(json!(2))));
    caller.again().post_text(&format!("/scans/{first}/cancel?scanType=sentinel"), "").await.ok(200);
    assert_eq!((place(&first).await, place(&second).await), (None, Some(json!(1))));
    let listed = caller.again().get("/scans").await;
    assert_eq!(listed.ok(200).data()[0].get("queuePosition"), None);
}

#[tokio::test]
async fn a_callback_url_is_kept_and_must_be_https() {
    let t = Test::new().await;
    let caller = t.key(ALL).made().await;
    let url = "https://hooks.example.test/done?build=7";
    let id = with(&caller, json!({"callbackUrl": url})).await;
    let scan = caller.again().get(&format!("/scans/{id}?scanType=sentinel")).await;
    assert_eq!(scan.ok(200).data()["callbackUrl"], url);
    assert_eq!(caller.again().get("/scans").await.data()[0]["callbackUrl"], url);
    for url in ["http://hooks.example.test/", "hooks.example.test", "https://u:p@hooks.example.test/", "ftp://a", ""] {
        let body = json!({"target": "127.0.0.1", "scanType": "sentinel", "callbackUrl": url});
        let refused = caller.again().post("/scans", body).await;
        assert!(refused.is(400, "INVALID_WEBHOOK_URL").details()[0].starts_with("callbackUrl: "), "{url}");
    }
    let long = format!("https://hooks.example.test/{}", "x".repeat(2048));
    let body = json!({"target": "127.0.0.1", "scanType": "sentinel", "callbackUrl": long});
    caller.again().post("/scans", body).await.is(400, "INVALID_FIELD_VALUE");
}

#[tokio::test]
async fn an_id_says_when_its_scan_was_made() {
    let t = Test::new().await;
    let caller = t.key(ALL).made().await;
    t.pass(12_345);
    let id: uuid::Uuid = submit(&caller).await.parse().unwrap();
    assert_eq!(id.get_version_num(), 7);
    let (seconds, nanos) = id.get_timestamp().unwrap().to_unix();
    assert_eq!(seconds as i64 * 1000 + i64::from(nanos) / 1_000_000, START + 12_345);
}

#[tokio::test]
async fn a_cancel_is_on_record_once() {
    let t = Test::new().await;
    let caller = t.key(ALL).made().await;
    let path = format!("/scans/{}/cancel?scanType=sentinel", submit(&caller).await);
    caller.again().post_text(&path, "").await.ok(200);
    caller.again().post_text(&path, "").await.is(409, "SCAN_ALREADY_CANCELLED");
    assert_eq!(t.rows("audit WHERE action = 'scan.cancelled' AND source = '127.0.0.1'").await, 1);
}
