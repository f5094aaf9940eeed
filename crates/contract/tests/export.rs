//! Exports: SARIF held against the schema of OASIS, and what a hostile report can do to the others.

use proptest::prelude::*;
use scanyard_contract::finding::{Confidence, Cvss, Summary};
use scanyard_contract::scan::{Coverage, Failure, FailureReason, Records, Results, ScanSource, ScanStatus, ScanType};
use scanyard_contract::{Export, ExportFormat, Finding, Location, Severity, Timestamp};
use serde_json::{Value, json};
use std::sync::LazyLock;

/// As the OASIS SARIF technical committee publishes it.
static SCHEMA: LazyLock<jsonschema::Validator> = LazyLock::new(|| {
    let mut schema: Value = serde_json::from_str(include_str!("samples/sarif-schema-2.1.0.json")).unwrap();
    // Its lone `]` is a fault to strict readers of patterns; an export states no language.
    let languages = ["/definitions/run/properties/language", "/definitions/toolComponent/properties/language"];
    for language in languages {
        schema.pointer_mut(language).unwrap().as_object_mut().unwrap().remove("pattern");
    }
    jsonschema::options().should_validate_formats(true).build(&schema).unwrap()
});

fn text(text: &str) -> Option<String> {
    Some(text.to_string())
}

fn findings() -> Vec<Finding> {
    let open_port = Finding {
        fingerprint: "sy1:1".into(),
        engine: "nmap".into(),
        rule_id: "open-port".into(),
        title: "Open port 6379/tcp (redis)".into(),
        location: Location {
            host: text("app.example.test"),
            ip: text("127.0.0.1"),
            port: Some(6379),
            protocol: text("tcp"),
            ..Location::default()
        },
        ..Finding::default()
    };
    let injection = Finding {
        fingerprint: "sy1:2".into(),
        engine: "sqlmap".into(),
        rule_id: "sql-injection".into(),
        title: "=cmd|' /C calc'!A0".into(),
        severity: Severity::Critical,
        confidence: Confidence::Confirmed,
        location: Location {
            url: text("http://[::1]:8080/a b/{id}?q=\"<x>\"#fr ag"),
            method: text("GET"),
            parameter: text("q"),
            ..Location::default()
        },
        evidence: text("<script>alert('x')</script>\n\"quoted\""),
        cve: vec!["CVE-2021-44228".into()],
        cwe: vec!["CWE-89".into()],
        cvss: Some(Cvss { score: 9.8, vector: None, version: text("3.1") }),
        epss: Some(0.5),
        remediation: text("Bind parameters."),
        references: vec!["javascript:alert(1)".into(), "https://example.test/a b".into()],
    };
    let package = Finding {
        fingerprint: "sy1:3".into(),
        engine: "trivy".into(),
        rule_id: "CVE-2020-1".into(),
        title: "@SUM(1)".into(),
        severity: Severity::Medium,
        location: Location {
            path: text("//C:/app/Gemfile lock"),
            line: Some(3),
            package: text("-rack"),
            version: text("1.0"),
            fixed_version: text("1.1"),
            ..Location::default()
        },
        cve: vec!["CVE-2020-1".into()],
        ..Finding::default()
    };
    vec![injection, package, open_port]
}

fn results(findings: &[Finding], failure: Option<Failure>) -> Results {
    Results {
        scan_id: uuid::Uuid::nil(),
        scan_type: ScanType::Nmap,
        source: ScanSource::Import,
        engine_version: text("7.93"),
        target: "app.example.test".into(),
        status: if failure.is_some() { ScanStatus::Failed } else { ScanStatus::Completed },
        partial: failure.is_some(),
        summary: Summary::of(findings),
        coverage: Coverage { hosts: 1, reached: 1 },
        records: Records { read: 3, kept: 3, ..Records::default() },
        findings: Vec::new(),
        failure,
        started_at: Some(Timestamp(1_772_791_200_000)),
        completed_at: Some(Timestamp(1_772_791_201_000)),
        duration_seconds: Some(1),
    }
}

fn export_of(format: ExportFormat, head: Results, findings: &[Finding]) -> String {
    let mut export = Export::new(format, head);
    let mut out = String::new();
    export.begin(&mut out);
    for finding in findings {
        export.finding(finding, &mut out);
    }
    export.end(&mut out);
    out
}

fn export(format: ExportFormat, findings: &[Finding]) -> String {
    export_of(format, results(findings, None), findings)
}

/// Reads SARIF that keeps the schema.
fn sarif(text: &str) -> Value {
    let value: Value = serde_json::from_str(text).unwrap();
    let faults: Vec<String> = SCHEMA.iter_errors(&value).map(|e| format!("{}: {e}", e.instance_path())).collect();
    assert!(faults.is_empty(), "{faults:#?}");
    value
}

#[test]
fn the_schema_refuses_what_is_not_sarif() {
    assert!(!SCHEMA.is_valid(&json!({"version": "2.1.0"})));
    let wrong = json!({"version": "2.1.0", "runs": [{"tool": {"driver": {"name": "x", "informationUri": "a b"}}}]});
    assert!(!SCHEMA.is_valid(&wrong), "formats count too");
}

#[test]
fn sarif_keeps_the_schema_and_says_where() {
    let run = &sarif(&export(ExportFormat::Sarif, &findings()))["runs"][0];
    let driver = &run["tool"]["driver"];
    assert_eq!((&driver["name"], &driver["version"]), (&json!("Nmap"), &json!("7.93")));
    let results = run["results"].as_array().unwrap();
    for (at, (result, finding)) in results.iter().zip(findings()).enumerate() {
        assert_eq!(result["ruleIndex"], at);
        assert_eq!(driver["rules"][at]["id"], finding.rule_id);
        assert_eq!(result["partialFingerprints"]["scanyard/v1"], finding.fingerprint);
    }
    let severities: Vec<&str> = driver["rules"]
        .as_array()
        .unwrap()
        .iter()
        .map(|r| r["properties"]["security-severity"].as_str().unwrap())
        .collect();
    assert_eq!(severities, ["9.8", "5.5", "0.0"]);
    assert_eq!(driver["rules"][0]["helpUri"], "https://example.test/a%20b");
    assert_eq!(driver["rules"][1]["helpUri"], "https://nvd.nist.gov/vuln/detail/CVE-2020-1");
    let place = |at: usize| &results[at]["locations"][0];
    assert_eq!(
        place(0)["physicalLocation"]["artifactLocation"]["uri"],
        "http://[::1]:8080/a%20b/%7Bid%7D?q=%22%3Cx%3E%22#fr%20ag"
    );
    assert_eq!(place(1)["physicalLocation"]["artifactLocation"]["uri"], "/C%3A/app/Gemfile%20lock");
    assert_eq!(place(1)["physicalLocation"]["region"]["startLine"], 3);
    assert_eq!(place(2)["logicalLocations"][0]["fullyQualifiedName"], "app.example.test:6379/tcp");
}

#[test]
fn sarif_of_a_failed_scan_says_why() {
    let failure = Failure { reason: FailureReason::ReportUnreadable, message: "no end".into(), last_lines: vec![] };
    let text = export_of(ExportFormat::Sarif, results(&[], Some(failure)), &[]);
    let invocation = sarif(&text)["runs"][0]["invocations"][0].clone();
    assert_eq!(invocation["executionSuccessful"], false);
    assert_eq!(invocation["toolExecutionNotifications"][0]["message"]["text"], "report_unreadable: no end");
}

#[test]
fn json_reads_back_as_results() {
    let read: Results = serde_json::from_str(&export(ExportFormat::Json, &findings())).unwrap();
    assert_eq!(read, Results { findings: findings(), ..results(&findings(), None) });
    let none: Results = serde_json::from_str(&export(ExportFormat::Json, &[])).unwrap();
    assert!(none.findings.is_empty());
}

/// The fields of a CSV text, by RFC 4180.
fn fields(text: &str) -> Vec<Vec<String>> {
    let (mut rows, mut row, mut rest) = (Vec::new(), Vec::new(), text);
    while !rest.is_empty() {
        rest = rest.strip_prefix('"').expect("every field is quoted");
        let mut field = String::new();
        loop {
            let (part, after) = rest.split_once('"').expect("an end");
            field.push_str(part);
            rest = after;
            match rest.strip_prefix('"') {
                Some(after) => (field, rest) = (field + "\"", after),
                None => break,
            }
        }
        row.push(field);
        rest = match rest.strip_prefix(',') {
            Some(after) => after,
            None => {
                rows.push(std::mem::take(&mut row));
                rest.strip_prefix("\r\n").expect("a line's end")
            }
        };
    }
    rows
}

#[test]
fn csv_is_guarded_against_formulas() {
    let rows = fields(&export(ExportFormat::Csv, &findings()));
    let column = |name: &str| rows[0].iter().position(|head| head == name).unwrap();
    assert_eq!(rows.len(), 4);
    assert_eq!(rows[1][column("title")], "'=cmd|' /C calc'!A0");
    assert_eq!(rows[1][column("evidence")], "<script>alert('x')</script>\n\"quoted\"");
    assert_eq!((rows[2][column("title")].as_str(), rows[2][column("package")].as_str()), ("'@SUM(1)", "'-rack"));
    assert_eq!(rows[3][column("port")], "6379");
    // A tab or a line break before a formula is a blank by then.
    let spaced = Finding { title: " =1+1".to_string(), ..Finding::default() };
    assert_eq!(fields(&export(ExportFormat::Csv, &[spaced]))[1][column("title")], "' =1+1");
}

#[test]
fn html_is_one_page_without_script() {
    let page = export(ExportFormat::Html, &findings());
    assert!(page.contains("&lt;script&gt;alert(&#39;x&#39;)&lt;/script&gt;"));
    assert!(!page.contains("<script") && !page.contains("href") && !page.contains("src="));
    assert!(page.contains("default-src 'none'; style-src 'sha256-"));
    assert!(page.contains("@media print"));
    for severity in ["critical", "high", "medium", "low", "info"] {
        assert!(page.contains(&format!("<th class=\"{severity}\">")), "{severity}");
    }
    assert!(export(ExportFormat::Html, &[]).contains("<p>None.</p>"));
}

proptest! {
    #[test]
    fn no_text_breaks_out_of_a_format(words in proptest::collection::vec("\\PC{0,12}|[<>&\"'=+@\t\r\n,\u{ff1d}-]{0,6}", 9), line: u32) {
        let mut next = words.into_iter();
        let mut word = || next.next().unwrap_or_default();
        let location = Location {
            host: Some(word()),
            url: Some(word()),
            path: Some(word()),
            parameter: Some(word()),
            line: Some(line % 100_000),
            ..Location::default()
        };
        let finding = Finding {
            title: word(),
            rule_id: word(),
            evidence: Some(word()),
            references: vec![word()],
            cwe: vec![word()],
            location: location.clone(),
            ..Finding::default()
        };
        let file = Finding { location: Location { host: None, url: None, ..location }, ..finding.clone() };
        let all = [finding, file];
        sarif(&export(ExportFormat::Sarif, &all));
        for row in fields(&export(ExportFormat::Csv, &all)) {
            prop_assert_eq!(row.len(), 26);
            let begins_a_formula = ['=', '+', '-', '@', '\t', '\r', '\n', '＝'];
            let is_formula = |field: &String| [field, field.trim_start()].iter().any(|text| text.starts_with(begins_a_formula));
            prop_assert!(!row.iter().any(is_formula));
        }
        let read: Results = serde_json::from_str(&export(ExportFormat::Json, &all)).unwrap();
        prop_assert_eq!(&read.findings, &all);
        // Of the tags, only the page's own are left.
        let tags = |text: &str| text.matches('<').count();
        let plain = [Finding::default(), Finding::default()].map(|plain| Finding {
            evidence: Some(String::new()), references: vec![String::new()], cwe: vec![String::new()], ..plain
        });
        prop_assert_eq!(tags(&export(ExportFormat::Html, &all)), tags(&export(ExportFormat::Html, &plain)));
    }
}
