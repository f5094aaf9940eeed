//! Prints `docs/SENTINEL.md` from the rules and the options. Pure; the file is somebody else's.

use super::Options;
use super::rules::RULES;
use serde_json::Value;

const HEAD: &str = "# Sentinel, the built-in engine

Printed from the engine's own tables; `make generated` prints it again.

Sentinel opens TCP connections to the addresses of the target and to nothing else, follows no redirect, sends no
credentials and changes nothing. It first finds the open ports, then asks each of the first 1,024 who speaks there:
a greeting, HTTP, TLS, Redis, memcached. Every wait has an end (25 s per port at most) and every read a cap. Values of
cookies and queries of URLs are not kept.

A host was reached when one of its ports accepted or refused a connection, a URL when it gave one HTTP answer. What was
not reached is a failed scan, never a clean one. The fingerprint of a finding is made of the rule, the target's name,
the port, and the path, cookie or header that it is about.
";

/// The page.
pub fn manual() -> String {
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
    page.push_str("\n## Rules\n\n| rule | severity | what | CWE | what to do |\n|---|---|---|---|---|\n");
    for rule in RULES {
        let row = [
            format!("[`{}`]({})", rule.id, rule.reference),
            rule.severity.as_str().to_string(),
            rule.title.to_string(),
            rule.cwe.join(", "),
            rule.remediation.to_string(),
        ];
        page.push_str(&format!("| {} |\n", row.join(" | ")));
    }
    page
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_printed_page_is_that_of_the_tables() {
        let path = concat!(env!("CARGO_MANIFEST_DIR"), "/../../docs/SENTINEL.md");
        let printed = std::fs::read_to_string(path).unwrap_or_default();
        assert!(printed == manual(), "docs/SENTINEL.md is stale; run `make generated`");
    }
}
