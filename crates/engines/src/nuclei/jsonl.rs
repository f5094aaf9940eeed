//! One line of nuclei's results, read without copying: what no finding needs, such as whole responses, is skipped.

use serde::de::{Error, IgnoredAny, MapAccess, SeqAccess, Visitor};
use serde::{Deserialize, Deserializer};
use std::borrow::Cow;
use std::fmt;

/// One result.
#[derive(Debug, Deserialize)]
pub struct Event<'a> {
    #[serde(borrow, rename = "template-id")]
    pub template_id: Cow<'a, str>,
    #[serde(borrow, default)]
    pub info: Info<'a>,
    #[serde(borrow, default, rename = "matcher-name")]
    pub matcher_name: Text<'a>,
    #[serde(borrow, default, rename = "type")]
    pub protocol: Text<'a>,
    /// What nuclei was pointed at, where it is a site.
    #[serde(borrow, default)]
    pub url: Text<'a>,
    #[serde(borrow, default)]
    pub host: Text<'a>,
    #[serde(borrow, default)]
    pub port: Text<'a>,
    #[serde(borrow, default)]
    pub scheme: Text<'a>,
    #[serde(borrow, default, rename = "matched-at")]
    pub matched_at: Text<'a>,
    #[serde(borrow, default)]
    pub ip: Text<'a>,
    #[serde(borrow, default, rename = "extracted-results")]
    pub extracted_results: List<'a>,
    /// `false` for a template that did not match, which nuclei writes too when it is asked to.
    #[serde(default, rename = "matcher-status")]
    pub matcher_status: Option<bool>,
    #[serde(borrow, default)]
    pub fuzzing_parameter: Text<'a>,
    #[serde(borrow, default)]
    pub fuzzing_method: Text<'a>,
}

/// What the template says of itself.
#[derive(Debug, Default, Deserialize)]
pub struct Info<'a> {
    #[serde(borrow, default)]
    pub name: Text<'a>,
    #[serde(borrow, default)]
    pub severity: Text<'a>,
    #[serde(borrow, default)]
    pub remediation: Text<'a>,
    #[serde(borrow, default)]
    pub reference: List<'a>,
    #[serde(borrow, default)]
    pub classification: Option<Classification<'a>>,
}

/// What the template says of the fault's place in the catalogues.
#[derive(Debug, Default, Deserialize)]
pub struct Classification<'a> {
    #[serde(borrow, default, rename = "cve-id")]
    pub cve: List<'a>,
    #[serde(borrow, default, rename = "cwe-id")]
    pub cwe: List<'a>,
    #[serde(borrow, default, rename = "cvss-metrics")]
    pub cvss_metrics: Text<'a>,
    #[serde(default, rename = "cvss-score")]
    pub cvss_score: Number,
    #[serde(default, rename = "epss-score")]
    pub epss_score: Number,
}

/// A text; a number or boolean counts as its digits or word, null and everything else as empty.
#[derive(Debug, Default)]
pub struct Text<'a>(pub Cow<'a, str>);

/// Texts: a list, or a single one, or null.
#[derive(Debug, Default)]
pub struct List<'a>(pub Vec<Cow<'a, str>>);

/// A number, also one written as text; everything else is none.
#[derive(Debug, Default)]
pub struct Number(pub Option<f64>);

/// Any value, as far as one of the three can use it.
enum Loose<'a> {
    Nothing,
    Text(Cow<'a, str>),
    Texts(Vec<Cow<'a, str>>),
    Number(f64),
}

impl<'de: 'a, 'a> Deserialize<'de> for Text<'a> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Text<'a>, D::Error> {
        Ok(Text(match Loose::deserialize(deserializer)? {
            Loose::Text(text) => text,
            Loose::Texts(texts) => texts.into_iter().next().unwrap_or_default(),
            Loose::Number(number) => number.to_string().into(),
            Loose::Nothing => Cow::default(),
        }))
    }
}

impl<'de: 'a, 'a> Deserialize<'de> for List<'a> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<List<'a>, D::Error> {
        Ok(List(match Loose::deserialize(deserializer)? {
            Loose::Text(text) => vec![text],
            Loose::Texts(texts) => texts,
            Loose::Number(number) => vec![number.to_string().into()],
            Loose::Nothing => Vec::new(),
        }))
    }
}

impl<'de> Deserialize<'de> for Number {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Number, D::Error> {
        let number = match Loose::deserialize(deserializer)? {
            Loose::Number(number) => Some(number),
            Loose::Text(text) => text.parse().ok(),
            Loose::Texts(_) | Loose::Nothing => None,
        };
        Ok(Number(number.filter(|number| number.is_finite())))
    }
}

impl<'de: 'a, 'a> Deserialize<'de> for Loose<'a> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Loose<'a>, D::Error> {
        deserializer.deserialize_any(LooseVisitor)
    }
}

/// Values of one list that are kept; what nuclei extracts has no bound of its own.
const MAX_LIST: usize = 100;

struct LooseVisitor;

impl<'de> Visitor<'de> for LooseVisitor {
    type Value = Loose<'de>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a value")
    }

    fn visit_borrowed_str<E: Error>(self, text: &'de str) -> Result<Loose<'de>, E> {
        Ok(Loose::Text(Cow::Borrowed(text)))
    }

    fn visit_str<E: Error>(self, text: &str) -> Result<Loose<'de>, E> {
        Ok(Loose::Text(Cow::Owned(text.to_string())))
    }

    fn visit_bool<E: Error>(self, value: bool) -> Result<Loose<'de>, E> {
        Ok(Loose::Text(Cow::Borrowed(if value { "true" } else { "false" })))
    }

    fn visit_u64<E: Error>(self, number: u64) -> Result<Loose<'de>, E> {
        Ok(Loose::Number(number as f64))
    }

    fn visit_i64<E: Error>(self, number: i64) -> Result<Loose<'de>, E> {
        Ok(Loose::Number(number as f64))
    }

    fn visit_f64<E: Error>(self, number: f64) -> Result<Loose<'de>, E> {
        Ok(Loose::Number(number))
    }

    fn visit_unit<E: Error>(self) -> Result<Loose<'de>, E> {
        Ok(Loose::Nothing)
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut seq: A) -> Result<Loose<'de>, A::Error> {
        let mut texts = Vec::new();
        while let Some(item) = seq.next_element::<Loose>()? {
            if let Loose::Text(text) = item
                && texts.len() < MAX_LIST
            {
                texts.push(text);
            }
        }
        Ok(Loose::Texts(texts))
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Loose<'de>, A::Error> {
        while map.next_entry::<IgnoredAny, IgnoredAny>()?.is_some() {}
        Ok(Loose::Nothing)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn event(text: &str) -> Event<'_> {
        serde_json::from_str(text).unwrap()
    }

    #[test]
    fn lists_come_as_lists_single_texts_and_null() {
        let read = |cwe: &str| {
            let line = format!(r#"{{"template-id":"a","info":{{"classification":{{"cwe-id":{cwe}}}}}}}"#);
            event(&line).info.classification.unwrap().cwe.0.join(" ")
        };
        assert_eq!(read(r#"["cwe-200","CWE-1"]"#), "cwe-200 CWE-1");
        assert_eq!(read(r#""CWE-79""#), "CWE-79");
        assert_eq!(read("null"), "");
        assert_eq!(read(r#"{"a":[1,{}]}"#), "");
        assert_eq!(read(r#"[null,["x"],"CWE-2"]"#), "CWE-2");
    }

    #[test]
    fn numbers_come_as_numbers_and_texts() {
        let read = |score: &str| {
            let line = format!(r#"{{"template-id":"a","info":{{"classification":{{"cvss-score":{score}}}}}}}"#);
            event(&line).info.classification.unwrap().cvss_score.0
        };
        assert_eq!(read("10"), Some(10.0));
        assert_eq!(read("\"5.3\""), Some(5.3));
        assert_eq!(read("\"NaN\""), None);
        assert_eq!(read("[]"), None);
        let port = |text: &str| event(&format!(r#"{{"template-id":"a","port":{text}}}"#)).port.0.into_owned();
        assert_eq!((port("8081"), port("\"8081\""), port("null")), ("8081".into(), "8081".into(), String::new()));
    }

    #[test]
    fn what_needs_no_unescaping_is_not_copied() {
        let event =
            event(r#"{"template-id":"a","info":{"name":"b"},"response":"HTTP/1.1 200\r\n","matched-at":"x\ny"}"#);
        assert!(matches!(event.template_id, Cow::Borrowed("a")));
        assert!(matches!(event.info.name.0, Cow::Borrowed("b")));
        assert_eq!(event.matched_at.0, "x\ny");
    }
}
