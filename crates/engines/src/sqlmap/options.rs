//! The options of a sqlmap scan: an allow-list, read from JSON, with the schema that documents it. sqlmap can do far more
//! than detect, and none of that is here.

use crate::Target;
use crate::values::{self, number, words};
use scanyard_contract::wire::Detail;
use serde_json::{Map, Value, json};

/// Options of a sqlmap scan.
#[derive(Debug, Clone, PartialEq)]
pub struct Options {
    /// How many payloads, 1 to 3; from 2 on cookies are tested too, from 3 on two headers.
    pub level: u8,
    pub techniques: Vec<Technique>,
    /// The one parameter to test; all of them when absent.
    pub parameter: Option<String>,
    /// A form's fields, which makes the request a POST.
    pub data: Option<String>,
    /// How many links deep to look for parameters; 0 is the target's URL alone.
    pub crawl: u8,
    /// Whether forms on the pages are tested.
    pub forms: bool,
    pub threads: u8,
    /// Milliseconds between two requests of one thread.
    pub delay_ms: u16,
}

/// A way of telling that a parameter reaches the database.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Technique {
    Boolean,
    Error,
    Union,
    Time,
}

impl Technique {
    /// sqlmap's letter.
    pub fn letter(self) -> char {
        match self {
            Technique::Boolean => 'B',
            Technique::Error => 'E',
            Technique::Union => 'U',
            Technique::Time => 'T',
        }
    }
}

const TECHNIQUES: &[(&str, Technique)] = &[
    ("boolean", Technique::Boolean),
    ("error", Technique::Error),
    ("union", Technique::Union),
    ("time", Technique::Time),
];
const MAX_LEVEL: u8 = 3;
const MAX_CRAWL: u8 = 2;
const DEFAULT_THREADS: u8 = 2;
const MAX_THREADS: u8 = 4;
const MAX_DELAY_MS: u16 = 5000;
/// The longest name of a parameter.
const MAX_PARAMETER: usize = 100;
/// The longest form data.
const MAX_DATA: usize = 4096;
const NAMES: [&str; 8] = ["level", "techniques", "parameter", "data", "crawl", "forms", "threads", "delayMs"];

impl Default for Options {
    fn default() -> Options {
        Options {
            level: 1,
            techniques: vec![Technique::Boolean, Technique::Error, Technique::Union],
            parameter: None,
            data: None,
            crawl: 0,
            forms: false,
            threads: DEFAULT_THREADS,
            delay_ms: 0,
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
            "level" => self.level = number(value, 1, MAX_LEVEL.into())? as u8,
            "techniques" => self.techniques = words(value, TECHNIQUES)?,
            "parameter" => self.parameter = Some(parameter(value)?),
            "data" => self.data = Some(data(value)?),
            "crawl" => self.crawl = number(value, 0, MAX_CRAWL.into())? as u8,
            "forms" => self.forms = value.as_bool().ok_or("must be true or false")?,
            "threads" => self.threads = number(value, 1, MAX_THREADS.into())? as u8,
            "delayMs" => self.delay_ms = number(value, 0, MAX_DELAY_MS.into())? as u16,
            _ => return Err(format!("is not an option of sqlmap; it has {}", NAMES.join(", "))),
        }
        Ok(())
    }

    /// Faults that only show beside the target: sqlmap needs something to test, and reads `*` as a place to inject.
    pub fn check_target(&self, target: &Target) -> Result<(), Vec<Detail>> {
        let Target::Url(url) = target else { return Ok(()) };
        if url.as_str().contains('*') {
            return Err(vec![Detail::field("target", "holds `*`, which sqlmap takes for a place to inject")]);
        }
        let looks_further = self.crawl > 0 || self.forms || self.data.is_some() || self.level >= 3;
        if url.query().is_none_or(str::is_empty) && !looks_further {
            let reason =
                "has no parameter to test: add one such as ?id=1, or give the option `data`, `forms` or `crawl`";
            return Err(vec![Detail::field("target", reason)]);
        }
        Ok(())
    }

    /// JSON Schema of the options.
    pub fn schema() -> Value {
        json!({
            "type": "object",
            "additionalProperties": false,
            "properties": {
                "level": {
                    "type": "integer",
                    "description": "How many payloads: 2 tests cookies too, 3 also the headers User-Agent and Referer.",
                    "minimum": 1,
                    "maximum": MAX_LEVEL,
                    "default": 1
                },
                "techniques": {
                    "type": "array",
                    "description": "Ways of detection; `time` makes the database wait and takes long.",
                    "items": {"type": "string", "enum": ["boolean", "error", "union", "time"]},
                    "minItems": 1,
                    "default": ["boolean", "error", "union"]
                },
                "parameter": {
                    "type": "string",
                    "description": "The one parameter to test; all of them when absent.",
                    "minLength": 1,
                    "maxLength": MAX_PARAMETER,
                    "pattern": "^[A-Za-z0-9_][A-Za-z0-9_.\\[\\]-]*$",
                    "examples": ["id"]
                },
                "data": {
                    "type": "string",
                    "description": "Fields of a form, which makes the request a POST. It is kept with the scan: no secrets.",
                    "minLength": 1,
                    "maxLength": MAX_DATA,
                    "pattern": "^[^*\\u0000-\\u001f\\u007f-\\u009f]*$",
                    "examples": ["name=a&city=b"]
                },
                "crawl": {
                    "type": "integer",
                    "description": "How many links deep to look for parameters on the same host; 0 is the target's URL alone.",
                    "minimum": 0,
                    "maximum": MAX_CRAWL,
                    "default": 0
                },
                "forms": {"type": "boolean", "description": "Test the forms on the pages.", "default": false},
                "threads": {
                    "type": "integer",
                    "description": "Requests at the same time.",
                    "minimum": 1,
                    "maximum": MAX_THREADS,
                    "default": DEFAULT_THREADS
                },
                "delayMs": {
                    "type": "integer",
                    "description": "Milliseconds between two requests.",
                    "minimum": 0,
                    "maximum": MAX_DELAY_MS,
                    "default": 0
                }
            }
        })
    }
}

fn parameter(value: &Value) -> Result<String, String> {
    let is_part = |byte: u8| byte.is_ascii_alphanumeric() || b"_.[]-".contains(&byte);
    let is_name = |text: &&str| {
        text.len() <= MAX_PARAMETER
            && text.bytes().all(is_part)
            && text.starts_with(|c: char| c.is_ascii_alphanumeric() || c == '_')
    };
    let reason = "must be the name of a parameter: letters, digits, `_`, `.`, `[`, `]`, `-`, at most 100 characters";
    value.as_str().filter(is_name).map(str::to_string).ok_or_else(|| reason.to_string())
}

fn data(value: &Value) -> Result<String, String> {
    let is_data =
        |text: &&str| (1..=MAX_DATA).contains(&text.len()) && !text.contains(|c: char| c.is_control() || c == '*');
    let reason = "must be form data such as name=a&city=b: at most 4096 bytes, no control characters, no `*`";
    value.as_str().filter(is_data).map(str::to_string).ok_or_else(|| reason.to_string())
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
            "level": 3, "techniques": ["time", "boolean"], "parameter": "a[0]", "data": "a[0]=1", "crawl": 2,
            "forms": true, "threads": 4, "delayMs": 250
        }));
        let expected = Options {
            level: 3,
            techniques: vec![Technique::Boolean, Technique::Time],
            parameter: Some("a[0]".to_string()),
            data: Some("a[0]=1".to_string()),
            crawl: 2,
            forms: true,
            threads: 4,
            delay_ms: 250,
        };
        assert_eq!(options.unwrap(), expected);
        assert_eq!(parse(json!({})).unwrap(), Options::default());
    }

    #[test]
    fn wrong_values_and_other_options_are_refused() {
        for bad in [
            json!({"level": 4}),
            json!({"techniques": ["stacked"]}),
            json!({"techniques": []}),
            json!({"parameter": "-p"}),
            json!({"parameter": "a,b"}),
            json!({"data": "a=1\r\nX: y"}),
            json!({"data": "a=1*"}),
            json!({"crawl": 3}),
            json!({"threads": 5}),
            json!({"risk": 3}),
            json!({"os-shell": true}),
            json!({"dump": true}),
        ] {
            assert!(parse(bad.clone()).is_err(), "{bad}");
        }
    }

    #[test]
    fn a_url_without_anything_to_test_is_refused() {
        let check =
            |url: &str, options: Value| parse(options).unwrap().check_target(&Target::parse(url).unwrap()).is_ok();
        assert!(check("http://a.test/?id=1", json!({})));
        assert!(!check("http://a.test/", json!({})));
        assert!(check("http://a.test/", json!({"forms": true})));
        assert!(check("http://a.test/", json!({"data": "a=1"})));
        assert!(!check("http://a.test/?id=1*", json!({})));
    }

    #[test]
    fn the_schema_documents_every_option_and_its_default() {
        crate::values::assert_documented(&Options::schema(), &NAMES, |options| {
            parse(options.clone()).map(|read| read == Options::default()).map_err(|faults| format!("{faults:?}"))
        });
    }
}
