//! Versions of installed programs, and of one that is none.

use crate::common::{SUPERVISOR, unconfined};
use scanyard_contract::ScanType;
use scanyard_engines::engine::engine;
use scanyard_engines::probe::Probe;
use scanyard_engines::version::version;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;

async fn ask(scan_type: ScanType, path: &Path, work_dir: &Path) -> Option<String> {
    let probe = Probe {
        supervisor: vec![SUPERVISOR.to_string()],
        work_dir: work_dir.to_path_buf(),
        user: None,
        limits: unconfined(),
    };
    version(engine(scan_type), path, &probe).await
}

#[tokio::test]
async fn an_installed_engine_says_its_version() {
    let dir = tempfile::tempdir().unwrap();
    let path = Path::new("/usr/bin/nmap");
    let said = ask(ScanType::Nmap, path, dir.path()).await.expect("this test needs nmap: apt-get install nmap");
    assert!(said.starts_with("7."), "{said}");
    assert_eq!(std::fs::read_dir(dir.path()).unwrap().count(), 0, "its folder is gone");
    assert_eq!(ask(ScanType::Nmap, Path::new("/nowhere/nmap"), dir.path()).await, None);
}

#[tokio::test]
async fn a_program_is_asked_once() {
    let dir = tempfile::tempdir().unwrap();
    let (program, asked) = (dir.path().join("zap.sh"), dir.path().join("asked"));
    std::fs::write(&program, format!("#!/bin/sh\necho >> {}\necho 2.17.0\n", asked.display())).unwrap();
    std::fs::set_permissions(&program, PermissionsExt::from_mode(0o700)).unwrap();
    for _ in 0..2 {
        assert_eq!(ask(ScanType::Zap, &program, &dir.path().join("work")).await.as_deref(), Some("2.17.0"));
    }
    assert_eq!(std::fs::read_to_string(asked).unwrap().lines().count(), 1);
}
