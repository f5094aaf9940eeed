//! trivy at a registry that lets nobody in without a login, and holds one small image.

use crate::common::steering;
use crate::trivy::{failure, key, trivy_job};
use flate2::Compression;
use flate2::write::GzEncoder;
use scanyard_contract::scan::{BasicAuth, FailureReason, ScanAuth};
use scanyard_engines::{Outcome, Report, run};
use serde_json::json;
use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;
use tokio::io::{AsyncBufReadExt, AsyncWriteExt, BufReader};
use tokio::net::{TcpListener, TcpStream};

const PASSWORD: &str = "open-sesame";
const MANIFEST: &str = "application/vnd.docker.distribution.manifest.v2+json";

/// What the registry has, by its path.
type Contents = BTreeMap<String, (&'static str, Vec<u8>)>;

fn digest(bytes: &[u8]) -> String {
    let hex = |byte: &u8| format!("{byte:02x}");
    format!(
        "sha256:{}",
        ring::digest::digest(&ring::digest::SHA256, bytes).as_ref().iter().map(hex).collect::<String>()
    )
}

/// An image of one layer, in which a key was forgotten.
fn image() -> Contents {
    let text = format!("AWS_ACCESS_KEY_ID={}\n", key());
    let mut header = tar::Header::new_gnu();
    header.set_size(text.len() as u64);
    header.set_mode(0o644);
    let mut archive = tar::Builder::new(Vec::new());
    archive.append_data(&mut header, "srv/deploy.env", text.as_bytes()).unwrap();
    let layer = archive.into_inner().unwrap();
    let mut packed = GzEncoder::new(Vec::new(), Compression::fast());
    std::io::Write::write_all(&mut packed, &layer).unwrap();
    let packed = packed.finish().unwrap();
    let config = json!({
        "architecture": "amd64", "os": "linux", "config": {},
        "rootfs": {"type": "layers", "diff_ids": [digest(&layer)]}, "history": [{"created_by": "COPY"}]
    })
    .to_string()
    .into_bytes();
    let part = |kind: &str, bytes: &[u8]| json!({"mediaType": format!("application/vnd.docker.{kind}"), "size": bytes.len(), "digest": digest(bytes)});
    let manifest = json!({
        "schemaVersion": 2, "mediaType": MANIFEST, "config": part("container.image.v1+json", &config),
        "layers": [part("image.rootfs.diff.tar.gzip", &packed)]
    })
    .to_string()
    .into_bytes();
    let mut contents = Contents::from([("/v2/".to_string(), ("application/json", b"{}".to_vec()))]);
    for name in ["1".to_string(), digest(&manifest)] {
        contents.insert(format!("/v2/shop/app/manifests/{name}"), (MANIFEST, manifest.clone()));
    }
    for blob in [config, packed] {
        contents.insert(format!("/v2/shop/app/blobs/{}", digest(&blob)), ("application/octet-stream", blob));
    }
    contents
}

async fn registry() -> SocketAddr {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    let contents = Arc::new(image());
    tokio::spawn(async move {
        while let Ok((connection, _)) = listener.accept().await {
            tokio::spawn(answer(connection, contents.clone()));
        }
    });
    address
}

async fn answer(mut connection: TcpStream, contents: Arc<Contents>) -> std::io::Result<()> {
    let (reader, mut writer) = connection.split();
    let mut lines = BufReader::new(reader).lines();
    let request = lines.next_line().await?.unwrap_or_default();
    let mut is_member = false;
    while let Some(line) = lines.next_line().await?.filter(|line| !line.is_empty()) {
        // `member:open-sesame`
        is_member |= line.eq_ignore_ascii_case("authorization: Basic bWVtYmVyOm9wZW4tc2VzYW1l");
    }
    let path = request.split(' ').nth(1).unwrap_or_default();
    let (status, media_type, bytes) = match (is_member, contents.get(path)) {
        (false, _) => ("401 Unauthorized\r\nWWW-Authenticate: Basic realm=\"shop\"", "application/json", &b"{}"[..]),
        (true, Some((media_type, bytes))) => ("200 OK", *media_type, &bytes[..]),
        (true, None) => ("404 Not Found", "application/json", &b"{}"[..]),
    };
    let head = format!(
        "HTTP/1.1 {status}\r\nContent-Type: {media_type}\r\nContent-Length: {}\r\nDocker-Content-Digest: {}\r\n\
         Connection: close\r\n\r\n",
        bytes.len(),
        digest(bytes)
    );
    writer.write_all(head.as_bytes()).await?;
    if !request.starts_with("HEAD") {
        writer.write_all(bytes).await?;
    }
    writer.shutdown().await
}

async fn scan(registry: SocketAddr, password: Option<&str>) -> Report {
    let dir = tempfile::tempdir().unwrap();
    let mut job = trivy_job(None, &format!("{registry}/shop/app:1"), json!({"scanners": ["secret"]}), dir.path());
    job.auth = password.map(|password| ScanAuth {
        basic: Some(BasicAuth { username: "member".to_string(), password: password.to_string() }),
        ..ScanAuth::default()
    });
    let report = run(job, steering(Duration::from_secs(60)).control).await;
    assert_eq!(std::fs::read_dir(dir.path()).unwrap().count(), 0, "the job folder is gone");
    let raw = report.raw.as_ref().map(|raw| String::from_utf8_lossy(&raw.bytes).into_owned()).unwrap_or_default();
    for text in [raw, format!("{report:?}")] {
        assert!(!text.contains(PASSWORD) && !text.contains("bWVtYmVyOm9wZW4"), "{text}");
    }
    report
}

#[tokio::test]
async fn an_image_of_a_private_registry_is_scanned_with_its_login_and_not_without() {
    let registry = registry().await;
    for wrong in [None, Some("open-barley")] {
        assert_eq!(failure(&scan(registry, wrong).await).0, FailureReason::TargetUnreachable);
    }
    let report = scan(registry, Some(PASSWORD)).await;
    assert_eq!(report.outcome, Outcome::Completed);
    let rules: Vec<&str> = report.findings.iter().map(|finding| finding.rule_id.as_str()).collect();
    assert_eq!(rules, ["aws-access-key-id"]);
}
