//! The options of a sublist3r scan: an allow-list, read from JSON, with the schema that documents it.

use crate::values::{self, words};
use scanyard_contract::wire::Detail;
use serde_json::{Map, Value, json};

/// Options of a sublist3r scan.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Options {
    pub profile: Profile,
    /// Whom it asks; [`Options::profile`] decides where there are none.
    pub sources: Vec<Source>,
}

/// A set of sources by name.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Profile {
    /// Certificate logs and one passive DNS database.
    Quick,
    /// Those and two threat databases.
    Default,
    /// All of them, search engines too.
    Full,
}

/// A third party that is asked for names.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Source {
    /// sublist3r's own word.
    pub word: &'static str,
    /// Who is contacted.
    pub host: &'static str,
    /// What sublist3r calls the process that asks it, before a number.
    pub process: &'static str,
    profile: Profile,
}

const fn source(
    word: &'static str,
    host: &'static str,
    process: &'static str,
    profile: Profile,
) -> (&'static str, Source) {
    (word, Source { word, host, process, profile })
}

/// Google's answers make sublist3r fail, and DNSdumpster's it looks up by itself, over a public name server: neither is
/// here.
pub const SOURCES: &[(&str, Source)] = &[
    source("ssl", "crt.sh", "CrtSearch", Profile::Quick),
    source("passivedns", "api.sublist3r.com", "PassiveDNS", Profile::Quick),
    source("virustotal", "www.virustotal.com", "Virustotal", Profile::Default),
    source("threatcrowd", "www.threatcrowd.org", "ThreatCrowd", Profile::Default),
    source("netcraft", "searchdns.netcraft.com", "NetcraftEnum", Profile::Full),
    source("bing", "www.bing.com", "BingEnum", Profile::Full),
    source("yahoo", "search.yahoo.com", "YahooEnum", Profile::Full),
    source("ask", "www.ask.com", "AskEnum", Profile::Full),
    source("baidu", "www.baidu.com", "BaiduEnum", Profile::Full),
];

impl Default for Options {
    fn default() -> Options {
        Options { profile: Profile::Default, sources: Vec::new() }
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
            _ => return Err("is not an option of sublist3r; it has profile, sources".to_string()),
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
                    "description": "Whom it asks: certificate logs and passive DNS, threat databases too, or search engines too.",
                    "enum": ["quick", "default", "full"],
                    "default": "default"
                },
                "sources": {
                    "type": "array",
                    "description": "Whom it asks. Not together with `profile`.",
                    "items": {"type": "string", "enum": sources},
                    "minItems": 1,
                    "examples": [["ssl", "passivedns"]]
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

    fn asked(value: Value) -> Vec<&'static str> {
        parse(value).unwrap().asked().into_iter().map(|source| source.word).collect()
    }

    #[test]
    fn a_profile_or_a_list_says_whom_it_asks() {
        assert_eq!(asked(json!({"profile": "quick"})), ["ssl", "passivedns"]);
        assert_eq!(asked(json!({})), ["ssl", "passivedns", "virustotal", "threatcrowd"]);
        assert_eq!(asked(json!({"profile": "full"})).len(), SOURCES.len());
        assert_eq!(asked(json!({"sources": ["bing"]})), ["bing"]);
    }

    #[test]
    fn what_floods_or_scans_is_no_option() {
        for bad in [
            json!({"bruteforce": true}),
            json!({"ports": "80"}),
            json!({"sources": ["google"]}),
            json!({"sources": ["-b"]}),
            json!({"sources": []}),
            json!({"sources": "ssl"}),
            json!({"profile": "all"}),
            json!({"profile": "quick", "sources": ["ssl"]}),
        ] {
            assert!(parse(bad.clone()).is_err(), "{bad}");
        }
    }

    #[test]
    fn the_schema_documents_every_option_and_its_default() {
        let schema = Options::schema();
        assert_eq!(parse(json!({"profile": schema["properties"]["profile"]["default"]})), Ok(Options::default()));
        parse(json!({"sources": schema["properties"]["sources"]["examples"][0]})).unwrap();
        parse(json!({"sources": schema["properties"]["sources"]["items"]["enum"]})).unwrap();
    }
}
