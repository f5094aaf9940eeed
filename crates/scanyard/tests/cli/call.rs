//! `scanyard call` and `scanyard export` against vendors of a few lines.

use crate::support::{closed_port, interrupt, json, scanyard, wait_until};
use std::io::{BufRead, BufReader, Read, Write};
use std::net::TcpListener;
use std::os::unix::fs::PermissionsExt;
use std::path::PathBuf;
use std::sync::{Arc, Mutex};
use tempfile::TempDir;

const JOB: &str = "11111111-2222-4333-8444-555555555555";

/// A vendor that answers by request line and number of requests before; keeps what it was asked, body and all.
struct Vendor {
    url: String,
    asked: Arc<Mutex<Vec<String>>>,
}

impl Vendor {
    fn start(answer: impl Fn(&str, usize) -> String + Send + 'static) -> Vendor {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let url = format!("http://{}", listener.local_addr().unwrap());
        let asked = Arc::new(Mutex::new(Vec::new()));
        let seen = asked.clone();
        std::thread::spawn(move || {
            for stream in listener.incoming() {
                let mut stream = BufReader::new(stream.unwrap());
                let (mut request, mut length) = (String::new(), 0);
                while stream.read_line(&mut request).unwrap() > 2 {
                    let last = request.lines().last().unwrap().to_lowercase();
                    length = last.strip_prefix("content-length: ").map_or(length, |text| text.parse().unwrap());
                }
                let mut body = vec![0; length];
                stream.read_exact(&mut body).unwrap();
                request.push_str(std::str::from_utf8(&body).unwrap());
                let line = request.lines().next().unwrap().trim_end_matches(" HTTP/1.1").to_string();
                let answer = answer(&line, seen.lock().unwrap().len());
                seen.lock().unwrap().push(request);
                let _ = stream.get_mut().write_all(answer.as_bytes());
            }
        });
        Vendor { url, asked }
    }

    fn asked(&self) -> Vec<String> {
        self.asked.lock().unwrap().clone()
    }
}

fn answer(status: &str, headers: &str, body: &str) -> String {
    format!(
        "HTTP/1.1 {status}\r\nconnection: close\r\ncontent-type: application/json\r\ncontent-length: {}\r\n{headers}\r\n{body}",
        body.len()
    )
}

/// A file of profiles, with a secret's file of this mode beside it.
fn profiles(url: &str, mode: u32) -> (TempDir, PathBuf) {
    let dir = tempfile::tempdir().unwrap();
    let secret = dir.path().join("secret");
    std::fs::write(&secret, "the-secret-key\n").unwrap();
    std::fs::set_permissions(&secret, std::fs::Permissions::from_mode(mode)).unwrap();
    let file = dir.path().join("profiles.toml");
    let text = format!(
        "[profile.t]\ncontract = \"tenable\"\naddress = \"{url}\"\naccess_key = {{ env = \"T_ACCESS\" }}\n\
         secret_key = {{ file = \"{}\" }}\n\n\
         [profile.z]\ncontract = \"zscaler\"\ngateway = \"{url}\"\nlogin = \"{url}\"\nclient_id = \"id\"\n\
         client_secret = {{ env = \"Z_SECRET\" }}\n\n\
         [profile.old]\ncontract = \"zscaler-legacy\"\nservice = \"zia\"\naddress = \"{url}\"\nusername = \"ada\"\n\
         password = {{ env = \"Z_SECRET\" }}\napi_key = {{ env = \"Z_SECRET\" }}\n",
        secret.display()
    );
    std::fs::write(&file, text).unwrap();
    (dir, file)
}

/// stdout, stderr, exit code.
fn run(file: &PathBuf, args: &[&str]) -> (String, String, i32) {
    let mut command = scanyard(args);
    command.env("SCANYARD_PROFILES", file).env("T_ACCESS", "the-access-key").env("Z_SECRET", "the-client-secret");
    let output = command.output().unwrap();
    let text = |bytes| String::from_utf8(bytes).unwrap();
    (text(output.stdout), text(output.stderr), output.status.code().unwrap())
}

#[test]
fn a_call_waits_out_a_429_and_prints_the_body() {
    let vendor = Vendor::start(|_, before| match before {
        0 => answer("429 X", "retry-after: 1\r\n", r#"{"error":"slow down"}"#),
        _ => answer("200 OK", "", r#"{"scans":[]}"#),
    });
    let (_dir, file) = profiles(&vendor.url, 0o600);
    let (out, err, code) = run(&file, &["call", "tenable", "get", "scans?folder_id=7"]);
    assert_eq!((out.trim(), code), (r#"{"scans":[]}"#, 0), "{err}");
    assert!(err.contains("429 rate_limited: slow down; try 1 failed, next in 1.0 s"), "{err}");
    let asked = vendor.asked();
    assert!(asked[1].starts_with("GET /scans?folder_id=7 "), "{}", asked[1]);
    assert!(asked[1].contains("accessKey=the-access-key; secretKey=the-secret-key;"), "{}", asked[1]);
}

#[test]
fn fields_make_the_body_and_a_token_is_got_on_the_way() {
    let vendor = Vendor::start(|line, _| match line {
        "POST /oauth2/v1/token" => answer("200 OK", "", r#"{"access_token":"the-token","expires_in":3600}"#),
        _ => answer("200 OK", "", r#"{"id":1}"#),
    });
    let (_dir, file) = profiles(&vendor.url, 0o600);
    let call = ["call", "zscaler/zia", "POST", "/zia/api/v1/urlCategories", "-f", "name=web", "-j", "custom=true"];
    let call = [&call[..], &["--profile", "z"]].concat();
    let (out, err, code) = run(&file, &call);
    assert_eq!((out.trim(), code), (r#"{"id":1}"#, 0), "{err}");
    assert!(vendor.asked()[1].ends_with(r#"{"custom":true,"name":"web"}"#), "{}", vendor.asked()[1]);
    assert!(vendor.asked()[1].contains("Bearer the-token"));
}

#[test]
fn a_profile_of_one_service_reaches_no_other_and_its_paths_are_not_doubled() {
    let vendor = Vendor::start(|line, _| match line {
        "POST /api/v1/authenticatedSession" => answer("200 OK", "set-cookie: JSESSIONID=j; Path=/;\r\n", "{}"),
        "GET /api/v1/urlCategories" => answer("200 OK", "", "[]"),
        other => panic!("{other}"),
    });
    let (_dir, file) = profiles(&vendor.url, 0o600);
    for path in ["urlCategories", "/api/v1/urlCategories"] {
        let (out, err, code) = run(&file, &["call", "zscaler/zia", "GET", path, "--profile", "old"]);
        assert_eq!((out.trim(), code), ("[]", 0), "{err}");
    }
    let asked = vendor.asked().len();
    let (_, err, code) = run(&file, &["call", "zscaler/zpa", "GET", "urlCategories", "--profile", "old"]);
    assert!(code == 2 && err.contains("of zscaler/zia at its own address, and reaches no other service"), "{err}");
    assert_eq!(vendor.asked().len(), asked);
}

#[test]
fn pages_are_one_item_in_a_line() {
    let vendor = Vendor::start(|line, _| match line.contains("offset=0") {
        true => answer("200 OK", "", r#"{"agents":[{"id":1},{"id":2}],"pagination":{"total":3}}"#),
        false => answer("200 OK", "", r#"{"agents":[{"id":3}],"pagination":{"total":3}}"#),
    });
    let (_dir, file) = profiles(&vendor.url, 0o600);
    let (out, err, code) = run(&file, &["call", "tenable", "GET", "scanners/1/agents", "--paginate"]);
    assert_eq!((out.as_str(), code), ("{\"id\":1}\n{\"id\":2}\n{\"id\":3}\n", 0), "{err}");
}

#[test]
fn zpa_is_asked_for_its_largest_pages() {
    let vendor = Vendor::start(|line, _| match line {
        "POST /oauth2/v1/token" => answer("200 OK", "", r#"{"access_token":"the-token","expires_in":3600}"#),
        _ if line.contains("page=1&") => answer("200 OK", "", r#"{"totalPages":"2","list":[{"id":"1"}]}"#),
        _ => answer("200 OK", "", r#"{"totalPages":"2","list":[{"id":"2"}]}"#),
    });
    let (_dir, file) = profiles(&vendor.url, 0o600);
    let path = "zpa/mgmtconfig/v1/admin/customers/7/application";
    let (out, err, code) = run(&file, &["call", "zscaler/zpa", "GET", path, "--paginate", "--profile", "z"]);
    assert_eq!((out.as_str(), code), ("{\"id\":\"1\"}\n{\"id\":\"2\"}\n", 0), "{err}");
    assert_eq!(vendor.asked().iter().filter(|asked| asked.contains("pagesize=500")).count(), 2);
}

#[test]
fn the_lists_of_tenable_that_are_named_otherwise_are_paged_too() {
    let vendor = Vendor::start(|line, _| {
        let page = match line {
            "GET /plugins/plugin?last_updated=2026-01-31&size=2&page=1" => {
                r#"{"data":{"plugin_details":[1,2]},"total_count":3,"size":2}"#
            }
            "GET /plugins/plugin?last_updated=2026-01-31&size=2&page=2" => {
                r#"{"data":{"plugin_details":[3]},"total_count":3,"size":2}"#
            }
            line if line.starts_with("GET /scanners/1/agent-groups?") => r#"{"groups":[1,2,3]}"#,
            line if line.starts_with("GET /scanner-groups?") => r#"{"scanner_pools":[1,2,3]}"#,
            other => panic!("{other}"),
        };
        answer("200 OK", "", page)
    });
    let (_dir, file) = profiles(&vendor.url, 0o600);
    for path in ["plugins/plugin?last_updated=2026-01-31&size=2", "scanners/1/agent-groups", "scanner-groups"] {
        let (out, err, code) = run(&file, &["call", "tenable", "GET", path, "--paginate"]);
        assert_eq!((out.as_str(), code), ("1\n2\n3\n", 0), "{path}: {err}");
    }
}

#[test]
fn a_failure_is_typed_and_its_exit_code_says_what_to_do() {
    let cases = [
        ("403 X", r#"{"error":"no"}"#, 4, "permission"),
        ("404 X", r#"{"error":"no"}"#, 4, "not_found"),
        ("500 X", "{", 6, "server"),
        ("429 X", r#"{"error":"no"}"#, 6, "rate_limited"),
        ("501 X", "", 4, "not_implemented"),
    ];
    for (status, body, expected, kind) in cases {
        let vendor = Vendor::start(move |_, _| answer(status, "retry-after: 0\r\n", body));
        let (_dir, file) = profiles(&vendor.url, 0o600);
        let (_, err, code) = run(&file, &["call", "tenable", "GET", "scans", "--retries", "1"]);
        let row = format!("{kind}, row tenable/{}", &status[..3]);
        assert!(code == expected && err.lines().any(|line| line.starts_with(&row)), "{kind}: {err}");
        assert!(!err.contains("the-secret-key") && !err.contains("the-access-key"), "{err}");
    }
    let (_dir, file) = profiles(&format!("http://127.0.0.1:{}", closed_port()), 0o600);
    assert_eq!(run(&file, &["call", "tenable", "GET", "scans", "--retries", "0"]).2, 5);
}

#[test]
fn with_format_json_an_answer_and_a_failure_are_objects_without_secrets() {
    let vendor = Vendor::start(|line, _| match line {
        "GET /text" => answer("200 OK", "set-cookie: sid=opensesame; Path=/\r\n", "no json"),
        "GET /scans" => answer("200 OK", "", r#"{"scans":[]}"#),
        _ => answer("403 X", "x-request-uuid: u-7\r\n", r#"{"error":"the-secret-key may not"}"#),
    });
    let (_dir, file) = profiles(&vendor.url, 0o600);
    let call = |path| {
        let (out, err, code) = run(&file, &["call", "tenable", "GET", path, "--format", "json", "--retries", "0"]);
        assert!(!out.contains("opensesame") && !out.contains("the-secret-key"), "{out}");
        (json(&out), code, err)
    };
    let (document, code, err) = call("scans");
    assert_eq!(
        (&document["status"], &document["body"]["scans"], code),
        (&200.into(), &serde_json::json!([]), 0),
        "{err}"
    );
    assert_eq!((&document["schemaVersion"], &document["attempts"]), (&1.into(), &1.into()));
    let (document, _, _) = call("text");
    assert_eq!((&document["body"], &document["headers"]["set-cookie"]), (&"no json".into(), &"[secret]".into()));
    let (document, code, _) = call("users");
    let error = &document["error"];
    assert_eq!((&error["kind"], &error["requestId"], code), (&"permission".into(), &"u-7".into(), 4), "{document}");
    assert_eq!(run(&file, &["call", "tenable", "GET", "scans", "--paginate", "--format", "json"]).2, 2);
}

#[test]
fn a_secret_that_others_can_read_and_a_profile_that_is_not_there_are_wrong_usage() {
    let (_dir, file) = profiles("http://127.0.0.1:1", 0o644);
    let (_, err, code) = run(&file, &["call", "tenable", "GET", "scans"]);
    assert_eq!((code, err.contains("can be read by others (mode 644): chmod 600 it")), (2, true), "{err}");
    let (_dir, file) = profiles("http://127.0.0.1:1", 0o600);
    for call in [
        &["call", "arctic-wolf/ticket", "GET", "x"][..],
        &["call", "tenable", "GET", "x", "--profile", "z"],
        &["call", "zscaler/nothing", "GET", "x"],
        &["call", "nobody", "GET", "x"],
        &["call", "zscaler", "GET", "x"],
    ] {
        let (_, err, code) = run(&file, call);
        assert_eq!(code, 2, "{call:?}: {err}");
    }
    let (_, err, code) = run(&file.with_file_name("none.toml"), &["call", "tenable", "GET", "scans"]);
    assert!(err.contains("there is no file of profiles at ") && err.contains("`scanyard call --help`"), "{err}");
    assert_eq!((code, err.contains("os error")), (2, false), "{err}");
}

#[test]
fn an_export_is_one_finding_in_a_line_and_goes_on_from_its_checkpoint() {
    let status = r#"{"status":"FINISHED","chunks_available":[1,2],"total_chunks":2}"#;
    let vendor = Vendor::start(move |line, before| match line.trim_start_matches("GET /vulns/export/") {
        "POST /vulns/export" => answer("200 OK", "", &format!(r#"{{"export_uuid":"{JOB}"}}"#)),
        line if line.ends_with("/status") => answer("200 OK", "", status),
        line if line.ends_with("/chunks/2") && before < 4 => answer("403 X", "", r#"{"error":"no"}"#),
        line => answer("200 OK", "", &format!("[{{\"chunk\":\n{}}}]", &line[line.len() - 1..])),
    });
    let (dir, file) = profiles(&vendor.url, 0o600);
    let checkpoint = dir.path().join("checkpoint.json");
    let export = ["export", "tenable", "vulns", "--severity", "high", "--checkpoint", checkpoint.to_str().unwrap()];
    let (out, err, code) = run(&file, &export);
    assert_eq!((out.as_str(), code), ("{\"chunk\":1}\n", 4), "{err}");
    assert!(err.contains(JOB), "{err}");
    assert_eq!(json(&std::fs::read_to_string(&checkpoint).unwrap())["done"], serde_json::json!([1]));
    let other = ["export", "tenable", "vulns", "--severity", "low", "--checkpoint", checkpoint.to_str().unwrap()];
    let (out, err, code) = run(&file, &other);
    assert_eq!((out.as_str(), code), ("", 2), "{err}");
    assert!(err.contains(r#"asked for {"filters":{"severity":["high"]}}: give the same options"#), "{err}");
    let (out, err, code) = run(&file, &export);
    assert_eq!((out.as_str(), code), ("{\"chunk\":2}\n", 0), "{err}");
    assert!(!checkpoint.exists());
    let starts: Vec<String> = vendor.asked().into_iter().filter(|asked| asked.starts_with("POST")).collect();
    assert_eq!(starts.len(), 1);
    assert!(starts[0].ends_with(r#"{"filters":{"severity":["high"]}}"#), "{}", starts[0]);
    let (_, err, code) = run(&file, &["export", "tenable", "vulns", "--chunk-size", "49"]);
    assert_eq!((code, err.contains("num_assets is `49`: allowed is 50 to 5000")), (2, true), "{err}");
}

#[test]
fn an_export_that_cannot_be_what_was_asked_for_is_not_begun() {
    let vendor = Vendor::start(|_, _| answer("200 OK", "", &format!(r#"{{"export_uuid":"{JOB}"}}"#)));
    let (dir, file) = profiles(&vendor.url, 0o600);
    let export = |args: &[&str]| {
        let (out, err, code) = run(&file, &[&["export", "tenable"], args].concat());
        assert_eq!((out.as_str(), code), ("", 2), "{args:?}: {err}");
        err
    };
    for filter in [["--severity", "high"], ["--state", "open"], ["--since", "1700000000"]] {
        for kind in ["assets", "compliance"] {
            let err = export(&[kind, filter[0], filter[1]]);
            assert!(
                err.contains(&format!("{} is about findings: only an export of vulns takes it", filter[0])),
                "{err}"
            );
        }
    }
    let checkpoint = dir.path().join("checkpoint.new");
    let of_assets = format!(r#"{{"kind":"assets","jobId":"{JOB}","done":[1],"request":{{}}}}"#);
    std::fs::write(&checkpoint, &of_assets).unwrap();
    let err = export(&["vulns", "--checkpoint", checkpoint.to_str().unwrap()]);
    assert!(err.contains("this is the checkpoint of an export of assets, not of vulns"), "{err}");
    assert_eq!(std::fs::read_to_string(&checkpoint).unwrap(), of_assets);
    let nowhere = dir.path().join("nowhere/checkpoint.json");
    let err = export(&["assets", "--checkpoint", nowhere.to_str().unwrap()]);
    assert!(err.contains("nowhere/checkpoint.json: No such file"), "{err}");
    assert!(vendor.asked().is_empty(), "{:?}", vendor.asked());
}

#[test]
fn an_export_that_is_interrupted_before_its_first_chunk_is_gone_on_with() {
    let status = r#"{"status":"QUEUED","chunks_available":[]}"#;
    let vendor = Vendor::start(move |line, _| match line {
        "POST /vulns/export" => answer("200 OK", "", &format!(r#"{{"export_uuid":"{JOB}"}}"#)),
        _ => answer("200 OK", "", status),
    });
    let (dir, file) = profiles(&vendor.url, 0o600);
    let checkpoint = dir.path().join("checkpoint.json");
    let mut export = std::process::Command::new(env!("CARGO_BIN_EXE_scanyard"))
        .args(["export", "tenable", "vulns", "--checkpoint", checkpoint.to_str().unwrap()])
        .env("SCANYARD_PROFILES", &file)
        .env("T_ACCESS", "the-access-key")
        .spawn()
        .unwrap();
    wait_until("the export is not looked at", || vendor.asked().len() > 1);
    interrupt(&export);
    assert_eq!(export.wait().unwrap().code(), Some(3));
    let kept = json(&std::fs::read_to_string(&checkpoint).unwrap());
    assert_eq!((&kept["jobId"], &kept["done"]), (&JOB.into(), &serde_json::json!([])));
    assert!(!vendor.asked().iter().any(|asked| asked.contains("/cancel")));
}
