//! The reports of theHarvester up to 4.9: a JSON and an XML file of one run. The JSON was seen to lack a host that the
//! XML has, so both are read.

use super::found::Found;
use quick_xml::Reader;
use quick_xml::escape::resolve_predefined_entity;
use quick_xml::events::Event;
use serde::de::{IgnoredAny, MapAccess, SeqAccess, Visitor};
use serde::{Deserialize, Deserializer};
use std::fmt;

#[derive(Deserialize)]
struct Report {
    /// The command line: in every such report, and in nothing else.
    #[serde(rename = "cmd")]
    _cmd: String,
    #[serde(default)]
    hosts: Texts,
    #[serde(default)]
    ips: Texts,
    #[serde(default)]
    emails: Texts,
    #[serde(default)]
    asns: Texts,
    #[serde(default)]
    interesting_urls: Texts,
    #[serde(default)]
    people: Texts,
    #[serde(default)]
    linkedin_people: Texts,
    #[serde(default)]
    takeover_results: Texts,
}

/// Texts, as a list, as the names of an object, or none.
#[derive(Default)]
struct Texts(Vec<String>);

/// Reads the JSON; `false` when it is none of theHarvester's.
pub fn json(report: &[u8], found: &mut Found) -> bool {
    let Ok(report) = serde_json::from_slice::<Report>(report) else { return false };
    for (kind, texts) in [
        ("hostname", report.hosts),
        ("ip", report.ips),
        ("email", report.emails),
        ("asn", report.asns),
        ("url", report.interesting_urls),
        ("people", report.people),
        ("people", report.linkedin_people),
        ("takeover", report.takeover_results),
    ] {
        texts.0.iter().for_each(|value| found.record(kind, value));
    }
    true
}

/// How an XML report ended.
#[derive(Debug, PartialEq, Eq)]
pub enum Xml {
    Whole,
    Cut,
    /// It is another document.
    Foreign,
}

/// Bytes of one text that are kept.
const MAX_TEXT: usize = 2048;

/// Reads the XML, as far as it goes. No entity but XML's own five is known, and nothing is nested deeper than two.
pub fn xml(report: &[u8], found: &mut Found) -> Xml {
    let text = String::from_utf8_lossy(report);
    let mut reader = Reader::from_str(&text);
    let (mut depth, mut is_ours) = (0_usize, false);
    let mut value = String::new();
    let (mut name, mut address): (Option<String>, Option<String>) = (None, None);
    loop {
        match reader.read_event() {
            Ok(Event::Start(element)) => {
                if depth == 0 {
                    is_ours = element.name().as_ref() == "theHarvester";
                    if !is_ours {
                        return Xml::Foreign;
                    }
                }
                depth += 1;
                value.clear();
            }
            Ok(Event::Text(text)) => push(&mut value, &text.xml10_content()),
            Ok(Event::GeneralRef(reference)) => {
                push(&mut value, resolve_predefined_entity(&reference.xml10_content()).unwrap_or_default());
            }
            Ok(Event::End(element)) => {
                depth = depth.saturating_sub(1);
                let text = std::mem::take(&mut value);
                match (depth, element.name().as_ref()) {
                    (0, _) => return Xml::Whole,
                    (1, "host") => match name.take() {
                        Some(name) => found.host(&name, address.take().as_deref()),
                        None => found.host(&text, None),
                    },
                    (2, "hostname") => name = Some(text),
                    (2, "ip") => address = Some(text),
                    (1, "email") => found.record("email", &text),
                    (1, "ip") => found.record("ip", &text),
                    (_, _) => {}
                }
            }
            Ok(Event::Eof) | Err(_) => return if is_ours { Xml::Cut } else { Xml::Foreign },
            Ok(
                Event::Empty(_)
                | Event::CData(_)
                | Event::Comment(_)
                | Event::Decl(_)
                | Event::PI(_)
                | Event::DocType(_),
            ) => {}
        }
    }
}

fn push(value: &mut String, text: &str) {
    if value.len() < MAX_TEXT {
        value.push_str(&text[..text.floor_char_boundary(MAX_TEXT)]);
    }
}

impl<'de> Deserialize<'de> for Texts {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Texts, D::Error> {
        struct Any;
        impl<'de> Visitor<'de> for Any {
            type Value = Texts;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a list, an object or null")
            }

            fn visit_unit<E>(self) -> Result<Texts, E> {
                Ok(Texts::default())
            }

            fn visit_seq<A: SeqAccess<'de>>(self, mut seq: A) -> Result<Texts, A::Error> {
                #[derive(Deserialize)]
                #[serde(untagged)]
                enum Item {
                    Text(String),
                    Other(IgnoredAny),
                }
                let mut texts = Vec::new();
                while let Some(item) = seq.next_element()? {
                    match item {
                        Item::Text(text) => texts.push(text),
                        Item::Other(IgnoredAny) => {}
                    }
                }
                Ok(Texts(texts))
            }

            fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Texts, A::Error> {
                let mut texts = Vec::new();
                while let Some((name, IgnoredAny)) = map.next_entry::<String, _>()? {
                    texts.push(name);
                }
                Ok(Texts(texts))
            }
        }
        deserializer.deserialize_any(Any)
    }
}
