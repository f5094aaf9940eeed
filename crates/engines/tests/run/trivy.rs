//! trivy, live, over a small weak project that the test writes; without a network.

use crate::common::{SUPERVISOR, Steering, steering};
use scanyard_contract::finding::{Finding, Severity};
use scanyard_contract::scan::FailureReason;
use scanyard_engines::upload::{Packed, pack};
use scanyard_engines::{Job, Options, Outcome, Report, Target, trivy};
use serde_json::{Value, json};
use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

const LEASE: Duration = Duration::from_secs(30);
const TARGET: &str = "upload:upl-019a0000-0000-7000-8000-000000000001";
/// A key that belongs to nobody, in the form that the rule looks for; put together here, so that no scan of this repository
/// finds it.
pub fn key() -> String {
    format!("AKIA{}", "Z7QH2LXM4TPWNRB3")
}

/// Where it is installed; see `scripts/install-engines`.
fn program() -> PathBuf {
    let places = ["/opt/scanyard/engines/trivy/bin/trivy", "/usr/bin/trivy", "/usr/local/bin/trivy"];
    let found = places.iter().map(PathBuf::from).find(|path| path.is_file());
    found.expect("this test needs trivy: scripts/install-engines --only trivy")
}

/// A project with something for each scanner that needs no database.
fn weak_project(root: &Path) -> PathBuf {
    let project = root.join("shop");
    fs::create_dir_all(project.join("config")).unwrap();
    let file = |name: &str, text: String| fs::write(project.join(name), text).unwrap();
    file("Dockerfile", "FROM debian:latest\nUSER root\nENV DB_PASSWORD=hunter2hunter2\n".to_string());
    file("config/deploy.env", format!("AWS_ACCESS_KEY_ID={}\n", key()));
    file(
        "package-lock.json",
        json!({"name": "shop", "version": "1.0.0", "lockfileVersion": 3, "packages": {
            "": {"name": "shop", "version": "1.0.0", "dependencies": {"left": "1.0.0"}},
            "node_modules/left": {"version": "1.0.0", "license": "GPL-3.0-only"}
        }})
        .to_string(),
    );
    // What trivy takes its own settings from when it works where these are.
    file(".trivyignore", "DS-0001\nDS-0002\naws-access-key-id\n".to_string());
    file("trivy.yaml", "severity:\n  - CRITICAL\nformat: table\n".to_string());
    file("trivy-secret.yaml", "disable-rules:\n  - aws-access-key-id\n".to_string());
    project
}

pub fn trivy_job(packed: Option<Packed>, target: &str, options: Value, work_dir: &Path) -> Job {
    let options = trivy::Options::parse(options.as_object().unwrap()).unwrap();
    Job {
        upload: packed,
        program: Some(program()),
        supervisor: vec![SUPERVISOR.to_string()],
        ..Job::of(Target::artifact(target).unwrap(), Options::Trivy(options), work_dir)
    }
}

fn pack_of(path: &Path, root: &Path) -> Packed {
    pack::prepare(path, &root.join("packed")).unwrap().packed
}

async fn scan(packed: Packed, options: Value) -> (Report, Steering) {
    let dir = tempfile::tempdir().unwrap();
    let steering = steering(LEASE);
    let report = trivy::run(trivy_job(Some(packed), TARGET, options, dir.path()), steering.control.clone()).await;
    assert_eq!(fs::read_dir(dir.path()).unwrap().count(), 0, "the job folder is gone");
    (report, steering)
}

pub fn failure(report: &Report) -> (FailureReason, &str) {
    match &report.outcome {
        Outcome::Failed(failure) => (failure.reason, &failure.message),
        other => panic!("{other:?}"),
    }
}

fn find<'r>(report: &'r Report, rule: &str) -> &'r Finding {
    let found = report.findings.iter().find(|finding| finding.rule_id == rule);
    found.unwrap_or_else(|| panic!("{rule} is not among {:#?}", report.findings))
}

const OFFLINE: [&str; 3] = ["misconfig", "secret", "license"];

#[tokio::test]
async fn what_is_weak_in_a_project_is_found() {
    let root = tempfile::tempdir().unwrap();
    let packed = pack_of(&weak_project(root.path()), root.path());
    let (report, steering) = scan(packed.clone(), json!({"scanners": OFFLINE})).await;
    assert_eq!(report.outcome, Outcome::Completed);
    assert_eq!(find(&report, "DS-0001").location.path.as_deref(), Some("Dockerfile"));
    assert_eq!(find(&report, "DS-0002").location.line, Some(2));
    let secret = find(&report, "aws-access-key-id");
    assert_eq!(secret.location.path.as_deref(), Some("config/deploy.env"));
    assert_eq!(find(&report, "GPL-3.0-only").location.package.as_deref(), Some("left"));
    let raw = String::from_utf8(report.raw.unwrap().bytes).unwrap();
    let findings = serde_json::to_string(&report.findings).unwrap();
    for hidden in [&key()[4..], "hunter2"] {
        assert!(!raw.contains(hidden) && !findings.contains(hidden), "{hidden}");
    }
    assert_eq!(report.engine_version.as_deref(), Some("0.76.0"));
    assert_eq!((report.coverage.hosts, report.coverage.reached), (1, 1));
    assert_eq!(*steering.progress.borrow(), 100);

    let (again, _) = scan(packed, json!({"scanners": OFFLINE})).await;
    let fingerprints = |findings: &[Finding]| {
        findings.iter().map(|finding| finding.fingerprint.clone()).collect::<std::collections::BTreeSet<_>>()
    };
    assert_eq!(fingerprints(&report.findings), fingerprints(&again.findings));
}

#[tokio::test]
async fn options_narrow_a_scan() {
    let root = tempfile::tempdir().unwrap();
    let packed = pack_of(&weak_project(root.path()), root.path());
    let (report, _) = scan(
        packed,
        json!({"scanners": ["secret", "misconfig"], "severity": ["HIGH", "CRITICAL"], "skipDirs": ["config"]}),
    )
    .await;
    assert_eq!(report.outcome, Outcome::Completed);
    let rules: Vec<&str> = report.findings.iter().map(|finding| finding.rule_id.as_str()).collect();
    assert!(rules.contains(&"DS-0002") && !rules.contains(&"DS-0001"), "{rules:?}");
    assert!(!rules.contains(&"aws-access-key-id"), "{rules:?}");
}

/// trivy itself passes over such a file without a word: what it lists would be free of vulnerabilities and licences.
#[tokio::test]
async fn a_file_that_cannot_be_parsed_is_no_clean_scan() {
    for (name, text) in [
        ("package-lock.json", "<<<<<<< HEAD\n{\"lockfileVersion\": 3, \"packages\": {}}\n"),
        ("pom.xml", "<project><dependencies>"),
    ] {
        let root = tempfile::tempdir().unwrap();
        let project = weak_project(root.path());
        fs::write(project.join(name), text).unwrap();
        let (report, _) = scan(pack_of(&project, root.path()), json!({"scanners": ["misconfig", "license"]})).await;
        let (reason, message) = failure(&report);
        assert_eq!(reason, FailureReason::EngineFailed);
        assert!(message.contains(name) && message.contains("skipDirs"), "{message}");
        assert_eq!(find(&report, "DS-0001").location.path.as_deref(), Some("Dockerfile"));
        let Outcome::Failed(failed) = &report.outcome else { panic!("{:?}", report.outcome) };
        assert!(!failed.last_lines.iter().any(|line| line.contains("DEBUG")), "{:?}", failed.last_lines);
    }
}

/// Of settings too, which trivy takes for other files then, and says nothing of.
#[tokio::test]
async fn settings_that_cannot_be_parsed_are_no_clean_scan() {
    let pod = "apiVersion: v1\nkind: Pod\nmetadata:\n  name: x\n";
    for (name, text) in [
        ("k8s/pod.yaml", format!("{pod}\tspec: [\n")),
        ("k8s/pod.json", r#"{"apiVersion": "v1", "kind": "Pod", "metadata": {"name": "x"}, "spec": {"#.to_string()),
        ("k8s/stack.yml", "AWSTemplateFormatVersion: \"2010-09-09\"\nResources:\n  B: [\n".to_string()),
    ] {
        let root = tempfile::tempdir().unwrap();
        let project = weak_project(root.path());
        fs::create_dir(project.join("k8s")).unwrap();
        fs::write(project.join("k8s/good.yaml"), pod).unwrap();
        fs::write(project.join(name), text).unwrap();
        let packed = pack_of(&project, root.path());
        let (report, _) = scan(packed.clone(), json!({"scanners": ["misconfig"]})).await;
        let (reason, message) = failure(&report);
        assert_eq!(reason, FailureReason::EngineFailed);
        assert!(message.contains(name) && !message.contains("good") && message.contains("skipDirs"), "{message}");
        assert_eq!(find(&report, "DS-0001").location.path.as_deref(), Some("Dockerfile"));
        let (report, _) = scan(packed.clone(), json!({"scanners": ["misconfig"], "skipDirs": ["./k8s/"]})).await;
        assert_eq!(report.outcome, Outcome::Completed);
        let (report, _) = scan(packed, json!({"scanners": ["secret"]})).await;
        assert_eq!(report.outcome, Outcome::Completed);
    }
}

#[tokio::test]
async fn what_holds_nothing_that_trivy_knows_is_no_clean_scan() {
    let root = tempfile::tempdir().unwrap();
    fs::write(root.path().join("README"), "words").unwrap();
    let packed = pack_of(&root.path().join("README"), root.path());
    for scanners in [["misconfig"].as_slice(), &["misconfig", "license"]] {
        let (report, _) = scan(packed.clone(), json!({"scanners": scanners})).await;
        assert!(failure(&report).1.contains("nothing was scanned"), "{:?}", report.outcome);
    }
    // It was looked for in every file, and whether there are texts of licences in them.
    for (options, told) in [
        (json!({"scanners": ["misconfig", "secret"]}), Some("nothing-for-misconfig")),
        (json!({"scanners": ["license", "secret"], "severity": ["HIGH"]}), Some("nothing-for-license")),
        (json!({"scanners": ["license"], "licenseFull": true}), None),
    ] {
        let (report, _) = scan(packed.clone(), options).await;
        assert_eq!(report.outcome, Outcome::Completed);
        let rules: Vec<&str> = report.findings.iter().map(|finding| finding.rule_id.as_str()).collect();
        assert_eq!(rules, Vec::from_iter(told));
        assert!(report.findings.iter().all(|finding| finding.severity == Severity::Info));
        assert_eq!(report.records.kept, report.findings.len() as u64);
    }
    let bom = r#"{"bomFormat": "CycloneDX", "specVersion": "1.5", "version": 1, "components": []}"#;
    fs::write(root.path().join("bom.json"), bom).unwrap();
    let packed = pack_of(&root.path().join("bom.json"), root.path());
    let (report, _) = scan(packed, json!({"scanners": ["license"]})).await;
    assert!(failure(&report).1.contains("nothing was scanned"), "{:?}", report.outcome);
}

#[tokio::test]
async fn the_layers_of_a_saved_image_are_not_called_clean() {
    let manifest = r#"[{"Config": "blobs/sha256/00", "RepoTags": ["shop:1"], "Layers": ["blobs/sha256/01"]}]"#;
    for (name, text) in [("oci-layout", r#"{"imageLayoutVersion": "1.0.0"}"#), ("manifest.json", manifest)] {
        let root = tempfile::tempdir().unwrap();
        let image = root.path().join("image");
        fs::create_dir(&image).unwrap();
        fs::write(image.join(name), text).unwrap();
        let (report, _) = scan(pack_of(&image, root.path()), json!({"scanners": ["secret"]})).await;
        let (reason, message) = failure(&report);
        assert_eq!(reason, FailureReason::EngineFailed);
        assert!(message.contains("docker save") && message.contains("registry"), "{message}");
    }
}

/// trivy itself leaves these folders out at the root, as if a project were a system.
#[tokio::test]
async fn folders_that_are_called_as_those_of_the_kernel_are_scanned() {
    let root = tempfile::tempdir().unwrap();
    let project = weak_project(root.path());
    for folder in ["dev", "proc/deep", "sys"] {
        fs::create_dir_all(project.join(folder)).unwrap();
        fs::copy(project.join("Dockerfile"), project.join(folder).join("Dockerfile")).unwrap();
    }
    fs::create_dir(project.join("etc")).unwrap();
    fs::write(project.join("etc/notes.txt"), "no system's").unwrap();
    let paths = async |options: Value| {
        let (report, _) = scan(pack_of(&project, root.path()), options).await;
        assert_eq!(report.outcome, Outcome::Completed);
        let raw = String::from_utf8(report.raw.unwrap().bytes).unwrap();
        let paths: Vec<String> = report.findings.iter().filter_map(|finding| finding.location.path.clone()).collect();
        assert!(paths.iter().all(|path| raw.contains(&format!("\"Target\":\"{path}\""))), "{paths:?} {raw}");
        (paths.into_iter().collect::<std::collections::BTreeSet<_>>(), report.findings)
    };
    let (all, findings) = paths(json!({"scanners": ["misconfig", "secret"]})).await;
    let docker = ["Dockerfile", "dev/Dockerfile", "proc/deep/Dockerfile", "sys/Dockerfile"];
    assert!(all.iter().eq(["Dockerfile", "config/deploy.env", docker[1], docker[2], docker[3]].iter()), "{all:?}");
    let (some, _) = paths(json!({"scanners": ["misconfig"], "skipDirs": ["proc", "sys"]})).await;
    assert!(some.iter().eq(docker[..2].iter()), "{some:?}");
    // The same fault of the same project, without them.
    for folder in ["dev", "proc", "sys"] {
        fs::remove_dir_all(project.join(folder)).unwrap();
    }
    let (_, before) = paths(json!({"scanners": ["misconfig", "secret"]})).await;
    assert!(before.iter().all(|one| findings.iter().any(|other| other.fingerprint == one.fingerprint)));
}

#[tokio::test]
async fn a_single_file_keeps_its_name() {
    let root = tempfile::tempdir().unwrap();
    let packed = pack_of(&weak_project(root.path()).join("Dockerfile"), root.path());
    assert_eq!(packed.name, "Dockerfile");
    let (report, _) = scan(packed, json!({"scanners": ["misconfig"]})).await;
    assert_eq!(report.outcome, Outcome::Completed);
    assert_eq!(find(&report, "DS-0001").location.path.as_deref(), Some("Dockerfile"));
}

#[tokio::test]
async fn a_bill_of_materials_is_scanned_for_licences() {
    let root = tempfile::tempdir().unwrap();
    let sbom = json!({"bomFormat": "CycloneDX", "specVersion": "1.5", "version": 1, "components": [{
        "type": "library", "name": "left", "version": "1.0.0", "bom-ref": "pkg:npm/left@1.0.0",
        "purl": "pkg:npm/left@1.0.0", "licenses": [{"license": {"id": "GPL-3.0-only"}}]},
        {"type": "library", "name": "nameless", "version": "1.0.0"},
        {"type": "library", "name": "odd", "version": "1.0.0", "purl": "pkg:generic/odd@1.0.0"}]});
    fs::write(root.path().join("bom.json"), sbom.to_string()).unwrap();
    let packed = pack_of(&root.path().join("bom.json"), root.path());
    let (report, _) = scan(packed.clone(), json!({"scanners": ["license", "secret"]})).await;
    assert_eq!(report.outcome, Outcome::Completed);
    assert_eq!(find(&report, "GPL-3.0-only").location.package.as_deref(), Some("left"));
    assert_eq!(report.records.dropped["component that trivy does not know"], 2);
    let (report, _) = scan(packed, json!({"scanners": ["secret"]})).await;
    assert_eq!(failure(&report).0, FailureReason::EngineFailed);
}

#[tokio::test]
async fn without_a_database_nothing_is_called_free_of_vulnerabilities() {
    let root = tempfile::tempdir().unwrap();
    let (report, steering) = scan(pack_of(&weak_project(root.path()), root.path()), json!({})).await;
    let (reason, message) = failure(&report);
    assert_eq!(reason, FailureReason::EngineFailed);
    assert!(message.contains("engines.trivy.cache_dir"), "{message}");
    assert!(*steering.progress.borrow() < 100);
}

#[tokio::test]
async fn the_operators_cache_is_used_and_not_written_to() {
    let root = tempfile::tempdir().unwrap();
    let cache = root.path().join("cache");
    fs::create_dir_all(cache.join("db")).unwrap();
    fs::write(cache.join("db/trivy.db"), "no database").unwrap();
    fs::write(cache.join("db/metadata.json"), "{}").unwrap();
    let work = root.path().join("work");
    let mut job = trivy_job(Some(pack_of(&weak_project(root.path()), root.path())), TARGET, json!({}), &work);
    job.settings.trivy_cache_dir = Some(cache.clone());
    let report = trivy::run(job, steering(LEASE).control).await;
    assert_eq!(failure(&report).0, FailureReason::EngineFailed);
    let mut names: Vec<_> = fs::read_dir(&cache).unwrap().map(|entry| entry.unwrap().file_name()).collect();
    names.sort();
    assert_eq!(names, ["db"]);
    assert_eq!(fs::read_dir(cache.join("db")).unwrap().count(), 2);
}

#[tokio::test]
async fn an_image_of_a_registry_that_is_not_there_is_not_clean() {
    let closed = std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
    let dir = tempfile::tempdir().unwrap();
    let job = trivy_job(None, &format!("{closed}/shop/app:1"), json!({"scanners": ["secret"]}), dir.path());
    let report = trivy::run(job, steering(LEASE).control).await;
    assert_eq!(failure(&report).0, FailureReason::TargetUnreachable);
}

#[tokio::test]
async fn a_cancel_ends_trivy_softly() {
    // A registry that accepts and says nothing.
    let silent = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let dir = tempfile::tempdir().unwrap();
    let steering = steering(LEASE);
    let image = format!("{}/shop/app:1", silent.local_addr().unwrap());
    let job = trivy_job(None, &image, json!({"scanners": ["secret"]}), dir.path());
    let run = tokio::spawn(trivy::run(job, steering.control.clone()));
    let _connection = silent.accept().await.unwrap();
    let cancelled = Instant::now();
    steering.cancel.cancel();
    let report = run.await.unwrap();
    assert_eq!(report.outcome, Outcome::Cancelled);
    assert!(cancelled.elapsed() < Duration::from_secs(8), "{:?}", cancelled.elapsed());
    assert_eq!(fs::read_dir(dir.path()).unwrap().count(), 0);
}

#[tokio::test]
async fn a_scan_past_its_time_failed() {
    let silent = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let dir = tempfile::tempdir().unwrap();
    let image = format!("{}/shop/app:1", silent.local_addr().unwrap());
    let mut job = trivy_job(None, &image, json!({"scanners": ["secret"]}), dir.path());
    job.timeout = Duration::from_secs(2);
    let report = trivy::run(job, steering(LEASE).control).await;
    assert_eq!(failure(&report).0, FailureReason::TimedOut);
}

#[tokio::test]
async fn a_report_that_is_too_large_or_empty_is_no_clean_scan() {
    let root = tempfile::tempdir().unwrap();
    let packed = pack_of(&weak_project(root.path()), root.path());
    let fake = root.path().join("fake");
    let mut failed_with = Vec::new();
    for script in ["head -c 70000000 /dev/zero > report.json", ": > report.json", "exit 0"] {
        fs::write(&fake, format!("#!/bin/sh\n{script}\n")).unwrap();
        fs::set_permissions(&fake, fs::Permissions::from_mode(0o755)).unwrap();
        let work = root.path().join("work");
        let mut job = trivy_job(Some(packed.clone()), TARGET, json!({"scanners": OFFLINE}), &work);
        job.program = Some(fake.clone());
        failed_with.push(failure(&trivy::run(job, steering(LEASE).control).await).0);
    }
    let unreadable = FailureReason::ReportUnreadable;
    assert_eq!(failed_with, [FailureReason::OutputTooLarge, unreadable, unreadable]);
}

#[tokio::test]
async fn root_runs_trivy_as_a_user_that_cannot_change_what_it_scans() {
    if !nix::unistd::geteuid().is_root() {
        // Only root can change the user; everything else of a run is tested above.
        return;
    }
    let root = tempfile::tempdir().unwrap();
    fs::set_permissions(root.path(), fs::Permissions::from_mode(0o755)).unwrap();
    let packed = pack_of(&weak_project(root.path()), root.path());
    // In place of trivy: what it may do with the files is what it may do there.
    let spy = root.path().join("spy");
    fs::write(
        &spy,
        "#!/bin/sh\nfor last; do :; done\ncat \"$last/Dockerfile\" >/dev/null || exit 3\n\
         echo x >> \"$last/Dockerfile\" && exit 4\nrm -f \"$last/config/deploy.env\" 2>/dev/null\n\
         [ -e \"$last/config/deploy.env\" ] || exit 5\nls \"$PWD\"/*.yaml 2>/dev/null && exit 6\n\
         echo '{\"SchemaVersion\": 2}' > report.json\n",
    )
    .unwrap();
    fs::set_permissions(&spy, fs::Permissions::from_mode(0o755)).unwrap();
    let work = root.path().join("work");
    fs::create_dir(&work).unwrap();
    fs::set_permissions(&work, fs::Permissions::from_mode(0o711)).unwrap();
    let mut job = trivy_job(Some(packed.clone()), TARGET, json!({"scanners": OFFLINE}), &work);
    job.user = Some("nobody".to_string());
    job.program = Some(spy);
    assert_eq!(trivy::run(job, steering(LEASE).control).await.outcome, Outcome::Completed);

    let mut job = trivy_job(Some(packed), TARGET, json!({"scanners": OFFLINE}), &work);
    job.user = Some("nobody".to_string());
    let report = trivy::run(job, steering(LEASE).control).await;
    assert_eq!(report.outcome, Outcome::Completed);
    assert!(!report.findings.is_empty());
}
