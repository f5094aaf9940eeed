//! Reports that were made elsewhere: each becomes a scan of its own that is over, or is refused and leaves nothing.

use crate::harness::{Answer, Caller, Test};
use axum::body::{Body, Bytes};
use futures::stream;
use http::Method;
use http_body_util::BodyExt;
use serde_json::json;

const ALL: &str = "scans:create scans:read scans:list results:read";
/// A report of nmap: two open ports, a script that found nothing.
const REPORT: &str = "<?xml version='1.0'?><nmaprun scanner='nmap' start='1' version='7.93'><host>\
    <address addr='192.0.2.7' addrtype='ipv4'/><ports>\
    <port protocol='tcp' portid='22'><state state='open' reason='syn-ack'/><service name='ssh'/></port>\
    <port protocol='tcp' portid='80'><state state='open' reason='syn-ack'/><service name='http'/>\
    <script id='http-git' output='ERROR: gone'/></port></ports></host>\
    <runstats><finished exit='success'/></runstats></nmaprun>";
const PATH: &str = "/scans/import?scanType=nmap";

async fn import(caller: &Caller<'_>, path: &str, body: impl Into<Body>) -> Answer {
    caller.again().send(Method::POST, path, body.into()).await
}

async fn results(caller: &Caller<'_>, scan: &Answer) -> Answer {
    let id = scan.data()["id"].as_str().unwrap();
    caller.again().get(&format!("/scans/{id}/results?scanType=nmap")).await
}

#[tokio::test]
async fn a_report_becomes_a_scan_that_is_over() {
    let t = Test::new().await;
    let caller = t.key(ALL).made().await;
    let scan = import(&caller, PATH, REPORT).await;
    let data = scan.ok(201).data();
    assert_eq!(
        (&data["source"], &data["status"], &data["progress"]),
        (&json!("import"), &json!("completed"), &json!(100))
    );
    assert_eq!((&data["target"], &data["targetType"]), (&json!("192.0.2.7"), &json!("ip")), "as the report names it");
    assert_eq!(
        data["records"],
        json!({"read": 3, "kept": 2, "merged": 0, "dropped": {"says that nothing is wrong": 1}})
    );
    caller.again().get(scan.header("location")).await.ok(200);
    let results = results(&caller, &scan).await;
    let data = results.ok(200).data();
    assert_eq!(
        (&data["source"], &data["engineVersion"], &data["partial"]),
        (&json!("import"), &json!("7.93"), &json!(false))
    );
    assert_eq!(data["findings"].as_array().unwrap().len(), 2);
    let listed = caller.again().get("/scans?status=completed").await;
    assert_eq!((&listed.data()[0]["source"], &listed.body["pagination"]["total"]), (&json!("import"), &json!(1)));
    let audit = t.texts("SELECT action FROM audit WHERE action = 'scan.imported'").await;
    assert_eq!(audit.len(), 1);
}

#[tokio::test]
async fn the_raw_report_is_kept() {
    let t = Test::new().await;
    let caller = t.key(ALL).made().await;
    let scan = import(&caller, PATH, REPORT).await;
    let path = format!("/scans/{}/report?scanType=nmap", scan.ok(201).data()["id"].as_str().unwrap());
    let (_, response) = caller.again().open(Method::GET, &path, Body::empty()).await;
    assert_eq!(response.into_body().collect().await.unwrap().to_bytes(), REPORT);
}

#[tokio::test]
async fn secrets_in_a_report_of_trivy_are_not_kept() {
    let t = Test::new().await;
    let caller = t.key(ALL).made().await;
    let report = include_str!("../../../engines/tests/samples/trivy/ran-fs.json");
    // Trivy stars a part of it alone.
    let secret = "123456789012-abcdefghijklmnopqrstuvwx";
    assert!(report.contains(secret));
    let scan = import(&caller, "/scans/import?scanType=trivy", report).await;
    let path = format!("/scans/{}/report?scanType=trivy", scan.ok(201).data()["id"].as_str().unwrap());
    let (_, response) = caller.again().open(Method::GET, &path, Body::empty()).await;
    let kept = response.into_body().collect().await.unwrap().to_bytes();
    assert!(kept.starts_with(b"{") && !String::from_utf8_lossy(&kept).contains(secret));
}

#[tokio::test]
async fn what_is_no_whole_report_is_a_failed_scan_with_its_reason() {
    let t = Test::new().await;
    let caller = t.key(ALL).made().await;
    let cut = &REPORT[..REPORT.find("portid='80'").unwrap()];
    for (body, message, kept) in [
        (cut, "nmap's report has no end", 1),
        ("{\"this\": \"is JSON\"}", "this is not XML of nmap (-oX)", 0),
        ("\u{0}\u{1}garbage", "this is not XML of nmap (-oX)", 0),
    ] {
        let scan = import(&caller, &format!("{PATH}&target=192.0.2.7"), body).await;
        let data = scan.ok(201).data();
        let failure = (&data["failure"]["reason"], &data["failure"]["message"]);
        assert_eq!((&data["status"], failure), (&json!("failed"), (&json!("report_unreadable"), &json!(message))));
        let results = results(&caller, &scan).await;
        assert_eq!((&results.data()["partial"], &results.data()["records"]["kept"]), (&json!(true), &json!(kept)));
    }
}

#[tokio::test]
async fn an_import_takes_no_quota() {
    let t = Test::new().await;
    t.sql("UPDATE tenant SET monthly_quota = 0").await;
    let caller = t.key(ALL).made().await;
    import(&caller, PATH, REPORT).await.ok(201);
    let body = json!({"target": "127.0.0.1", "scanType": "sentinel"});
    caller.again().post("/scans", body).await.is(429, "QUOTA_EXCEEDED");
}

#[tokio::test]
async fn a_repeat_makes_no_second_scan() {
    let t = Test::new().await;
    let caller = t.key(ALL).made().await.header("idempotency-key", "once");
    let first = import(&caller, PATH, REPORT).await;
    let second = import(&caller, PATH, REPORT).await;
    assert_eq!(second.header("idempotency-replayed"), "true");
    assert_eq!((&first.ok(201).body, t.rows("scan").await), (&second.ok(201).body, 1));
    import(&caller, PATH, "another").await.is(422, "IDEMPOTENCY_KEY_REUSED");
    import(&caller, &format!("{PATH}&name=x"), REPORT).await.is(422, "IDEMPOTENCY_KEY_REUSED");
}

#[tokio::test]
async fn what_is_refused_leaves_nothing() {
    let t = Test::new().await;
    let caller = t.key(ALL).made().await;
    import(&caller, PATH, "").await.is(400, "INVALID_FIELD_VALUE");
    import(&caller, "/scans/import", REPORT).await.is(400, "INVALID_PARAMETER");
    import(&caller, "/scans/import?scanType=nessus", REPORT).await.is(400, "INVALID_SCAN_TYPE");
    import(&caller, "/scans/import?scanType=sentinel", REPORT).await.is(400, "INVALID_PARAMETER");
    import(&caller, &format!("{PATH}&target=a%20b"), REPORT).await.is(400, "INVALID_TARGET");
    let url = import(&caller, &format!("{PATH}&target=http://192.0.2.7/"), REPORT).await;
    assert_eq!(url.is(400, "INVALID_TARGET").details()[0], "target: is of type url, which nmap does not take");
    import(&caller, &format!("{PATH}&name="), REPORT).await.is(400, "INVALID_PARAMETER");
    let nameless = import(&caller, PATH, "<nmaprun></nmaprun>").await;
    assert_eq!(
        nameless.is(400, "INVALID_TARGET").details(),
        ["target: is missing, and the report names none: nmap's report has no end"]
    );
    let names = import(&caller, "/scans/import?scanType=sublist3r", "a.example.test\n").await;
    assert_eq!(
        names.is(400, "INVALID_TARGET").details(),
        ["target: is missing, and the report names none that can be told"]
    );
    import(&caller.again().header("content-encoding", "gzip"), PATH, REPORT).await.is(415, "UNSUPPORTED_MEDIA_TYPE");
    let bound = t.key(ALL).with(|key| key.allowed_scan_types = Some(vec![])).made().await;
    import(&bound, PATH, REPORT).await.is(403, "SCAN_TYPE_NOT_ALLOWED");
    import(&t.key("scans:read").made().await, PATH, REPORT).await.is(403, "INSUFFICIENT_SCOPE");
    assert_eq!((t.rows("scan").await, t.rows("report_piece").await), (0, 0));
    let spooled = std::fs::read_dir(t.app.config.data_dir.join("uploads")).unwrap().count();
    assert_eq!(spooled, 0, "what was received is removed");
}

#[tokio::test]
async fn a_report_beyond_the_cap_is_refused_as_it_arrives() {
    let t = Test::new().await;
    let caller = t.key(ALL).made().await;
    // Ten gigabytes, of which no more is made than is asked for.
    let piece = Bytes::from(vec![b' '; 1024 * 1024]);
    let endless = stream::iter((0..10_240).map(move |_| Ok::<_, std::io::Error>(piece.clone())));
    let (_, response) = caller.again().open(Method::POST, PATH, Body::from_stream(endless)).await;
    assert_eq!(response.status(), 413);
    assert_eq!(t.rows("scan").await, 0);
}

#[tokio::test]
async fn a_report_of_something_else_is_a_failed_scan_without_findings() {
    let t = Test::new().await;
    let caller = t.key(ALL).made().await;
    let scan = import(&caller, &format!("{PATH}&target=10.9.9.9"), REPORT).await;
    let data = scan.ok(201).data();
    assert_eq!(
        (&data["status"], &data["failure"]["message"]),
        (&json!("failed"), &json!("this report is of 192.0.2.7, not of 10.9.9.9"))
    );
    let dropped = json!({"outside the target": 3});
    assert_eq!(data["records"], json!({"read": 3, "kept": 0, "merged": 0, "dropped": dropped}));
}

#[tokio::test]
async fn a_report_of_files_goes_by_their_path() {
    let t = Test::new().await;
    let caller = t.key(ALL).made().await;
    let report = include_str!("../../../engines/tests/samples/trivy/ran-fs.json");
    for (query, target) in [("", "./scan"), ("&target=/srv/project", "/srv/project")] {
        let scan = import(&caller, &format!("/scans/import?scanType=trivy{query}"), report).await;
        let data = scan.ok(201).data();
        assert_eq!((&data["status"], &data["target"]), (&json!("completed"), &json!(target)));
        assert_eq!(data["targetType"], "upload");
    }
    let listed = caller.again().get("/scans?target=/srv/project").await;
    assert_eq!(listed.ok(200).data().as_array().unwrap().len(), 1);
}

macro_rules! sample {
    ($name:literal) => {
        include_str!(concat!("../../../engines/tests/samples/", $name))
    };
}

#[tokio::test]
async fn reports_of_every_engine_become_scans() {
    let t = Test::new().await;
    let caller = t.key(ALL).made().await;
    for (engine, report, target, other) in [
        ("nmap", sample!("nmap/services.xml"), "127.0.0.1", "10.9.9.9"),
        ("zap", sample!("zap/report.json"), "http://127.0.0.1:8081/", "http://10.9.9.9/"),
        ("trivy", sample!("trivy/synthetic.json"), "./target", "registry.example.test/app"),
        ("nuclei", sample!("nuclei/synthetic.jsonl"), "http://127.0.0.1:8081/", "http://10.9.9.9/"),
        ("nikto", sample!("nikto/old.xml"), "http://127.0.0.1:8080/", "http://10.9.9.9/"),
        ("sqlmap", sample!("sqlmap/one.json"), "http://127.0.0.1:8081/item", "http://10.9.9.9/"),
        ("wapiti", sample!("wapiti/active.json"), "http://127.0.0.1:8081/", "http://10.9.9.9/"),
        ("harvester", sample!("harvester/newest.jsonl"), "example.test", "other.test"),
        ("sublist3r", sample!("sublist3r/unit-out.txt"), "example.test", "other.test"),
    ] {
        let path = |target: &str| format!("/scans/import?scanType={engine}&target={target}");
        let scan = import(&caller, &path(target), report).await;
        let data = scan.ok(201).data();
        assert_eq!((&data["status"], &data["target"]), (&json!("completed"), &json!(target)), "{engine}");
        assert!(data["records"]["kept"].as_u64().unwrap() > 0, "{engine}");
        let scan = import(&caller, &path(other), report).await;
        let data = scan.ok(201).data();
        assert_eq!((&data["status"], &data["records"]["kept"]), (&json!("failed"), &json!(0)), "{engine}");
        assert_eq!(data["failure"]["reason"], "report_unreadable", "{engine}: {}", data["failure"]);
    }
}
