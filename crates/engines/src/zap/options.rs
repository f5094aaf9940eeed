//! The options of a ZAP scan: an allow-list, read from JSON, with the schema that documents it.

use crate::values::{self, number, paths, word};
use scanyard_contract::wire::Detail;
use serde_json::{Map, Value, json};

/// Options of a ZAP scan.
#[derive(Debug, Clone, PartialEq)]
pub struct Options {
    pub profile: Profile,
    /// How many payloads each rule of an active scan tries.
    pub intensity: Intensity,
    /// How many links deep the spider goes.
    pub depth: u8,
    /// How many pages below one page it takes; 0 is all.
    pub max_children: u16,
    /// Requests at the same time.
    pub threads: u8,
    /// Milliseconds between two requests of an active scan.
    pub delay_ms: u16,
    /// Paths that are left alone with all below them, such as that of the logout.
    pub exclude: Vec<String>,
}

/// What is done with the pages that the spider finds.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Profile {
    /// They are looked at.
    Passive,
    /// Their parameters are attacked too.
    Active,
}

/// How many payloads a rule tries.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Intensity {
    Low,
    Medium,
    High,
}

impl Intensity {
    /// ZAP's own word.
    pub fn as_str(self) -> &'static str {
        match self {
            Intensity::Low => "low",
            Intensity::Medium => "medium",
            Intensity::High => "high",
        }
    }
}

const PROFILES: &[(&str, Profile)] = &[("passive", Profile::Passive), ("active", Profile::Active)];
const INTENSITIES: &[(&str, Intensity)] =
    &[("low", Intensity::Low), ("medium", Intensity::Medium), ("high", Intensity::High)];
const DEFAULT_DEPTH: u8 = 5;
const MAX_DEPTH: u8 = 20;
const DEFAULT_CHILDREN: u16 = 20;
const MAX_CHILDREN: u16 = 1000;
const DEFAULT_THREADS: u8 = 2;
const MAX_THREADS: u8 = 8;
const MAX_DELAY_MS: u16 = 5000;
const NAMES: [&str; 7] = ["profile", "intensity", "depth", "maxChildren", "threads", "delayMs", "exclude"];

impl Default for Options {
    fn default() -> Options {
        Options {
            profile: Profile::Passive,
            intensity: Intensity::Low,
            depth: DEFAULT_DEPTH,
            max_children: DEFAULT_CHILDREN,
            threads: DEFAULT_THREADS,
            delay_ms: 0,
            exclude: Vec::new(),
        }
    }
}

impl Options {
    /// Reads the options; every fault is named with its path under `options`.
    pub fn parse(options: &Map<String, Value>) -> Result<Options, Vec<Detail>> {
        values::read(options, Options::set, None)
    }

    fn set(&mut self, name: &str, value: &Value) -> Result<(), String> {
        match name {
            "profile" => self.profile = word(value, PROFILES)?,
            "intensity" => self.intensity = word(value, INTENSITIES)?,
            "depth" => self.depth = number(value, 1, MAX_DEPTH.into())? as u8,
            "maxChildren" => self.max_children = number(value, 0, MAX_CHILDREN.into())? as u16,
            "threads" => self.threads = number(value, 1, MAX_THREADS.into())? as u8,
            "delayMs" => self.delay_ms = number(value, 0, MAX_DELAY_MS.into())? as u16,
            "exclude" => self.exclude = paths(value)?,
            _ => return Err(format!("is not an option of ZAP; it has {}", NAMES.join(", "))),
        }
        Ok(())
    }

    /// JSON Schema of the options.
    pub fn schema() -> Value {
        json!({
            "type": "object",
            "additionalProperties": false,
            "properties": {
                "profile": {
                    "type": "string",
                    "description": "Look at the pages that the spider finds, or attack their parameters too.",
                    "enum": ["passive", "active"],
                    "default": "passive"
                },
                "intensity": {
                    "type": "string",
                    "description": "How many payloads each rule of the profile `active` tries.",
                    "enum": ["low", "medium", "high"],
                    "default": "low"
                },
                "depth": {
                    "type": "integer",
                    "description": "How many links deep the spider goes.",
                    "minimum": 1,
                    "maximum": MAX_DEPTH,
                    "default": DEFAULT_DEPTH
                },
                "maxChildren": {
                    "type": "integer",
                    "description": "How many pages below one page it takes; 0 is all.",
                    "minimum": 0,
                    "maximum": MAX_CHILDREN,
                    "default": DEFAULT_CHILDREN
                },
                "threads": {
                    "type": "integer",
                    "description": "Requests at the same time.",
                    "minimum": 1,
                    "maximum": MAX_THREADS,
                    "default": DEFAULT_THREADS
                },
                "delayMs": {
                    "type": "integer",
                    "description": "Milliseconds between two requests of the profile `active`.",
                    "minimum": 0,
                    "maximum": MAX_DELAY_MS,
                    "default": 0
                },
                "exclude": {
                    "type": "array",
                    "description": "Paths that are left alone with all below them, such as that of the logout.",
                    "items": {"type": "string", "minLength": 1, "maxLength": 500, "pattern": "^/[!-~]*$"},
                    "maxItems": 20,
                    "examples": [["/logout"]]
                }
            }
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parse(value: Value) -> Result<Options, Vec<Detail>> {
        Options::parse(value.as_object().unwrap())
    }

    #[test]
    fn every_option_is_read() {
        let options = parse(json!({
            "profile": "active", "intensity": "high", "depth": 2, "maxChildren": 0, "threads": 1, "delayMs": 20,
            "exclude": ["/logout"]
        }));
        let expected = Options {
            profile: Profile::Active,
            intensity: Intensity::High,
            depth: 2,
            max_children: 0,
            threads: 1,
            delay_ms: 20,
            exclude: vec!["/logout".to_string()],
        };
        assert_eq!(options.unwrap(), expected);
        assert_eq!(parse(json!({})).unwrap(), Options::default());
    }

    #[test]
    fn wrong_values_and_other_options_are_refused() {
        for bad in [
            json!({"profile": "all"}),
            json!({"intensity": "insane"}),
            json!({"depth": 0}),
            json!({"threads": 9}),
            json!({"exclude": [".*"]}),
            json!({"script": "x"}),
            json!({"plan": {}}),
        ] {
            assert!(parse(bad.clone()).is_err(), "{bad}");
        }
    }

    #[test]
    fn the_schema_documents_every_option_and_its_default() {
        crate::values::assert_documented(&Options::schema(), &NAMES, |options| {
            parse(options.clone()).map(|read| read == Options::default()).map_err(|faults| format!("{faults:?}"))
        });
    }
}
