//! The options of a wapiti scan: an allow-list, read from JSON, with the schema that documents it.

use crate::Target;
use crate::values::{self, number, paths, word};
use scanyard_contract::wire::Detail;
use serde_json::{Map, Value, json};

/// Options of a wapiti scan.
#[derive(Debug, Clone, PartialEq)]
pub struct Options {
    pub profile: Profile,
    /// What of the site is looked at.
    pub scope: Scope,
    /// How many links deep it looks.
    pub depth: u8,
    /// How many of pages that look alike are tried.
    pub force: Force,
    /// Requests at the same time; wapiti 3.0 makes one.
    pub concurrency: u8,
    /// Paths that are left alone, such as that of the logout; `*` stands for anything.
    pub exclude: Vec<String>,
}

/// Which modules run, by name.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Profile {
    /// Headers, cookies, TLS, methods and forms are looked at; nothing is sent that attacks.
    Passive,
    /// Parameters are attacked too.
    Active,
}

/// What of the site is looked at.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Scope {
    /// The URL itself with its parameters.
    Url,
    /// The page, with whatever parameters.
    Page,
    /// Everything below the page's folder.
    Folder,
}

/// How many of pages that look alike are tried.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Force {
    Sneaky,
    Polite,
    Normal,
}

const PROFILES: &[(&str, Profile)] = &[("passive", Profile::Passive), ("active", Profile::Active)];
const SCOPES: &[(&str, Scope)] = &[("url", Scope::Url), ("page", Scope::Page), ("folder", Scope::Folder)];
const FORCES: &[(&str, Force)] = &[("sneaky", Force::Sneaky), ("polite", Force::Polite), ("normal", Force::Normal)];

const DEFAULT_DEPTH: u8 = 5;
const MAX_DEPTH: u8 = 20;
const DEFAULT_CONCURRENCY: u8 = 4;
const MAX_CONCURRENCY: u8 = 16;
const NAMES: [&str; 6] = ["profile", "scope", "depth", "force", "concurrency", "exclude"];

impl Default for Options {
    fn default() -> Options {
        Options {
            profile: Profile::Passive,
            scope: Scope::Folder,
            depth: DEFAULT_DEPTH,
            force: Force::Normal,
            concurrency: DEFAULT_CONCURRENCY,
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
            "scope" => self.scope = word(value, SCOPES)?,
            "depth" => self.depth = number(value, 0, MAX_DEPTH.into())? as u8,
            "force" => self.force = word(value, FORCES)?,
            "concurrency" => self.concurrency = number(value, 1, MAX_CONCURRENCY.into())? as u8,
            "exclude" => self.exclude = paths(value)?,
            _ => return Err(format!("is not an option of wapiti; it has {}", NAMES.join(", "))),
        }
        Ok(())
    }

    /// The excluded places as URLs of the target.
    pub fn excluded(&self, target: &Target) -> Vec<String> {
        let Target::Url(base) = target else { return Vec::new() };
        let origin = base.origin().ascii_serialization();
        self.exclude.iter().map(|path| format!("{origin}{path}")).collect()
    }

    /// JSON Schema of the options.
    pub fn schema() -> Value {
        json!({
            "type": "object",
            "additionalProperties": false,
            "properties": {
                "profile": {
                    "type": "string",
                    "description": "Look at headers, cookies, TLS, methods and forms only, or attack parameters too.",
                    "enum": ["passive", "active"],
                    "default": "passive"
                },
                "scope": {
                    "type": "string",
                    "description": "What is looked at: the URL alone, its page with any parameters, or all below its folder.",
                    "enum": ["url", "page", "folder"],
                    "default": "folder"
                },
                "depth": {
                    "type": "integer",
                    "description": "How many links deep it looks.",
                    "minimum": 0,
                    "maximum": MAX_DEPTH,
                    "default": DEFAULT_DEPTH
                },
                "force": {
                    "type": "string",
                    "description": "How many of pages that look alike are tried.",
                    "enum": ["sneaky", "polite", "normal"],
                    "default": "normal"
                },
                "concurrency": {
                    "type": "integer",
                    "description": "Requests at the same time.",
                    "minimum": 1,
                    "maximum": MAX_CONCURRENCY,
                    "default": DEFAULT_CONCURRENCY
                },
                "exclude": {
                    "type": "array",
                    "description": "Paths that are left alone, such as that of the logout; `*` stands for anything.",
                    "items": {"type": "string", "minLength": 1, "maxLength": 500, "pattern": "^/[!-~]*$"},
                    "maxItems": 20,
                    "examples": [["/logout", "/admin/*"]]
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
            "profile": "active", "scope": "page", "depth": 2, "force": "polite", "concurrency": 1, "exclude": ["/out"]
        }));
        let expected = Options {
            profile: Profile::Active,
            scope: Scope::Page,
            depth: 2,
            force: Force::Polite,
            concurrency: 1,
            exclude: vec!["/out".to_string()],
        };
        assert_eq!(options.unwrap(), expected);
        assert_eq!(parse(json!({})).unwrap(), Options::default());
    }

    #[test]
    fn wrong_values_and_other_options_are_refused() {
        for bad in [
            json!({"profile": "all"}),
            json!({"scope": "domain"}),
            json!({"scope": "punk"}),
            json!({"depth": 21}),
            json!({"force": "insane"}),
            json!({"concurrency": 0}),
            json!({"exclude": ["logout"]}),
            json!({"exclude": ["/a b"]}),
            json!({"exclude": "/a"}),
            json!({"modules": ["upload"]}),
            json!({"form-script": "x.py"}),
        ] {
            assert!(parse(bad.clone()).is_err(), "{bad}");
        }
    }

    #[test]
    fn what_is_excluded_is_on_the_target() {
        let options = parse(json!({"exclude": ["/logout", "//elsewhere.test/"]})).unwrap();
        let target = Target::parse("http://app.example.test:8080/shop/").unwrap();
        let excluded = ["http://app.example.test:8080/logout", "http://app.example.test:8080//elsewhere.test/"];
        assert_eq!(options.excluded(&target), excluded);
    }

    #[test]
    fn the_schema_documents_every_option_and_its_default() {
        crate::values::assert_documented(&Options::schema(), &NAMES, |options| {
            parse(options.clone()).map(|read| read == Options::default()).map_err(|faults| format!("{faults:?}"))
        });
    }
}
