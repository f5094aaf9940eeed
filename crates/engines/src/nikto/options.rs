//! The options of a nikto scan: an allow-list, read from JSON, with the schema that documents it.

use crate::values::{self, number, word};
use scanyard_contract::wire::Detail;
use serde_json::{Map, Value, json};

/// Options of a nikto scan.
#[derive(Debug, Clone, PartialEq)]
pub struct Options {
    pub profile: Profile,
    /// Seconds between two requests.
    pub pause: u8,
    /// Seconds after which nikto gives up on a request.
    pub request_timeout: u8,
}

/// Which checks run, by name.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Profile {
    /// Interesting files, misconfiguration, disclosure, and what software is there.
    Light,
    /// All of nikto's checks but denial of service.
    Normal,
}

const PROFILES: &[(&str, Profile)] = &[("light", Profile::Light), ("normal", Profile::Normal)];
const MAX_PAUSE: u8 = 10;
const DEFAULT_REQUEST_TIMEOUT: u8 = 10;
const MAX_REQUEST_TIMEOUT: u8 = 60;
const NAMES: [&str; 3] = ["profile", "pause", "requestTimeout"];

impl Default for Options {
    fn default() -> Options {
        Options { profile: Profile::Normal, pause: 0, request_timeout: DEFAULT_REQUEST_TIMEOUT }
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
            "pause" => self.pause = number(value, 0, MAX_PAUSE.into())? as u8,
            "requestTimeout" => self.request_timeout = number(value, 1, MAX_REQUEST_TIMEOUT.into())? as u8,
            _ => return Err(format!("is not an option of nikto; it has {}", NAMES.join(", "))),
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
                    "description": "Which checks: files, misconfiguration, disclosure and software only, or all but denial of service.",
                    "enum": ["light", "normal"],
                    "default": "normal"
                },
                "pause": {
                    "type": "integer",
                    "description": "Seconds between two requests; there are some thousands of them.",
                    "minimum": 0,
                    "maximum": MAX_PAUSE,
                    "default": 0
                },
                "requestTimeout": {
                    "type": "integer",
                    "description": "Seconds after which one request is given up.",
                    "minimum": 1,
                    "maximum": MAX_REQUEST_TIMEOUT,
                    "default": DEFAULT_REQUEST_TIMEOUT
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
        let options = parse(json!({"profile": "light", "pause": 2, "requestTimeout": 5})).unwrap();
        assert_eq!(options, Options { profile: Profile::Light, pause: 2, request_timeout: 5 });
        assert_eq!(parse(json!({})).unwrap(), Options::default());
    }

    #[test]
    fn wrong_values_and_other_options_are_refused() {
        for bad in [
            json!({"profile": "6"}),
            json!({"pause": 11}),
            json!({"pause": 0.5}),
            json!({"requestTimeout": 0}),
            json!({"plugins": "put_del_test"}),
            json!({"tuning": "6"}),
            json!({"-Save": "/etc"}),
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
