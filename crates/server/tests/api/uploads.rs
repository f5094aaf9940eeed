//! Uploads: what is taken, what is refused, who sees it, how long it stays.

use crate::harness::{Answer, Caller, Test};
use axum::body::Body;
use flate2::Compression;
use flate2::write::GzEncoder;
use http::Method;
use scanyard_server::config::Config;
use scanyard_server::upload::fetch;
use scanyard_server::worker::sweep_tick;
use serde_json::{Value, json};
use std::convert::Infallible;
use std::time::Duration;

const ALL: &str = "uploads:create uploads:read uploads:delete scans:create scans:read";
const DAY: i64 = 24 * 3600 * 1000;

/// An archive with one file of these bytes.
fn packed(path: &str, bytes: &[u8]) -> Vec<u8> {
    let mut tar = tar::Builder::new(GzEncoder::new(Vec::new(), Compression::none()));
    let mut header = tar::Header::new_gnu();
    header.set_size(bytes.len() as u64);
    header.set_mode(0o644);
    tar.append_data(&mut header, path, bytes).unwrap();
    tar.into_inner().unwrap().finish().unwrap()
}

async fn upload(caller: &Caller<'_>, media_type: &str, path: &str, body: impl Into<Body>) -> Answer {
    caller.again().header("content-type", media_type).send(Method::POST, path, body.into()).await
}

async fn upload_project(caller: &Caller<'_>) -> Value {
    let answer = upload(caller, "application/gzip", "/uploads?name=shop", packed("Dockerfile", b"FROM x")).await;
    answer.ok(201).data().clone()
}

/// A node that has trivy, as far as a submission looks.
async fn with_trivy() -> Test {
    Test::with(|config: &mut Config| config.engines.trivy.path = Some("/bin/sh".into())).await
}

async fn scan(caller: &Caller<'_>, target: &str) -> Answer {
    caller.again().post("/scans", json!({"target": target, "scanType": "trivy"})).await
}

#[tokio::test]
async fn each_form_of_upload_is_taken_and_told_of() {
    let t = Test::new().await;
    let caller = t.key(ALL).made().await;
    // Longer than two pieces, and not text.
    let bytes: Vec<u8> = (0..2_500_000_u32).map(|at| (at * 31 % 251) as u8).collect();
    let body = packed("a/data.bin", &bytes);
    let digest = ring::digest::digest(&ring::digest::SHA256, &body);
    let answer = upload(&caller, "application/gzip", "/uploads?name=shop", body.clone()).await;
    let made = answer.ok(201).data();
    let id = made["id"].as_str().unwrap();
    assert!(id.starts_with("upl-"), "{id}");
    assert_eq!(answer.header("location"), format!("/scan-api/api/v1/uploads/{id}"));
    assert_eq!(
        (&made["kind"], &made["name"], &made["files"], &made["bytes"], &made["sha256"]),
        (
            &json!("tar.gz"),
            &json!("shop"),
            &json!(1),
            &json!(body.len()),
            &json!(scanyard_server::key::hex(digest.as_ref()))
        )
    );
    assert_eq!(
        (&made["createdAt"], &made["expiresAt"]),
        (&json!("2026-03-06T10:00:00Z"), &json!("2026-03-07T10:00:00Z"))
    );
    assert_eq!(caller.again().get(&format!("/uploads/{id}")).await.ok(200).data(), made);
    assert_eq!(t.rows("upload_piece").await, 3);
    let tenant = t.texts("SELECT tenant_id FROM upload").await.remove(0);
    let fetched = fetch(&t.app, &tenant, id).await.unwrap();
    assert!(std::fs::read(&fetched.packed.path).unwrap() == body, "another node finds the same bytes");
    let path = fetched.packed.path.clone();
    drop(fetched);
    assert!(!path.exists());

    for (media_type, path, body, kind, name) in [
        ("application/json", "/uploads", r#"{"bomFormat": "CycloneDX"}"#, "cyclonedx", "sbom.json"),
        ("application/json; charset=utf-8", "/uploads?name=a.json", r#"{"spdxVersion": "SPDX-2.3"}"#, "spdx", "a.json"),
        ("application/octet-stream", "/uploads?name=Dockerfile", "FROM scratch", "file", "Dockerfile"),
    ] {
        let made = upload(&caller, media_type, path, body).await;
        assert_eq!((&made.ok(201).data()["kind"], &made.data()["name"]), (&json!(kind), &json!(name)));
    }
    let list = caller.again().get("/uploads?limit=3").await;
    assert_eq!(list.ok(200).data().as_array().unwrap().len(), 3);
    assert_eq!(list.body["pagination"]["total"], 4);
    let cursor = list.body["pagination"]["nextCursor"].as_str().unwrap();
    let rest = caller.again().get(&format!("/uploads?limit=3&cursor={cursor}")).await;
    assert_eq!(rest.ok(200).data()[0]["id"], id);
    assert_eq!(std::fs::read_dir(t.app.config.uploads_dir()).unwrap().count(), 0, "nothing stays in a file");
    let actions = t.texts("SELECT action FROM audit ORDER BY id").await;
    assert_eq!(actions.iter().filter(|action| *action == "upload.created").count(), 4);
}

#[tokio::test]
async fn what_cannot_be_taken_is_refused_and_nothing_is_kept() {
    let t = Test::with(|config: &mut Config| config.http.upload_bytes = 4096).await;
    let caller = t.key(ALL).made().await;
    let refused = async |media_type: &str, path: &str, body: &[u8], status: u16, code: &str| {
        let answer = upload(&caller, media_type, path, body.to_vec()).await;
        answer.is(status, code);
        assert_eq!(t.rows("upload").await + t.rows("upload_piece").await, 0, "{code}");
        answer
    };
    let tar = packed("x", b"y");
    let mut link = tar::Builder::new(GzEncoder::new(Vec::new(), Compression::fast()));
    let mut header = tar::Header::new_gnu();
    header.set_entry_type(tar::EntryType::Symlink);
    header.set_size(0);
    link.append_link(&mut header, "here", "/etc/passwd").unwrap();
    let link = link.into_inner().unwrap().finish().unwrap();
    let answer = refused("application/gzip", "/uploads", &link, 400, "INVALID_UPLOAD").await;
    assert!(answer.details()[0].starts_with("body: here: is a link"), "{:?}", answer.details());
    refused("application/gzip", "/uploads", &tar[..tar.len() - 1], 400, "INVALID_UPLOAD").await;
    refused("application/zip", "/uploads", &tar, 400, "INVALID_UPLOAD").await;
    refused("application/json", "/uploads", b"{}", 400, "INVALID_UPLOAD").await;
    let answer = refused("text/plain", "/uploads", b"x", 415, "UNSUPPORTED_MEDIA_TYPE").await;
    assert!(answer.body["error"].as_str().unwrap().contains("application/gzip"), "{}", answer.text);
    refused("application/octet-stream", "/uploads", b"x", 400, "INVALID_PARAMETER").await;
    refused("application/octet-stream", "/uploads?name=../x", b"x", 400, "INVALID_PARAMETER").await;
    refused("application/octet-stream", "/uploads?nom=x", b"x", 400, "UNKNOWN_PARAMETER").await;
    refused("application/octet-stream", "/uploads?name=x", &[0; 4097], 413, "PAYLOAD_TOO_LARGE").await;
    for (name, body, reason) in [
        ("shop.tar.gz", tar.as_slice(), "body: is compressed with gzip: send it as application/gzip"),
        ("shop.zip", b"PK\x03\x04", "body: is a zip archive: send it as application/zip"),
        ("bom", br#"{"bomFormat": "CycloneDX"}"#, "body: is a bill of materials: send it as application/json"),
        ("bom.json", br#"{"bomFormat": "CycloneDX""#, "body: is a bill of materials that cannot be read"),
        ("Dockerfile", b"", "body: is empty"),
    ] {
        let path = format!("/uploads?name={name}");
        let answer = refused("application/octet-stream", &path, body, 400, "INVALID_UPLOAD").await;
        assert!(answer.details()[0].starts_with(reason), "{:?}", answer.details());
    }
    let chunks = futures::stream::iter((0..9).map(|_| Ok::<_, Infallible>(vec![0; 1000])));
    let caller_again = caller.again().header("content-type", "application/octet-stream");
    let answer = caller_again.send(Method::POST, "/uploads?name=x", Body::from_stream(chunks)).await;
    answer.is(413, "PAYLOAD_TOO_LARGE");
    assert_eq!(std::fs::read_dir(t.app.config.uploads_dir()).unwrap().count(), 0);
}

#[tokio::test]
async fn a_body_may_be_slow_but_not_stop() {
    let slow = |config: &mut Config| {
        config.http.request_timeout = Duration::from_millis(300);
        config.http.body_timeout = Duration::from_millis(200);
    };
    let t = Test::with(slow).await;
    let caller = t.key(ALL).made().await.header("content-type", "application/octet-stream");
    let pieces = |bytes: usize| {
        futures::stream::unfold(0, move |at| async move {
            tokio::time::sleep(Duration::from_millis(50)).await;
            (at < 10).then(|| (Ok::<_, Infallible>(vec![0_u8; bytes]), at + 1))
        })
    };
    let taken = caller.again().send(Method::POST, "/uploads?name=x", Body::from_stream(pieces(65_536))).await;
    assert_eq!(taken.ok(201).data()["bytes"], 655_360, "past the time of any other request");
    let trickle = caller.again().send(Method::POST, "/uploads?name=x", Body::from_stream(pieces(10))).await;
    trickle.is(408, "REQUEST_TIMEOUT");
    let never = Body::from_stream(futures::stream::pending::<Result<Vec<u8>, Infallible>>());
    caller.send(Method::POST, "/uploads?name=x", never).await.is(408, "REQUEST_TIMEOUT");
}

#[tokio::test]
async fn a_tenants_uploads_have_a_cap_together() {
    let t = Test::with(|config: &mut Config| config.uploads.tenant_bytes = 5000).await;
    let caller = t.key(ALL).made().await;
    let send =
        async |bytes: usize| upload(&caller, "application/octet-stream", "/uploads?name=x", vec![0; bytes]).await;
    let id = send(3000).await.ok(201).data()["id"].as_str().unwrap().to_string();
    let refused = send(3000).await;
    refused.is(413, "PAYLOAD_TOO_LARGE");
    assert!(refused.details()[0].contains("3000 of 5000 bytes"), "{:?}", refused.details());
    send(2000).await.ok(201);
    send(1).await.is(413, "PAYLOAD_TOO_LARGE");
    caller.again().delete(&format!("/uploads/{id}")).await.ok(200);
    send(3000).await.ok(201);
    assert_eq!(t.rows("upload").await, 2);
    assert_eq!(t.rows("upload_piece").await, 2);
}

#[tokio::test]
async fn only_so_many_uploads_come_in_at_once() {
    let t = Test::with(|config: &mut Config| config.uploads.concurrency = 1).await;
    let caller = t.key(ALL).made().await.header("content-type", "application/octet-stream");
    let _seat = t.app.uploads.try_acquire().unwrap();
    let full = caller.send(Method::POST, "/uploads?name=x", "x".into()).await;
    full.is(503, "SERVICE_UNAVAILABLE");
    assert_eq!(full.header("retry-after"), "5");
}

#[tokio::test]
async fn the_repeat_of_an_upload_gets_the_first_answer() {
    let t = Test::new().await;
    let caller = t.key(ALL).made().await.header("idempotency-key", "k");
    let first = upload(&caller, "application/octet-stream", "/uploads?name=x", "1").await;
    let again = upload(&caller, "application/octet-stream", "/uploads?name=x", "1").await;
    assert_eq!(first.ok(201).data(), again.ok(201).data());
    assert_eq!(again.header("idempotency-replayed"), "true");
    assert_eq!(t.rows("upload").await, 1);
    let other = upload(&caller, "application/octet-stream", "/uploads?name=x", "2").await;
    other.is(422, "IDEMPOTENCY_KEY_REUSED");
    let other = upload(&caller, "application/octet-stream", "/uploads?name=y", "1").await;
    other.is(422, "IDEMPOTENCY_KEY_REUSED");
}

#[tokio::test]
async fn an_upload_is_the_target_of_its_own_tenant_alone() {
    let t = with_trivy().await;
    t.key("tenants:create").post("/tenants", json!({"name": "other"})).await.ok(201);
    let caller = t.key(ALL).made().await;
    let id = upload_project(&caller).await["id"].as_str().unwrap().to_string();
    let target = format!("upload:{id}");
    let made = scan(&caller, &target).await;
    assert_eq!(made.ok(201).data()["target"], target);
    assert_eq!(made.data()["targetType"], "upload");
    let stranger = t.key(ALL).of_tenant("other").made().await;
    scan(&stranger, &target).await.is(404, "UPLOAD_NOT_FOUND");
    stranger.again().delete(&format!("/uploads/{id}")).await.is(404, "UPLOAD_NOT_FOUND");
    scan(&caller, "upload:upl-019bc000-0000-7000-8000-000000000000").await.is(404, "UPLOAD_NOT_FOUND");
    scan(&caller, "upload:x").await.is(400, "INVALID_TARGET");
    let nmap = caller.again().post("/scans", json!({"target": target, "scanType": "nmap"})).await;
    nmap.is(400, "INVALID_TARGET");
    let list = t.key("scans:list").get(&format!("/scans?target={target}")).await;
    assert_eq!(list.ok(200).data().as_array().unwrap().len(), 1);
    t.key("scans:create").get("/uploads").await.is(403, "INSUFFICIENT_SCOPE");
}

#[tokio::test]
async fn an_image_is_scanned_from_a_registry_that_the_operator_lists() {
    let t = with_trivy().await;
    let caller = t.key(ALL).made().await;
    let refused = scan(&caller, "registry.example.test/app:1.0").await;
    refused.is(403, "TARGET_NOT_ALLOWED");
    assert!(refused.details()[0].contains("engines.trivy.registries"), "{:?}", refused.details());
    let t = Test::with(|config: &mut Config| {
        config.engines.trivy.path = Some("/bin/sh".into());
        config.engines.trivy.registries = vec!["Registry.example.test".into()];
    })
    .await;
    let caller = t.key(ALL).made().await;
    let made = scan(&caller, "registry.example.test/app").await;
    assert_eq!(made.ok(201).data()["target"], "registry.example.test/app:latest");
    assert_eq!(made.data()["targetType"], "image");
    scan(&caller, "registry.example.test:5000/app").await.is(403, "TARGET_NOT_ALLOWED");
    scan(&caller, "app").await.is(403, "TARGET_NOT_ALLOWED");
    scan(&caller, "--input=/etc/passwd").await.is(400, "INVALID_TARGET");
}

#[tokio::test]
async fn an_upload_goes_a_day_after_its_last_use() {
    let t = with_trivy().await;
    let caller = t.key(ALL).made().await;
    let unused = upload_project(&caller).await["id"].as_str().unwrap().to_string();
    let used = upload_project(&caller).await["id"].as_str().unwrap().to_string();
    t.pass(DAY / 2);
    let scan = scan(&caller, &format!("upload:{used}")).await;
    let scan = scan.ok(201).data()["id"].as_str().unwrap().to_string();
    t.pass(DAY / 2);
    sweep_tick(&t.app).await.unwrap();
    caller.again().get(&format!("/uploads/{unused}")).await.is(404, "UPLOAD_NOT_FOUND");
    caller.again().get(&format!("/uploads/{used}")).await.ok(200);
    t.pass(2 * DAY);
    sweep_tick(&t.app).await.unwrap();
    caller.again().get(&format!("/uploads/{used}")).await.ok(200);
    assert_eq!(t.rows("job").await, 1, "{scan} waits for it");
    t.sql("DELETE FROM job").await;
    sweep_tick(&t.app).await.unwrap();
    caller.again().get(&format!("/uploads/{used}")).await.is(404, "UPLOAD_NOT_FOUND");
    assert_eq!(t.rows("upload_piece").await, 0);
}

#[tokio::test]
async fn an_upload_that_was_not_finished_is_not_there_and_goes() {
    let t = Test::new().await;
    let caller = t.key(ALL).made().await;
    let id = upload_project(&caller).await["id"].as_str().unwrap().to_string();
    t.sql("UPDATE upload SET is_ready = 0").await;
    caller.again().get(&format!("/uploads/{id}")).await.is(404, "UPLOAD_NOT_FOUND");
    assert_eq!(caller.again().get("/uploads").await.ok(200).data(), &json!([]));
    t.pass(DAY);
    sweep_tick(&t.app).await.unwrap();
    assert_eq!(t.rows("upload").await, 0);
}
