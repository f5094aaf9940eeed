//! The options of a nuclei scan: an allow-list, read from JSON, with the schema that documents it.

use crate::values::{self, names, number, words};
use scanyard_contract::Severity;
use scanyard_contract::wire::Detail;
use serde_json::{Map, Value, json};

/// Options of a nuclei scan.
#[derive(Debug, Clone, PartialEq)]
pub struct Options {
    pub profile: Profile,
    /// Templates of these severities only; [`Options::profile`] decides where there are none.
    pub severities: Vec<Severity>,
    /// What the templates speak; never code, JavaScript, a browser or files.
    pub protocols: Vec<Protocol>,
    /// Only templates with one of these tags, when there are any.
    pub tags: Vec<String>,
    /// No template with one of these tags, besides those that are always left out.
    pub exclude_tags: Vec<String>,
    /// Only these templates, when there are any.
    pub template_ids: Vec<String>,
    /// Requests a second.
    pub max_rate: u8,
    /// Templates at the same time.
    pub concurrency: u8,
}

/// A set of templates by name.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Profile {
    /// Severities high and critical.
    Quick,
    /// Low and above.
    Default,
    /// All, those without a known severity too.
    Full,
}

/// What a template speaks.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Protocol {
    Http,
    Ssl,
    Tcp,
}

impl Protocol {
    /// nuclei's own word.
    pub fn as_str(self) -> &'static str {
        match self {
            Protocol::Http => "http",
            Protocol::Ssl => "ssl",
            Protocol::Tcp => "tcp",
        }
    }
}

const PROTOCOLS: &[(&str, Protocol)] = &[("http", Protocol::Http), ("ssl", Protocol::Ssl), ("tcp", Protocol::Tcp)];
const SEVERITIES: &[(&str, Severity)] = &[
    ("info", Severity::Info),
    ("low", Severity::Low),
    ("medium", Severity::Medium),
    ("high", Severity::High),
    ("critical", Severity::Critical),
];
const MAX_RATE: u8 = 150;
const DEFAULT_RATE: u8 = 50;
const MAX_CONCURRENCY: u8 = 25;
const DEFAULT_CONCURRENCY: u8 = 10;

impl Default for Options {
    fn default() -> Options {
        Options {
            profile: Profile::Default,
            severities: Vec::new(),
            protocols: PROTOCOLS.iter().map(|(_, protocol)| *protocol).collect(),
            tags: Vec::new(),
            exclude_tags: Vec::new(),
            template_ids: Vec::new(),
            max_rate: DEFAULT_RATE,
            concurrency: DEFAULT_CONCURRENCY,
        }
    }
}

impl Options {
    /// Reads the options; every fault is named with its path under `options`.
    pub fn parse(options: &Map<String, Value>) -> Result<Options, Vec<Detail>> {
        values::read(options, Options::set, Some(["profile", "severities"]))
    }

    fn set(&mut self, name: &str, value: &Value) -> Result<(), String> {
        match name {
            "profile" => {
                self.profile = match value.as_str() {
                    Some("quick") => Profile::Quick,
                    Some("default") => Profile::Default,
                    Some("full") => Profile::Full,
                    _ => return Err("must be one of quick, default, full".to_string()),
                }
            }
            "severities" => self.severities = words(value, SEVERITIES)?,
            "protocols" => self.protocols = words(value, PROTOCOLS)?,
            "tags" => self.tags = names(value)?,
            "excludeTags" => self.exclude_tags = names(value)?,
            "templateIds" => self.template_ids = names(value)?,
            "maxRate" => self.max_rate = number(value, 1, u64::from(MAX_RATE))? as u8,
            "concurrency" => self.concurrency = number(value, 1, u64::from(MAX_CONCURRENCY))? as u8,
            _ => return Err(format!("is not an option of nuclei; it has {}", NAMES.join(", "))),
        }
        Ok(())
    }

    /// JSON Schema of the options.
    pub fn schema() -> Value {
        let names = json!({"type": "string", "pattern": "^[A-Za-z0-9][A-Za-z0-9_-]{0,63}$"});
        json!({
            "type": "object",
            "additionalProperties": false,
            "properties": {
                "profile": {
                    "type": "string",
                    "description": "Templates by severity: high and critical, low and above, or all.",
                    "enum": ["quick", "default", "full"],
                    "default": "default"
                },
                "severities": {
                    "type": "array",
                    "description": "Templates of these severities only. Not together with `profile`.",
                    "items": {"type": "string", "enum": ["info", "low", "medium", "high", "critical"]},
                    "minItems": 1,
                    "examples": [["high", "critical"]]
                },
                "protocols": {
                    "type": "array",
                    "description": "What the templates speak. Those that run code, a browser or look-ups of their own are never run.",
                    "items": {"type": "string", "enum": ["http", "ssl", "tcp"]},
                    "minItems": 1,
                    "default": ["http", "ssl", "tcp"]
                },
                "tags": {
                    "type": "array",
                    "description": "Only templates with one of these tags.",
                    "items": names,
                    "minItems": 1,
                    "maxItems": 50,
                    "examples": [["exposure", "misconfig"]]
                },
                "excludeTags": {
                    "type": "array",
                    "description": "No template with one of these tags; dos, fuzz, intrusive, bruteforce and oast are always left out.",
                    "items": names,
                    "minItems": 1,
                    "maxItems": 50,
                    "examples": [["wordpress"]]
                },
                "templateIds": {
                    "type": "array",
                    "description": "Only the templates with these ids.",
                    "items": names,
                    "minItems": 1,
                    "maxItems": 50,
                    "examples": [["git-config", "CVE-2021-44228"]]
                },
                "maxRate": {
                    "type": "integer",
                    "description": "The most requests a second.",
                    "minimum": 1,
                    "maximum": MAX_RATE,
                    "default": DEFAULT_RATE
                },
                "concurrency": {
                    "type": "integer",
                    "description": "Templates that run at the same time.",
                    "minimum": 1,
                    "maximum": MAX_CONCURRENCY,
                    "default": DEFAULT_CONCURRENCY
                }
            }
        })
    }
}

const NAMES: [&str; 8] =
    ["profile", "severities", "protocols", "tags", "excludeTags", "templateIds", "maxRate", "concurrency"];

#[cfg(test)]
mod tests {
    use super::*;

    fn parse(value: Value) -> Result<Options, Vec<String>> {
        let Value::Object(options) = value else { panic!("not an object") };
        let field = |detail: Detail| detail.field.unwrap();
        Options::parse(&options).map_err(|faults| faults.into_iter().map(field).collect())
    }

    #[test]
    fn every_option_is_read() {
        let options = parse(json!({
            "severities": ["critical", "high"], "protocols": ["http"], "tags": ["cve"], "excludeTags": ["wordpress"],
            "templateIds": ["CVE-2021-44228"], "maxRate": 150, "concurrency": 1
        }));
        let expected = Options {
            profile: Profile::Default,
            severities: vec![Severity::High, Severity::Critical],
            protocols: vec![Protocol::Http],
            tags: vec!["cve".into()],
            exclude_tags: vec!["wordpress".into()],
            template_ids: vec!["CVE-2021-44228".into()],
            max_rate: 150,
            concurrency: 1,
        };
        assert_eq!(options, Ok(expected));
        assert_eq!(parse(json!({"profile": "full"})).unwrap().profile, Profile::Full);
    }

    #[test]
    fn what_nuclei_must_never_be_told_is_refused() {
        for bad in [
            json!({"protocols": ["code"]}),
            json!({"protocols": ["javascript"]}),
            json!({"protocols": ["headless", "http"]}),
            json!({"protocols": []}),
            json!({"tags": ["-code"]}),
            json!({"tags": ["../../etc/passwd"]}),
            json!({"tags": ["a,b"]}),
            json!({"tags": "cve"}),
            json!({"templateIds": ["/tmp/own.yaml"]}),
            json!({"severities": ["unknown"]}),
            json!({"maxRate": 0}),
            json!({"maxRate": 151}),
            json!({"concurrency": 26}),
            json!({"profile": "all"}),
            json!({"templates": "/tmp"}),
            json!({"headers": ["X: y"]}),
            json!({"profile": "quick", "severities": ["low"]}),
        ] {
            assert!(parse(bad.clone()).is_err(), "{bad}");
        }
    }

    #[test]
    fn the_schema_documents_every_option_and_its_default() {
        let schema = Options::schema();
        let properties = schema["properties"].as_object().unwrap();
        let mut names = NAMES;
        names.sort_unstable();
        assert!(properties.keys().eq(names.iter()), "{:?}", properties.keys());
        for (name, property) in properties {
            for value in property.get("examples").into_iter().flat_map(|examples| examples.as_array().unwrap()) {
                parse(json!({name: value})).unwrap();
            }
            if let Some(default) = property.get("default") {
                assert_eq!(parse(json!({name: default})), Ok(Options::default()), "{name}");
            }
        }
    }
}
