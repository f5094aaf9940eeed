//! Reads a JSON body strictly: a name given twice and a nest deeper than any request needs are faults too.

use crate::error::ApiError;
use scanyard_contract::Code;
use scanyard_contract::wire::Detail;
use serde::de::{DeserializeSeed, Deserializer, Error, MapAccess, SeqAccess, Visitor};
use serde_json::error::Category;
use serde_json::map::Entry;
use serde_json::{Map, Number, Value};
use std::fmt;

/// The deepest nest of arrays and objects: no request of ours needs more than five.
const MAX_DEPTH: usize = 32;

/// Up to here a number with a point is exact: 2^53.
const MAX_WHOLE: f64 = 9_007_199_254_740_992.0;

/// Parses a body; a fault is `INVALID_JSON` with its line and column.
pub fn parse(body: &[u8]) -> Result<Value, ApiError> {
    let mut reader = serde_json::Deserializer::from_slice(body);
    let parsed = Strict { depth: 0 }.deserialize(&mut reader).and_then(|value| reader.end().map(|()| value));
    parsed.map_err(|error| {
        let reason = match error.classify() {
            Category::Eof if body.is_empty() => "the body is empty",
            Category::Eof => "the body ends in the middle of a value",
            Category::Syntax | Category::Io => "not JSON from here on",
            Category::Data => "a name given twice in one object, or a nest deeper than 32 levels, ends here",
        };
        let place = Detail {
            field: None,
            reason: reason.to_string(),
            line: Some(error.line().max(1)),
            column: Some(error.column().max(1)),
        };
        ApiError::new(Code::InvalidJson).and(vec![place])
    })
}

struct Strict {
    depth: usize,
}

impl<'de> DeserializeSeed<'de> for Strict {
    type Value = Value;

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<Value, D::Error> {
        deserializer.deserialize_any(self)
    }
}

impl Strict {
    fn deeper<E: Error>(&self) -> Result<Strict, E> {
        if self.depth == MAX_DEPTH {
            return Err(E::custom("too deep"));
        }
        Ok(Strict { depth: self.depth + 1 })
    }
}

impl<'de> Visitor<'de> for Strict {
    type Value = Value;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a JSON value")
    }

    fn visit_bool<E>(self, value: bool) -> Result<Value, E> {
        Ok(Value::Bool(value))
    }

    fn visit_i64<E>(self, value: i64) -> Result<Value, E> {
        Ok(value.into())
    }

    fn visit_u64<E>(self, value: u64) -> Result<Value, E> {
        Ok(value.into())
    }

    fn visit_f64<E>(self, value: f64) -> Result<Value, E> {
        // To JSON Schema, and to who prints numbers in one way only, 60.0 is an integer.
        if value.fract() == 0.0 && value.abs() <= MAX_WHOLE {
            return Ok((value as i64).into());
        }
        Ok(Number::from_f64(value).map_or(Value::Null, Value::Number))
    }

    fn visit_str<E>(self, value: &str) -> Result<Value, E> {
        Ok(value.into())
    }

    fn visit_unit<E>(self) -> Result<Value, E> {
        Ok(Value::Null)
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut seq: A) -> Result<Value, A::Error> {
        let mut items = Vec::new();
        while let Some(item) = seq.next_element_seed(self.deeper()?)? {
            items.push(item);
        }
        Ok(Value::Array(items))
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Value, A::Error> {
        let mut members = Map::new();
        while let Some(name) = map.next_key::<String>()? {
            let Entry::Vacant(place) = members.entry(name) else { return Err(A::Error::custom("given twice")) };
            place.insert(map.next_value_seed(self.deeper()?)?);
        }
        Ok(Value::Object(members))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn place(body: &str) -> (usize, usize) {
        let error = parse(body.as_bytes()).unwrap_err();
        assert_eq!(error.code, Code::InvalidJson);
        (error.details[0].line.unwrap(), error.details[0].column.unwrap())
    }

    #[test]
    fn a_fault_has_its_line_and_column() {
        assert_eq!(place("{\"a\": 1,\n \"b\": ]}"), (2, 7));
        assert_eq!(place("{\"a\": 1"), (1, 7));
        assert_eq!(place(""), (1, 1));
        assert_eq!(place("{} x"), (1, 4));
    }

    #[test]
    fn a_name_given_twice_is_refused_at_any_depth() {
        assert_eq!(place("{\"a\":1,\"a\":2}").0, 1);
        assert_eq!(place("{\"o\":[{\"a\":1,\n\"a\":2}]}").0, 2);
    }

    #[test]
    fn a_number_without_a_fraction_is_an_integer() {
        for (text, read) in [("60.0", "60"), ("-6e1", "-60"), ("0.5", "0.5"), ("1e300", "1e+300")] {
            assert_eq!(parse(text.as_bytes()).unwrap().to_string(), read, "{text}");
        }
    }

    #[test]
    fn depth_is_capped() {
        assert!(parse(format!("{}{}", "[".repeat(32), "]".repeat(32)).as_bytes()).is_ok());
        assert!(parse(format!("{}{}", "[".repeat(33), "]".repeat(33)).as_bytes()).is_err());
        assert!(parse("[".repeat(1_000_000).as_bytes()).is_err());
    }

    proptest! {
        #[test]
        fn what_serde_prints_reads_back(text in ".*", number: i64, flag: bool) {
            let value = serde_json::json!({"text": text, "list": [number, flag, null], "o": {"n": 0.5}});
            prop_assert_eq!(parse(value.to_string().as_bytes()).unwrap(), value);
        }

        #[test]
        fn no_bytes_make_it_panic(bytes: Vec<u8>) {
            let _ = parse(&bytes);
        }
    }
}
