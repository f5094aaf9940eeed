//! A page for people, to read and to print: one file without script, every text escaped.

use crate::Finding;
use crate::finding::Severity;
use crate::scan::{Records, Results};

/// The page's only style; the policy below names its hash, and nothing else may run or load.
const STYLE: &str = include_str!("style.css");
/// SHA-256 of [`STYLE`] as a content security policy has it; a test of the server computes it again.
const STYLE_HASH: &str = "sha256-EaD/zIbRG41pmZW28yYAz5EWmknPnfBJFxIytP4mgsE=";

pub fn begin(head: &Results, out: &mut String) {
    let title = format!("{} scan of {}", head.scan_type, escape(&head.target));
    out.push_str(&format!(
        "<!DOCTYPE html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\">\n\
         <meta http-equiv=\"Content-Security-Policy\" content=\"default-src 'none'; style-src '{STYLE_HASH}'\">\n\
         <meta name=\"referrer\" content=\"no-referrer\">\n\
         <meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">\n\
         <title>{title}</title>\n<style>{STYLE}</style>\n</head>\n<body>\n<h1>{title}</h1>\n"
    ));
    facts(head, out);
    summary(head, out);
    out.push_str("<h2>Findings</h2>\n");
}

/// What the scan was and how it ended.
fn facts(head: &Results, out: &mut String) {
    out.push_str("<table>\n");
    let mut fact = |name: &str, value: String| {
        out.push_str(&format!("<tr><th>{name}</th><td>{}</td></tr>\n", escape(&value)));
    };
    fact("Scan", head.scan_id.to_string());
    let partial = if head.partial { ", partial: there may be more to find" } else { "" };
    fact("Status", format!("{}{partial}", head.status));
    if let Some(failure) = &head.failure {
        fact("Failure", format!("{}: {}", failure.reason, failure.message));
    }
    fact("Engine", format!("{} {}", head.scan_type, head.engine_version.as_deref().unwrap_or_default()));
    fact("Source", head.source.to_string());
    for (name, at) in [("Started", head.started_at), ("Ended", head.completed_at)] {
        if let Some(at) = at {
            fact(name, at.to_string());
        }
    }
    fact("Reached", format!("{} of {} hosts", head.coverage.reached, head.coverage.hosts));
    let Records { read, kept, merged, dropped } = &head.records;
    let dropped: Vec<String> = dropped.iter().map(|(reason, count)| format!(", {count} dropped ({reason})")).collect();
    fact("Records", format!("{read} read, {kept} kept, {merged} merged{}", dropped.concat()));
    out.push_str("</table>\n");
}

fn summary(head: &Results, out: &mut String) {
    out.push_str("<h2>Summary</h2>\n<table>\n<tr>");
    for severity in Severity::WORST_FIRST {
        out.push_str(&format!("<th class=\"{0}\">{0}</th>", severity.as_str()));
    }
    out.push_str("<th>total</th></tr>\n<tr>");
    let counts = &head.summary;
    for count in [counts.critical, counts.high, counts.medium, counts.low, counts.info, counts.total] {
        out.push_str(&format!("<td>{count}</td>"));
    }
    out.push_str("</tr>\n</table>\n");
}

pub fn finding(finding: &Finding, out: &mut String) {
    let severity = finding.severity.as_str();
    out.push_str(&format!(
        "<section class=\"finding\">\n<h3><span class=\"{severity}\">{severity}</span> {}</h3>\n<p class=\"where\">{}</p>\n",
        escape(&finding.title),
        escape(&finding.location.to_string()),
    ));
    if let Some(evidence) = &finding.evidence {
        out.push_str(&format!("<pre>{}</pre>\n", escape(evidence)));
    }
    if let Some(remediation) = &finding.remediation {
        out.push_str(&format!("<p>{}</p>\n", escape(remediation)));
    }
    let mut notes = vec![format!("{} {}", finding.engine, finding.rule_id)];
    notes.extend(finding.cve.iter().chain(&finding.cwe).cloned());
    notes.extend(finding.cvss.as_ref().map(|cvss| format!("CVSS {}", cvss.score)));
    // As text: a link of a hostile report is nothing to click on by mistake.
    notes.extend(finding.references.iter().cloned());
    notes.push(finding.fingerprint.clone());
    out.push_str("<ul>");
    for note in notes {
        out.push_str(&format!("<li>{}</li>", escape(&note)));
    }
    out.push_str("</ul>\n</section>\n");
}

pub fn end(head: &Results, written: u64, out: &mut String) {
    if written == 0 {
        let nothing = if head.partial { "None was found before the scan ended." } else { "None." };
        out.push_str(&format!("<p>{nothing}</p>\n"));
    }
    out.push_str("</body>\n</html>\n");
}

/// A text as HTML, in an element or a quoted attribute.
fn escape(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for c in text.chars() {
        match c {
            '&' => out.push_str("&amp;"),
            '<' => out.push_str("&lt;"),
            '>' => out.push_str("&gt;"),
            '"' => out.push_str("&quot;"),
            '\'' => out.push_str("&#39;"),
            c => out.push(c),
        }
    }
    out
}
