//! What to export.

use super::check;
use crate::error::Error;
use serde::Serialize;
use serde_json::{Map, Value, json};

/// The severities of a finding.
const SEVERITIES: [&str; 5] = ["info", "low", "medium", "high", "critical"];
/// The states of a finding.
const STATES: [&str; 3] = ["open", "reopened", "fixed"];

/// An export of findings; what is `None` or empty is left to Tenable.
#[derive(Debug, Clone, Default)]
pub struct Vulns {
    /// Assets per chunk, 50 to 5000; Tenable's default is 500.
    pub num_assets: Option<u64>,
    pub include_unlicensed: Option<bool>,
    /// `info`, `low`, `medium`, `high`, `critical`.
    pub severity: Vec<String>,
    /// `open`, `reopened`, `fixed`.
    pub state: Vec<String>,
    /// Seconds since 1970: findings that changed after it.
    pub since: Option<i64>,
    /// Other filters by Tenable's names, such as `cidr_range` or `tag.Owner`.
    pub filters: Map<String, Value>,
}

/// An export of assets.
#[derive(Debug, Clone, Default)]
pub struct Assets {
    /// Assets per chunk, 100 to 10000.
    pub chunk_size: Option<u64>,
    /// Filters by Tenable's names, such as `last_assessed` or `sources`.
    pub filters: Map<String, Value>,
}

/// An export of compliance findings.
#[derive(Debug, Clone, Default)]
pub struct Compliance {
    /// Findings per chunk, 50 to 5000.
    pub num_findings: Option<u64>,
    /// UUIDs of the assets; empty: all.
    pub assets: Vec<String>,
    pub filters: Map<String, Value>,
}

/// What to export.
#[derive(Debug, Clone)]
pub enum What {
    Vulns(Vulns),
    Assets(Assets),
    Compliance(Compliance),
}

impl What {
    /// As it stands in the path and in errors.
    pub fn kind(&self) -> &'static str {
        match self {
            What::Vulns(_) => "vulns",
            What::Assets(_) => "assets",
            What::Compliance(_) => "compliance",
        }
    }

    /// The request's body; refuses what Tenable is known to refuse.
    pub fn body(&self) -> Result<Value, Error> {
        match self {
            What::Vulns(vulns) => vulns.body(),
            What::Assets(assets) => {
                // Tenable asks for it.
                let size = check::number("chunk_size", assets.chunk_size.unwrap_or(1000), 100..=10_000)?;
                Ok(json!({"chunk_size": size, "filters": assets.filters}))
            }
            What::Compliance(compliance) => {
                let mut body = Map::from_iter([("filters".to_string(), json!(compliance.filters))]);
                if let Some(count) = compliance.num_findings {
                    put(&mut body, "num_findings", check::number("num_findings", count, 50..=5000)?);
                }
                compliance.assets.iter().try_for_each(|asset| check::uuid("asset", asset))?;
                if !compliance.assets.is_empty() {
                    put(&mut body, "asset", &compliance.assets);
                }
                Ok(Value::Object(body))
            }
        }
    }
}

impl Vulns {
    fn body(&self) -> Result<Value, Error> {
        let mut filters = self.filters.clone();
        for (name, words, allowed) in
            [("severity", &self.severity, &SEVERITIES[..]), ("state", &self.state, &STATES[..])]
        {
            words.iter().try_for_each(|word| check::word(name, word, allowed))?;
            if !words.is_empty() {
                put(&mut filters, name, words);
            }
        }
        if let Some(since) = self.since {
            put(&mut filters, "since", since);
        }
        let mut body = Map::from_iter([("filters".to_string(), Value::Object(filters))]);
        if let Some(count) = self.num_assets {
            put(&mut body, "num_assets", check::number("num_assets", count, 50..=5000)?);
        }
        if let Some(include) = self.include_unlicensed {
            put(&mut body, "include_unlicensed", include);
        }
        Ok(Value::Object(body))
    }
}

fn put(map: &mut Map<String, Value>, name: &str, value: impl Serialize) {
    map.insert(name.to_string(), json!(value));
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn filters_are_sent_as_tenable_names_them() {
        let vulns = Vulns {
            num_assets: Some(50),
            severity: vec!["high".to_string()],
            since: Some(7),
            filters: Map::from_iter([("tag.Owner".to_string(), json!(["ops"]))]),
            ..Vulns::default()
        };
        let expected = json!({"num_assets": 50, "filters": {"severity": ["high"], "since": 7, "tag.Owner": ["ops"]}});
        assert_eq!(What::Vulns(vulns).body().unwrap(), expected);
    }

    #[test]
    fn what_tenable_would_refuse_is_refused_here() {
        let vulns = |num_assets, severity: &[&str]| {
            let severity = severity.iter().map(|word| word.to_string()).collect();
            What::Vulns(Vulns { num_assets, severity, ..Vulns::default() }).body()
        };
        assert!(vulns(Some(49), &[]).is_err() && vulns(Some(5001), &[]).is_err());
        let error = vulns(None, &["severe"]).unwrap_err();
        assert_eq!(error.to_string(), "severity is `severe`: allowed is one of info, low, medium, high, critical");
        let compliance = Compliance { assets: vec!["x".to_string()], ..Compliance::default() };
        assert_eq!(What::Compliance(compliance).body().unwrap_err().refused.clone().unwrap().name, "asset");
        let assets = Assets { chunk_size: Some(99), ..Assets::default() };
        assert!(What::Assets(assets).body().is_err());
    }
}
