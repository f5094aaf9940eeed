//! Layers of settings into one [`Config`]: option over environment over file over default.

use super::setting::{Setting, default_table, get, set, setting, settings};
use super::{Config, Fault};
use std::collections::BTreeMap;
use std::fmt;
use std::path::{Path, PathBuf};
use toml::{Table, Value};

/// Variables that begin with `SCANYARD_` and are no settings: the client's, and those of the examples.
const OTHER_VARIABLES: &[&str] = &[
    "SCANYARD_API_KEY",
    "SCANYARD_CA_FILE",
    "SCANYARD_CONFIG",
    "SCANYARD_COPY_TO",
    "SCANYARD_URL",
    "SCANYARD_USER_PASSWORD",
];

/// Where the settings come from, besides the defaults.
#[derive(Default)]
pub struct Layers {
    /// A file in the shape of the default file.
    pub file: Option<PathBuf>,
    /// Environment variables; those that do not begin with `SCANYARD_` are ignored.
    pub env: Vec<(String, String)>,
    /// Names of settings with their values, from the command line.
    pub options: Vec<(String, String)>,
}

/// A configuration, and what the user should know about it.
#[derive(Debug)]
pub struct Loaded {
    pub config: Config,
    /// Such as variables that look like settings and are none.
    pub warnings: Vec<String>,
}

/// What is wrong with the settings: everything, not the first fault.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ConfigError(pub Vec<String>);

impl fmt::Display for ConfigError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("the configuration is not usable:")?;
        for problem in &self.0 {
            write!(f, "\n  {problem}")?;
        }
        Ok(())
    }
}

impl std::error::Error for ConfigError {}

/// Without values: one can be a secret.
impl fmt::Debug for Layers {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let names = |pairs: &[(String, String)]| pairs.iter().map(|(name, _)| name.clone()).collect::<Vec<_>>();
        let Layers { file, env, options } = self;
        let mut shown = f.debug_struct("Layers");
        shown.field("file", file).field("env", &names(env)).field("options", &names(options)).finish()
    }
}

impl Layers {
    /// The file given, the process's environment and the options given.
    pub fn of_process(file: Option<PathBuf>, options: Vec<(String, String)>) -> Layers {
        let env = std::env::vars_os().filter_map(|(name, value)| Some((name.into_string().ok()?, value)));
        let env = env
            .filter(|(name, _)| name.starts_with("SCANYARD_"))
            .map(|(name, value)| (name, value.to_string_lossy().into_owned()))
            .collect();
        Layers { file, env, options }
    }

    /// Merges the layers and checks the result.
    pub fn load(&self) -> Result<Loaded, ConfigError> {
        let mut merge = Merge::default();
        if let Some(path) = &self.file {
            merge.file(path);
        }
        let warnings = merge.env(&self.env);
        for (name, text) in &self.options {
            match setting(name) {
                Some(setting) => merge.text(setting, text, format!("--{}", setting.option)),
                None => merge.problems.push(format!("{name} (from --set): no such setting{}", nearest(name))),
            }
        }
        Ok(Loaded { config: merge.finish()?, warnings })
    }
}

/// The layers as they are laid over each other.
#[derive(Default)]
struct Merge {
    /// The value of each setting that is not at its default, and where it comes from.
    values: BTreeMap<String, (Value, String)>,
    problems: Vec<String>,
}

impl Merge {
    fn file(&mut self, path: &Path) {
        let source = path.display().to_string();
        let text = match std::fs::read_to_string(path) {
            Ok(text) => text,
            Err(error) => return self.problems.push(format!("{source}: {error}")),
        };
        match text.parse::<Table>() {
            Ok(table) => self.table(&table, "", &source),
            Err(error) => {
                // The error's own text quotes the line, which can hold a password.
                let line = error.span().map_or(1, |span| text[..span.start].matches('\n').count() + 1);
                self.problems.push(format!("{source}, line {line}: {}", error.message()));
            }
        }
    }

    fn table(&mut self, table: &Table, prefix: &str, source: &str) {
        for (key, value) in table {
            let name = format!("{prefix}{key}");
            let is_section = settings().iter().any(|setting| setting.name.starts_with(&format!("{name}.")));
            match (setting(&name), value) {
                (Some(setting), value) if value.same_type(&setting.default) => {
                    self.values.insert(name, (value.clone(), source.to_string()));
                }
                (Some(setting), value) => self.problems.push(format!(
                    "{name} (from {source}): is of type {}, but must be {}",
                    value.type_str(),
                    setting.expected()
                )),
                (None, Value::Table(inner)) if is_section => self.table(inner, &format!("{name}."), source),
                (None, _) if is_section => {
                    self.problems.push(format!("{name} (from {source}): is a section, written [{name}]"));
                }
                (None, _) => {
                    self.problems.push(format!("{name} (from {source}): no such setting{}", nearest(&name)));
                }
            }
        }
    }

    fn env(&mut self, env: &[(String, String)]) -> Vec<String> {
        let mut warnings = Vec::new();
        for (variable, text) in env.iter().filter(|(variable, _)| variable.starts_with("SCANYARD_")) {
            match settings().iter().find(|setting| setting.env == *variable) {
                Some(setting) => self.text(setting, text, variable.clone()),
                None if OTHER_VARIABLES.contains(&variable.as_str()) => {}
                None => {
                    let known = settings().iter().map(|setting| setting.env.as_str());
                    warnings.push(format!("{variable} is no setting and is ignored{}", did_you_mean(variable, known)));
                }
            }
        }
        warnings
    }

    fn text(&mut self, setting: &Setting, text: &str, source: String) {
        match setting.parse(text) {
            Ok(value) => {
                self.values.insert(setting.name.clone(), (value, source));
            }
            Err(expected) => self.problems.push(format!("{} (from {source}): must be {expected}", setting.name)),
        }
    }

    fn finish(mut self) -> Result<Config, ConfigError> {
        let mut merged = default_table();
        for (name, (value, source)) in &self.values {
            // Each value alone over the defaults, so that serde's first fault does not hide the others.
            let mut alone = default_table();
            set(&mut alone, name, value.clone());
            match alone.try_into::<Config>() {
                Ok(_) => set(&mut merged, name, value.clone()),
                Err(error) => {
                    let shown = shown(name, value);
                    self.problems.push(format!("{name} (from {source}):{shown} {}", error.message()));
                }
            }
        }
        let config: Config = merged.clone().try_into().map_err(|error: toml::de::Error| {
            ConfigError(self.problems.iter().cloned().chain([error.message().to_string()]).collect())
        })?;
        for Fault { setting, reason } in config.faults() {
            let source = self.values.get(setting).map_or("the default", |(_, source)| source);
            let shown = get(&merged, setting).map_or(String::new(), |value| shown(setting, value));
            self.problems.push(format!("{setting} (from {source}):{shown} {reason}"));
        }
        if self.problems.is_empty() { Ok(config) } else { Err(ConfigError(self.problems)) }
    }
}

/// A value for a message, unless it is a secret.
fn shown(name: &str, value: &Value) -> String {
    if setting(name).is_none_or(|setting| setting.is_secret) { String::new() } else { format!(" {value}") }
}

fn nearest(name: &str) -> String {
    did_you_mean(name, settings().iter().map(|setting| setting.name.as_str()))
}

/// `; did you mean …?` when a known name is near.
fn did_you_mean<'n>(name: &str, known: impl Iterator<Item = &'n str>) -> String {
    let best = known.map(|known| (distance(name, known), known)).min();
    match best {
        Some((distance, known)) if distance <= 1 + name.len() / 4 => format!("; did you mean {known}?"),
        Some(_) | None => String::new(),
    }
}

/// How many characters differ (Levenshtein).
fn distance(a: &str, b: &str) -> usize {
    let b: Vec<char> = b.chars().collect();
    let mut row: Vec<usize> = (0..=b.len()).collect();
    for (i, from) in a.chars().enumerate() {
        let mut diagonal = std::mem::replace(&mut row[0], i + 1);
        for (j, to) in b.iter().enumerate() {
            let replaced = diagonal + usize::from(from != *to);
            diagonal = row[j + 1];
            row[j + 1] = replaced.min(diagonal + 1).min(row[j] + 1);
        }
    }
    row[b.len()]
}
