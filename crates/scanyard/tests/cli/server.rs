//! Scans through a server of the same binary.

use crate::support::{
    SLOW, Server, bare_web_server, closed_port, fail, interrupt, json, post, run, scanyard, start, wait_until,
};
use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;
use scanyard_client::Retrying;
use scanyard_client::scan_api::{Client, ListScans};
use scanyard_contract::ScanStatus;
use scanyard_server::config::Config;
use serde_json::Value;
use std::io::{BufRead, BufReader};
use std::net::TcpStream;
use std::os::unix::fs::PermissionsExt;
use std::process::{Child, Stdio};

#[test]
fn a_scan_through_a_server_ends_as_one_without() {
    let server = Server::start();
    let url = format!("http://127.0.0.1:{}/", bare_web_server());
    let remote = ["--server", &server.url, "--key", &server.key];
    let arguments = ["scan", "sentinel", url.as_str(), "--fail-on", "low", "--format", "json"];
    let (text, code) = run(&[&arguments[..], &remote[..]].concat());
    let (local, local_code) = run(&arguments);
    assert_eq!((code, local_code), (1, 1), "{text}");
    let prints = |text: &str| {
        let results = json(text);
        let findings = results["findings"].as_array().unwrap().clone();
        let mut prints: Vec<String> = findings.iter().map(|finding| finding["fingerprint"].to_string()).collect();
        prints.sort();
        prints
    };
    assert_eq!(prints(&text), prints(&local));

    let dead = format!("http://127.0.0.1:{}/", closed_port());
    let (text, code) = run(&[&["scan", "sentinel", dead.as_str(), "--format", "json"], &remote[..]].concat());
    assert_eq!((code, &json(&text)["failure"]["reason"]), (3, &"target_unreachable".into()));
}

#[test]
fn the_demo_finds_what_is_weak_and_leaves_nothing_behind() {
    let temp = tempfile::tempdir().unwrap();
    for _ in ["first", "second"] {
        let output = scanyard(&["demo"]).env("TMPDIR", temp.path()).output().unwrap();
        let (text, progress) = (String::from_utf8(output.stdout).unwrap(), String::from_utf8(output.stderr).unwrap());
        assert_eq!(output.status.code(), Some(0), "{progress}");
        for fact in ["redis-no-auth", "tls-certificate-expired", "http-directory-listing", "How to go on:"] {
            assert!(text.contains(fact), "{fact} is not in\n{text}");
        }
        assert!(text.contains("nmap scan of 127.0.0.1: completed"), "nmap must be installed: {text}");
        assert!(progress.contains("sentinel 127.0.0.1: completed 100 %"), "{progress}");
        assert_eq!(std::fs::read_dir(temp.path()).unwrap().count(), 0);
    }
}

#[test]
fn ctrl_c_cancels_the_scan_on_the_server() {
    let server = Server::start();
    let remote = ["--server", &server.url, "--key", &server.key];
    let process = start(&[&SLOW[..], &remote[..]].concat());
    let client = Client::new(&server.url, Some(server.key.clone()), Retrying::default()).unwrap();
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    let scans = |status| {
        let filter = ListScans { status: Some(status), ..ListScans::default() };
        runtime.block_on(client.list(&filter)).unwrap()
    };
    wait_until("the scan does not run", || !scans(ScanStatus::Running).is_empty());
    interrupt(&process);
    let output = process.wait_with_output().unwrap();
    let results = json(&String::from_utf8(output.stdout).unwrap());
    assert_eq!((output.status.code(), &results["status"]), (Some(3), &"cancelled".into()));
    assert!(String::from_utf8(output.stderr).unwrap().contains("cancelling scan"));
    assert!(scans(ScanStatus::Cancelled)[0].sealed_at.is_some());
}

#[test]
fn what_the_api_refuses_exits_with_4_and_says_the_code() {
    let server = Server::start();
    let scan = ["scan", "sentinel", "127.0.0.1", "--server", &server.url];
    let (text, code) = fail(&scan);
    assert_eq!(code, 4);
    assert!(text.contains("MISSING_API_KEY"), "{text}");
    let (text, code) = run(&[&scan[..], &["--key", "cix_sk_unknown", "--format", "json"]].concat());
    let document = json(&text);
    assert_eq!((code, &document["error"]["code"]), (4, &"INVALID_API_KEY".into()));
    assert_eq!((&document["schemaVersion"], &document["error"]["status"]), (&1.into(), &401.into()));
    let output = scanyard(&["scan", "sentinel", "169.254.169.254", "--server", &server.url])
        .env("SCANYARD_API_KEY", &server.key)
        .output()
        .unwrap();
    assert_eq!(output.status.code(), Some(4));
    assert!(String::from_utf8(output.stderr).unwrap().contains("TARGET_NOT_ALLOWED"));
}

#[test]
fn a_server_that_is_not_there_exits_with_5() {
    let url = format!("http://127.0.0.1:{}", closed_port());
    let (text, code) = fail(&["scan", "sentinel", "127.0.0.1", "--server", &url, "--retries", "0"]);
    assert_eq!(code, 5);
    assert!(text.contains("could not connect"), "{text}");
}

#[test]
fn a_stranger_that_speaks_http_exits_with_5() {
    let url = format!("http://127.0.0.1:{}", bare_web_server());
    assert_eq!(fail(&["engines", "--server", &url, "--retries", "0"]).1, 5);
}

#[test]
fn a_first_key_that_nobody_was_told_is_not_made() {
    let dir = tempfile::tempdir().unwrap();
    let data = dir.path().join("data");
    let listen = format!("127.0.0.1:{}", closed_port());
    let serve = |stdout: Stdio| {
        let mut command = std::process::Command::new(env!("CARGO_BIN_EXE_scanyard"));
        command.env_clear().args(["serve", "--listen", &listen, "--log-level", "warn", "--data-dir"]).arg(&data);
        command.stdout(stdout).stderr(Stdio::piped()).spawn().unwrap()
    };
    let full = std::fs::File::options().write(true).open("/dev/full").unwrap();
    let output = serve(full.into()).wait_with_output().unwrap();
    let text = String::from_utf8(output.stderr).unwrap();
    assert_eq!(output.status.code(), Some(3), "{text}");
    assert!(text.contains("error: ") && text.contains("printing the first key to stdout"), "{text}");
    assert!(text.contains("No space left") && !text.contains("panicked"), "{text}");

    let mut second = serve(Stdio::piped());
    let lines = BufReader::new(second.stdout.take().unwrap()).lines();
    let line = lines.map(Result::unwrap).next().unwrap();
    assert!(line.starts_with("The first API key, shown once: cix_sk_"), "{line}");
    stop(second, &listen);

    let (reader, writer) = std::io::pipe().unwrap();
    drop(reader);
    stop(serve(writer.into()), &listen);
}

/// Waits until a server answers that nobody listens to, and ends it.
fn stop(server: Child, address: &str) {
    wait_until("nobody answers", || TcpStream::connect(address).is_ok());
    kill(Pid::from_raw(server.id() as i32), Signal::SIGTERM).unwrap();
    let output = server.wait_with_output().unwrap();
    assert_eq!(output.status.code(), Some(0), "{}", String::from_utf8_lossy(&output.stderr));
}

#[test]
fn a_key_made_on_the_database_works_beside_the_running_server_within_its_scopes() {
    let server = Server::start();
    let data = server.dir.path().join("data");
    let data = data.to_str().unwrap();
    let (key, code) = run(&["keys", "create", "ci", "--scope", "scans:read", "--data-dir", data]);
    assert_eq!(code, 0);
    let key = key.trim();
    assert!(key.starts_with("cix_sk_") && key.len() == 47, "{key}");
    assert_eq!(run(&["engines", "--server", &server.url, "--key", key]).1, 0);
    let (text, code) = fail(&["scan", "sentinel", "127.0.0.1", "--server", &server.url, "--key", key]);
    assert_eq!(code, 4);
    assert!(text.contains("INSUFFICIENT_SCOPE"), "{text}");
    assert_eq!(run(&["keys", "create", "x", "--tenant", "nobody", "--data-dir", data]).1, 3);
}

#[test]
fn a_user_made_on_the_database_logs_in_at_the_running_server() {
    let server = Server::start();
    let data = server.dir.path().join("data");
    let data = data.to_str().unwrap();
    let create = ["users", "create", "Ada@example.test", "--role", "owner", "--data-dir", data];
    let (text, code) = run(&create);
    assert_eq!(code, 0);
    let (id, password) = text.trim().split_once('\n').unwrap();
    assert!(id.starts_with("usr-") && password.len() >= 12, "{text}");
    let log_in = |email: &str, password: &str| {
        let body = format!(r#"{{"email": "{email}", "password": "{password}"}}"#);
        post(&server.url, "/api/v1/auth/login", &body)
    };
    assert!(log_in("ada@example.test", password).contains(id));
    let (text, code) = fail(&create);
    assert_eq!((code, text.contains("in use")), (3, true), "{text}");

    let mut given = scanyard(&["users", "create", "bob@example.test", "--role", "viewer", "--data-dir", data]);
    let output = given.arg("--password-stdin").write_stdin("Correct-Horse-1\n").output().unwrap();
    assert_eq!(output.status.code(), Some(0), "{output:?}");
    assert_eq!(String::from_utf8(output.stdout).unwrap().lines().count(), 1, "the id alone");
    assert!(log_in("bob@example.test", "Correct-Horse-1").contains("accessToken"));
    let mut given = scanyard(&["users", "create", "eve@example.test", "--role", "viewer", "--data-dir", data]);
    let output = given.env("SCANYARD_USER_PASSWORD", "correct-horse").output().unwrap();
    let text = String::from_utf8(output.stderr).unwrap();
    assert_eq!(output.status.code(), Some(2));
    assert!(text.contains("upper-case") && text.contains("digit") && !text.contains("correct-horse"), "{text}");
}

#[test]
fn errors_and_engines_can_be_asked_of_a_server() {
    let server = Server::start();
    let (here, _) = run(&["errors", "INVALID_TARGET"]);
    assert_eq!(run(&["errors", "INVALID_TARGET", "--server", &server.url]), (here, 0));
    assert_eq!(run(&["errors", "NO_SUCH", "--server", &server.url]).1, 4);
    // A server asks each engine its version in its own time, and has workers with labels.
    let engines = |args: &[&str]| {
        let (text, code) = run(args);
        assert_eq!(code, 0);
        let mut listed: Value = serde_json::from_str(&text).unwrap();
        for engine in listed["engines"].as_array_mut().unwrap() {
            engine.as_object_mut().unwrap().remove("version");
            engine.as_object_mut().unwrap().remove("workerLabels");
        }
        listed
    };
    let here = engines(&["engines", "--format", "json"]);
    assert_eq!(here["engines"].as_array().unwrap().len(), 10);
    assert_eq!(engines(&["engines", "--format", "json", "--server", &server.url, "--key", &server.key]), here);
}

#[test]
fn a_server_that_ends_leaves_no_folder_of_job_folders() {
    let server = Server::start();
    let jobs = Config { data_dir: server.dir.path().join("data"), ..Config::default() }.jobs_dir();
    let remote = ["--server", &server.url, "--key", &server.key];
    let gone = format!("http://127.0.0.1:{}/", closed_port());
    run(&[&["scan", "nikto", gone.as_str()], &remote[..]].concat());
    assert!(jobs.is_dir(), "a job was run in it");
    assert_eq!(server.stop().0, Some(0));
    assert!(!jobs.exists());
}

#[test]
fn the_first_key_is_in_a_file_of_its_owner_and_a_second_start_changes_nothing() {
    let server = Server::start();
    let (key, file) = (server.key.clone(), server.dir.path().join("key"));
    assert_eq!(std::fs::metadata(&file).unwrap().permissions().mode() & 0o777, 0o600);
    let (code, dir) = server.stop();
    assert_eq!(code, Some(0));
    let again = Server::start_in(dir);
    assert_eq!(again.key, key);
    assert_eq!(run(&["engines", "--server", &again.url, "--key", &key]).1, 0);
}
