//! Prints `docs/SENTINEL.md` and a page per rule from the rules and the options. Pure; the files are somebody else's.

use super::Options;
use super::rules::{self, AREAS, Rule};
use serde_json::Value;

const HEAD: &str = "# Sentinel, the built-in engine

Printed from the engine's own tables; `make generated` prints it again.

Sentinel opens TCP connections to the addresses of the target and changes nothing there. It first finds the open ports,
then asks each of the first 1,024 who speaks there: a greeting, HTTP, TLS, and services that wait to be asked. Redirects
are followed to the same scheme, host and port alone, and so are up to 12 links of the start page, of which those with a
query are left out, for cookies, logins and listings. The one login that is tried is `anonymous`, at FTP servers. Every
wait has an end (40 s per port at most) and every read a cap; a port that was not asked everything, or that refused most,
has the finding `port-partly-checked`. Of an answer whose headers did not all come no header is said to be missing.
Values of cookies and of settings, and queries of URLs, are not kept.

When the target is a domain or a host name, DNS is asked as well, through `dns.servers`; the name servers of a domain are
asked for a zone transfer on TCP port 53 (or where `dns.servers` says that they listen), each only when the tenant's
policy lets its address be scanned. What had no answer or was not asked has the finding `dns-partly-checked`.

TLS versions and kinds of suites are asked for one at a time, with hand-made handshakes that end before any key is made.
Chains are held against the root certificates of the scanning machine.

A host was reached when one of its ports accepted or refused a connection, a URL when it gave one HTTP answer. What was
not reached is a failed scan, never a clean one. The fingerprint of a finding is made of the rule, the target's name,
the port, and the path, cookie, header or DNS record that it is about.
";

/// Every printed page, as its path inside `docs` and its text.
pub fn pages() -> Vec<(String, String)> {
    let of_rules = rules::all().map(|rule| (format!("sentinel/{}.md", rule.id), rule_page(rule)));
    std::iter::once(("SENTINEL.md".to_string(), index())).chain(of_rules).collect()
}

fn index() -> String {
    let mut page = format!("{HEAD}\n## Options\n\n| option | type | default | meaning |\n|---|---|---|---|\n");
    let schema = Options::schema();
    for (name, option) in schema["properties"].as_object().into_iter().flatten() {
        let text = |key: &str| match &option[key] {
            Value::Null => "none".to_string(),
            Value::String(text) => text.clone(),
            value => format!("`{value}`"),
        };
        page.push_str(&format!("| `{name}` | {} | {} | {} |\n", text("type"), text("default"), text("description")));
    }
    for (area, rules) in AREAS {
        page.push_str(&format!("\n## {area}\n\n| rule | severity | what |\n|---|---|---|\n"));
        for Rule { id, title, severity, .. } in *rules {
            page.push_str(&format!("| [`{id}`](sentinel/{id}.md) | {} | {title} |\n", severity.as_str()));
        }
    }
    page
}

fn rule_page(rule: &Rule) -> String {
    let Rule { id, title, severity, cwe, about, remediation, reference } = rule;
    let cwe: Vec<String> = cwe
        .iter()
        .map(|cwe| format!("[{cwe}](https://cwe.mitre.org/data/definitions/{}.html)", cwe.trim_start_matches("CWE-")))
        .collect();
    let cwe = if cwe.is_empty() { "none".to_string() } else { cwe.join(", ") };
    format!(
        "# {title}\n\nRule `{id}` of [sentinel](../SENTINEL.md), severity {}, CWE {cwe}.\n\n{about}\n\n\
         ## What to do\n\n{remediation}\n\nMore: <{reference}>\n",
        severity.as_str()
    )
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::BTreeSet;
    use std::path::Path;

    #[test]
    fn the_printed_pages_are_those_of_the_tables() {
        let docs = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../docs");
        for (path, text) in pages() {
            let printed = std::fs::read_to_string(docs.join(&path)).unwrap_or_default();
            assert!(printed == text, "docs/{path} is stale; run `make generated`");
        }
        let there = std::fs::read_dir(docs.join("sentinel")).unwrap();
        let there: BTreeSet<_> = there.map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect();
        let ours: BTreeSet<_> = rules::all().map(|rule| format!("{}.md", rule.id)).collect();
        assert_eq!(there, ours, "docs/sentinel has pages of no rule; run `make generated`");
    }
}
