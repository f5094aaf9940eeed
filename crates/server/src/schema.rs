//! Holds a JSON value against a JSON Schema and names every fault, so that a caller learns of all of them at once.
//!
//! It knows the part of JSON Schema that our own documents use: `type`, `properties`, `required`,
//! `additionalProperties`, `items`, `enum`, `oneOf`, `$ref` and the bounds of lengths and numbers.

use serde_json::{Map, Value};
use std::fmt;

/// One way in which a value breaks its schema, most telling first.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Fault {
    Missing,
    /// The type that was expected.
    Type(String),
    /// None of these words.
    Word {
        given: String,
        known: String,
    },
    /// Out of bounds; the sentence says which.
    Bounds(String),
    Unknown {
        known: String,
    },
}

impl fmt::Display for Fault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Fault::Missing => f.write_str("is missing"),
            Fault::Type(expected) => write!(f, "must be of type {expected}"),
            Fault::Word { known, .. } => write!(f, "must be one of {known}"),
            Fault::Bounds(reason) => f.write_str(reason),
            Fault::Unknown { known } if known.is_empty() => f.write_str("is not known: none is"),
            Fault::Unknown { known } => write!(f, "is not known; known are {known}"),
        }
    }
}

/// A fault and the path of its field, such as `options.ports` or `tags[2]`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Found {
    pub field: String,
    pub fault: Fault,
}

/// Every fault of `value`; `root` holds what `$ref` points into.
pub fn faults(root: &Value, schema: &Value, value: &Value, field: &str) -> Vec<Found> {
    let mut walk = Walk { root, found: Vec::new() };
    walk.value(schema, value, Place::Root(field));
    sort(&mut walk.found);
    walk.found
}

/// Every fault of an object; `schema` refers to nothing.
pub fn object_faults(schema: &Value, members: &Map<String, Value>, field: &str) -> Vec<Found> {
    let mut walk = Walk { root: schema, found: Vec::new() };
    walk.object(&Keywords::of(schema), members, Place::Root(field));
    sort(&mut walk.found);
    walk.found
}

/// Puts faults in the order in which they are told: the kind of fault, then the field. The first one's kind gives the
/// answer its code.
pub fn sort(found: &mut [Found]) {
    found.sort_by(|a, b| (a.fault.rank(), &a.field).cmp(&(b.fault.rank(), &b.field)));
}

impl Fault {
    fn rank(&self) -> u8 {
        match self {
            Fault::Missing => 0,
            Fault::Type(_) => 1,
            Fault::Word { .. } => 2,
            Fault::Bounds(_) => 3,
            Fault::Unknown { .. } => 4,
        }
    }
}

/// The keywords of one schema, collected in one pass: this runs for every body that comes in.
#[derive(Default)]
struct Keywords<'a> {
    reference: Option<&'a str>,
    one_of: Option<&'a Vec<Value>>,
    /// A name or a list of names.
    types: Option<&'a Value>,
    words: Option<&'a Vec<Value>>,
    required: Option<&'a Vec<Value>>,
    properties: Option<&'a Map<String, Value>>,
    /// No other members than `properties`.
    is_closed: bool,
    items: Option<&'a Value>,
    lengths: [Option<f64>; 2],
    sizes: [Option<f64>; 2],
    numbers: [Option<f64>; 2],
}

impl<'a> Keywords<'a> {
    fn of(schema: &'a Value) -> Keywords<'a> {
        let mut found = Keywords::default();
        for (keyword, value) in schema.as_object().into_iter().flatten() {
            match keyword.as_str() {
                "$ref" => found.reference = value.as_str(),
                "oneOf" => found.one_of = value.as_array(),
                "type" => found.types = Some(value),
                "enum" => found.words = value.as_array(),
                "required" => found.required = value.as_array(),
                "properties" => found.properties = value.as_object(),
                "additionalProperties" => found.is_closed = *value == Value::Bool(false),
                "items" => found.items = Some(value),
                "minLength" => found.lengths[0] = value.as_f64(),
                "maxLength" => found.lengths[1] = value.as_f64(),
                "minItems" => found.sizes[0] = value.as_f64(),
                "maxItems" => found.sizes[1] = value.as_f64(),
                "minimum" => found.numbers[0] = value.as_f64(),
                "maximum" => found.numbers[1] = value.as_f64(),
                _ => {}
            }
        }
        found
    }

    /// The names in `type`.
    fn types(&self) -> impl Iterator<Item = &'a str> {
        let (one, many) = match self.types {
            Some(Value::Array(names)) => (None, names.as_slice()),
            one => (one, &[] as &[Value]),
        };
        one.into_iter().chain(many).filter_map(Value::as_str)
    }

    fn is_nullable(&self) -> bool {
        self.types().any(|name| name == "null")
    }
}

/// Where a value stands: a path that is printed only when there is a fault to tell.
#[derive(Clone, Copy)]
enum Place<'p> {
    Root(&'p str),
    Member(&'p Place<'p>, &'p str),
    Item(&'p Place<'p>, usize),
}

impl fmt::Display for Place<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Place::Root(field) => f.write_str(field),
            Place::Member(Place::Root(""), name) => f.write_str(name),
            Place::Member(of, name) => write!(f, "{of}.{name}"),
            Place::Item(of, i) => write!(f, "{of}[{i}]"),
        }
    }
}

struct Walk<'a> {
    root: &'a Value,
    found: Vec<Found>,
}

impl<'a> Walk<'a> {
    fn add(&mut self, place: Place<'_>, fault: Fault) {
        self.found.push(Found { field: place.to_string(), fault });
    }

    fn resolve(&self, schema: &'a Value) -> Keywords<'a> {
        let keywords = Keywords::of(schema);
        let Some(path) = keywords.reference.and_then(|path| path.strip_prefix("#/")) else { return keywords };
        // No name of ours needs the escapes of a JSON pointer.
        let schema = path.split('/').try_fold(self.root, |within, name| within.get(name));
        schema.map(Keywords::of).unwrap_or_default()
    }

    fn value(&mut self, schema: &'a Value, value: &Value, place: Place<'_>) {
        let schema = self.resolve(schema);
        if let Some(choices) = schema.one_of {
            return self.one_of(choices, value, place);
        }
        if schema.types.is_some() && !schema.types().any(|name| is_a(value, name)) {
            let expected = schema.types().filter(|name| *name != "null").collect::<Vec<_>>().join(" or ");
            return self.add(place, Fault::Type(expected));
        }
        if let (Some(words), Some(given)) = (schema.words, value.as_str())
            && !words.contains(value)
        {
            let known = words.iter().filter_map(Value::as_str).collect::<Vec<_>>().join(", ");
            return self.add(place, Fault::Word { given: given.to_string(), known });
        }
        match value {
            Value::Object(members) => self.object(&schema, members, place),
            Value::Array(items) => self.array(&schema, items, place),
            Value::String(text) => self.bounds(schema.lengths, text.chars().count() as f64, " characters", place),
            Value::Number(number) => self.bounds(schema.numbers, number.as_f64().unwrap_or_default(), "", place),
            Value::Null | Value::Bool(_) => {}
        }
    }

    /// An optional reference is `oneOf` of null and the reference: faults are those of the first choice that is not
    /// null.
    fn one_of(&mut self, choices: &'a [Value], value: &Value, place: Place<'_>) {
        let is_null = |choice: &&Value| Keywords::of(choice).is_nullable();
        if value.is_null() && choices.iter().any(|choice| is_null(&choice)) {
            return;
        }
        if let Some(choice) = choices.iter().find(|choice| !is_null(choice)) {
            self.value(choice, value, place);
        }
    }

    fn object(&mut self, schema: &Keywords<'a>, members: &Map<String, Value>, place: Place<'_>) {
        for name in schema.required.into_iter().flatten().filter_map(Value::as_str) {
            if !members.contains_key(name) {
                self.add(Place::Member(&place, name), Fault::Missing);
            }
        }
        for (name, value) in members {
            match schema.properties.and_then(|properties| properties.get(name)) {
                Some(schema) => self.value(schema, value, Place::Member(&place, name)),
                None if schema.is_closed => {
                    let known =
                        schema.properties.map(|p| p.keys().cloned().collect::<Vec<_>>().join(", ")).unwrap_or_default();
                    self.add(Place::Member(&place, &crate::error::shown(name)), Fault::Unknown { known });
                }
                None => {}
            }
        }
    }

    fn array(&mut self, schema: &Keywords<'a>, items: &[Value], place: Place<'_>) {
        self.bounds(schema.sizes, items.len() as f64, " items", place);
        if let Some(each) = schema.items {
            for (i, item) in items.iter().enumerate().take(MAX_ITEMS_WALKED) {
                self.value(each, item, Place::Item(&place, i));
            }
        }
    }

    /// Holds a size against a pair of bounds; `what` is counted.
    fn bounds(&mut self, [least, most]: [Option<f64>; 2], size: f64, what: &str, place: Place<'_>) {
        if least.is_none_or(|least| size >= least) && most.is_none_or(|most| size <= most) {
            return;
        }
        let range = match (least, most) {
            (Some(least), Some(most)) => format!("must be {least} to {most}{what}"),
            (None, Some(most)) => format!("must be at most {most}{what}"),
            (least, None) => format!("must be at least {}{what}", least.unwrap_or_default()),
        };
        self.add(place, Fault::Bounds(range));
    }
}

/// A long list of faulty items would only repeat itself.
const MAX_ITEMS_WALKED: usize = 1000;

fn is_a(value: &Value, name: &str) -> bool {
    match name {
        "null" => value.is_null(),
        "boolean" => value.is_boolean(),
        "string" => value.is_string(),
        "number" => value.is_number(),
        "integer" => value.is_i64() || value.is_u64(),
        "array" => value.is_array(),
        "object" => value.is_object(),
        _ => true,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn every_fault_is_named_the_most_telling_first() {
        let root = json!({"w": {"type": "string", "enum": ["a", "b"]}});
        let schema = json!({
            "type": "object",
            "required": ["need", "word"],
            "additionalProperties": false,
            "properties": {
                "need": {"type": "string"},
                "word": {"$ref": "#/w"},
                "maybe": {"oneOf": [{"type": "null"}, {"$ref": "#/w"}]},
                "n": {"type": ["integer", "null"], "minimum": 1, "maximum": 5},
                "list": {"type": "array", "maxItems": 2, "items": {"type": "string", "maxLength": 3}},
            },
        });
        let value = json!({"word": "c", "maybe": 1, "n": 9, "list": ["long", 1, "x"], "other": 0});
        let found = faults(&root, &schema, &value, "");
        let lines: Vec<String> = found.iter().map(|f| format!("{} {:?}", f.field, f.fault)).collect();
        assert_eq!(
            lines,
            [
                "need Missing",
                "list[1] Type(\"string\")",
                "maybe Type(\"string\")",
                "word Word { given: \"c\", known: \"a, b\" }",
                "list Bounds(\"must be at most 2 items\")",
                "list[0] Bounds(\"must be at most 3 characters\")",
                "n Bounds(\"must be 1 to 5\")",
                "other Unknown { known: \"list, maybe, n, need, word\" }",
            ]
        );
        let value = json!({"need": "", "word": "a", "maybe": null, "n": null});
        assert_eq!(faults(&root, &schema, &value, ""), []);
    }
}
