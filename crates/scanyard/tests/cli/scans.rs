//! Scans in the process itself, without a server.

use crate::support::{bare_web_server, closed_port, json, run, scanyard};
use std::process::Stdio;

#[test]
fn a_web_server_without_protection_is_a_finding_and_exit_1() {
    let url = format!("http://127.0.0.1:{}/", bare_web_server());
    let (text, code) = run(&["scan", "sentinel", &url, "--format", "json", "--fail-on", "low"]);
    let results = json(&text);
    assert_eq!(code, 1, "{text}");
    assert_eq!((&results["schemaVersion"], &results["status"]), (&1.into(), &"completed".into()));
    assert_eq!((&results["scanType"], &results["target"]), (&"sentinel".into(), &url.as_str().into()));
    let findings = results["findings"].as_array().unwrap();
    assert_eq!(results["summary"]["total"], findings.len());
    assert!(!findings.is_empty());

    let (_, code) = run(&["scan", "sentinel", &url, "--fail-on", "none"]);
    assert_eq!(code, 0);
    let (table, _) = run(&["scan", "sentinel", &url]);
    assert!(table.contains("SEVERITY") && table.contains(findings[0]["ruleId"].as_str().unwrap()), "{table}");
    assert!(!table.contains('\u{1b}'), "no colours without a terminal");
}

#[test]
fn a_dead_target_is_a_failure_and_never_clean() {
    let url = format!("http://127.0.0.1:{}/", closed_port());
    let (text, code) = run(&["scan", "sentinel", &url, "--format", "json"]);
    let results = json(&text);
    assert_eq!((code, &results["status"]), (3, &"failed".into()));
    assert_eq!((&results["failure"]["reason"], &results["partial"]), (&"target_unreachable".into(), &true.into()));
}

#[test]
fn nmap_runs_under_its_supervisor_without_a_server() {
    let port = bare_web_server();
    let (text, code) = run(&["scan", "nmap", "127.0.0.1", "-o", &format!("ports={port}"), "--format", "json"]);
    let results = json(&text);
    assert_eq!((code, &results["status"]), (0, &"completed".into()), "nmap must be installed: {text}");
    assert_eq!(results["findings"][0]["location"]["port"], port);
}

#[test]
fn an_engine_that_is_not_installed_is_a_failure() {
    let output = scanyard(&["scan", "nmap", "127.0.0.1", "--format", "json"])
        .env("SCANYARD_ENGINES_NMAP_PATH", "/no/such/nmap")
        .output()
        .unwrap();
    let results = json(&String::from_utf8(output.stdout).unwrap());
    assert_eq!((output.status.code(), &results["failure"]["reason"]), (Some(3), &"engine_missing".into()));
}

#[test]
fn an_address_that_is_refused_always_is_not_scanned() {
    let (text, code) = run(&["scan", "sentinel", "169.254.169.254", "--format", "json"]);
    assert_eq!((code, &json(&text)["failure"]["reason"]), (3, &"target_not_allowed".into()));
}

#[test]
fn ctrl_c_cancels_and_prints_what_was_found() {
    // A network on loopback at one probe a second lasts longer than the test waits.
    let arguments = ["scan", "nmap", "127.0.0.0/28", "-o", "ports=1-2000", "-o", "maxRate=20", "--format", "json"];
    let process = std::process::Command::new(env!("CARGO_BIN_EXE_scanyard"))
        .env_clear()
        .args(arguments)
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let pid = nix::unistd::Pid::from_raw(process.id() as i32);
    wait_for_child_of(process.id());
    nix::sys::signal::kill(pid, nix::sys::signal::Signal::SIGINT).unwrap();
    let output = process.wait_with_output().unwrap();
    let results = json(&String::from_utf8(output.stdout).unwrap());
    assert_eq!((output.status.code(), &results["status"]), (Some(3), &"cancelled".into()));
    assert_eq!(results["partial"], true);
}

/// Until the supervisor has started the engine.
fn wait_for_child_of(pid: u32) {
    let children = |pid: u32| -> Vec<u32> {
        let path = format!("/proc/{pid}/task");
        let tasks = std::fs::read_dir(path).unwrap().map(|task| task.unwrap().path().join("children"));
        let lists = tasks.map(|path| std::fs::read_to_string(path).unwrap_or_default());
        lists.flat_map(|list| list.split_whitespace().filter_map(|pid| pid.parse().ok()).collect::<Vec<_>>()).collect()
    };
    for _ in 0..1000 {
        if children(pid).into_iter().any(|supervisor| !children(supervisor).is_empty()) {
            return;
        }
        std::thread::sleep(std::time::Duration::from_millis(10));
    }
    panic!("no engine was started");
}
