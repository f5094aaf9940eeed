//! Values of options that several engines read the same way.

use scanyard_contract::wire::Detail;
use serde_json::{Map, Value};

/// Reads options one by one; every fault is named with its path under `options`. Of `either`, one at most may be given: the
/// first stands for values that the second spells out.
pub fn read<T: Default>(
    options: &Map<String, Value>,
    set: impl Fn(&mut T, &str, &Value) -> Result<(), String>,
    either: Option<[&str; 2]>,
) -> Result<T, Vec<Detail>> {
    let mut read = T::default();
    let mut faults = Vec::new();
    for (name, value) in options {
        if let Err(reason) = set(&mut read, name, value) {
            faults.push(Detail::field(format!("options.{name}"), reason));
        }
    }
    if let Some([short, long]) = either.filter(|both| both.iter().all(|name| options.contains_key(*name))) {
        let reason = format!("names {long} that `{long}` names already; give one of the two");
        faults.push(Detail::field(format!("options.{short}"), reason));
    }
    if faults.is_empty() { Ok(read) } else { Err(faults) }
}

/// A whole number within bounds.
pub fn number(value: &Value, min: u64, max: u64) -> Result<u64, String> {
    let number = value.as_u64().filter(|number| (min..=max).contains(number));
    number.ok_or_else(|| format!("must be a whole number from {min} to {max}"))
}

/// One word out of a table.
pub fn word<T: Copy>(value: &Value, table: &[(&str, T)]) -> Result<T, String> {
    let found = table.iter().find(|(word, _)| value.as_str() == Some(word));
    found.map(|(_, value)| *value).ok_or_else(|| {
        let all: Vec<&str> = table.iter().map(|(word, _)| *word).collect();
        format!("must be one of {}", all.join(", "))
    })
}

/// A list of words out of a table, each once, in the table's order.
pub fn words<T: Copy + PartialEq>(value: &Value, table: &[(&str, T)]) -> Result<Vec<T>, String> {
    let all = || table.iter().map(|(word, _)| *word).collect::<Vec<_>>().join(", ");
    let items = value.as_array().filter(|items| !items.is_empty());
    let items = items.ok_or_else(|| format!("must be a list of at least one of {}", all()))?;
    for item in items {
        if !table.iter().any(|(word, _)| item.as_str() == Some(word)) {
            return Err(format!("holds {item}; it takes {}", all()));
        }
    }
    let is_given = |word: &str| items.iter().any(|item| item.as_str() == Some(word));
    Ok(table.iter().filter(|(word, _)| is_given(word)).map(|(_, value)| *value).collect())
}

/// The most names in one list.
const MAX_NAMES: usize = 50;

/// A list of names: letters, digits, `_` and `-`, beginning with a letter or digit, at most 64 characters. None of them
/// can be taken for an option, a path, or two names.
pub fn names(value: &Value) -> Result<Vec<String>, String> {
    let rule = "must be a list of 1 to 50 names of letters, digits, `_` and `-` that begin with a letter or digit";
    let items = value.as_array().filter(|items| (1..=MAX_NAMES).contains(&items.len())).ok_or(rule)?;
    items
        .iter()
        .map(|item| match item.as_str() {
            Some(name) if is_name(name) => Ok(name.to_string()),
            _ => Err(rule.to_string()),
        })
        .collect()
}

fn is_name(text: &str) -> bool {
    let is_part = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'_' | b'-');
    text.len() <= 64 && text.bytes().all(is_part) && text.as_bytes().first().is_some_and(u8::is_ascii_alphanumeric)
}

/// The most paths in one list.
const MAX_PATHS: usize = 20;
/// The longest path.
const MAX_PATH: usize = 500;

/// A list of paths on the target: visible ASCII, beginning with a slash.
pub fn paths(value: &Value) -> Result<Vec<String>, String> {
    let reason = "must be a list of at most 20 paths such as /logout: visible ASCII, beginning with a slash";
    let is_path = |text: &&str| {
        text.len() <= MAX_PATH && text.starts_with('/') && text.bytes().all(|byte| (b'!'..=b'~').contains(&byte))
    };
    let items = value.as_array().filter(|items| items.len() <= MAX_PATHS).ok_or(reason)?;
    let path = |item: &Value| item.as_str().filter(is_path).map(str::to_string).ok_or_else(|| reason.to_string());
    items.iter().map(path).collect()
}

/// What every schema of options must be: each option described, each example taken, each default the real one.
/// `is_default` reads options and tells whether they come to the defaults.
#[cfg(test)]
pub fn assert_documented(schema: &Value, names: &[&str], is_default: impl Fn(&Value) -> Result<bool, String>) {
    let properties = schema["properties"].as_object().unwrap();
    assert_eq!(schema["additionalProperties"], false);
    assert!(names.iter().all(|name| properties.contains_key(*name)) && properties.len() == names.len(), "{names:?}");
    for (name, property) in properties {
        assert!(property["description"].is_string(), "{name}");
        for value in property.get("examples").into_iter().flat_map(|examples| examples.as_array().unwrap()) {
            is_default(&serde_json::json!({name: value})).unwrap();
        }
        if let Some(default) = property.get("default") {
            assert_eq!(is_default(&serde_json::json!({name: default})), Ok(true), "{name}");
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn words_come_once_and_in_the_order_of_the_table() {
        let table = [("a", 1), ("b", 2)];
        assert_eq!(words(&json!(["b", "a", "b"]), &table), Ok(vec![1, 2]));
        assert_eq!(words(&json!(["c"]), &table), Err("holds \"c\"; it takes a, b".to_string()));
        assert!(words(&json!([]), &table).is_err());
        assert!(words(&json!("a"), &table).is_err());
    }

    #[test]
    fn a_word_is_one_of_the_table() {
        let table = [("a", 1), ("b", 2)];
        assert_eq!(word(&json!("b"), &table), Ok(2));
        assert_eq!(word(&json!("c"), &table), Err("must be one of a, b".to_string()));
        assert!(word(&json!(1), &table).is_err());
    }

    #[test]
    fn a_name_is_never_an_option_a_path_or_a_list() {
        assert_eq!(names(&json!(["CVE-2021-44228", "x_1"])).unwrap(), ["CVE-2021-44228", "x_1"]);
        for bad in ["-code", "", "a,b", "../x", "a.txt", "a b", "é", &"a".repeat(65)] {
            assert!(names(&json!([bad])).is_err(), "{bad}");
        }
    }
}
