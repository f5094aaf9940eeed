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
