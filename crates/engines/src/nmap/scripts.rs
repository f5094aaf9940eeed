//! What nmap's scripts say: vulnerabilities as their library writes them, a fixed table for the rest.

use super::findings::Statement;
use super::xml::{Script, Table};
use crate::ids::cves;
use crate::text::clean;
use scanyard_contract::finding::{Confidence, Severity};
use time::PrimitiveDateTime;
use time::macros::format_description;

/// The statements of one script, and how many of its records say nothing.
pub fn statements(script: &Script, now: i64) -> (Vec<Statement>, u64) {
    let vulnerabilities: Vec<&Table> =
        script.data.tables.iter().filter(|t| t.element("title").is_some() && t.element("state").is_some()).collect();
    if !vulnerabilities.is_empty() {
        let found: Vec<Statement> = vulnerabilities.iter().filter_map(|table| vulnerability(table)).collect();
        let dropped = (vulnerabilities.len() - found.len()) as u64;
        return (found, dropped);
    }
    let output = script.output.trim();
    if output.is_empty() || output.starts_with("ERROR:") {
        return (Vec::new(), 1);
    }
    let (title, severity, remediation) = rule(script, now);
    let statement = Statement {
        title,
        key: String::new(),
        severity,
        confidence: Confidence::High,
        evidence: output.to_string(),
        cve: cves(output),
        remediation,
        references: Vec::new(),
    };
    (vec![statement], 0)
}

/// Title, severity and remedy of a script that does not use the library.
fn rule(script: &Script, now: i64) -> (String, Severity, Option<&'static str>) {
    let output = script.output.as_str();
    let (title, severity, remedy) = match script.id.as_str() {
        "ssl-cert" if is_expired(&script.data, now) => {
            ("TLS certificate has expired", Severity::Medium, "Renew the certificate and automate its renewal.")
        }
        "ssl-enum-ciphers" if is_weak(&script.data) => (
            "Weak TLS ciphers are accepted",
            Severity::Medium,
            "Offer TLS 1.2 and 1.3 only, with authenticated ciphers and forward secrecy.",
        ),
        "http-trace" => ("HTTP method TRACE is enabled", Severity::Low, "Switch TRACE off in the web server."),
        "http-methods" if output.contains("Potentially risky methods") => {
            ("Risky HTTP methods are allowed", Severity::Low, "Allow only the methods that the application needs.")
        }
        "redis-info" if output.contains("Version:") => (
            "Redis answers without authentication",
            Severity::High,
            "Bind it to a private address, require a password, and close the port to others.",
        ),
        "http-git" => {
            ("Git repository is served over HTTP", Severity::Medium, "Remove the .git folder or deny access to it.")
        }
        "ftp-anon" => ("FTP accepts anonymous logins", Severity::Medium, "Switch anonymous logins off."),
        id => return (clean(id.as_bytes(), 100), Severity::Info, None),
    };
    (title.to_string(), severity, Some(remedy))
}

fn is_expired(data: &Table, now: i64) -> bool {
    let format = format_description!("[year]-[month]-[day]T[hour]:[minute]:[second]");
    let end = data.table("validity").and_then(|validity| validity.element("notAfter"));
    let end = end.and_then(|text| PrimitiveDateTime::parse(text.get(..19)?, format).ok());
    end.is_some_and(|end| end.assume_utc().unix_timestamp() < now)
}

fn is_weak(data: &Table) -> bool {
    matches!(data.element("least strength"), Some("C" | "D" | "E" | "F"))
}

/// One entry of nmap's vulnerability library; `None` when it says that there is nothing.
fn vulnerability(table: &Table) -> Option<Statement> {
    let title = table.element("title")?.to_string();
    let confidence = confidence(table.element("state")?)?;
    let mut evidence: Vec<&str> = vec![table.element("state")?];
    for key in ["description", "check_results", "extra_info"] {
        evidence.extend(table.texts(key));
    }
    let mut cve: Vec<String> = table.texts("ids").chain([table.key.as_str()]).flat_map(cves).collect();
    cve.sort_unstable();
    cve.dedup();
    // `NMAP-1` counts the entries of one run and may be another fault in the next; the title stays.
    let key = if table.key.starts_with("NMAP-") { title.clone() } else { table.key.clone() };
    Some(Statement {
        title,
        key,
        severity: severity(table),
        confidence,
        evidence: evidence.join("\n"),
        cve,
        remediation: None,
        references: table.texts("refs").map(|text| clean(text.as_bytes(), 500)).collect(),
    })
}

/// How sure a state is; `None` for one that claims no vulnerability.
fn confidence(state: &str) -> Option<Confidence> {
    if state.starts_with("VULNERABLE (Exploitable") {
        Some(Confidence::Confirmed)
    } else if state.starts_with("VULNERABLE") {
        Some(Confidence::High)
    } else if state.starts_with("LIKELY VULNERABLE") {
        Some(Confidence::Medium)
    } else {
        None
    }
}

/// By the script's own risk factor, else by its CVSS score, else medium.
fn severity(table: &Table) -> Severity {
    if let Some(risk) = table.element("risk_factor").and_then(|risk| risk.to_ascii_lowercase().parse().ok()) {
        return risk;
    }
    let scores = table.texts("scores").filter_map(|text| text.split([' ', '/']).next()?.parse::<f32>().ok());
    match scores.filter(|score| score.is_finite()).reduce(f32::max) {
        Some(9.0..) => Severity::Critical,
        Some(7.0..) => Severity::High,
        Some(4.0..) => Severity::Medium,
        Some(_) => Severity::Low,
        None => Severity::Medium,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn vulnerable(state: &str, elements: &[(&str, &str)], score: Option<&str>) -> Option<Statement> {
        let pair = |(key, text): &(&str, &str)| (key.to_string(), text.to_string());
        let mut table = Table { key: "CVE-2014-3566".to_string(), ..Table::default() };
        table.elements = [("title", "POODLE"), ("state", state)].iter().chain(elements).map(pair).collect();
        table.tables.extend(score.map(|score| Table {
            key: "scores".to_string(),
            elements: vec![("CVSSv2".to_string(), score.to_string())],
            ..Table::default()
        }));
        vulnerability(&table)
    }

    #[test]
    fn severity_comes_from_the_risk_factor_then_the_score() {
        let severity = |elements: &[_], score| vulnerable("VULNERABLE", elements, score).unwrap().severity;
        assert_eq!(severity(&[("risk_factor", "High")], Some("4.3 (MEDIUM)")), Severity::High);
        assert_eq!(severity(&[], Some("10.0 (HIGH) (AV:N)")), Severity::Critical);
        assert_eq!(severity(&[], Some("3.9")), Severity::Low);
        assert_eq!(severity(&[("risk_factor", "?")], None), Severity::Medium);
    }

    #[test]
    fn the_state_decides_how_sure_it_is() {
        let confidence = |state| vulnerable(state, &[], None).map(|statement| statement.confidence);
        assert_eq!(confidence("VULNERABLE (Exploitable)"), Some(Confidence::Confirmed));
        assert_eq!(confidence("VULNERABLE"), Some(Confidence::High));
        assert_eq!(confidence("LIKELY VULNERABLE"), Some(Confidence::Medium));
        assert_eq!(confidence("NOT VULNERABLE"), None);
        assert_eq!(confidence("UNKNOWN (unable to test)"), None);
    }
}
