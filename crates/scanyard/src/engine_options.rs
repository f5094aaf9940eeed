//! Engine options on the command line: `-o key=value`, typed by the engine's JSON Schema.

use scanyard_contract::ScanType;
use scanyard_contract::wire::Detail;
use scanyard_engines::engine::{ENGINES, engine};
use serde_json::{Map, Value};

/// Reads `key=value` pairs into the engine's options; every fault is named.
pub fn parse(scan_type: ScanType, pairs: &[(String, String)]) -> Result<Map<String, Value>, String> {
    let schema = engine(scan_type).options_schema();
    let none = Map::new();
    let properties = schema["properties"].as_object().unwrap_or(&none);
    let (mut options, mut faults) = (Map::new(), Vec::new());
    for (name, text) in pairs {
        match properties.get(name) {
            None => {
                let names: Vec<&str> = properties.keys().map(String::as_str).collect();
                let known = if names.is_empty() { "none".to_string() } else { names.join(", ") };
                faults.push(format!("-o {name}: {scan_type} has no such option; it has {known}"));
            }
            // One of them would be passed over.
            Some(_) if options.contains_key(name) => {
                faults.push(format!("-o {name}: is given twice; a list has its parts in one, with commas"));
            }
            Some(property) => match typed(property, text) {
                Ok(value) => drop(options.insert(name.clone(), value)),
                Err(expected) => faults.push(format!("-o {name}={text}: must be {expected}")),
            },
        }
    }
    if faults.is_empty() { Ok(options) } else { Err(faults.join("\n")) }
}

fn typed(property: &Value, text: &str) -> Result<Value, &'static str> {
    match property["type"].as_str() {
        Some("boolean") => text.parse().map(Value::Bool).map_err(|_| "true or false"),
        Some("integer") => text.parse::<i64>().map(Value::from).map_err(|_| "a whole number"),
        Some("number") => text.parse::<f64>().map(Value::from).map_err(|_| "a number"),
        Some("array") => text
            .split(',')
            .map(str::trim)
            .filter(|item| !item.is_empty())
            .map(|item| typed(&property["items"], item))
            .collect(),
        Some(_) | None => Ok(Value::from(text)),
    }
}

/// Faults as the engine names them, for people.
pub fn faults(details: &[Detail]) -> String {
    let lines: Vec<String> = details
        .iter()
        .map(|detail| match &detail.field {
            Some(field) => format!("{field} {}", detail.reason),
            None => detail.reason.clone(),
        })
        .collect();
    lines.join("\n")
}

/// The options of every engine that has some, for `scan --help`.
pub fn help() -> String {
    let mut text = String::from("Engine options (-o name=value; lists with commas):\n");
    for engine in ENGINES {
        let schema = engine.options_schema();
        let Some(properties) = schema["properties"].as_object().filter(|properties| !properties.is_empty()) else {
            continue;
        };
        text.push_str(&format!("\n  {}:\n", engine.scan_type));
        for (name, property) in properties {
            let kind = property["type"].as_str().unwrap_or("text");
            let about = property["description"].as_str().unwrap_or_default();
            text.push_str(&format!("    {name} ({kind}{}): {about}\n", bounds(property)));
        }
    }
    text
}

fn bounds(property: &Value) -> String {
    let mut text = String::new();
    let words = property["enum"].as_array().or_else(|| property["items"]["enum"].as_array());
    if let Some(words) = words {
        let words: Vec<&str> = words.iter().filter_map(Value::as_str).collect();
        text.push_str(&format!(", of {}", words.join("|")));
    }
    if let (Some(least), Some(most)) = (property["minimum"].as_i64(), property["maximum"].as_i64()) {
        text.push_str(&format!(", {least} to {most}"));
    }
    match &property["default"] {
        Value::Null | Value::Object(_) => {}
        Value::Array(words) => {
            let words: Vec<&str> = words.iter().filter_map(Value::as_str).collect();
            text.push_str(&format!(", default {}", words.join(",")));
        }
        default => text.push_str(&format!(", default {default}")),
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn a_value_takes_the_type_of_its_option() {
        for (kind, text, value) in [
            ("boolean", "true", json!(true)),
            ("integer", "-3", json!(-3)),
            ("number", "0.5", json!(0.5)),
            ("string", "1-1024", json!("1-1024")),
        ] {
            assert_eq!(typed(&json!({"type": kind}), text), Ok(value));
        }
        let list = json!({"type": "array", "items": {"type": "integer"}});
        assert_eq!(typed(&list, "1, 2,3"), Ok(json!([1, 2, 3])));
        assert_eq!(typed(&list, ""), Ok(json!([])));
        assert_eq!(typed(&list, "1,x"), Err("a whole number"));
        assert_eq!(typed(&json!({"type": "boolean"}), "yes"), Err("true or false"));
    }

    #[test]
    fn an_option_that_is_given_twice_is_a_fault() {
        let pairs = ["80", "443"].map(|ports| ("ports".to_string(), ports.to_string()));
        assert!(parse(ScanType::Nmap, &pairs).unwrap_err().contains("-o ports: is given twice"));
    }

    #[test]
    fn the_help_names_every_default() {
        let help = help();
        for default in ["default vuln,misconfig,secret)", "default \"T3\")", "default 1500)", "default false)"] {
            assert!(help.contains(default), "{default}: {help}");
        }
    }

    #[test]
    fn an_unknown_option_is_a_fault() {
        let pairs = [("noSuchOption".to_string(), "1".to_string())];
        let fault = parse(ScanType::Sentinel, &pairs).unwrap_err();
        assert!(fault.contains("noSuchOption: sentinel has no such option; it has "), "{fault}");
    }
}
