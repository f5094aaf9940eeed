//! Takes out of the OpenAPI document what Rust's types say and the API does not.

use serde_json::{Map, Value, json};
use utoipa::openapi::OpenApi;

/// The document as a client should read it; `None` when it cannot be read back, which a test excludes.
pub fn tidy(document: &OpenApi) -> Option<OpenApi> {
    let mut value = serde_json::to_value(document).ok()?;
    walk(&mut value);
    serde_json::from_value(value).ok()
}

fn walk(value: &mut Value) {
    match value {
        Value::Object(members) => {
            one(members);
            members.values_mut().for_each(walk);
        }
        Value::Array(items) => items.iter_mut().for_each(walk),
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => {}
    }
}

fn one(members: &mut Map<String, Value>) {
    // serde's default of an optional member: absent is absent, and null is not even of its type.
    if members.get("default").is_some_and(Value::is_null) {
        members.remove("default");
    }
    // An unsigned number of 32 bits is no int32: its upper half does not fit.
    if members.get("format") == Some(&json!("int32")) && members.get("minimum").and_then(Value::as_i64) >= Some(0) {
        members.remove("format");
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_document_is_the_same_but_for_what_is_taken_out() {
        let text = r#"{"openapi": "3.1.0", "info": {"title": "t", "version": "1"}, "paths": {}, "components": {"schemas":
            {"A": {"type": "object", "properties": {"page": {"type": "integer", "format": "int32", "minimum": 0},
            "at": {"type": "integer", "format": "int32"}, "default": {"type": ["string", "null"], "default": null},
            "kept": {"type": "boolean", "default": false}}}}}}"#;
        let tidied = tidy(&serde_json::from_str(text).unwrap()).unwrap();
        assert_eq!(
            serde_json::to_value(tidied).unwrap()["components"]["schemas"]["A"]["properties"],
            json!({
                "page": {"type": "integer", "minimum": 0},
                "at": {"type": "integer", "format": "int32"},
                "default": {"type": ["string", "null"]},
                "kept": {"type": "boolean", "default": false},
            })
        );
    }
}
