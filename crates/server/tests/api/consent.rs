//! Engines that tell third parties of the target: off, unless the operator and the request both want them.

use crate::harness::{Caller, Test};
use serde_json::{Value, json};
use std::os::unix::fs::PermissionsExt;
use tempfile::TempDir;
use tokio::net::UdpSocket;

const ALL: &str =
    "scans:create scans:read scans:list templates:create templates:read audit:read tenants:update tenants:read";

fn body(scan_type: &str) -> Value {
    json!({"target": "example.test", "scanType": scan_type})
}

fn with(mut body: Value, field: &str, value: Value) -> Value {
    body[field] = value;
    body
}

fn consent() -> Value {
    json!({"thirdParty": true, "note": "agreed with the owner"})
}

/// A node whose operator switched such engines on, with programs that leave a trace when they run.
struct Osint {
    t: Test,
    dir: TempDir,
    /// Its only name server, which answers nothing.
    dns: UdpSocket,
}

impl Osint {
    async fn new() -> Osint {
        let dir = tempfile::tempdir().unwrap();
        let program = dir.path().join("engine");
        std::fs::write(&program, format!("#!/bin/sh\necho ran > '{}/trace'\n", dir.path().display())).unwrap();
        std::fs::set_permissions(&program, std::fs::Permissions::from_mode(0o755)).unwrap();
        let dns = UdpSocket::bind("127.0.0.1:0").await.unwrap();
        let t = Test::with(|config| {
            config.engines.osint = true;
            config.engines.harvester.path = Some(program.clone());
            config.engines.sublist3r.path = Some(program.clone());
            config.dns.servers = vec![dns.local_addr().unwrap()];
        })
        .await;
        Osint { t, dir, dns }
    }

    /// Nobody was asked anything: no name server, and no engine ran or waits to run.
    async fn contacted_nobody(&self) {
        assert!(self.dns.try_recv(&mut [0; 16]).is_err(), "the target was looked up");
        assert!(!self.dir.path().join("trace").exists(), "the engine ran");
        assert_eq!((self.t.rows("scan").await, self.t.rows("job").await), (0, 0));
    }
}

async fn engine(caller: &Caller<'_>, scan_type: &str) -> Value {
    let engines = caller.again().get("/engines").await;
    let engines = engines.ok(200).data().as_array().unwrap().clone();
    engines.into_iter().find(|engine| engine["scanType"] == scan_type).unwrap()
}

#[tokio::test]
async fn without_consent_nobody_is_contacted() {
    let osint = Osint::new().await;
    let caller = osint.t.key(ALL).made().await;
    for scan_type in ["harvester", "sublist3r"] {
        let refused = caller.again().post("/scans", body(scan_type)).await;
        refused.is(403, "CONSENT_REQUIRED");
        assert!(refused.text.contains(&format!("Engine {scan_type} tells third parties")), "{}", refused.text);
        let no = json!({"thirdParty": false, "note": "no"});
        caller.again().post("/scans", with(body(scan_type), "consent", no)).await.is(403, "CONSENT_REQUIRED");
    }
    osint.contacted_nobody().await;
}

#[tokio::test]
async fn a_consent_is_kept_with_who_gave_it_and_audited() {
    let osint = Osint::new().await;
    let caller = osint.t.key(ALL).made().await;
    let created = caller.again().post("/scans", with(body("sublist3r"), "consent", consent())).await;
    let scan = created.ok(201).data().clone();
    let key = &osint.t.texts("SELECT api_key_id FROM scan").await[0];
    let expected = json!({"thirdParty": true, "note": "agreed with the owner", "by": key, "at": scan["createdAt"]});
    assert_eq!(scan["consent"], expected);
    let id = scan["id"].as_str().unwrap();
    let read = caller.again().get(&format!("/scans/{id}?scanType=sublist3r")).await;
    assert_eq!(read.ok(200).data()["consent"], expected);
    assert_eq!(caller.again().get("/scans").await.ok(200).data()[0]["consent"], expected);
    let audit = caller.again().get("/audit?action=scan.consented").await;
    let entry = &audit.ok(200).data()[0];
    assert_eq!((&entry["resourceId"], &entry["actor"]), (&json!(id), &json!(key)), "{entry}");
    assert_eq!(entry["details"]["note"], "agreed with the owner");
    assert!(osint.dns.try_recv(&mut [0; 16]).is_err(), "we do not look up what others are asked about");
}

#[tokio::test]
async fn a_repeat_gives_no_second_consent() {
    let osint = Osint::new().await;
    let caller = osint.t.key(ALL).header("idempotency-key", "k").made().await;
    let body = || with(body("harvester"), "consent", consent());
    caller.again().post("/scans", body()).await.ok(201);
    caller.again().post("/scans", body()).await.ok(201);
    assert_eq!(osint.t.texts("SELECT action FROM audit").await, ["scan.consented"]);
}

#[tokio::test]
async fn they_are_off_until_the_operator_switches_them_on() {
    let t = Test::with(|config| config.engines.sublist3r.path = Some("/bin/true".into())).await;
    let caller = t.key(ALL).made().await;
    caller.again().post("/scans", body("sublist3r")).await.is(403, "CONSENT_REQUIRED");
    let off = caller.again().post("/scans", with(body("sublist3r"), "consent", consent())).await;
    off.is(503, "ENGINE_UNAVAILABLE");
    assert!(off.details()[0].contains("engines.osint = true"), "{:?}", off.details());
    let engine = engine(&caller, "sublist3r").await;
    assert_eq!((&engine["available"], &engine["needsConsent"]), (&json!(false), &json!(true)));
    assert!(engine["contacts"].as_str().unwrap().contains("crt.sh"), "{engine}");
}

#[tokio::test]
async fn engines_say_whom_they_contact() {
    let osint = Osint::new().await;
    let caller = osint.t.key(ALL).made().await;
    let harvester = engine(&caller, "harvester").await;
    assert_eq!((&harvester["available"], &harvester["needsConsent"]), (&json!(true), &json!(true)));
    let sentinel = engine(&caller, "sentinel").await;
    assert_eq!(sentinel["needsConsent"], false);
    assert!(sentinel["contacts"].as_str().unwrap().starts_with("the target's addresses"), "{sentinel}");
}

#[tokio::test]
async fn a_launch_needs_a_consent_of_its_own() {
    let osint = Osint::new().await;
    let caller = osint.t.key(ALL).made().await;
    let settings = json!({"name": "names", "scanType": "harvester"});
    let kept = with(settings.clone(), "consent", consent());
    caller.again().post("/scan-templates", kept).await.is(400, "UNKNOWN_FIELD");
    let template = caller.again().post("/scan-templates", settings).await;
    let path = format!("/scan-templates/{}/launch", template.ok(201).data()["id"].as_str().unwrap());
    let launch = json!({"target": "example.test"});
    caller.again().post(&path, launch.clone()).await.is(403, "CONSENT_REQUIRED");
    osint.contacted_nobody().await;
    let launched = caller.again().post(&path, with(launch.clone(), "consent", consent())).await;
    assert_eq!(launched.ok(201).data()["consent"]["note"], "agreed with the owner");
    caller.again().post(&path, launch).await.is(403, "CONSENT_REQUIRED");
}

#[tokio::test]
async fn a_consent_has_a_note() {
    let osint = Osint::new().await;
    let caller = osint.t.key(ALL).made().await;
    for (consent, code) in [
        (json!({"thirdParty": true}), "MISSING_REQUIRED_FIELD"),
        (json!({"thirdParty": "yes", "note": "x"}), "INVALID_FIELD_TYPE"),
        (json!(true), "INVALID_FIELD_TYPE"),
        (json!({"thirdParty": true, "note": ""}), "INVALID_FIELD_VALUE"),
        (json!({"thirdParty": true, "note": "  "}), "INVALID_FIELD_VALUE"),
        (json!({"thirdParty": true, "note": "a\nb"}), "INVALID_FIELD_VALUE"),
        (json!({"thirdParty": true, "note": "x".repeat(501)}), "INVALID_FIELD_VALUE"),
        (json!({"thirdParty": true, "note": "x", "by": "somebody"}), "UNKNOWN_FIELD"),
    ] {
        caller.again().post("/scans", with(body("harvester"), "consent", consent)).await.is(400, code);
    }
}

#[tokio::test]
async fn the_tenants_lists_decide_by_the_name_alone() {
    let osint = Osint::new().await;
    let caller = osint.t.key(ALL).made().await;
    let tenants = caller.again().get("/tenants").await;
    let id = tenants.ok(200).data()[0]["id"].as_str().unwrap().to_string();
    let policy = json!({"allow": {"domains": ["ours.example.test"]}, "deny": {"domains": ["not.ours.example.test"]}});
    caller.again().patch(&format!("/tenants/{id}"), json!({"policy": policy})).await.ok(200);
    let submit = async |target: &str| {
        let body = json!({"target": target, "scanType": "sublist3r", "consent": consent()});
        caller.again().post("/scans", body).await
    };
    submit("example.test").await.is(403, "TARGET_NOT_ALLOWED");
    submit("not.ours.example.test").await.is(403, "TARGET_NOT_ALLOWED");
    submit("www.ours.example.test").await.ok(201);
    assert!(osint.dns.try_recv(&mut [0; 16]).is_err());
}
