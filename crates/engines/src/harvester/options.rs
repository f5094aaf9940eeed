//! The options of a theHarvester scan: an allow-list, read from JSON, with the schema that documents it.

use crate::values::{self, number, words};
use scanyard_contract::wire::Detail;
use serde_json::{Map, Value, json};

/// Options of a theHarvester scan.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Options {
    pub profile: Profile,
    /// Whom it asks; [`Options::profile`] decides where there are none.
    pub sources: Vec<Source>,
    /// Results of one source that are taken at most.
    pub limit: u16,
}

/// A set of sources by name.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Profile {
    /// Certificate logs.
    Quick,
    /// Those and databases of names.
    Default,
    /// All of them, archives and search engines too.
    Full,
}

/// A third party that is asked about the domain; none that needs a key of its own.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Source {
    /// theHarvester's own word.
    pub word: &'static str,
    profile: Profile,
}

const fn source(word: &'static str, profile: Profile) -> (&'static str, Source) {
    (word, Source { word, profile })
}

/// Whom it may ask.
pub const SOURCES: &[(&str, Source)] = &[
    source("crtsh", Profile::Quick),
    source("certspotter", Profile::Quick),
    source("hackertarget", Profile::Default),
    source("otx", Profile::Default),
    source("rapiddns", Profile::Default),
    source("urlscan", Profile::Default),
    source("commoncrawl", Profile::Full),
    source("waybackarchive", Profile::Full),
    source("duckduckgo", Profile::Full),
    source("yahoo", Profile::Full),
    source("baidu", Profile::Full),
];

const MAX_LIMIT: u16 = 1000;
const DEFAULT_LIMIT: u16 = 100;

impl Default for Options {
    fn default() -> Options {
        Options { profile: Profile::Default, sources: Vec::new(), limit: DEFAULT_LIMIT }
    }
}

impl Options {
    /// Reads the options; every fault is named with its path under `options`.
    pub fn parse(options: &Map<String, Value>) -> Result<Options, Vec<Detail>> {
        values::read(options, Options::set, Some(["profile", "sources"]))
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
            "sources" => self.sources = words(value, SOURCES)?,
            "limit" => self.limit = number(value, 1, u64::from(MAX_LIMIT))? as u16,
            _ => return Err("is not an option of harvester; it has profile, sources, limit".to_string()),
        }
        Ok(())
    }

    /// Whom the scan asks.
    pub fn asked(&self) -> Vec<Source> {
        if !self.sources.is_empty() {
            return self.sources.clone();
        }
        let is_in = |source: &Source| source.profile as u8 <= self.profile as u8;
        SOURCES.iter().map(|(_, source)| *source).filter(is_in).collect()
    }

    /// JSON Schema of the options.
    pub fn schema() -> Value {
        let sources: Vec<&str> = SOURCES.iter().map(|(word, _)| *word).collect();
        json!({
            "type": "object",
            "additionalProperties": false,
            "properties": {
                "profile": {
                    "type": "string",
                    "description": "Whom it asks: certificate logs, databases of names too, or archives and search engines too.",
                    "enum": ["quick", "default", "full"],
                    "default": "default"
                },
                "sources": {
                    "type": "array",
                    "description": "Whom it asks. Not together with `profile`.",
                    "items": {"type": "string", "enum": sources},
                    "minItems": 1,
                    "examples": [["crtsh", "certspotter"]]
                },
                "limit": {
                    "type": "integer",
                    "description": "The most results that are taken of one source.",
                    "minimum": 1,
                    "maximum": MAX_LIMIT,
                    "default": DEFAULT_LIMIT
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
    fn a_profile_or_a_list_says_whom_it_asks() {
        let asked = |value| parse(value).unwrap().asked().into_iter().map(|source| source.word).collect::<Vec<_>>();
        assert_eq!(asked(json!({"profile": "quick"})), ["crtsh", "certspotter"]);
        assert_eq!(asked(json!({})).len(), 6);
        assert_eq!(asked(json!({"profile": "full"})).len(), SOURCES.len());
        assert_eq!(asked(json!({"sources": ["yahoo", "crtsh"]})), ["crtsh", "yahoo"]);
    }

    #[test]
    fn what_floods_scans_or_needs_a_key_is_no_option() {
        for bad in [
            json!({"dnsBrute": true}),
            json!({"screenshot": "/tmp"}),
            json!({"sources": ["all"]}),
            json!({"sources": ["shodan"]}),
            json!({"sources": ["-c"]}),
            json!({"sources": []}),
            json!({"limit": 0}),
            json!({"limit": 1001}),
            json!({"profile": "quick", "sources": ["crtsh"]}),
        ] {
            assert!(parse(bad.clone()).is_err(), "{bad}");
        }
    }

    #[test]
    fn the_schema_documents_every_option_and_its_default() {
        let schema = Options::schema();
        for name in ["profile", "limit"] {
            assert_eq!(parse(json!({name: schema["properties"][name]["default"]})), Ok(Options::default()));
        }
        parse(json!({"sources": schema["properties"]["sources"]["items"]["enum"]})).unwrap();
    }
}
