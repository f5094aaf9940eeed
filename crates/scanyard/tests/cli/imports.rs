//! Reports that were made elsewhere: read here, or into a scan of a server.

use crate::support::{Server, fail, json, run, scanyard};
use serde_json::Value;
use std::path::PathBuf;
use tempfile::TempDir;

/// A report of nmap: one open port and a certificate that has expired.
const REPORT: &str = "<nmaprun start='1772791200' version='7.93'><host><address addr='192.0.2.7' addrtype='ipv4'/>\
    <hostnames><hostname name='app.example.test' type='user'/></hostnames><ports><port protocol='tcp' portid='443'>\
    <state state='open' reason='syn-ack'/><service name='https'/><script id='ssl-cert' output='expired'><table key='validity'>\
    <elem key='notAfter'>2020-01-01T00:00:00</elem></table></script></port></ports></host>\
    <runstats><finished exit='success'/></runstats></nmaprun>";

fn file(text: &str) -> (TempDir, PathBuf) {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("report.xml");
    std::fs::write(&path, text).unwrap();
    (dir, path)
}

/// A report among those of the engines' own tests.
fn sample(name: &str) -> String {
    format!("{}/../engines/tests/samples/{name}", env!("CARGO_MANIFEST_DIR"))
}

fn rules(results: &Value) -> Vec<&str> {
    let findings = results["findings"].as_array().unwrap().iter();
    findings.map(|finding| finding["ruleId"].as_str().unwrap()).collect()
}

#[test]
fn a_report_is_read_without_a_server() {
    let (_dir, path) = file(REPORT);
    let path = path.to_str().unwrap();
    let (text, code) = run(&["import", "nmap", path, "--format", "json"]);
    let results = json(&text);
    assert_eq!((code, &results["status"], &results["source"]), (1, &"completed".into(), &"import".into()), "{text}");
    assert_eq!(results["target"], "app.example.test", "as the report names it");
    assert_eq!(rules(&results), ["ssl-cert", "open-port"]);
    let (text, code) = run(&["import", "nmap", path, "--target", "192.0.2.7", "--fail-on", "high", "--format", "json"]);
    assert_eq!((code, &json(&text)["target"]), (0, &"192.0.2.7".into()));
}

#[test]
fn a_report_comes_from_stdin_in_every_format() {
    let read = |format: &str| {
        let output = scanyard(&["import", "nmap", "-", "--format", format]).write_stdin(REPORT).output().unwrap();
        assert_eq!(output.status.code(), Some(1), "{format}");
        String::from_utf8(output.stdout).unwrap()
    };
    assert!(read("table").contains("records: 2 read") || read("table").contains("2 findings"));
    assert_eq!(json(&read("sarif"))["runs"][0]["results"].as_array().unwrap().len(), 2);
    assert_eq!(read("csv").matches("\r\n").count(), 3);
    assert!(read("html").ends_with("</html>\n"));
}

#[test]
fn what_is_no_whole_report_is_a_failure_and_never_clean() {
    let (_dir, path) = file(&REPORT[..REPORT.find("<script").unwrap()]);
    let (text, code) = run(&["import", "nmap", path.to_str().unwrap(), "--format", "json"]);
    let results = json(&text);
    assert_eq!((code, &results["failure"]["reason"]), (3, &"report_unreadable".into()));
    assert_eq!(rules(&results), ["open-port"], "what could be read of it");
    let (text, code) = fail(&["import", "nmap", path.to_str().unwrap(), "--format", "csv"]);
    assert!(code == 3 && text.contains("failed, 1 findings") && text.contains("report_unreadable:"), "{text}");
    let (_dir, path) = file("[]");
    let (text, code) =
        run(&["import", "nmap", path.to_str().unwrap(), "--target", "app.example.test", "--format", "json"]);
    assert_eq!((code, &json(&text)["failure"]["reason"]), (3, &"report_unreadable".into()));
    let (_dir, path) = file("");
    let (text, code) = fail(&["import", "nmap", path.to_str().unwrap()]);
    assert_eq!(code, 3, "{text}");
    assert!(text.contains("is empty"), "{text}");
}

#[test]
fn a_report_becomes_a_scan_of_the_server() {
    let server = Server::start();
    let (_dir, path) = file(REPORT);
    let args = ["import", "nmap", path.to_str().unwrap(), "--format", "json", "--server", &server.url];
    let output = scanyard(&args).env("SCANYARD_API_KEY", &server.key).output().unwrap();
    let results = json(&String::from_utf8(output.stdout).unwrap());
    assert_eq!((output.status.code(), &results["source"]), (Some(1), &"import".into()));
    assert_eq!(rules(&results), ["ssl-cert", "open-port"]);
    let cut = &REPORT[..REPORT.len() - 60];
    let args = ["import", "nmap", "-", "--format", "json", "--server", &server.url];
    let output = scanyard(&args).env("SCANYARD_API_KEY", &server.key).write_stdin(cut).output().unwrap();
    let results = json(&String::from_utf8(output.stdout).unwrap());
    assert_eq!((output.status.code(), &results["failure"]["reason"]), (Some(3), &"report_unreadable".into()));
}

#[test]
fn a_report_of_files_goes_by_a_path_that_need_not_be_there() {
    let path = sample("trivy/ran-fs.json");
    let import = |args: &[&str]| {
        let (text, code) = run(&[&["import", "trivy", &path, "--format", "json"], args].concat());
        let results = json(&text);
        assert_eq!((code, &results["status"]), (1, &"completed".into()), "{text}");
        results
    };
    assert_eq!(import(&[])["target"], "./scan", "as the report calls it");
    let named = import(&["--target", "./no/such/project"]);
    assert_eq!(named["target"], "./no/such/project");
    assert!(!rules(&named).is_empty());
    let (text, code) =
        run(&["import", "trivy", &path, "--target", "registry.example.test/app:1.0", "--format", "json"]);
    let message = "this report is of scan, not of registry.example.test/app:1.0";
    assert_eq!((code, &json(&text)["failure"]["message"]), (3, &message.into()));
}

#[test]
fn the_table_says_where_each_finding_of_files_is() {
    let (text, code) = run(&["import", "trivy", &sample("trivy/synthetic.json")]);
    assert_eq!(code, 1, "{text}");
    for place in [
        "config.env:3 ",
        "Dockerfile:1 ",
        "package-lock.json lodash 4.17.20 (fixed in 4.17.21)",
        "OS Packages alpine-baselayout ",
    ] {
        assert!(text.contains(&format!(" {place}")), "{place}: {text}");
    }
}

#[test]
fn an_import_takes_the_targets_that_a_scan_takes() {
    for (engine, report, target) in [
        ("wapiti", "wapiti/active.json", "127.0.0.0/24"),
        ("nmap", "nmap/services.xml", "http://127.0.0.1/"),
        ("nmap", "nmap/services.xml", "./project"),
        ("sublist3r", "sublist3r/unit-out.txt", "127.0.0.1"),
        ("trivy", "trivy/ran-fs.json", "http://127.0.0.1/"),
    ] {
        let (error, code) = fail(&["import", engine, &sample(report), "--target", target]);
        assert!(code == 2 && error.contains(&format!("the target {target} ")), "{engine} {target}: {code} {error}");
        assert!(error.contains(&format!("{engine} takes ")), "{error}");
    }
}

/// A report of every engine that has some, what it is of, and whether it says so itself.
const REPORTS: &[(&str, &str, &str, bool)] = &[
    ("nmap", "nmap/services.xml", "127.0.0.1", true),
    ("zap", "zap/report.json", "http://127.0.0.1:8081/", true),
    ("trivy", "trivy/synthetic.json", "./target", true),
    ("nuclei", "nuclei/synthetic.jsonl", "http://127.0.0.1:8081/", false),
    ("nikto", "nikto/old.xml", "http://127.0.0.1:8080/", true),
    ("sqlmap", "sqlmap/one.json", "http://127.0.0.1:8081/item?id=1", false),
    ("wapiti", "wapiti/active.json", "http://127.0.0.1:8081/", true),
    ("harvester", "harvester/newest.jsonl", "example.test", false),
    ("sublist3r", "sublist3r/unit-out.txt", "example.test", false),
];

#[test]
fn reports_of_every_engine_are_read_without_a_server() {
    let (help, _) = run(&["import", "--help"]);
    for (engine, report, target, is_named) in REPORTS {
        assert!(help.contains(engine), "{engine} is not in {help}");
        let path = sample(report);
        let read =
            |more: &[&str]| run(&[&["import", engine, &path, "--fail-on", "info", "--format", "json"], more].concat());
        let (text, code) = read(&["--target", target]);
        let results = json(&text);
        assert_eq!((code, &results["status"]), (1, &"completed".into()), "{engine}: {text}");
        assert_eq!((&results["target"], &results["source"]), (&(*target).into(), &"import".into()), "{engine}");
        assert!(!rules(&results).is_empty(), "{engine}");
        let (alone, code) = read(&[]);
        match is_named {
            true => assert_eq!((code, &json(&alone)["target"]), (1, &(*target).into()), "{engine}: {alone}"),
            false => assert!(code == 2 && alone.contains("give --target"), "{engine}: {alone}"),
        }
    }
    assert!(help.contains("[possible values: ") && !help.contains("sentinel"), "{help}");
    let (error, code) = fail(&["import", "sentinel", &sample("nmap/services.xml")]);
    assert!(code == 2 && error.contains("[possible values: nmap"), "{error}");
}

#[test]
fn what_is_no_report_says_so_before_a_target_is_asked_for() {
    let (_dir, path) = file("<nmaprun><scaninfo type='connect'/>");
    for (engine, message) in [
        ("nmap", "nmap's report has no end"),
        ("wapiti", "this is no JSON report of wapiti, or it was cut"),
        ("sqlmap", "this is neither a JSON report nor a log of sqlmap"),
    ] {
        let (error, code) = fail(&["import", engine, path.to_str().unwrap()]);
        assert!(code == 3 && error.contains(&format!("report.xml: {message}")), "{engine}: {code} {error}");
    }
    let (error, code) = fail(&["import", "sublist3r", &sample("sublist3r/unit-out.txt")]);
    assert!(code == 2 && error.contains("give --target"), "{error}");
}

#[test]
fn reports_of_every_engine_become_scans_of_the_server() {
    let server = Server::start();
    for (engine, report, target, _) in REPORTS {
        let args = ["import", engine, &sample(report), "--target", target, "--fail-on", "info", "--format", "json"];
        let output =
            scanyard(&args).args(["--server", &server.url]).env("SCANYARD_API_KEY", &server.key).output().unwrap();
        let results = json(&String::from_utf8(output.stdout).unwrap());
        assert_eq!((output.status.code(), &results["status"]), (Some(1), &"completed".into()), "{engine}: {results}");
        assert_eq!((&results["target"], &results["source"]), (&(*target).into(), &"import".into()), "{engine}");
        assert!(!rules(&results).is_empty(), "{engine}");
    }
}
