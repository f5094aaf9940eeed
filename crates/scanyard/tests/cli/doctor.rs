//! What `scanyard doctor` says of this machine.

use crate::support::{fail, json, run};
use serde_json::Value;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;

fn doctor(data_dir: &Path, settings: &[&str]) -> (Value, i32) {
    let data_dir = data_dir.display().to_string();
    let args = [&["doctor", "--format", "json", "--data-dir", &data_dir], settings].concat();
    let (text, code) = run(&args);
    (json(&text), code)
}

fn engine<'d>(document: &'d Value, name: &str) -> &'d Value {
    document["engines"].as_array().unwrap().iter().find(|engine| engine["scanType"] == name).unwrap()
}

#[test]
fn what_the_install_script_brings_is_ready() {
    let dir = tempfile::tempdir().unwrap();
    let (document, code) = doctor(dir.path(), &["--engines-osint", "true"]);
    for name in ["sentinel", "nmap", "nikto", "sqlmap", "wapiti", "sublist3r", "trivy"] {
        let found = engine(&document, name);
        assert_eq!(found["state"], "ready", "this test needs {name}: scripts/install-engines; {found}");
        assert!(found["contacts"].is_string() && found["install"].is_string());
        // It is the one engine that states none.
        assert_eq!(found["version"].is_null(), name == "sublist3r", "{found}");
    }
    assert_eq!((code, &document["isWell"], &document["schemaVersion"]), (0, &true.into(), &1.into()), "{document}");
    assert_eq!(document["bounds"].as_array().unwrap().len(), 9);
    assert!(!Path::new(document["config"]["workDir"].as_str().unwrap()).exists(), "its folder of job folders is gone");

    let (document, code) = doctor(dir.path(), &[]);
    assert_eq!((&engine(&document, "sublist3r")["state"], code), (&"off".into(), 0));
}

#[test]
fn what_root_installed_is_there_for_every_user() {
    // Root's home and temporary folders may be closed to others; this one is not.
    let dir = tempfile::tempdir().unwrap();
    std::fs::set_permissions(dir.path(), PermissionsExt::from_mode(0o777)).unwrap();
    let mut command = std::process::Command::new(env!("CARGO_BIN_EXE_scanyard"));
    if nix::unistd::geteuid().is_root() {
        command = std::process::Command::new("setpriv");
        command.args(["--reuid=65534", "--regid=65534", "--clear-groups", env!("CARGO_BIN_EXE_scanyard")]);
    }
    // As the first command of all, without a data folder.
    command.args(["doctor", "--format", "json"]).current_dir(dir.path()).env_remove("SCANYARD_DATA_DIR");
    let output = command.output().unwrap();
    let document = json(&String::from_utf8(output.stdout).unwrap());
    for name in ["sqlmap", "wapiti", "trivy"] {
        let found = engine(&document, name);
        assert_eq!(found["state"], "ready", "this test needs {name}: scripts/install-engines; {found}");
        assert!(found["path"].as_str().unwrap().contains("scanyard/engines"), "{found}");
    }
    assert_eq!(document["faults"], serde_json::json!([]));
    assert_eq!(std::fs::read_dir(dir.path()).unwrap().count(), 0, "a look leaves nothing");
}

#[test]
fn a_path_that_is_not_absolute_is_refused() {
    for setting in ["nmap-path", "trivy-cache-dir", "work-dir"] {
        let (said, code) = fail(&["doctor", &format!("--engines-{setting}=here")]);
        assert!(code == 2 && said.contains("must be an absolute path"), "{code}: {said}");
    }
}

#[test]
fn an_engine_that_does_not_work_is_a_fault_and_one_that_is_not_there_is_none() {
    let dir = tempfile::tempdir().unwrap();
    std::fs::set_permissions(dir.path(), PermissionsExt::from_mode(0o755)).unwrap();
    let broken = dir.path().join("broken");
    std::fs::write(&broken, "#!/bin/sh\nexit 3\n").unwrap();
    std::fs::set_permissions(&broken, PermissionsExt::from_mode(0o755)).unwrap();
    let (broken, gone) = (broken.display().to_string(), dir.path().join("gone").display().to_string());
    let programs = ["nmap", "nikto", "sqlmap", "wapiti", "nuclei", "trivy", "zap", "harvester", "sublist3r"];
    let paths = programs.map(|name| format!("--engines-{name}-path={broken}"));
    let (document, code) = doctor(dir.path(), &paths.each_ref().map(String::as_str));
    assert_eq!((code, &document["isWell"]), (1, &false.into()));
    for name in programs {
        let found = engine(&document, name);
        assert_eq!((&found["state"], &found["path"]), (&"broken".into(), &broken.as_str().into()), "{name}");
        let fault = if name == "sublist3r" { "does not print its usage" } else { "says no version" };
        assert!(found["lacks"][0].as_str().unwrap().contains(fault), "{found}");
    }
    let (document, _) = doctor(dir.path(), &["--engines-zap-path", &gone]);
    assert!(engine(&document, "zap")["lacks"][0].as_str().unwrap().contains(&gone));
    assert_eq!(engine(&document, "harvester")["state"], "notInstalled");
}

#[test]
fn the_table_names_every_engine_and_every_bound() {
    let dir = tempfile::tempdir().unwrap();
    let (text, _) = run(&["doctor", "--data-dir", &dir.path().display().to_string(), "--engines-confine", "false"]);
    for word in ["sentinel", "harvester", "This host enforces:", "memory of all", "NOT reads the system's files"] {
        assert!(text.contains(word), "{word}: {text}");
    }
}

#[test]
fn a_user_who_is_not_there_stops_the_server_and_is_told_of() {
    if !nix::unistd::geteuid().is_root() {
        // Whoever is not root runs engines as itself, whatever is set.
        let dir = tempfile::tempdir().unwrap();
        assert_eq!(doctor(dir.path(), &["--engines-user", "no-such-user"]).0["config"]["user"], Value::Null);
        return;
    }
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().display().to_string();
    let (said, code) =
        fail(&["serve", "--listen", "127.0.0.1:0", "--data-dir", &path, "--engines-user", "no-such-user"]);
    assert!(code == 2 && said.contains("engines.user: no-such-user: this machine has no such user"), "{code}: {said}");
    let (document, code) = doctor(dir.path(), &["--engines-user", "no-such-user"]);
    assert_eq!(code, 1);
    assert!(document["faults"][0].as_str().unwrap().contains("no such user"), "{document}");
}
