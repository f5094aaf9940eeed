//! The JSON Schemas of `GET /engines`: they take what an engine takes, and refuse what it refuses.

use scanyard_engines::Options;
use scanyard_engines::engine::ENGINES;
use serde_json::{Value, json};

/// Values of every type for one option: words and lists of its own, its bounds and what is beyond them, and what some option
/// somewhere has to refuse.
fn values(property: &Value) -> Vec<Value> {
    let mut values =
        vec![json!(null), json!(true), json!(0), json!(-1), json!(2.5), json!({}), json!([]), json!([null])];
    for text in [
        "", "a", "A", " 1 ", "80", "80 , 81", "80 - 81", "\t80", "1-", "-1", "1,,2", "é", "a b", "a\nb", "a=1*",
        "--help",
    ] {
        values.push(json!(text));
        values.push(json!([text]));
    }
    for text in [
        "/", "/a b", "/é", "/*", "a/b", ".", "./", "./a", "..", "../a", "a/../b", "a/..", "..a", "a.", "a//b", "@a",
        "a,b",
    ] {
        values.push(json!([text]));
    }
    for length in [64, 65, 100, 101, 200, 201, 499, 500, 4096, 4097] {
        values.push(json!("a".repeat(length)));
        values.push(json!(["a".repeat(length)]));
        values.push(json!([format!("/{}", "a".repeat(length))]));
    }
    for length in [20, 21, 50, 51] {
        values.push(json!(vec!["/a"; length]));
        values.push(json!(vec!["a"; length]));
    }
    for bound in ["minimum", "maximum"].iter().filter_map(|name| property[*name].as_i64()) {
        values.extend([json!(bound - 1), json!(bound), json!(bound + 1)]);
    }
    values.extend(property["enum"].as_array().cloned().unwrap_or_default());
    if let Some(words) = property["items"]["enum"].as_array() {
        values.extend([json!(words), json!([words[0]]), json!([words[0], words[0]]), json!([words[0], "no word"])]);
    }
    values.extend(property["examples"].as_array().cloned().unwrap_or_default());
    values.extend(property.get("default").cloned());
    values
}

#[test]
fn a_schema_takes_what_its_engine_takes_and_nothing_else() {
    let mut wrong = Vec::new();
    for engine in ENGINES {
        let schema = engine.options_schema();
        let validator = jsonschema::validator_for(schema).unwrap();
        for (name, property) in schema["properties"].as_object().unwrap() {
            for value in values(property) {
                let given = json!({name: value});
                let read = Options::parse(engine.scan_type, given.as_object().unwrap()).unwrap();
                if read.is_ok() != validator.is_valid(&given) {
                    wrong.push(format!("{} {given}: the engine said {read:?}", engine.scan_type));
                }
            }
        }
    }
    assert_eq!(wrong, Vec::<String>::new());
}
