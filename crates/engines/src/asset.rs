//! What engines find that ask others about a domain: assets, not faults. Nobody has checked that they are there, nor
//! that they may be scanned.

use crate::Target;
use crate::fingerprint::fingerprint;
use crate::text::clean;
use scanyard_contract::finding::{Confidence, Finding, Location, Severity};

/// The longest name, in bytes.
const MAX_NAME: usize = 253;

/// Why a name of another domain is left out.
pub const OUTSIDE: &str = "not below the domain";

/// Reads a name that stands in a report: in lower case, without a wildcard's label; none when it is no host name.
pub fn host_name(text: &str) -> Option<String> {
    let text = text.trim();
    if text.len() > MAX_NAME + 2 {
        return None;
    }
    Target::parse(text.strip_prefix("*.").unwrap_or(text)).ok()?.into_host_name()
}

/// Whether a name is the domain or lies below it.
pub fn is_within(name: &str, domain: &str) -> bool {
    name.strip_suffix(domain).is_some_and(|rest| rest.is_empty() || rest.ends_with('.'))
}

/// An asset as a finding. `engine` and `rule` are words of ours; `value` is the asset, normalised.
pub fn finding(engine: &str, rule: &str, title: &str, value: &str) -> Finding {
    let value = clean(value.as_bytes(), 300);
    Finding {
        fingerprint: fingerprint(&[engine, rule, &value]),
        engine: engine.to_string(),
        rule_id: rule.to_string(),
        title: format!("{title}: {value}"),
        severity: Severity::Info,
        confidence: Confidence::Low,
        location: Location { host: Some(value), ..Location::default() },
        ..Finding::default()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_read_as_names_alone() {
        assert_eq!(host_name(" *.API.Example.test \r"), Some("api.example.test".into()));
        for bad in ["", "127.0.0.1", "a b", "-x.example.test", "http://a.example.test/", "a@example.test", "<b>"] {
            assert_eq!(host_name(bad), None, "{bad}");
        }
    }

    #[test]
    fn a_name_that_only_ends_like_the_domain_is_outside() {
        assert!(is_within("a.example.test", "example.test") && is_within("example.test", "example.test"));
        assert!(!is_within("anexample.test", "example.test") && !is_within("example.test", "a.example.test"));
    }
}
