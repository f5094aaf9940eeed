//! What bad input gets: each its own code, nothing stored.

use crate::harness::{Answer, Test};
use axum::body::Body;
use http::Method;
use scanyard_contract::ScanType;
use serde_json::{Value, json};

/// Nothing that was refused may leave a trace.
async fn nothing_is_stored(t: &Test) {
    for table in ["scan", "job", "idempotency", "quota_use", "scan_finding"] {
        assert_eq!(t.rows(table).await, 0, "{table}");
    }
}

#[tokio::test]
async fn a_body_that_is_no_json_says_where() {
    let t = Test::new().await;
    let caller = t.key("scans:create").made().await;
    for (body, line, column, reason) in [
        (r#"{"target": "127.0.0.1", "#, 1, 24, "the body ends in the middle of a value"),
        ("{\"target\":\n  nonsense}", 2, 4, "not JSON from here on"),
        ("", 1, 1, "the body is empty"),
        (r#"{"target":"a","target":"b"}"#, 1, 22, "a name given twice in one object"),
    ] {
        let refused = caller.again().post_text("/scans", body).await;
        refused.is(400, "INVALID_JSON");
        let detail = &refused.body["details"][0];
        assert_eq!((&detail["line"], &detail["column"]), (&json!(line), &json!(column)), "{body}: {detail}");
        assert!(detail["reason"].as_str().unwrap().starts_with(reason), "{detail}");
    }
    let latin1: &[u8] = b"{\"target\": \"\xe9\"}";
    caller.again().post_text("/scans", latin1).await.is(400, "INVALID_JSON");
    nothing_is_stored(&t).await;
}

#[tokio::test]
async fn every_fault_of_a_body_is_named_at_once() {
    let t = Test::new().await;
    let caller = t.key("scans:create").made().await;
    let refused = caller
        .again()
        .post("/scans", json!({"scantype": "nmap", "priority": 1, "tags": ["a", 2], "timeout": 0, "target": null}))
        .await;
    refused.is(400, "MISSING_REQUIRED_FIELD");
    assert_eq!(refused.body["error"], "Missing required field: scanType");
    assert_eq!(
        refused.details(),
        [
            "scanType: is missing",
            "priority: must be of type string",
            "tags[1]: must be of type string",
            "target: must be of type string",
            "timeout: must be 1 to 86400",
            "scantype: is not known; known are assetId, auth, callbackUrl, config, consent, name, options, priority, scanType, tags, target, \
             targetType, timeout, workerLabel",
        ]
    );
    nothing_is_stored(&t).await;
}

#[tokio::test]
async fn each_wrong_field_has_its_code() {
    let t = Test::new().await;
    let caller = t.key("scans:create").made().await;
    for (field, value, code) in [
        ("target", Value::Null, "INVALID_FIELD_TYPE"),
        ("target", json!(["127.0.0.1"]), "INVALID_FIELD_TYPE"),
        ("scanType", json!("nessus"), "INVALID_SCAN_TYPE"),
        ("scanType", json!("Nmap"), "INVALID_SCAN_TYPE"),
        ("scanType", json!(1), "INVALID_FIELD_TYPE"),
        ("priority", json!("urgent"), "INVALID_PRIORITY"),
        ("targetType", json!("planet"), "INVALID_FIELD_TYPE"),
        ("targetType", json!("url"), "INVALID_TARGET"),
        ("name", json!("x".repeat(256)), "INVALID_FIELD_VALUE"),
        ("name", json!(""), "INVALID_FIELD_VALUE"),
        ("tags", json!("a"), "INVALID_FIELD_TYPE"),
        ("tags", json!(vec!["a"; 51]), "INVALID_FIELD_VALUE"),
        ("tags", json!(["x".repeat(65)]), "INVALID_FIELD_VALUE"),
        ("timeout", json!(86_401), "INVALID_FIELD_VALUE"),
        ("timeout", json!(-1), "INVALID_FIELD_VALUE"),
        ("timeout", json!(1.5), "INVALID_FIELD_TYPE"),
        ("timeout", json!(99_999_999_999_999_999_999u128 as f64), "INVALID_FIELD_TYPE"),
        ("assetId", json!("a\u{0}b"), "INVALID_FIELD_VALUE"),
        ("options", json!([]), "INVALID_FIELD_TYPE"),
        ("options", json!({"no-such-option": 1}), "UNKNOWN_FIELD"),
        ("config", json!({"no-such-option": 1}), "UNKNOWN_FIELD"),
        ("callbackUrl", json!("http://a.example.test/"), "INVALID_WEBHOOK_URL"),
    ] {
        let mut body = json!({"target": "127.0.0.1", "scanType": "sentinel"});
        body[field] = value.clone();
        let refused = caller.again().post("/scans", body).await;
        assert_eq!((refused.status, &refused.body["code"]), (400, &json!(code)), "{field} {value}: {}", refused.text);
        let place = if code == "INVALID_TARGET" { "target" } else { field };
        assert!(refused.details()[0].starts_with(place), "{field}: {:?}", refused.details());
    }
    for body in [json!([]), json!("x"), json!(7), Value::Null] {
        caller.again().post("/scans", body).await.is(400, "INVALID_FIELD_TYPE");
    }
    nothing_is_stored(&t).await;
}

#[tokio::test]
async fn a_target_that_is_none_is_refused_and_one_outside_policy_is_forbidden() {
    let t = Test::new().await;
    let caller = t.key("scans:create").made().await;
    for target in
        ["-oN", "127.0.0.1\n127.0.0.2", "/etc/passwd", "file:///etc/passwd", "", "127.0.0.0/8", "a b", "$(id)"]
    {
        for scan_type in ["nmap", "sentinel"] {
            let body = json!({"target": target, "scanType": scan_type});
            let refused = caller.again().post("/scans", body).await;
            refused.is(400, "INVALID_TARGET");
            let expected = format!("target: {scan_type} takes ip, such as 127.0.0.1");
            assert!(refused.details().contains(&expected), "{:?}", refused.details());
        }
    }
    for (target, status, code) in [
        ("nowhere.example.test", 400, "TARGET_UNRESOLVABLE"),
        ("http://nowhere.example.test/", 400, "TARGET_UNRESOLVABLE"),
        ("metadata.example.test", 403, "TARGET_NOT_ALLOWED"),
        ("169.254.169.254", 403, "TARGET_NOT_ALLOWED"),
        ("http://[fe80::1]/", 403, "TARGET_NOT_ALLOWED"),
        ("224.0.0.1", 403, "TARGET_NOT_ALLOWED"),
    ] {
        let body = json!({"target": target, "scanType": "sentinel"});
        caller.again().post("/scans", body).await.is(status, code);
    }
    nothing_is_stored(&t).await;
}

#[tokio::test]
async fn trouble_with_dns_is_not_the_callers_fault() {
    let t = Test::new().await;
    let body = json!({"target": "silent.example.test", "scanType": "sentinel"});
    t.key("scans:create").post("/scans", body).await.ok(201);
    let body = json!({"target": "loopback.example.test", "scanType": "sentinel"});
    t.key("scans:create").post("/scans", body).await.ok(201);
}

#[tokio::test]
async fn a_body_too_large_or_of_another_media_type_is_refused() {
    let t = Test::new().await;
    let caller = t.key("scans:create").made().await;
    let large = format!(r#"{{"target": "{}"}}"#, "x".repeat(1024 * 1024));
    let refused = caller.again().post_text("/scans", large.clone()).await;
    refused.is(413, "PAYLOAD_TOO_LARGE");
    assert_eq!(refused.body["error"], "Request body is larger than 1048576 bytes");
    // Without a length announced.
    let chunks = futures::stream::iter(
        large.into_bytes().chunks(64 * 1024).map(|c| Ok::<_, std::io::Error>(c.to_vec())).collect::<Vec<_>>(),
    );
    caller.again().post_text("/scans", Body::from_stream(chunks)).await.is(413, "PAYLOAD_TOO_LARGE");
    let right = r#"{"target": "127.0.0.1", "scanType": "sentinel"}"#;
    for media_type in
        ["text/plain", "application/x-www-form-urlencoded", "application/xml", "application/json; charset=latin1", "x"]
    {
        let refused = caller.again().header("content-type", media_type).post_text("/scans", right).await;
        refused.is(415, "UNSUPPORTED_MEDIA_TYPE");
    }
    caller.again().send(Method::POST, "/scans", Body::from(right)).await.is(415, "UNSUPPORTED_MEDIA_TYPE");
    caller
        .again()
        .header("content-encoding", "gzip")
        .post_text("/scans", right)
        .await
        .is(415, "UNSUPPORTED_MEDIA_TYPE");
    nothing_is_stored(&t).await;
    let utf8 = caller.again().header("content-type", "Application/JSON; charset=UTF-8");
    utf8.post_text("/scans", right).await.ok(201);
}

#[tokio::test]
async fn unknown_foreign_and_malformed_ids_are_not_found() {
    let t = Test::new().await;
    let caller = t.key("scans:create scans:read scans:cancel results:read").made().await;
    let body = json!({"target": "127.0.0.1", "scanType": "sentinel"});
    let created = caller.again().post("/scans", body).await;
    let id = created.data()["id"].as_str().unwrap().to_string();
    caller.again().get(&format!("/scans/{id}?scanType=sentinel")).await.ok(200);
    let simple = id.replace('-', "");
    for path in [
        format!("/scans/{id}"),
        format!("/scans/{id}?scanType=zap"),
        format!("/scans/{simple}?scanType=sentinel"),
        "/scans/019bc000-0000-7000-8000-000000000000".into(),
        "/scans/1".into(),
        "/scans/%00".into(),
        "/scans/%ff".into(),
        "/scans/..%2f..%2fetc".into(),
        "/scans/'%20OR%201=1".into(),
    ] {
        caller.again().get(&path).await.is(404, "SCAN_NOT_FOUND");
        let (before, query) = path.split_once('?').unwrap_or((&path, ""));
        caller.again().get(&format!("{before}/results?{query}")).await.is(404, "SCAN_NOT_FOUND");
        caller.again().post_text(&format!("{before}/cancel?{query}"), "").await.is(404, "SCAN_NOT_FOUND");
    }
    for path in
        [format!("/scans/{id}?scanType=nessus"), format!("/scans/{id}/results?scanType="), "/scans/1?scanType=x".into()]
    {
        caller.again().get(&path).await.is(400, "INVALID_SCAN_TYPE");
    }
    let path = format!("/scans/{id}/cancel?scanType=NMAP");
    caller.again().post_text(&path, "").await.is(400, "INVALID_SCAN_TYPE");
}

/// PostgreSQL takes no text with a NUL, not even to compare it.
#[tokio::test]
async fn a_nul_is_refused_or_nobodys() {
    let t = Test::new().await;
    let caller = t.key("scans:list audit:read").made().await;
    for path in ["/scans?tag=%00", "/scans?cursor=a%00", "/audit?actor=%00", "/audit?action=tenant%00.updated"] {
        caller.again().get(path).await.is(400, "INVALID_PARAMETER");
    }
    let body = json!({"email": "a\u{0}b@x.example", "password": "x"});
    t.nobody().post("/auth/login", body).await.is(401, "INVALID_CREDENTIALS");
}

#[tokio::test]
async fn pages_limits_and_filters_are_judged_alike_on_every_list() {
    let t = Test::new().await;
    let caller = t.key("scans:list results:read").made().await;
    let results = "/scans/019bc000-0000-7000-8000-000000000000/results";
    for list in ["/scans", results] {
        for (query, code) in [
            ("page=0", "INVALID_PAGE"),
            ("page=-1", "INVALID_PAGE"),
            ("page=x", "INVALID_PAGE"),
            ("page=99999999999999999999", "INVALID_PAGE"),
            ("limit=0", "INVALID_LIMIT"),
            ("limit=101", "INVALID_LIMIT"),
            ("limit=-1", "INVALID_LIMIT"),
            ("limit=x", "INVALID_LIMIT"),
            ("limit=99999999999999999999", "INVALID_LIMIT"),
            ("page=1&cursor=x", "INVALID_PARAMETER"),
            ("cursor=nonsense", "INVALID_PARAMETER"),
            ("limit=1&limit=2", "INVALID_PARAMETER"),
            ("scanType=nessus", "INVALID_SCAN_TYPE"),
            ("stauts=completed", "UNKNOWN_PARAMETER"),
        ] {
            caller.again().get(&format!("{list}?{query}")).await.is(400, code);
        }
    }
    caller.again().get("/scans?status=done").await.is(400, "INVALID_PARAMETER");
    caller.again().get("/scans?priority=urgent").await.is(400, "INVALID_PRIORITY");
    caller.again().get(&format!("{results}?severity=bad")).await.is(400, "INVALID_PARAMETER");
    caller.again().get("/scans?page=4294967295&limit=100").await.ok(200);
}

/// Every operation of the document.
fn operations(t: &Test) -> Vec<(Method, String)> {
    let paths = t.document["paths"].as_object().unwrap().iter();
    let each = paths.flat_map(|(path, item)| item.as_object().unwrap().keys().map(move |verb| (verb, path)));
    each.filter(|(verb, _)| *verb != "servers")
        .map(|(verb, path)| {
            let path = path.replace("{scanId}", "019bc000-0000-7000-8000-000000000000");
            (
                verb.to_uppercase().parse().unwrap(),
                path.replace("{code}", "INVALID_JSON").replace("{contract}", "scan-api"),
            )
        })
        .collect()
}

#[tokio::test]
async fn every_operation_refuses_what_it_does_not_know() {
    let t = Test::new().await;
    let all =
        scanyard_server::scope::Scope::for_keys(true).iter().map(|scope| scope.as_str()).collect::<Vec<_>>().join(" ");
    let (key, session) = (t.key(&all).made().await, t.session("owner").made().await);
    let operations = operations(&t);
    assert!(operations.len() >= 13);
    for (method, path) in operations {
        let caller = if path.starts_with("/api-keys") || path.starts_with("/auth/") { &session } else { &key };
        let call = async |method: Method, path: &str| caller.again().send(method, path, Body::empty()).await;
        call(method.clone(), &format!("{path}?no-such-parameter=1")).await.is(400, "UNKNOWN_PARAMETER");
        let refused = call(Method::PUT, &path).await;
        refused.is(405, "METHOD_NOT_ALLOWED");
        assert!(refused.header("allow").contains(method.as_str()), "{path}: {}", refused.header("allow"));
        call("QUERY".parse().unwrap(), &path).await.is(405, "METHOD_NOT_ALLOWED");
        call("BREW".parse().unwrap(), &path).await.is(501, "NOT_IMPLEMENTED");
        let long = format!("{path}?x={}", "x".repeat(9000));
        call(method.clone(), &long).await.is(414, "URI_TOO_LONG");
        let padded = caller.again().header("x-padding", &"x".repeat(17_000));
        padded.send(method.clone(), &path, Body::empty()).await.is(431, "HEADERS_TOO_LARGE");
        if path.starts_with("/scans") || path.starts_with("/engines") {
            t.nobody().send(method.clone(), &path, Body::empty()).await.is(401, "MISSING_API_KEY");
        }
        if !["/livez", "/readyz", "/metrics"].contains(&&*path) {
            let html = caller.again().header("accept", "text/html").send(method.clone(), &path, Body::empty()).await;
            html.is(406, "NOT_ACCEPTABLE");
        }
    }
}

#[tokio::test]
async fn an_unknown_route_is_answered_in_the_envelope() {
    let t = Test::new().await;
    for path in ["/nowhere", "/scan-api/api/v1/nowhere", "/api/v1/", "/api/v1/scans/", "/api/v2/scans", "/scan-api"] {
        t.nobody().get(path).await.is(404, "ROUTE_NOT_FOUND");
    }
    t.nobody().send(Method::PUT, "/nowhere", Body::empty()).await.is(404, "ROUTE_NOT_FOUND");
    let escaped = t.nobody().get("/nowhere/%1b%5b31m?apiKey=cix_sk_secret").await;
    escaped.is(404, "ROUTE_NOT_FOUND");
    assert!(!escaped.text.contains("secret"));
}

#[tokio::test]
async fn a_failure_has_the_shape_that_the_caller_prefers() {
    let t = Test::new().await;
    let problem = t.nobody().header("accept", "application/json;q=0.8, application/problem+json").get("/scans").await;
    problem.is(401, "MISSING_API_KEY");
    assert_eq!(problem.header("content-type"), "application/problem+json");
    assert_eq!(problem.body["title"], "API key is required");
    assert_eq!(problem.body["type"], "/api/v1/errors/scan-api/MISSING_API_KEY");
    let page: Answer = t.nobody().get(problem.body["type"].as_str().unwrap()).await;
    assert_eq!(page.ok(200).data()["code"], "MISSING_API_KEY");
    let alone = t.key("scans:list").header("accept", "application/problem+json").get("/scans?page=0").await;
    assert_eq!(alone.is(400, "INVALID_PAGE").header("content-type"), "application/problem+json");
    let success = t.nobody().header("accept", "application/problem+json").get("/errors").await;
    assert_eq!(success.ok(200).header("content-type"), "application/json");
    let envelope = t.nobody().header("accept", "application/json, application/problem+json").get("/scans").await;
    assert_eq!(envelope.is(401, "MISSING_API_KEY").header("content-type"), "application/json");
}

#[tokio::test]
async fn an_engine_that_is_not_there_is_named_with_what_to_do() {
    let t = Test::with(|config| {
        let engines = &mut config.engines;
        engines.nmap.path = Some("/nonexistent/nmap".into());
        // These may be installed where the test runs.
        engines.trivy.path = Some("/nonexistent/trivy".into());
        for program in [&mut engines.nikto, &mut engines.sqlmap, &mut engines.wapiti, &mut engines.zap] {
            program.path = Some("/nonexistent/engine".into());
        }
    })
    .await;
    let caller = t.key("scans:create").made().await;
    let refused = caller.again().post("/scans", json!({"target": "127.0.0.1", "scanType": "nmap"})).await;
    refused.is(503, "ENGINE_UNAVAILABLE");
    assert!(refused.details()[0].contains("/nonexistent/nmap"), "{:?}", refused.details());
    for scan_type in ScanType::ALL.iter().filter(|t| !matches!(t, ScanType::Nmap | ScanType::Sentinel)) {
        let target = match scan_type {
            ScanType::Harvester | ScanType::Sublist3r => "nowhere.example.test",
            ScanType::Trivy => "registry.example.test/app",
            _ => "http://127.0.0.1/?id=1",
        };
        let consent = json!({"thirdParty": true, "note": "test"});
        let body = json!({"target": target, "scanType": scan_type, "consent": consent});
        caller.again().post("/scans", body).await.is(503, "ENGINE_UNAVAILABLE");
    }
    nothing_is_stored(&t).await;
}

#[tokio::test]
async fn ports_that_contradict_a_url_are_refused_where_they_stand() {
    let t = Test::new().await;
    let caller = t.key("scans:create").made().await;
    for place in ["options", "config"] {
        let body = json!({"target": "http://127.0.0.1:1/", "scanType": "sentinel", place: {"ports": "80"}});
        let refused = caller.again().post("/scans", body).await;
        refused.is(400, "INVALID_FIELD_VALUE");
        assert_eq!(refused.body["details"][0]["field"], format!("{place}.ports"));
    }
    nothing_is_stored(&t).await;
}
