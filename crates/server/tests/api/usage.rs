//! Usage: what was called is counted and logged, for its tenant alone.

use crate::harness::{Answer, Caller, Test};
use scanyard_engines::policy::Policy;
use scanyard_server::calls::{flush_tick, retention_tick};
use scanyard_server::store::tenant::{self, TenantRecord};
use serde_json::{Value, json};

const ALL: &str = "scans:create scans:read scans:list templates:create templates:read usage:read";
const DAY_MS: i64 = 86_400_000;

async fn submit(caller: &Caller<'_>, scan_type: &str) -> Answer {
    caller.again().post("/scans", json!({"target": "127.0.0.1", "scanType": scan_type})).await
}

/// Reads a route of usage once everything is written.
async fn read(t: &Test, caller: &Caller<'_>, path: &str) -> Answer {
    flush_tick(&t.app).await.unwrap();
    caller.again().get(path).await
}

async fn data(t: &Test, caller: &Caller<'_>, path: &str) -> Value {
    read(t, caller, path).await.ok(200).data().clone()
}

/// Makes the tenant `acme`, which may scan loopback.
async fn acme(t: &Test) {
    let operator = tenant::by_name(&mut t.app.store.read().await.unwrap(), "default").await.unwrap().unwrap();
    let other = TenantRecord {
        id: uuid::Uuid::now_v7().to_string(),
        name: "acme".into(),
        is_operator: false,
        policy: Policy::operator(),
        ..operator
    };
    t.app.store.write(move |conn| Box::pin(async move { tenant::insert(conn, &other).await })).await.unwrap();
}

/// Writes calls into the log as if they had been answered, each at a time and with a status.
async fn answered(t: &Test, calls: impl IntoIterator<Item = (i64, u16)>) {
    use scanyard_server::store::call_log::CallRecord;
    let tenant = tenant::by_name(&mut t.app.store.read().await.unwrap(), "default").await.unwrap().unwrap();
    for (at, status) in calls {
        t.app.calls.push(CallRecord {
            id: uuid::Uuid::now_v7(),
            tenant_id: tenant.id.clone(),
            at,
            principal: "key-019bc000-0000-7000-8000-000000000000".into(),
            source: "127.0.0.1".into(),
            method: "GET".into(),
            route: "/scans".into(),
            status,
            code: if status < 400 { String::new() } else { "SCAN_NOT_FOUND".into() },
            duration_us: 2_000,
            scan_type: None,
            is_submission: false,
        });
    }
    flush_tick(&t.app).await.unwrap();
}

#[tokio::test]
async fn a_summary_counts_calls_scans_and_failures() {
    let t = Test::new().await;
    let caller = t.key(ALL).made().await;
    for _ in 0..3 {
        submit(&caller, "sentinel").await.ok(201);
    }
    submit(&caller, "zap").await.is(400, "INVALID_TARGET");
    submit(&caller, "nessus").await.is(400, "INVALID_SCAN_TYPE");
    caller.again().get("/scans").await.ok(200);
    // Nobody's calls: no key, an unknown one, no such route.
    t.nobody().get("/scans").await.is(401, "MISSING_API_KEY");
    t.nobody().header("x-api-key", "cix_sk_guess").get("/scans").await.is(401, "INVALID_API_KEY");
    caller.again().get("/nowhere").await.is(404, "ROUTE_NOT_FOUND");
    let summary = data(&t, &caller, "/usage/summary").await;
    assert_eq!(summary["period"], json!({"start": "2026-02-04T00:00:00Z", "end": "2026-03-06T23:59:59Z"}));
    for (field, count) in [
        ("totalCalls", 6),
        ("successCalls", 4),
        ("errorCalls", 2),
        ("totalScans", 3),
        ("distinctScanTypes", 1),
        ("quotaConsumedCalls", 3),
    ] {
        assert_eq!(summary[field], count, "{field}: {summary}");
    }
    assert_eq!(summary["scanTypesUsed"], json!(["sentinel"]));
    let fields: Vec<&String> = summary.as_object().unwrap().keys().collect();
    assert_eq!(fields.len(), 11, "{fields:?}");
    // The reading of usage is a call too.
    assert_eq!(data(&t, &caller, "/usage/summary").await["totalCalls"], 7);
}

#[tokio::test]
async fn repeats_are_calls_and_no_scans() {
    let t = Test::new().await;
    let caller = t.key(ALL).made().await;
    let keyed = caller.again().header("idempotency-key", "k");
    for _ in 0..3 {
        submit(&keyed, "sentinel").await.ok(201);
    }
    let summary = data(&t, &caller, "/usage/summary?period=24h").await;
    assert_eq!((&summary["totalCalls"], &summary["totalScans"]), (&json!(3), &json!(1)));
    assert_eq!(summary["period"], json!({"start": "2026-03-05T10:00:00Z", "end": "2026-03-06T10:59:59Z"}));
}

#[tokio::test]
async fn a_period_ends_with_its_first_day_and_a_bad_one_is_refused() {
    let t = Test::new().await;
    let caller = t.key(ALL).made().await;
    let now = crate::harness::START;
    answered(&t, [(now, 200), (now - 8 * DAY_MS, 200), (now - 31 * DAY_MS, 404), (now - 91 * DAY_MS, 200)]).await;
    // Beside what each reading itself adds.
    for (already, (period, calls)) in [("24h", 1), ("7d", 1), ("30d", 2), ("90d", 3)].into_iter().enumerate() {
        let summary = data(&t, &caller, &format!("/usage/summary?period={period}")).await;
        assert_eq!(summary["totalCalls"], calls + already, "{period}");
    }
    for path in ["summary", "history", "by-key", "by-scan-type", "by-endpoint"] {
        let refused = caller.again().get(&format!("/usage/{path}?period=1y")).await;
        refused.is(400, "INVALID_PARAMETER");
        assert_eq!(refused.details(), ["period: must be one of 24h, 7d, 30d, 90d"]);
        caller.again().get(&format!("/usage/{path}?days=1")).await.is(400, "UNKNOWN_PARAMETER");
        t.key("scans:read").get(&format!("/usage/{path}")).await.is(403, "INSUFFICIENT_SCOPE");
    }
    t.key("scans:read").get("/usage/quota").await.is(403, "INSUFFICIENT_SCOPE");
    t.key("scans:read").get("/usage/logs").await.is(403, "INSUFFICIENT_SCOPE");
}

#[tokio::test]
async fn a_history_has_a_point_for_each_hour_or_day() {
    let t = Test::new().await;
    let caller = t.key(ALL).made().await;
    let now = crate::harness::START;
    answered(&t, [(now - 2 * DAY_MS, 200), (now - 2 * DAY_MS + 3_600_000, 404), (now - DAY_MS, 200)]).await;
    let calls = |points: &Value| -> Vec<(String, u64)> {
        let all = points.as_array().unwrap().iter();
        let some = all.filter(|point| point["totalCalls"] != 0);
        some.map(|p| (p["timestamp"].as_str().unwrap().to_string(), p["totalCalls"].as_u64().unwrap())).collect()
    };
    let expected = |points: &[(&str, u64)]| -> Vec<(String, u64)> {
        points.iter().map(|(at, calls)| (at.to_string(), *calls)).collect()
    };
    let daily = data(&t, &caller, "/usage/history").await;
    assert_eq!(daily.as_array().unwrap().len(), 8);
    assert_eq!(calls(&daily), expected(&[("2026-03-04T00:00:00Z", 2), ("2026-03-05T00:00:00Z", 1)]));
    let day = daily.as_array().unwrap().iter().find(|point| point["totalCalls"] == 2).unwrap();
    assert_eq!((&day["errorCalls"], &day["avgDurationMs"]), (&json!(1), &json!(2)));
    let hourly = data(&t, &caller, "/usage/history?period=7d&granularity=hourly").await;
    let of_log = [("2026-03-04T10:00:00Z", 1), ("2026-03-04T11:00:00Z", 1), ("2026-03-05T10:00:00Z", 1)];
    assert_eq!(calls(&hourly)[..3], expected(&of_log));
    assert_eq!(data(&t, &caller, "/usage/history?period=24h").await.as_array().unwrap().len(), 25);
    let daily = data(&t, &caller, "/usage/history?period=24h&granularity=daily").await;
    assert_eq!(daily.as_array().unwrap().len(), 2);
    caller.again().get("/usage/history?granularity=weekly").await.is(400, "INVALID_PARAMETER");
}

#[tokio::test]
async fn usage_is_broken_down_by_key_engine_and_endpoint() {
    let t = Test::new().await;
    let caller = t.key(ALL).with(|key| key.name = "reader".into()).made().await;
    let busy = t.key(ALL).with(|key| key.name = "busy".into()).made().await;
    let id = submit(&busy, "sentinel").await.ok(201).data()["id"].as_str().unwrap().to_string();
    submit(&busy, "zap").await.is(400, "INVALID_TARGET");
    busy.again().get(&format!("/scans/{id}?scanType=sentinel")).await.ok(200);
    busy.again().get(&format!("/api/v1/scans/{id}?scanType=sentinel")).await.ok(200);
    busy.again().get("/scans?scanType=nmap").await.ok(200);
    let keys = data(&t, &caller, "/usage/by-key").await;
    assert_eq!(
        (&keys[0]["name"], &keys[0]["totalCalls"], &keys[0]["totalScans"]),
        (&json!("busy"), &json!(5), &json!(1))
    );
    assert_eq!((keys.as_array().unwrap().len(), keys[0].get("userId")), (1, None));
    assert!(keys[0]["keyId"].as_str().unwrap().starts_with("key-"));
    let engines = data(&t, &caller, "/usage/by-scan-type").await;
    let seen: Vec<(&str, u64)> = engines
        .as_array()
        .unwrap()
        .iter()
        .map(|each| (each["scanType"].as_str().unwrap(), each["totalCalls"].as_u64().unwrap()))
        .collect();
    assert_eq!(seen, [("sentinel", 3), ("nmap", 1), ("zap", 1)]);
    let endpoints = read(&t, &caller, "/usage/by-endpoint?limit=2").await;
    let seen = endpoints.ok(200).data();
    let name = |each: &Value| format!("{} {}", each["method"].as_str().unwrap(), each["endpoint"].as_str().unwrap());
    assert_eq!((name(&seen[0]), name(&seen[1])), ("GET /scans/{scanId}".into(), "POST /scans".into()));
    assert_eq!(seen[1]["errorCalls"], 1);
    assert_eq!(endpoints.body["pagination"]["total"], 5, "{}", endpoints.text);
    let rest = data(&t, &caller, "/usage/by-endpoint?limit=4&page=2").await;
    assert_eq!(rest.as_array().unwrap().len(), 2, "with the reading before");
    caller.again().get("/usage/by-key?page=0").await.is(400, "INVALID_PAGE");
    caller.again().get("/usage/by-key?limit=0").await.is(400, "INVALID_LIMIT");
    caller.again().get("/usage/by-key?cursor=x").await.is(400, "UNKNOWN_PARAMETER");
}

#[tokio::test]
async fn a_launch_counts_as_a_scan() {
    let t = Test::new().await;
    let caller = t.key(ALL).made().await;
    let template = caller.again().post("/scan-templates", json!({"name": "t", "scanType": "sentinel"})).await;
    let path = format!("/scan-templates/{}/launch", template.ok(201).data()["id"].as_str().unwrap());
    caller.again().post(&path, json!({"target": "127.0.0.1"})).await.ok(201);
    let engines = data(&t, &caller, "/usage/by-scan-type").await;
    assert_eq!((&engines[0]["scanType"], &engines[0]["totalScans"]), (&json!("sentinel"), &json!(1)));
}

#[tokio::test]
async fn the_quota_tells_limit_use_and_reset() {
    let t = Test::new().await;
    let caller = t.key(ALL).made().await;
    submit(&caller, "sentinel").await.ok(201);
    let expected = json!({"limit": null, "used": 1, "remaining": null, "resetAt": "2026-04-01T00:00:00Z"});
    assert_eq!(caller.again().get("/usage/quota").await.ok(200).data(), &expected);
    t.sql("UPDATE tenant SET monthly_quota = 3").await;
    t.pass(1_000);
    let expected = json!({"limit": 3, "used": 1, "remaining": 2, "resetAt": "2026-04-01T00:00:00Z"});
    assert_eq!(caller.again().get("/usage/quota").await.ok(200).data(), &expected);
    t.pass(26 * DAY_MS);
    let expected = json!({"limit": 3, "used": 0, "remaining": 3, "resetAt": "2026-05-01T00:00:00Z"});
    assert_eq!(caller.again().get("/usage/quota").await.ok(200).data(), &expected);
}

#[tokio::test]
async fn the_log_has_every_call_of_a_known_caller() {
    let t = Test::new().await;
    let caller = t.key(ALL).from("198.51.100.7").made().await;
    let created = submit(&caller, "sentinel").await;
    t.pass(1_000);
    let refused = caller.again().get("/scans/no-uuid?scanType=nmap").await;
    refused.is(404, "SCAN_NOT_FOUND");
    t.pass(1_000);
    let limited = t.key(ALL).with(|key| key.limits = [1, 9, 9]).made().await;
    limited.again().get("/scans").await.ok(200);
    limited.again().get("/scans").await.is(429, "RATE_LIMIT_EXCEEDED");
    let log = read(&t, &caller, "/usage/logs").await;
    let log = log.ok(200).data().as_array().unwrap().clone();
    assert_eq!(log.len(), 4);
    let codes: Vec<&str> = log.iter().map(|call| call["code"].as_str().unwrap_or("-")).collect();
    assert_eq!(codes[2..], ["SCAN_NOT_FOUND", "-"]);
    assert!(codes.contains(&"RATE_LIMIT_EXCEEDED"), "{codes:?}");
    let first = &log[3];
    assert_eq!(first["requestId"], created.header("x-request-id"));
    for (field, value) in [
        ("timestamp", json!("2026-03-06T10:00:00Z")),
        ("method", json!("POST")),
        ("endpoint", json!("/scans")),
        ("status", json!(201)),
        ("sourceIp", json!("198.51.100.7")),
        ("scanType", json!("sentinel")),
    ] {
        assert_eq!(first[field], value, "{field}");
    }
    assert!(first["durationMs"].is_u64() && first["keyId"].as_str().unwrap().starts_with("key-"));
}

#[tokio::test]
async fn the_log_is_filtered() {
    let t = Test::new().await;
    let caller = t.key(ALL).made().await;
    let now = crate::harness::START;
    answered(&t, [(now - 3_000, 200), (now - 2_000, 404), (now - 1_000, 503), (now - 999, 200)]).await;
    let of_others = "key-019bc000-0000-7000-8000-000000000000";
    for (filter, total) in [
        ("", 4),
        (&*format!("keyId={of_others}"), 4),
        ("keyId=usr-019bc000-0000-7000-8000-000000000000", 0),
        ("status=404", 1),
        ("status=4xx", 1),
        ("status=5xx", 1),
        ("code=SCAN_NOT_FOUND", 2),
        ("code=KEY_EXPIRED", 0),
        ("method=GET", 4),
        ("method=POST", 0),
        ("scanType=nmap", 0),
        ("to=2026-03-06T09:59:58Z", 2),
        ("from=2026-03-06T09:59:58Z&to=2026-03-06T09:59:59Z", 3),
        ("from=2026-03-06T09:59:59Z&status=2xx", 1),
    ] {
        let found = caller.again().get(&format!("/usage/logs?{filter}")).await;
        assert_eq!(found.ok(200).body["pagination"]["total"], total, "{filter}");
        assert_eq!(found.data().as_array().unwrap().len(), total, "{filter}");
    }
    for (query, code) in [
        ("status=4x", "INVALID_PARAMETER"),
        ("status=99", "INVALID_PARAMETER"),
        ("status=%2B404", "INVALID_PARAMETER"),
        ("status=6xx", "INVALID_PARAMETER"),
        ("code=NOPE", "INVALID_PARAMETER"),
        ("method=get", "INVALID_PARAMETER"),
        ("keyId=%00", "INVALID_PARAMETER"),
        ("from=yesterday", "INVALID_PARAMETER"),
        ("to=2026-03-06", "INVALID_PARAMETER"),
        ("cursor=1", "INVALID_PARAMETER"),
        ("cursor=1-0&page=1", "INVALID_PARAMETER"),
        ("scanType=nessus", "INVALID_SCAN_TYPE"),
        ("page=0", "INVALID_PAGE"),
        ("limit=x", "INVALID_LIMIT"),
        ("user=x", "UNKNOWN_PARAMETER"),
    ] {
        caller.again().get(&format!("/usage/logs?{query}")).await.is(400, code);
    }
}

#[tokio::test]
async fn the_log_is_walked_by_cursor_without_a_gap_or_a_repeat() {
    let t = Test::new().await;
    let caller = t.key(ALL).made().await;
    let now = crate::harness::START;
    // Several in one millisecond, across a boundary of pages.
    answered(&t, (0..23).map(|i| (now - i / 5, 200))).await;
    let (mut seen, mut query) =
        (std::collections::BTreeSet::new(), "limit=5&status=200&method=GET&to=2026-03-06T10:00:00Z".to_string());
    let mut pages = 0;
    loop {
        let page = caller.again().get(&format!("/usage/logs?{query}")).await;
        for call in page.ok(200).data().as_array().unwrap() {
            assert!(seen.insert(call["requestId"].to_string()), "twice: {call}");
        }
        pages += 1;
        let Some(cursor) = page.body["pagination"]["nextCursor"].as_str() else { break };
        query = format!("limit=5&cursor={cursor}");
    }
    assert_eq!((seen.len(), pages), (23, 5));
    let second = caller.again().get("/usage/logs?limit=5&page=5").await;
    assert_eq!(second.ok(200).data().as_array().unwrap().len(), 3);
}

#[tokio::test]
async fn a_long_log_is_counted_to_ten_thousand() {
    let t = Test::new().await;
    let caller = t.key(ALL).made().await;
    answered(&t, (0..10_001).map(|i| (crate::harness::START - i, 200))).await;
    let page = caller.again().get("/usage/logs?limit=1").await;
    let pagination = &page.ok(200).body["pagination"];
    assert_eq!((&pagination["total"], &pagination["totalIsExact"]), (&json!(10_000), &json!(false)));
    let summary = data(&t, &caller, "/usage/summary").await;
    assert_eq!((&summary["totalCalls"], &summary["avgDurationMs"]), (&json!(10_002), &json!(2)));
}

#[tokio::test]
async fn a_tenant_sees_its_own_usage_alone() {
    let t = Test::new().await;
    acme(&t).await;
    let caller = t.key(ALL).made().await;
    let other = t.key(ALL).of_tenant("acme").made().await;
    submit(&caller, "sentinel").await.ok(201);
    let of_caller = data(&t, &caller, "/usage/by-key").await[0]["keyId"].as_str().unwrap().to_string();
    assert_eq!(data(&t, &other, "/usage/summary").await["totalCalls"], 0);
    for path in ["by-scan-type", &format!("logs?keyId={of_caller}")] {
        assert_eq!(data(&t, &other, &format!("/usage/{path}")).await, json!([]), "{path}");
    }
    let keys = data(&t, &other, "/usage/by-key").await;
    assert_eq!((keys.as_array().unwrap().len(), keys[0]["keyId"] != *of_caller), (1, true));
    assert_eq!(data(&t, &other, "/usage/quota").await["used"], 0);
    let own = data(&t, &other, "/usage/logs").await;
    assert!(
        own.as_array().unwrap().iter().all(|call| call["endpoint"].as_str().unwrap().starts_with("/usage")),
        "{own}"
    );
}

#[tokio::test]
async fn what_is_over_its_time_is_forgotten() {
    let t = Test::with(|config| config.usage.log_days = 7).await;
    let now = crate::harness::START;
    answered(&t, (0..12_000).map(|i| (now - 7 * DAY_MS - 1 - i / 3, 200))).await;
    answered(&t, [(now - 7 * DAY_MS, 200), (now, 200)]).await;
    answered(&t, [(now - 401 * DAY_MS, 200)]).await;
    assert_eq!((t.rows("call_log").await, t.rows("usage_rollup").await), (12_003, 7));
    retention_tick(&t.app).await.unwrap();
    assert_eq!((t.rows("call_log").await, t.rows("usage_rollup").await), (2, 5));
    t.pass(60_000);
    retention_tick(&t.app).await.unwrap();
    assert_eq!(t.rows("call_log").await, 2, "it is looked for only now and then");
    t.pass(DAY_MS);
    retention_tick(&t.app).await.unwrap();
    assert_eq!(t.rows("call_log").await, 1);
}

#[tokio::test]
async fn a_full_buffer_loses_calls_and_delays_none() {
    let t = Test::with(|config| config.usage.buffer = 3).await;
    let caller = t.key(ALL).made().await;
    for _ in 0..5 {
        caller.again().get("/scans").await.ok(200);
    }
    assert_eq!(data(&t, &caller, "/usage/summary").await["totalCalls"], 3);
    let metrics = t.nobody().get("/metrics").await;
    assert!(metrics.text.contains("scanyard_calls_not_logged_total"), "{}", metrics.text);
}

#[tokio::test]
async fn a_set_of_calls_is_logged_and_counted_or_neither() {
    let t = Test::new().await;
    let caller = t.key(ALL).made().await;
    for _ in 0..5 {
        caller.again().get("/scans").await.ok(200);
    }
    t.sql("ALTER TABLE usage_rollup RENAME TO elsewhere").await;
    assert!(flush_tick(&t.app).await.is_err());
    assert_eq!(t.rows("call_log").await, 0, "a chunk goes in whole or not at all");
    t.sql("ALTER TABLE elsewhere RENAME TO usage_rollup").await;
    caller.again().get("/scans").await.ok(200);
    assert_eq!(data(&t, &caller, "/usage/summary").await["totalCalls"], 1);
}
