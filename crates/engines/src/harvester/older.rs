//! The reports of theHarvester up to 4.9: a JSON and an XML file of one run. The JSON was seen to lack a host that the
//! XML has, so both are read.

use super::found::Found;
use quick_xml::Reader;
use quick_xml::escape::resolve_predefined_entity;
use quick_xml::events::Event;
use serde_json::{Map, Value};

/// Reads the JSON; `false` when it is none of theHarvester's. Each of its lists holds records of one kind, as does each of its
/// objects by the names in it.
pub fn json(report: &[u8], found: &mut Found) -> bool {
    let Ok(mut report) = serde_json::from_slice::<Map<String, Value>>(report) else { return false };
    // The command line: in every such report, and in nothing else.
    if !report.remove("cmd").is_some_and(|line| line.is_string()) {
        return false;
    }
    for (name, value) in &report {
        let kind = match name.as_str() {
            "hosts" => "hostname",
            "ips" => "ip",
            "emails" => "email",
            "asns" => "asn",
            "interesting_urls" => "url",
            "people" | "linkedin_people" | "linkedin_links" => "people",
            "takeover_results" => "takeover",
            other => other,
        };
        match value {
            Value::Array(records) => {
                for record in records {
                    match record.as_str() {
                        Some(text) => found.record(kind, text),
                        None => found.collected.drop("no text"),
                    }
                }
            }
            Value::Object(records) => records.keys().for_each(|text| found.record(kind, text)),
            Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => {}
        }
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
                    (1, "cmd") => {}
                    (1, other) => found.record(other, &text),
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
