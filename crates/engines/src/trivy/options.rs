//! The options of a trivy scan: an allow-list, read from JSON, with the schema that documents it.

use crate::values;
use scanyard_contract::wire::Detail;
use serde_json::{Map, Value, json};

/// Options of a trivy scan.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Options {
    /// What is looked for; at least one.
    pub scanners: Vec<Scanner>,
    /// Only findings of these; all when empty.
    pub severity: Vec<Level>,
    /// Whether vulnerabilities without a fixed version are left out.
    pub ignore_unfixed: bool,
    /// Whether licences are also looked for in the text of every file.
    pub license_full: bool,
    /// Folders that are left out, as paths below the root of what is scanned.
    pub skip_dirs: Vec<String>,
}

/// What trivy looks for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Scanner {
    /// Packages with known vulnerabilities; needs a database.
    Vuln,
    /// Settings of infrastructure that are weak.
    Misconfig,
    /// Tokens and keys in files.
    Secret,
    /// Licences of packages.
    License,
}

impl Scanner {
    pub const ALL: [Scanner; 4] = [Scanner::Vuln, Scanner::Misconfig, Scanner::Secret, Scanner::License];

    /// Trivy's word for it.
    pub fn as_str(self) -> &'static str {
        match self {
            Scanner::Vuln => "vuln",
            Scanner::Misconfig => "misconfig",
            Scanner::Secret => "secret",
            Scanner::License => "license",
        }
    }
}

/// How bad a finding is, in trivy's words.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Level {
    Unknown,
    Low,
    Medium,
    High,
    Critical,
}

impl Level {
    pub const ALL: [Level; 5] = [Level::Unknown, Level::Low, Level::Medium, Level::High, Level::Critical];

    /// Trivy's word for it.
    pub fn as_str(self) -> &'static str {
        match self {
            Level::Unknown => "UNKNOWN",
            Level::Low => "LOW",
            Level::Medium => "MEDIUM",
            Level::High => "HIGH",
            Level::Critical => "CRITICAL",
        }
    }
}

/// What is looked for unless the scan says: the contract's own sample.
const DEFAULT_SCANNERS: [Scanner; 3] = [Scanner::Vuln, Scanner::Misconfig, Scanner::Secret];
/// Folders that one scan leaves out at most.
const MAX_SKIP_DIRS: usize = 50;
/// The longest path of one, in bytes.
const MAX_SKIP_DIR: usize = 200;

impl Default for Options {
    fn default() -> Options {
        Options {
            scanners: DEFAULT_SCANNERS.to_vec(),
            severity: Vec::new(),
            ignore_unfixed: false,
            license_full: false,
            skip_dirs: Vec::new(),
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
            "scanners" => self.scanners = words(value, &Scanner::ALL, Scanner::as_str)?,
            "severity" => self.severity = words(value, &Level::ALL, Level::as_str)?,
            "ignoreUnfixed" => self.ignore_unfixed = boolean(value)?,
            "licenseFull" => self.license_full = boolean(value)?,
            "skipDirs" => self.skip_dirs = folders(value)?,
            _ => return Err(format!("is not an option of trivy; it has {}", NAMES.join(", "))),
        }
        Ok(())
    }

    /// JSON Schema of the options.
    pub fn schema() -> Value {
        json!({
            "type": "object",
            "additionalProperties": false,
            "properties": {
                "scanners": {
                    "type": "array",
                    "description": "What is looked for: vulnerable packages (`vuln`, which needs the operator's copy of trivy's \
                                    database), weak settings, secrets in files, licences of packages.",
                    "items": {"type": "string", "enum": Scanner::ALL.map(Scanner::as_str)},
                    "minItems": 1,
                    "uniqueItems": true,
                    "default": DEFAULT_SCANNERS.map(Scanner::as_str),
                    "examples": [["misconfig", "secret"]]
                },
                "severity": {
                    "type": "array",
                    "description": "Only findings of these severities; all when absent.",
                    "items": {"type": "string", "enum": Level::ALL.map(Level::as_str)},
                    "minItems": 1,
                    "uniqueItems": true,
                    "examples": [["CRITICAL", "HIGH"]]
                },
                "ignoreUnfixed": {
                    "type": "boolean",
                    "description": "Leave out vulnerabilities that have no fixed version yet.",
                    "default": false
                },
                "licenseFull": {
                    "type": "boolean",
                    "description": "Look for licences in the text of every file too; slow. Only with the scanner `license`.",
                    "default": false
                },
                "skipDirs": {
                    "type": "array",
                    "description": "Folders to leave out, as paths below the root of what is scanned.",
                    "items": {"type": "string", "maxLength": MAX_SKIP_DIR, "pattern": "^[A-Za-z0-9_.@][A-Za-z0-9_.@/-]*$", "not": {"pattern": "(^|/)\\.\\.(/|$)|^[./]*$"}},
                    "maxItems": MAX_SKIP_DIRS,
                    "examples": [["node_modules", "test/fixtures"]]
                }
            }
        })
    }
}

const NAMES: [&str; 5] = ["scanners", "severity", "ignoreUnfixed", "licenseFull", "skipDirs"];

fn boolean(value: &Value) -> Result<bool, String> {
    value.as_bool().ok_or_else(|| "must be true or false".to_string())
}

/// A list of words without repeats, in the order of `all`.
fn words<T: Copy + PartialEq>(value: &Value, all: &[T], word: fn(T) -> &'static str) -> Result<Vec<T>, String> {
    let expected = || {
        format!(
            "must be a list of different words of {}",
            all.iter().map(|one| word(*one)).collect::<Vec<_>>().join(", ")
        )
    };
    let items = value.as_array().filter(|items| !items.is_empty()).ok_or_else(expected)?;
    let mut given = Vec::new();
    for item in items {
        let known = all.iter().copied().find(|one| item.as_str() == Some(word(*one))).ok_or_else(expected)?;
        if given.contains(&known) {
            return Err(expected());
        }
        given.push(known);
    }
    Ok(all.iter().copied().filter(|one| given.contains(one)).collect())
}

fn folders(value: &Value) -> Result<Vec<String>, String> {
    let items = value.as_array().filter(|items| items.len() <= MAX_SKIP_DIRS);
    let items = items.ok_or_else(|| format!("must be a list of at most {MAX_SKIP_DIRS} folders"))?;
    let folder = |item: &Value| match item.as_str() {
        Some(text) if is_folder(text) => Ok(text.to_string()),
        Some(_) | None => {
            Err("must hold paths such as test/fixtures: letters, digits and `_ . @ - /`, below the root".to_string())
        }
    };
    items.iter().map(folder).collect()
}

/// A path below the root; trivy would take a comma for a second path and an asterisk for a pattern.
fn is_folder(text: &str) -> bool {
    let is_plain = |byte: u8| byte.is_ascii_alphanumeric() || b"_.@-/".contains(&byte);
    (1..=MAX_SKIP_DIR).contains(&text.len())
        && text.bytes().all(is_plain)
        && !text.starts_with(['-', '/'])
        && text.split('/').all(|part| part != "..")
        // The root itself: nothing would be scanned.
        && text.split('/').any(|part| !matches!(part, "" | "."))
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
            "scanners": ["license", "secret"], "severity": ["CRITICAL", "HIGH"], "ignoreUnfixed": true,
            "licenseFull": true, "skipDirs": ["node_modules", "test/fixtures"]
        }));
        let expected = Options {
            scanners: vec![Scanner::Secret, Scanner::License],
            severity: vec![Level::High, Level::Critical],
            ignore_unfixed: true,
            license_full: true,
            skip_dirs: vec!["node_modules".into(), "test/fixtures".into()],
        };
        assert_eq!(options, Ok(expected));
        assert_eq!(parse(json!({})), Ok(Options::default()));
    }

    #[test]
    fn wrong_types_and_values_are_refused() {
        for bad in [
            json!({"scanners": "vuln"}),
            json!({"scanners": []}),
            json!({"scanners": ["vuln", "vuln"]}),
            json!({"scanners": ["vuln", "rbac"]}),
            json!({"severity": ["high"]}),
            json!({"severity": [3]}),
            json!({"ignoreUnfixed": "true"}),
            json!({"skipDirs": ["../x"]}),
            json!({"skipDirs": ["/etc"]}),
            json!({"skipDirs": ["-x"]}),
            json!({"skipDirs": ["a,b"]}),
            json!({"skipDirs": ["**/x"]}),
            json!({"skipDirs": [""]}),
            json!({"skipDirs": ["."]}),
            json!({"skipDirs": ["./."]}),
            json!({"config": "trivy.yaml"}),
            json!({"--template": "@x"}),
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
