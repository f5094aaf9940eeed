//! Scans in the process itself, without a server.

use crate::support::{
    SLOW, Server, bare_web_server, closed_port, fail, interrupt, json, run, scanyard, start, wait_until,
};
use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;
use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::time::Duration;

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
fn a_user_for_engines_that_does_not_exist_is_named() {
    let output = scanyard(&["scan", "nmap", "127.0.0.1", "-o", "ports=1", "--format", "json"])
        .env("SCANYARD_ENGINES_USER", "no-such-user")
        .output()
        .unwrap();
    let results = json(&String::from_utf8(output.stdout).unwrap());
    assert_eq!((output.status.code(), &results["failure"]["reason"]), (Some(3), &"engine_failed".into()));
    assert!(results["failure"]["message"].as_str().unwrap().contains("no user no-such-user"), "{results}");
}

#[test]
fn an_address_that_is_refused_always_is_not_scanned() {
    let (text, code) = run(&["scan", "sentinel", "169.254.169.254", "--format", "json"]);
    assert_eq!((code, &json(&text)["failure"]["reason"]), (3, &"target_not_allowed".into()));
}

#[test]
fn ctrl_c_cancels_and_prints_what_was_found() {
    let process = start(&SLOW);
    wait_until("no engine was started", || {
        children(process.id()).into_iter().any(|supervisor| !children(supervisor).is_empty())
    });
    interrupt(&process);
    let output = process.wait_with_output().unwrap();
    let results = json(&String::from_utf8(output.stdout).unwrap());
    assert_eq!((output.status.code(), &results["status"]), (Some(3), &"cancelled".into()));
    assert_eq!(results["partial"], true);
}

fn children(pid: u32) -> Vec<u32> {
    let Ok(tasks) = std::fs::read_dir(format!("/proc/{pid}/task")) else { return Vec::new() };
    let lists = tasks.flatten().map(|task| std::fs::read_to_string(task.path().join("children")).unwrap_or_default());
    lists.flat_map(|list| list.split_whitespace().filter_map(|pid| pid.parse().ok()).collect::<Vec<_>>()).collect()
}

/// A program in the place of sublist3r, which finds one name.
fn sublist3r(dir: &std::path::Path) -> String {
    let program = dir.join("sublist3r");
    std::fs::write(&program, "#!/bin/sh\necho www.example.test > out.txt\n").unwrap();
    std::fs::set_permissions(&program, std::fs::Permissions::from_mode(0o755)).unwrap();
    program.display().to_string()
}

const NAMES: [&str; 7] =
    ["scan", "sublist3r", "example.test", "--consent-third-party", "agreed with the owner", "--format", "json"];

#[test]
fn an_engine_that_tells_third_parties_needs_a_consent_and_its_operator() {
    let (message, code) = fail(&["scan", "sublist3r", "example.test"]);
    assert_eq!(code, 2, "{message}");
    assert!(
        message.contains("sublist3r tells third parties of the target") && message.contains("--consent-third-party")
    );
    let (message, code) = fail(&["scan", "sublist3r", "example.test", "--consent-third-party", ""]);
    assert!(code == 2 && message.contains("write who agreed, and why"), "{code}: {message}");

    let dir = tempfile::tempdir().unwrap();
    let local = |osint: &str| {
        let mut command = scanyard(&NAMES);
        command.env("SCANYARD_ENGINES_SUBLIST3R_PATH", sublist3r(dir.path())).env("SCANYARD_ENGINES_OSINT", osint);
        let output = command.output().unwrap();
        (json(&String::from_utf8(output.stdout).unwrap()), output.status.code().unwrap())
    };
    let (off, code) = local("false");
    assert_eq!((code, &off["failure"]["reason"]), (3, &"engine_missing".into()));
    assert!(off["failure"]["message"].as_str().unwrap().contains("engines.osint = true"), "{off}");
    let (results, code) = local("true");
    assert_eq!((code, &results["status"]), (0, &"completed".into()), "{results}");
    assert_eq!(results["findings"][0]["location"]["host"], "www.example.test");
}

#[test]
fn a_server_runs_such_an_engine_without_looking_the_target_up() {
    let dir = tempfile::tempdir().unwrap();
    let program = sublist3r(dir.path());
    // A name server that is not there.
    let dns = format!("127.0.0.1:{}", closed_port());
    let more = ["--engines-osint", "true", "--engines-sublist3r-path", &program, "--dns-servers", &dns];
    let server = Server::start_with(tempfile::tempdir().unwrap(), &more);
    let remote = ["--server", &server.url, "--key", &server.key];
    let (text, code) = run(&[&NAMES[..], &remote[..]].concat());
    let results = json(&text);
    assert_eq!((code, &results["status"]), (0, &"completed".into()), "{text}");
    assert_eq!(results["findings"][0]["location"]["host"], "www.example.test");
    let (message, code) = fail(&[&["scan", "sublist3r", "example.test"], &remote[..]].concat());
    assert_eq!(code, 2, "{message}");
}

#[test]
fn a_target_of_a_form_that_the_engine_does_not_take_is_wrong_usage_as_at_the_api() {
    for (engine, target, reason) in [
        ("nmap", "http://127.0.0.1:1/", "is of type url, which nmap does not take\nnmap takes ip, such as 127.0.0.1"),
        ("sentinel", "127.0.0.0/30", "is of type network, which sentinel does not take"),
        ("nuclei", "127.0.0.1", "is of type ip, which nuclei does not take"),
        ("wapiti", "127.0.0.0/30", "is of type network, which wapiti does not take"),
    ] {
        let (error, code) = fail(&["scan", engine, target]);
        assert_eq!(code, 2, "{engine} {target}: {error}");
        assert!(error.contains(&format!("the target {target} {reason}")), "{error}");
    }
}

/// A script as trivy, which tells that it runs, and does not end when it is asked to.
fn sleeping_trivy(dir: &Path) -> PathBuf {
    let program = dir.join("trivy");
    fs::write(&program, "#!/bin/sh\ntrap '' TERM\ntouch running\nwhile :; do sleep 1; done\n").unwrap();
    fs::set_permissions(&program, fs::Permissions::from_mode(0o755)).unwrap();
    program
}

/// All that lies below a folder.
fn below(dir: &Path) -> Vec<PathBuf> {
    let paths: Vec<PathBuf> = fs::read_dir(dir).into_iter().flatten().flatten().map(|entry| entry.path()).collect();
    let deeper: Vec<PathBuf> = paths.iter().filter(|path| !path.is_symlink()).flat_map(|path| below(path)).collect();
    [paths, deeper].concat()
}

#[test]
fn a_scan_that_is_ended_at_once_leaves_neither_its_job_folder_nor_what_it_packed() {
    for signals in [&[Signal::SIGHUP][..], &[Signal::SIGINT, Signal::SIGINT][..]] {
        let dir = tempfile::tempdir().unwrap();
        fs::set_permissions(dir.path(), fs::Permissions::from_mode(0o711)).unwrap();
        let (tmp, project) = (dir.path().join("tmp"), dir.path().join("project"));
        fs::create_dir(&tmp).unwrap();
        fs::create_dir(&project).unwrap();
        fs::write(project.join("key"), "secret").unwrap();
        // Under nohup it would be ignored, and rightly.
        let mut scan = std::process::Command::new("/usr/bin/env");
        scan.args(["--default-signal=HUP", env!("CARGO_BIN_EXE_scanyard")]);
        scan.env_clear().env("TMPDIR", &tmp).env("SCANYARD_ENGINES_TRIVY_PATH", sleeping_trivy(dir.path()));
        scan.args(["scan", "trivy", project.to_str().unwrap(), "-o", "scanners=secret"]).stdout(Stdio::null());
        let mut scan = scan.stderr(Stdio::null()).spawn().unwrap();
        wait_until("the engine does not run", || below(&tmp).iter().any(|path| path.ends_with("running")));
        assert!(below(&tmp).iter().any(|path| path.ends_with("packed")), "what it packed is there");
        for signal in signals {
            kill(Pid::from_raw(scan.id() as i32), *signal).unwrap();
            std::thread::sleep(Duration::from_millis(100));
        }
        assert_eq!(scan.wait().unwrap().code(), Some(130));
        wait_until("something stays behind", || below(&tmp).is_empty());
    }
}

#[test]
fn ctrl_c_while_a_folder_is_packed_leaves_nothing_of_it() {
    let dir = tempfile::tempdir().unwrap();
    let (tmp, project) = (dir.path().join("tmp"), dir.path().join("project"));
    fs::create_dir(&tmp).unwrap();
    fs::create_dir(&project).unwrap();
    // Nothing on disk, and long to pack.
    fs::File::create(project.join("large")).unwrap().set_len(64 << 30).unwrap();
    let mut scan = std::process::Command::new(env!("CARGO_BIN_EXE_scanyard"));
    scan.env_clear().env("TMPDIR", &tmp).env("SCANYARD_ENGINES_TRIVY_PATH", sleeping_trivy(dir.path()));
    scan.args(["scan", "trivy", project.to_str().unwrap()]).stdout(Stdio::null()).stderr(Stdio::piped());
    let scan = scan.spawn().unwrap();
    wait_until("nothing is packed", || below(&tmp).iter().any(|path| path.ends_with("packed")));
    interrupt(&scan);
    let output = scan.wait_with_output().unwrap();
    assert_eq!(output.status.code(), Some(3));
    assert_eq!(String::from_utf8(output.stderr).unwrap(), "error: cancelled\n");
    assert_eq!(below(&tmp), [] as [PathBuf; 0]);
}
