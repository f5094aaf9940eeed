//! Options of a sentinel scan: typed, an allow-list, with their JSON Schema.

use super::profiles::Profile;
use crate::Target;
use crate::ports::{self, Ports};
use crate::values;
use scanyard_contract::wire::Detail;
use serde_json::{Map, Value, json};
use std::time::Duration;

/// The ports of a scan that names none.
const DEFAULT_PROFILE: Profile = Profile::Quick;
const CONNECT_TIMEOUT_MS: u64 = 1500;
const CONNECT_TIMEOUT_RANGE_MS: (u64, u64) = (50, 30_000);
const MAX_RATE_RANGE: (u64, u64) = (1, 100_000);

/// What to look at behind an open port.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Check {
    /// What a service says of itself.
    Banners,
    /// TLS versions, ciphers and the certificate.
    Tls,
    /// HTTP headers, cookies, methods and directory listings.
    Http,
    /// Services that answer without a login.
    Services,
    /// Records of a domain, and whether its name servers give the zone away.
    Dns,
}

impl Check {
    const ALL: &'static [Check] = &[Check::Banners, Check::Tls, Check::Http, Check::Services, Check::Dns];

    fn as_str(self) -> &'static str {
        match self {
            Check::Banners => "banners",
            Check::Tls => "tls",
            Check::Http => "http",
            Check::Services => "services",
            Check::Dns => "dns",
        }
    }
}

/// Options of a sentinel scan.
#[derive(Debug, Clone, PartialEq)]
pub struct Options {
    /// Ports to scan; `None` scans those of the profile, or the port of a URL target.
    pub ports: Option<Ports>,
    pub profile: Option<Profile>,
    /// How long one connection may take to open.
    pub connect_timeout: Duration,
    /// The most connections that are begun per second by the port scan.
    pub max_rate: Option<u32>,
    pub checks: Vec<Check>,
}

impl Default for Options {
    fn default() -> Options {
        Options {
            ports: None,
            profile: None,
            connect_timeout: Duration::from_millis(CONNECT_TIMEOUT_MS),
            max_rate: None,
            checks: Check::ALL.to_vec(),
        }
    }
}

impl Options {
    /// Reads the options; every fault is named with its path under `options`.
    pub fn parse(options: &Map<String, Value>) -> Result<Options, Vec<Detail>> {
        values::read(options, Options::set, Some(["profile", "ports"]))
    }

    fn set(&mut self, name: &str, value: &Value) -> Result<(), String> {
        match name {
            "ports" => self.ports = Some(ports(value)?),
            "profile" => self.profile = Some(profile(value)?),
            "connectTimeoutMs" => {
                self.connect_timeout = Duration::from_millis(number(value, CONNECT_TIMEOUT_RANGE_MS)?);
            }
            "maxRate" => self.max_rate = u32::try_from(number(value, MAX_RATE_RANGE)?).ok(),
            "checks" => self.checks = checks(value)?,
            _ => {
                return Err(
                    "is no option of sentinel; it takes ports, profile, connectTimeoutMs, maxRate, checks".into()
                );
            }
        }
        Ok(())
    }

    /// JSON Schema of the options.
    pub fn schema() -> Value {
        let profiles = Profile::ALL.map(Profile::as_str);
        let [quick, wide, full] = Profile::ALL.map(|profile| profile.ports().count());
        let names: Vec<&str> = Check::ALL.iter().map(|check| check.as_str()).collect();
        json!({
            "type": "object",
            "additionalProperties": false,
            "properties": {
                "ports": {
                    "type": "string",
                    "description": "TCP ports: numbers and ranges from 1 to 65535, separated by commas. Without it, those of `profile`. A URL target is scanned on its own port only.",
                    "pattern": ports::PATTERN,
                    "examples": ["22,80,443,8000-8100", "1-65535"]
                },
                "profile": {
                    "type": "string",
                    "description": format!("Ports by name: `quick` {quick} common ones, `wide` {wide}, `full` all {full}. Does not go with `ports`."),
                    "enum": profiles,
                    "default": DEFAULT_PROFILE.as_str(),
                    "examples": ["full"]
                },
                "connectTimeoutMs": {
                    "type": "integer",
                    "description": "How long one connection may take to open, in milliseconds. Hosts that answer fast are given less.",
                    "minimum": CONNECT_TIMEOUT_RANGE_MS.0,
                    "maximum": CONNECT_TIMEOUT_RANGE_MS.1,
                    "default": CONNECT_TIMEOUT_MS,
                    "examples": [3000]
                },
                "maxRate": {
                    "type": "integer",
                    "description": "The most connections that the port scan begins per second. Without it, as many as the host keeps up with.",
                    "minimum": MAX_RATE_RANGE.0,
                    "maximum": MAX_RATE_RANGE.1,
                    "examples": [200]
                },
                "checks": {
                    "type": "array",
                    "description": "What to look at: behind open ports, and in DNS (`dns`) when the target is a domain. An empty list only finds open ports.",
                    "items": {"type": "string", "enum": names},
                    "uniqueItems": true,
                    "default": names,
                    "examples": [["tls", "http"]]
                }
            }
        })
    }

    /// Faults that only show beside a target: a URL names its own port.
    pub fn check_target(&self, target: &Target) -> Result<(), Vec<Detail>> {
        if let (Some(_), Some(port)) = (self.profile, target.port()) {
            let reason =
                format!("does not go with a URL target, which is scanned on its own port {port}; leave it out");
            return Err(vec![Detail::field("options.profile", reason)]);
        }
        match (&self.ports, target.port()) {
            (Some(ports), Some(port)) if *ports != Ports::of(&[port]) => Err(vec![Detail::field(
                "options.ports",
                format!("does not go with a URL target, which is scanned on its own port {port}; leave it out"),
            )]),
            (Some(_) | None, _) => Ok(()),
        }
    }

    /// The ports to scan of a target.
    pub fn ports_of(&self, target: &Target) -> Ports {
        match (target.port(), &self.ports) {
            (Some(port), _) => Ports::of(&[port]),
            (None, Some(ports)) => ports.clone(),
            (None, None) => self.profile.unwrap_or(DEFAULT_PROFILE).ports(),
        }
    }

    /// Whether a check is wanted.
    pub fn wants(&self, check: Check) -> bool {
        self.checks.contains(&check)
    }
}

fn ports(value: &Value) -> Result<Ports, String> {
    match value.as_str() {
        Some(text) => Ports::parse(text),
        None => Err("must be a string such as \"22,80,8000-8100\"".to_string()),
    }
}

fn profile(value: &Value) -> Result<Profile, String> {
    let found = Profile::ALL.into_iter().find(|profile| value.as_str() == Some(profile.as_str()));
    found.ok_or_else(|| "must be quick, wide or full".to_string())
}

fn number(value: &Value, (min, max): (u64, u64)) -> Result<u64, String> {
    values::number(value, min, max)
}

fn checks(value: &Value) -> Result<Vec<Check>, String> {
    let fault = || "must be a list of banners, tls, http, services, dns, each at most once".to_string();
    let mut checks = Vec::new();
    for item in value.as_array().ok_or_else(fault)? {
        let check = Check::ALL.iter().find(|check| item.as_str() == Some(check.as_str())).ok_or_else(fault)?;
        if checks.contains(check) {
            return Err(fault());
        }
        checks.push(*check);
    }
    Ok(checks)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parse(value: Value) -> Result<Options, Vec<Detail>> {
        Options::parse(value.as_object().unwrap())
    }

    #[test]
    fn no_options_are_the_defaults_of_the_schema() {
        let options = parse(json!({})).unwrap();
        let schema = Options::schema();
        let defaults = json!({
            "connectTimeoutMs": schema["properties"]["connectTimeoutMs"]["default"],
            "checks": schema["properties"]["checks"]["default"],
        });
        assert_eq!(parse(defaults).unwrap(), options);
        let target = Target::parse("127.0.0.1").unwrap();
        let named = parse(json!({"profile": schema["properties"]["profile"]["default"]})).unwrap();
        assert_eq!(options.ports_of(&target), named.ports_of(&target));
        assert_eq!(parse(json!({"profile": "full"})).unwrap().ports_of(&target).count(), 65_535);
    }

    #[test]
    fn every_example_of_the_schema_is_taken() {
        let schema = Options::schema();
        for (name, property) in schema["properties"].as_object().unwrap() {
            for example in property["examples"].as_array().unwrap() {
                assert!(parse(json!({ name: example })).is_ok(), "{name} {example}");
            }
        }
    }

    #[test]
    fn every_fault_is_named() {
        let faults = parse(json!({
            "ports": "99999", "connectTimeoutMs": 5, "maxRate": "fast", "checks": ["tls", "tls"], "script": "x",
        }))
        .unwrap_err();
        let fields: Vec<_> = faults.iter().filter_map(|fault| fault.field.as_deref()).collect();
        let expected = ["checks", "connectTimeoutMs", "maxRate", "ports", "script"].map(|f| format!("options.{f}"));
        assert_eq!(fields.len(), expected.len());
        assert!(expected.iter().all(|field| fields.contains(&field.as_str())), "{fields:?}");
        assert!(parse(json!({"ports": "80", "profile": "full"})).is_err());
        assert!(parse(json!({"profile": "top"})).is_err());
        assert!(parse(json!({"ports": 80})).is_err());
        assert!(parse(json!({"maxRate": -1})).is_err());
        assert!(parse(json!({"checks": "tls"})).is_err());
    }

    #[test]
    fn a_url_is_scanned_on_its_own_port() {
        let url = Target::parse("https://example.test/").unwrap();
        let options = parse(json!({"ports": "80"})).unwrap();
        assert_eq!(options.ports_of(&url), Ports::of(&[443]));
        assert!(options.check_target(&url).is_err());
        assert!(parse(json!({"profile": "full"})).unwrap().check_target(&url).is_err());
        assert!(options.check_target(&Target::parse("127.0.0.1").unwrap()).is_ok());
        assert!(parse(json!({"ports": "443"})).unwrap().check_target(&url).is_ok());
    }
}
