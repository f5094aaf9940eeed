//! The options of an nmap scan: an allow-list, read from JSON, with the schema that documents it.

use crate::ports::{self, Ports};
use crate::values::{self, number};
use scanyard_contract::wire::Detail;
use serde_json::{Map, Value, json};

/// Options of an nmap scan.
#[derive(Debug, Clone, PartialEq)]
pub struct Options {
    /// The ports to scan; [`Options::profile`] decides where there are none.
    pub ports: Option<Ports>,
    pub profile: Profile,
    /// 0 (slowest) to 4.
    pub timing: u8,
    /// Whether open ports are asked what they are.
    pub service_detection: bool,
    pub scripts: Scripts,
    /// Packets a second.
    pub max_rate: Option<u16>,
    pub max_retries: u8,
    /// Whether hosts that do not answer a ping are left out.
    pub host_discovery: bool,
}

/// A set of ports by name.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Profile {
    /// The 100 most common ports.
    Quick,
    /// The 1,000 most common ports.
    Default,
    /// All 65,535.
    Full,
}

/// A set of nmap's scripts by name.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Scripts {
    None,
    /// Those that neither harm the target nor talk to anyone else.
    Safe,
}

const DEFAULT_TIMING: u8 = 3;
const MAX_RATE: u16 = 1000;
const DEFAULT_RETRIES: u8 = 2;
const MAX_RETRIES: u8 = 10;

impl Default for Options {
    fn default() -> Options {
        Options {
            ports: None,
            profile: Profile::Default,
            timing: DEFAULT_TIMING,
            service_detection: false,
            scripts: Scripts::None,
            max_rate: None,
            max_retries: DEFAULT_RETRIES,
            host_discovery: false,
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
            "ports" => {
                let text = value.as_str().ok_or("must be a string such as \"22,80,8000-8100\"")?;
                self.ports = Some(Ports::parse(text)?);
            }
            "profile" => {
                self.profile = match value.as_str() {
                    Some("quick") => Profile::Quick,
                    Some("default") => Profile::Default,
                    Some("full") => Profile::Full,
                    _ => return Err("must be one of quick, default, full".to_string()),
                }
            }
            "timing" => {
                self.timing = match value.as_str() {
                    Some("T0") => 0,
                    Some("T1") => 1,
                    Some("T2") => 2,
                    Some("T3") => 3,
                    Some("T4") => 4,
                    Some("T5") => return Err("must be one of T0 to T4: T5 loses answers".to_string()),
                    _ => return Err("must be one of T0, T1, T2, T3, T4".to_string()),
                }
            }
            "serviceDetection" => self.service_detection = boolean(value)?,
            "hostDiscovery" => self.host_discovery = boolean(value)?,
            "scripts" => {
                self.scripts = match value.as_str() {
                    Some("none") => Scripts::None,
                    Some("safe") => Scripts::Safe,
                    _ => return Err("must be one of none, safe".to_string()),
                }
            }
            "maxRate" => self.max_rate = Some(number(value, 1, u64::from(MAX_RATE))? as u16),
            "maxRetries" => self.max_retries = number(value, 0, u64::from(MAX_RETRIES))? as u8,
            _ => {
                return Err(format!("is not an option of nmap; it has {}", NAMES.join(", ")));
            }
        }
        Ok(())
    }

    /// JSON Schema of the options.
    pub fn schema() -> Value {
        json!({
            "type": "object",
            "additionalProperties": false,
            "properties": {
                "ports": {
                    "type": "string",
                    "description": "TCP ports: numbers from 1 to 65535, ranges with both ends, commas. Not together with `profile`.",
                    "pattern": ports::PATTERN,
                    "examples": ["1-1024", "22,80,443,8000-8100"]
                },
                "profile": {
                    "type": "string",
                    "description": "A set of ports: the 100 most common, the 1,000 most common, or all.",
                    "enum": ["quick", "default", "full"],
                    "default": "default"
                },
                "timing": {
                    "type": "string",
                    "description": "How hard to press: T0 and T1 take hours, T2 is polite, T4 suits a near network.",
                    "enum": ["T0", "T1", "T2", "T3", "T4"],
                    "default": format!("T{DEFAULT_TIMING}")
                },
                "serviceDetection": {
                    "type": "boolean",
                    "description": "Ask open ports which program and version answers.",
                    "default": false
                },
                "scripts": {
                    "type": "string",
                    "description": "nmap's scripts: none, or those that neither harm the target nor talk to third parties.",
                    "enum": ["none", "safe"],
                    "default": "none"
                },
                "maxRate": {
                    "type": "integer",
                    "description": "The most packets a second; as fast as `timing` allows when absent.",
                    "minimum": 1,
                    "maximum": MAX_RATE,
                    "examples": [500]
                },
                "maxRetries": {
                    "type": "integer",
                    "description": "How often a port that does not answer is asked again.",
                    "minimum": 0,
                    "maximum": MAX_RETRIES,
                    "default": DEFAULT_RETRIES
                },
                "hostDiscovery": {
                    "type": "boolean",
                    "description": "Leave out hosts that do not answer a ping; without it every address is scanned.",
                    "default": false
                }
            }
        })
    }
}

const NAMES: [&str; 8] =
    ["ports", "profile", "timing", "serviceDetection", "scripts", "maxRate", "maxRetries", "hostDiscovery"];

fn boolean(value: &Value) -> Result<bool, String> {
    value.as_bool().ok_or_else(|| "must be true or false".to_string())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parse(value: Value) -> Result<Options, Vec<(String, String)>> {
        let Value::Object(options) = value else { panic!("not an object") };
        let pair = |detail: Detail| (detail.field.unwrap(), detail.reason);
        Options::parse(&options).map_err(|faults| faults.into_iter().map(pair).collect())
    }

    #[test]
    fn every_option_is_read() {
        let options = parse(json!({
            "ports": "443,1-3", "timing": "T4", "serviceDetection": true, "scripts": "safe",
            "maxRate": 500, "maxRetries": 0, "hostDiscovery": true
        }));
        let expected = Options {
            ports: Some(Ports::parse("1-3,443").unwrap()),
            profile: Profile::Default,
            timing: 4,
            service_detection: true,
            scripts: Scripts::Safe,
            max_rate: Some(500),
            max_retries: 0,
            host_discovery: true,
        };
        assert_eq!(options, Ok(expected));
        assert_eq!(parse(json!({"profile": "full"})).unwrap().profile, Profile::Full);
        assert_eq!(parse(json!({})), Ok(Options::default()));
    }

    #[test]
    fn every_fault_is_named() {
        let faults = parse(json!({"ports": "99999", "timing": "T5", "maxRate": 0, "-oN": "/etc/passwd"})).unwrap_err();
        insta::assert_debug_snapshot!(faults, @r#"
    [
        (
            "options.-oN",
            "is not an option of nmap; it has ports, profile, timing, serviceDetection, scripts, maxRate, maxRetries, hostDiscovery",
        ),
        (
            "options.maxRate",
            "must be a whole number from 1 to 1000",
        ),
        (
            "options.ports",
            "port 99999 is outside 1 to 65535",
        ),
        (
            "options.timing",
            "must be one of T0 to T4: T5 loses answers",
        ),
    ]
    "#);
    }

    #[test]
    fn wrong_types_and_values_are_refused() {
        for bad in [
            json!({"ports": 80}),
            json!({"ports": "http"}),
            json!({"ports": "80 -oN x"}),
            json!({"ports": null}),
            json!({"profile": "all"}),
            json!({"ports": "80", "profile": "quick"}),
            json!({"timing": 3}),
            json!({"timing": "-T3"}),
            json!({"serviceDetection": "true"}),
            json!({"scripts": "/tmp/x.nse"}),
            json!({"scripts": "vuln"}),
            json!({"maxRate": 1001}),
            json!({"maxRate": -1}),
            json!({"maxRate": 1.5}),
            json!({"maxRetries": 11}),
            json!({"hostDiscovery": 1}),
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
            assert!(property["description"].is_string(), "{name}");
            for value in property.get("examples").into_iter().flat_map(|examples| examples.as_array().unwrap()) {
                parse(json!({name: value})).unwrap();
            }
            if let Some(default) = property.get("default") {
                assert_eq!(parse(json!({name: default})), Ok(Options::default()), "{name}");
            }
        }
    }
}
