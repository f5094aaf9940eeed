//! The settings as a list, read from the commented default file: name, default and what each is for.

use std::sync::LazyLock;
use toml::{Table, Value};

/// The commented default file.
pub const DEFAULT_FILE: &str = include_str!("../../config.default.toml");

/// Settings whose value is never shown.
const SECRETS: &[&str] = &["database.url", "queue.kafka.password"];

/// One setting: a leaf of the default file.
#[derive(Debug, Clone, PartialEq)]
pub struct Setting {
    /// Its place in the file, such as `database.url`.
    pub name: String,
    /// Its environment variable, such as `SCANYARD_DATABASE_URL`.
    pub env: String,
    /// Its option without the dashes, such as `database-url`.
    pub option: String,
    /// What it is for, in one line.
    pub doc: String,
    pub default: Value,
    pub is_secret: bool,
}

static SETTINGS: LazyLock<Vec<Setting>> = LazyLock::new(|| read(DEFAULT_FILE));

/// Every setting, in the order of the default file.
pub fn settings() -> &'static [Setting] {
    &SETTINGS
}

/// The setting of that name.
pub fn setting(name: &str) -> Option<&'static Setting> {
    settings().iter().find(|setting| setting.name == name)
}

/// The default file as a table; empty only when the file that is compiled in is broken, which a test excludes.
pub(super) fn default_table() -> Table {
    DEFAULT_FILE.parse().unwrap_or_default()
}

/// The value at a dotted name.
pub(super) fn get<'t>(table: &'t Table, name: &str) -> Option<&'t Value> {
    match name.split_once('.') {
        Some((head, rest)) => get(table.get(head)?.as_table()?, rest),
        None => table.get(name),
    }
}

/// Puts a value at a dotted name whose tables exist.
pub(super) fn set(table: &mut Table, name: &str, value: Value) {
    match name.split_once('.') {
        Some((head, rest)) => {
            if let Some(inner) = table.get_mut(head).and_then(Value::as_table_mut) {
                set(inner, rest, value);
            }
        }
        None => {
            table.insert(name.to_string(), value);
        }
    }
}

/// A setting's documentation is the comment right above it.
fn read(file: &str) -> Vec<Setting> {
    let table = default_table();
    let (mut settings, mut section, mut doc) = (Vec::new(), String::new(), Vec::new());
    for line in file.lines().map(str::trim) {
        if let Some(comment) = line.strip_prefix('#') {
            doc.push(comment.trim());
        } else if let Some(header) = line.strip_prefix('[').and_then(|line| line.strip_suffix(']')) {
            section = format!("{header}.");
        } else if let Some((key, _)) = line.split_once('=') {
            let name = format!("{section}{}", key.trim());
            if let Some(default) = get(&table, &name) {
                settings.push(Setting {
                    env: format!("SCANYARD_{}", name.replace('.', "_").to_uppercase()),
                    option: name.replace(['.', '_'], "-"),
                    doc: std::mem::take(&mut doc).join(" "),
                    default: default.clone(),
                    is_secret: SECRETS.contains(&name.as_str()),
                    name,
                });
            }
        } else {
            doc.clear();
        }
    }
    settings
}

impl Setting {
    /// The default as it would be written in an option; empty when nothing is set.
    pub fn default_text(&self) -> String {
        match &self.default {
            Value::String(text) => text.clone(),
            Value::Array(items) => items.iter().filter_map(Value::as_str).collect::<Vec<_>>().join(","),
            value => value.to_string(),
        }
    }

    /// Reads the setting's text, as an option or a variable gives it, into the type of its default. A list is written
    /// with commas.
    pub(super) fn parse(&self, text: &str) -> Result<Value, &'static str> {
        match &self.default {
            Value::Integer(_) => text.trim().parse().map(Value::Integer).map_err(|_| self.expected()),
            Value::Boolean(_) => text.trim().parse().map(Value::Boolean).map_err(|_| self.expected()),
            Value::Array(_) => Ok(Value::Array(
                text.split(',').map(str::trim).filter(|item| !item.is_empty()).map(Value::from).collect(),
            )),
            _ => Ok(Value::String(text.to_string())),
        }
    }

    /// What kind of value it takes.
    pub(super) fn expected(&self) -> &'static str {
        match &self.default {
            Value::Integer(_) => "a whole number",
            Value::Boolean(_) => "true or false",
            Value::Array(_) => "a list of texts",
            _ => "a text",
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::BTreeSet;

    fn leaves(table: &Table, prefix: &str, names: &mut BTreeSet<String>) {
        for (key, value) in table {
            match value {
                Value::Table(inner) => leaves(inner, &format!("{prefix}{key}."), names),
                _ => drop(names.insert(format!("{prefix}{key}"))),
            }
        }
    }

    #[test]
    fn every_leaf_of_the_default_file_is_a_documented_setting() {
        let mut expected = BTreeSet::new();
        leaves(&DEFAULT_FILE.parse().unwrap(), "", &mut expected);
        let found: BTreeSet<String> = settings().iter().map(|setting| setting.name.clone()).collect();
        assert_eq!(found, expected);
        for setting in settings() {
            assert!(setting.doc.len() > 10 && setting.doc.ends_with('.'), "{}: {}", setting.name, setting.doc);
        }
    }

    #[test]
    fn no_two_settings_share_a_variable_or_an_option() {
        let variables: BTreeSet<&str> = settings().iter().map(|setting| setting.env.as_str()).collect();
        let options: BTreeSet<&str> = settings().iter().map(|setting| setting.option.as_str()).collect();
        assert_eq!((variables.len(), options.len()), (settings().len(), settings().len()));
    }
}
