//! trivy over a path: packed here, scanned here or on a server.

use crate::support::{Server, json, run, scanyard};
use serde_json::Value;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

/// Where it is installed; see `scripts/install-engines`.
fn trivy() -> String {
    let places = ["/opt/scanyard/engines/trivy/bin/trivy", "/usr/bin/trivy", "/usr/local/bin/trivy"];
    let found = places.into_iter().find(|path| Path::new(path).is_file());
    found.expect("this test needs trivy: scripts/install-engines --only trivy").to_string()
}

fn weak_project(root: &Path) -> PathBuf {
    let project = root.join("shop");
    fs::create_dir_all(project.join("a")).unwrap();
    fs::write(project.join("a/Dockerfile"), "FROM debian:latest\nUSER root\n").unwrap();
    std::os::unix::fs::symlink("/etc/passwd", project.join("link")).unwrap();
    project
}

fn rules(results: &Value) -> Vec<&str> {
    let findings = results["findings"].as_array().unwrap();
    findings.iter().map(|finding| finding["ruleId"].as_str().unwrap()).collect()
}

fn fingerprints(results: &Value) -> Vec<&str> {
    let findings = results["findings"].as_array().unwrap();
    let mut all: Vec<&str> = findings.iter().map(|finding| finding["fingerprint"].as_str().unwrap()).collect();
    all.sort_unstable();
    all
}

#[test]
fn a_folder_is_scanned_here_and_on_a_server_with_the_same_findings() {
    let dir = tempfile::tempdir().unwrap();
    let project = weak_project(dir.path());
    let project = project.to_str().unwrap();
    let words = ["scan", "trivy", project, "-o", "scanners=misconfig,secret", "--format", "json"];
    let output = scanyard(&words).env("SCANYARD_ENGINES_TRIVY_PATH", trivy()).output().unwrap();
    let here = json(&String::from_utf8(output.stdout).unwrap());
    assert_eq!((output.status.code(), &here["status"]), (Some(1), &"completed".into()), "{here}");
    assert_eq!(here["target"], project);
    assert!(rules(&here).contains(&"DS-0002"), "{here}");
    assert!(String::from_utf8(output.stderr).unwrap().contains("1 links and special files were left out"));

    let server = Server::start_with(tempfile::tempdir().unwrap(), &["--engines-trivy-path", &trivy()]);
    let at = ["--server", server.url.as_str(), "--key", server.key.as_str()];
    let (text, code) = run(&[&words[..], &at[..]].concat());
    let there = json(&text);
    assert_eq!((code, &there["status"]), (1, &"completed".into()), "{text}");
    assert_eq!(fingerprints(&there), fingerprints(&here));

    let (text, _) = run(&[&["uploads", "list", "--format", "json"][..], &at[..]].concat());
    let uploads = json(&text);
    let id = uploads["uploads"][0]["id"].as_str().unwrap();
    assert_eq!(there["target"], format!("upload:{id}"));
    assert_eq!(uploads["uploads"][0]["name"], "shop");
    let again = ["scan", "trivy", there["target"].as_str().unwrap(), "-o", "scanners=misconfig", "--format", "json"];
    let (text, _) = run(&[&again[..], &at[..]].concat());
    assert_eq!(json(&text)["status"], "completed", "{text}");
    assert_eq!(run(&[&["uploads", "delete", id][..], &at[..]].concat()).1, 0);
    assert_eq!(run(&[&["uploads", "delete", id][..], &at[..]].concat()).1, 4);
}

#[test]
fn an_archive_is_scanned_as_what_is_in_it() {
    let dir = tempfile::tempdir().unwrap();
    let folder = dir.path().join("shop");
    fs::create_dir_all(folder.join("a")).unwrap();
    fs::write(folder.join("a/Dockerfile"), "FROM debian:latest\nUSER root\n").unwrap();
    let archive = dir.path().join("shop.tar.gz");
    let tar = Command::new("tar").arg("-czf").arg(&archive).arg("-C").arg(&folder).arg(".").status().unwrap();
    assert!(tar.success());
    let scanned = |path: &Path| {
        let words = ["scan", "trivy", path.to_str().unwrap(), "-o", "scanners=misconfig", "--format", "json"];
        let output = scanyard(&words).env("SCANYARD_ENGINES_TRIVY_PATH", trivy()).output().unwrap();
        json(&String::from_utf8(output.stdout).unwrap())
    };
    let (packed, open) = (scanned(&archive), scanned(&folder));
    assert!(rules(&packed).contains(&"DS-0002"), "{packed}");
    assert_eq!(fingerprints(&packed), fingerprints(&open));
}

/// A path with a slip of the pen is the name of an image, too: no registry is to learn of it.
#[test]
fn an_image_is_asked_for_at_the_registries_of_the_settings_alone() {
    let registry = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let at = registry.local_addr().unwrap().to_string();
    registry.set_nonblocking(true).unwrap();
    let image = format!("{at}/shop:1");
    let words = ["scan", "trivy", &image, "-o", "scanners=secret", "--format", "json", "--timeout", "2"];
    let scanned = |registries: &str| {
        let mut scan = scanyard(&words);
        scan.env("SCANYARD_ENGINES_TRIVY_PATH", trivy()).env("SCANYARD_ENGINES_TRIVY_REGISTRIES", registries);
        let failure = json(&String::from_utf8(scan.output().unwrap().stdout).unwrap())["failure"].clone();
        (failure["reason"].as_str().unwrap().to_string(), failure["message"].as_str().unwrap().to_string())
    };
    let (reason, message) = scanned("registry.example.test");
    assert_eq!(reason, "target_not_allowed");
    assert!(message.contains(&at) && message.contains("engines.trivy.registries"), "{message}");
    assert!(registry.accept().is_err(), "nobody asked");
    assert_eq!(scanned(&format!("registry.example.test,{at}")).0, "timed_out");
    assert!(registry.accept().is_ok());
}

#[test]
fn what_cannot_be_packed_is_wrong_usage() {
    let dir = tempfile::tempdir().unwrap();
    let (missing, empty) = (dir.path().join("nothing"), dir.path().join("empty"));
    let (packed, cut) = (dir.path().join("a.tar.bz2"), dir.path().join("bom.json"));
    fs::create_dir(&empty).unwrap();
    fs::write(&packed, "BZh9").unwrap();
    fs::write(&cut, r#"{"bomFormat": "CycloneDX""#).unwrap();
    for path in [missing, empty, packed, cut] {
        let path = path.to_str().unwrap();
        let output = scanyard(&["scan", "trivy", path]).env("SCANYARD_ENGINES_TRIVY_PATH", trivy()).output().unwrap();
        assert_eq!(output.status.code(), Some(2), "{path}");
        assert!(String::from_utf8(output.stderr).unwrap().contains("packing"), "{path}");
    }
}
