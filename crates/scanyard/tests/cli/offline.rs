//! Commands that need neither a server nor a target.

use crate::support::{fail, json, run, scanyard};

#[test]
fn help_names_every_command_and_is_no_error() {
    let (text, code) = run(&["--help"]);
    assert_eq!(code, 0);
    for command in [
        "serve",
        "scan",
        "import",
        "engines",
        "errors",
        "explain",
        "simulate",
        "openapi",
        "completions",
        "keys",
        "users",
        "demo",
        "doctor",
        "backup",
        "restore",
        "copy",
    ] {
        assert!(text.contains(&format!("\n  {command} ")), "{command} is not in\n{text}");
        assert_eq!(run(&[command, "--help"]).1, 0, "{command}");
    }
}

/// The commands that a help lists.
fn commands(help: &str) -> Vec<String> {
    let list = help.split_once("\nCommands:\n").map_or("", |(_, rest)| rest.split("\n\n").next().unwrap());
    // A long description goes on in a line that is set in further.
    let lines = list.lines().filter_map(|line| line.strip_prefix("  ").filter(|line| !line.starts_with(' ')));
    lines.filter_map(|line| line.split_whitespace().next().map(str::to_string)).collect()
}

#[test]
fn every_help_has_an_example() {
    let mut left: Vec<Vec<String>> = commands(&run(&["--help"]).0).into_iter().map(|name| vec![name]).collect();
    assert!(left.len() > 12, "{left:?}");
    while let Some(path) = left.pop() {
        let words: Vec<&str> = path.iter().map(String::as_str).chain(["--help"]).collect();
        let (help, code) = run(&words);
        let name = path.last().unwrap();
        let shown = help.split_once("\nExample").is_some_and(|(_, examples)| examples.contains(&format!(" {name}")));
        assert!(code == 0 && shown, "{path:?}: {help}");
        left.extend(commands(&help).into_iter().map(|child| [path.clone(), vec![child]].concat()));
    }
}

#[test]
fn a_key_goes_over_plain_http_to_this_machine_only_unless_told() {
    let scan =
        ["scan", "sentinel", "127.0.0.1", "--key", "cix_sk_x", "--retries", "0", "--server", "http://192.0.2.1:1"];
    let (error, code) = fail(&scan);
    assert!(code == 2 && error.contains("--insecure-http sends the key all the same"), "{error}");
    assert!(!error.contains("cix_sk_x"), "{error}");
}

#[test]
fn wrong_usage_exits_with_2() {
    let wrong: &[&[&str]] = &[
        &[],
        &["scam"],
        &["scan"],
        &["scan", "sentinel"],
        &["scan", "nessus", "127.0.0.1"],
        &["scan", "sentinel", "127.0.0.1", "--format", "xml"],
        &["scan", "sentinel", "127.0.0.1", "--fail-on", "awful"],
        &["scan", "sentinel", "127.0.0.1", "--timeout", "0"],
        &["scan", "sentinel", "127.0.0.1", "-o", "ports"],
        &["scan", "sentinel", "127.0.0.1", "-o", "noSuchOption=1"],
        &["scan", "sentinel", "127.0.0.1", "-o", "ports=99999"],
        &["scan", "sentinel", "http://127.0.0.1:1/", "-o", "ports=80"],
        &["scan", "sentinel", "a b"],
        &["scan", "sentinel", "--", "-oN"],
        &["import", "nmap"],
        &["import", "nmap", "/no/such/file"],
        &["import", "sentinel", "/dev/null"],
        &["import", "nmap", "/dev/null", "--target", "a b"],
        &["scan", "nikto", "127.0.0.1"],
        &["scan", "sqlmap", "http://127.0.0.1/"],
        &["scan", "wapiti", "http://127.0.0.1/", "--auth-file", "/no/such/file"],
        // Nothing is read from there.
        &["scan", "wapiti", "http://127.0.0.1/", "--auth-file", "-"],
        &["scan", "sentinel", "127.0.0.1", "--server", "127.0.0.1:8080"],
        &["errors", "NO_SUCH_CODE"],
        &["completions", "tcsh"],
        &["serve", "--listen", "nowhere"],
        &["serve", "--config", "/no/such/file"],
        &["serve", "--set", "no.such=1"],
        &["keys", "create", "x", "--scope", "everything"],
        &["users", "create", "ada@example.test"],
        &["users", "create", "ada@example.test", "--role", "king"],
        &["users", "create", "ada", "--role", "owner"],
        &["users", "create", "ada@example.test", "--role", "owner", "--ask-password"],
        // Nothing is read from there: a password that is empty.
        &["users", "create", "ada@example.test", "--role", "owner", "--password-stdin"],
    ];
    for args in wrong {
        let (text, code) = fail(args);
        assert_eq!(code, 2, "{args:?}: {text}");
    }
}

#[test]
fn a_file_of_credentials_that_cannot_be_used_is_not_repeated() {
    let dir = tempfile::tempdir().unwrap();
    let file = dir.path().join("auth.json");
    let path = file.to_str().unwrap();
    for (text, engine) in [
        (r#"{"headers": {"X-Token": "hush-hush"}}"#, "wapiti"),
        (r#"{"token": "hush-hush"}"#, "wapiti"),
        (r#"{"headers": [{"name": "Host", "value": "hush-hush"}]}"#, "wapiti"),
        (r#"{"headers": [{"name": "X-Token", "value": "hush-hush"}]}"#, "sentinel"),
    ] {
        std::fs::write(&file, text).unwrap();
        let (said, code) = fail(&["scan", engine, "http://127.0.0.1:1/", "--auth-file", path]);
        assert_eq!(code, 2, "{text}: {said}");
        assert!(said.contains("auth") && !said.contains("hush"), "{said}");
    }
}

#[test]
fn a_program_that_asks_for_json_reads_its_usage_error_on_stdout() {
    let wrong: &[&[&str]] = &[
        &["scam", "--format", "json"],
        &["scan", "--format=json"],
        &["scan", "sentinel", "127.0.0.1", "--format", "json", "--fail-on", "awful"],
        &["scan", "sentinel", "a b", "--format", "json"],
        &["errors", "NO_SUCH_CODE", "--format", "json"],
        &["engines", "--format", "json", "--server", "127.0.0.1:8080"],
        &["engines", "--format", "json", "--server", "https://127.0.0.1:1", "--ca-file", "/no/such/file"],
    ];
    for args in wrong {
        let (text, code) = run(args);
        let document = json(&text);
        assert_eq!((code, &document["schemaVersion"], &document["error"]["kind"]), (2, &1.into(), &"usage".into()));
        assert!(document["error"]["message"].as_str().unwrap().len() > 10, "{args:?}: {text}");
        assert!(!fail(args).0.is_empty(), "{args:?} says nothing to people");
    }
    for args in [&["scan", "sentinel", "--", "--format", "json"][..], &["scam"], &["errors", "--format", "xml"]] {
        assert_eq!(run(args), (String::new(), 2), "{args:?}");
    }
}

#[test]
fn plain_http_that_others_can_hear_is_refused_before_anything_is_made() {
    let dir = tempfile::tempdir().unwrap();
    let data = dir.path().join("data");
    let serve = ["serve", "--listen", "0.0.0.0:0", "--data-dir", data.to_str().unwrap()];
    let (text, code) = fail(&serve);
    assert_eq!(code, 2, "{text}");
    assert!(text.contains("--tls-cert") && text.contains("http.trusted_proxies"), "{text}");
    assert!(!data.exists());
    let (text, code) = fail(&[&serve[..], &["--tls-cert", "/no/cert.pem", "--tls-key", "/no/key.pem"]].concat());
    assert_eq!(code, 2, "{text}");
    assert!(text.contains("tls.cert: /no/cert.pem: No such file") && text.contains("tls.key: /no/key.pem"), "{text}");
}

#[test]
fn an_unknown_engine_option_lists_the_known_ones() {
    let (text, _) = fail(&["scan", "nmap", "127.0.0.1", "-o", "prots=80"]);
    assert!(text.contains("prots") && text.contains("ports, "), "{text}");
}

#[test]
fn long_help_of_scan_shows_the_options_of_each_engine_and_the_exit_codes() {
    let (text, _) = run(&["scan", "--help"]);
    for fact in ["Exit codes:", "  5  the server is unreachable", "  nmap:\n", "    ports (string", "Examples:"] {
        assert!(text.contains(fact), "{fact:?} is not in\n{text}");
    }
}

#[test]
fn every_setting_is_an_option_with_its_variable_and_default() {
    let (text, _) = run(&["serve", "--help"]);
    let text = text.split_whitespace().collect::<Vec<_>>().join(" ");
    for setting in scanyard_server::config::settings() {
        assert!(text.contains(&format!("--{} <VALUE>", setting.option)), "{}", setting.option);
        assert!(text.contains(&format!("[env: {}]", setting.env)), "{}", setting.env);
    }
    assert!(text.contains("[default: 127.0.0.1:8080] [env: SCANYARD_LISTEN]"));
}

#[test]
fn the_printed_config_is_the_default_file() {
    assert_eq!(run(&["serve", "--print-config"]).0, scanyard_server::config::DEFAULT_FILE);
}

#[test]
fn a_wrong_variable_is_named() {
    let output = scanyard(&["serve"]).env("SCANYARD_WORKER_LEASE_MS", "soon").output().unwrap();
    let text = String::from_utf8(output.stderr).unwrap();
    assert_eq!(output.status.code(), Some(2));
    assert!(text.contains("worker.lease_ms (from SCANYARD_WORKER_LEASE_MS): must be a whole number"), "{text}");
}

#[test]
fn errors_lists_every_code_and_explains_one() {
    let (list, _) = run(&["errors", "--format", "json"]);
    let list = json(&list);
    assert_eq!(list["schemaVersion"], 1);
    assert_eq!(list["errors"].as_array().unwrap().len(), scanyard_contract::Code::ALL.len());
    let (table, _) = run(&["errors"]);
    assert!(scanyard_contract::Code::ALL.iter().all(|code| table.contains(code.as_str())));
    let (page, code) = run(&["errors", "key_expired"]);
    assert_eq!(code, 0);
    for fact in ["401 KEY_EXPIRED: API key has expired", "expiresAt", "Causes:", "What to do:"] {
        assert!(page.contains(fact), "{fact}: {page}");
    }
}

#[test]
fn engines_lists_ten_of_which_sentinel_is_always_there() {
    let (text, code) = run(&["engines", "--format", "json"]);
    let engines = json(&text)["engines"].as_array().unwrap().clone();
    assert_eq!((code, engines.len()), (0, 10));
    let sentinel = engines.iter().find(|engine| engine["scanType"] == "sentinel").unwrap();
    assert_eq!(sentinel["available"], true);
}

#[test]
fn openapi_prints_a_document_of_the_api() {
    let (text, code) = run(&["openapi"]);
    let document = json(&text);
    assert_eq!((code, &document["openapi"]), (0, &"3.1.0".into()));
    assert!(document["paths"]["/scans"]["post"].is_object());
}

#[test]
fn completions_know_the_commands() {
    for shell in ["bash", "zsh", "fish"] {
        let (script, code) = run(&["completions", shell]);
        assert_eq!(code, 0);
        assert!(script.contains("completions") && script.contains("fail-on"), "{shell}");
    }
}

#[test]
fn a_reader_that_goes_away_is_no_error() {
    let mut process = std::process::Command::new(env!("CARGO_BIN_EXE_scanyard"))
        .args(["openapi"])
        .stdout(std::process::Stdio::piped())
        .spawn()
        .unwrap();
    drop(process.stdout.take());
    assert_eq!(process.wait().unwrap().code(), Some(0));
}
