//! A plan: which requests fail, how, and how often. TOML or JSON.

use super::exchange::Asked;
use anyhow::{Context, ensure};
use http::{HeaderName, HeaderValue};
use scanyard_contract::Contract;
use scanyard_contract::catalogue::rows_of;
use serde::Deserialize;
use serde_json::Value;
use std::collections::BTreeMap;
use std::path::Path;

/// The rules of a plan; the first that matches a request and is not used up decides.
#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Plan {
    #[serde(default)]
    pub rules: Vec<Rule>,
}

/// What happens to the requests that match, one step after the other; then nothing more, or all again.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Rule {
    #[serde(default, rename = "match")]
    pub matches: Match,
    pub then: Vec<Step>,
    /// Begins again after the last step.
    #[serde(default)]
    pub repeat: bool,
    /// How many requests have matched.
    #[serde(skip)]
    pub used: u64,
}

/// Which requests a rule is about; what is absent matches all.
#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Match {
    pub method: Option<String>,
    /// The path, in which `*` stands for any characters.
    pub path: Option<String>,
    /// The host, in the same way.
    pub host: Option<String>,
    /// A text that the body holds.
    pub body: Option<String>,
}

/// What one or several requests in a row get.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Step {
    /// The status; 200, and none at all, is the ordinary answer.
    pub status: Option<u16>,
    /// A code of the catalogue, such as `EDIT_LOCK_NOT_AVAILABLE`.
    pub code: Option<String>,
    #[serde(default = "once")]
    pub times: u64,
    /// Headers in place of the vendor's; an empty one is left out.
    #[serde(default)]
    pub headers: BTreeMap<String, String>,
    /// A body in place of the vendor's: a text as it is, anything else as JSON.
    pub body: Option<Value>,
    /// Milliseconds before the answer.
    #[serde(default)]
    pub delay_ms: u64,
    /// Breaks the connection off in place of an answer.
    #[serde(default)]
    pub drop: bool,
}

fn once() -> u64 {
    1
}

impl Plan {
    /// Reads a file: JSON when its name says so, else TOML.
    pub fn read(path: &Path, contract: Contract) -> anyhow::Result<Plan> {
        let text = std::fs::read_to_string(path).with_context(|| format!("reading the plan {}", path.display()))?;
        let is_json = path.extension().is_some_and(|extension| extension == "json");
        let plan: Plan = if is_json { serde_json::from_str(&text)? } else { toml::from_str(&text)? };
        plan.check(contract)?;
        Ok(plan)
    }

    /// Whether every rule can be carried out.
    pub fn check(&self, contract: Contract) -> anyhow::Result<()> {
        for (index, rule) in self.rules.iter().enumerate() {
            let place = || format!("rule {} of the plan", index + 1);
            ensure!(!rule.then.is_empty(), "{} has no steps", place());
            rule.then.iter().try_for_each(|step| step.check(contract)).with_context(place)?;
        }
        Ok(())
    }

    /// The step for a request, which counts as used with it.
    pub fn next(&mut self, asked: &Asked) -> Option<Step> {
        for rule in self.rules.iter_mut().filter(|rule| rule.matches.holds(asked)) {
            let total: u64 = rule.then.iter().map(|step| step.times).fold(0, u64::saturating_add);
            if rule.used >= total && !rule.repeat {
                continue;
            }
            let mut place = rule.used % total.max(1);
            rule.used += 1;
            for step in &rule.then {
                if place < step.times {
                    return Some(step.clone());
                }
                place -= step.times;
            }
        }
        None
    }
}

impl Step {
    fn check(&self, contract: Contract) -> anyhow::Result<()> {
        if let Some(status) = self.status {
            ensure!((100..=599).contains(&status), "{status} is no status");
        }
        if let Some(code) = &self.code {
            let is_known = rows_of(contract).any(|row| row.code == Some(code) || row.id() == *code)
                || code.parse().is_ok_and(|status: u16| (100..=599).contains(&status));
            ensure!(is_known, "the catalogue of {contract} has no code {code}");
        }
        ensure!(self.times > 0, "`times` is at least 1");
        for (name, value) in &self.headers {
            let is_header = HeaderName::try_from(name).is_ok() && HeaderValue::try_from(value).is_ok();
            ensure!(is_header, "{name}: {value} is no header");
        }
        Ok(())
    }
}

impl Match {
    fn holds(&self, asked: &Asked) -> bool {
        self.method.as_ref().is_none_or(|method| method.eq_ignore_ascii_case(&asked.method))
            && self.path.as_ref().is_none_or(|path| is_like(path, &asked.path))
            && self.host.as_ref().is_none_or(|host| is_like(host, &asked.host))
            && self.body.as_ref().is_none_or(|text| String::from_utf8_lossy(&asked.body).contains(text))
    }
}

/// Whether a text is like a pattern in which `*` stands for any characters.
fn is_like(pattern: &str, text: &str) -> bool {
    let mut parts = pattern.split('*');
    let first = parts.next().unwrap_or_default();
    let Some(mut rest) = text.strip_prefix(first) else { return false };
    let mut parts: Vec<&str> = parts.collect();
    let Some(last) = parts.pop() else { return rest.is_empty() };
    for part in parts {
        let Some(at) = rest.find(part) else { return false };
        rest = &rest[at + part.len()..];
    }
    rest.ends_with(last)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_star_stands_for_any_characters() {
        for (pattern, text, is) in [
            ("/vulns/export", "/vulns/export", true),
            ("/vulns/export", "/vulns/export/x", false),
            ("/vulns/export/*/status", "/vulns/export/abc/status", true),
            ("*", "", true),
            ("/a*b*c", "/axxbyyc", true),
            ("/a*b", "/a", false),
        ] {
            assert_eq!(is_like(pattern, text), is, "{pattern} {text}");
        }
    }

    #[test]
    fn a_plan_that_cannot_be_carried_out_says_which_rule_and_why() {
        let refused = |then: &str| {
            let plan: Plan =
                toml::from_str(&format!("[[rules]]\nthen = [{{ status = 429 }}]\n[[rules]]\nthen = [{then}]")).unwrap();
            plan.check(Contract::Zscaler).err().map(|error| format!("{error:#}"))
        };
        assert_eq!(
            refused("{ code = \"EDIT_LOCK_NOT_AVAILABLE\" }, { code = \"zscaler/zia/403\" }, { code = \"503\" }"),
            None
        );
        assert_eq!(refused("").unwrap(), "rule 2 of the plan has no steps");
        for (step, why) in [
            ("{ status = 4290 }", "4290 is no status"),
            ("{ code = \"NOPE\" }", "the catalogue of zscaler has no code NOPE"),
            ("{ times = 0 }", "`times` is at least 1"),
            ("{ headers = { \"a b\" = \"x\" } }", "a b: x is no header"),
        ] {
            assert_eq!(refused(step).unwrap(), format!("rule 2 of the plan: {why}"));
        }
    }

    #[test]
    fn the_steps_come_in_their_order_and_then_no_more() {
        let text = "[[rules]]\nmatch = { path = \"/x\" }\nthen = [{ status = 429, times = 2 }, { status = 200 }]";
        let mut plan: Plan = toml::from_str(text).unwrap();
        let asked = Asked {
            number: 1,
            method: "GET".into(),
            host: String::new(),
            path: "/x".into(),
            query: Vec::new(),
            headers: Default::default(),
            body: Vec::new(),
        };
        let mut next = || plan.next(&asked).map(|step| step.status.unwrap());
        assert_eq!([next(), next(), next(), next()], [Some(429), Some(429), Some(200), None]);
    }
}
