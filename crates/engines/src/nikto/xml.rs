//! nikto's XML as events. The report holds bytes of the target's choosing: texts, attributes and items are capped, no
//! entity but XML's own five is known, and a cut end keeps what came before.

use quick_xml::events::{BytesStart, Event};
use quick_xml::{Reader, XmlVersion};
use url::Url;

/// A report, as far as it goes.
#[derive(Debug, Default, PartialEq)]
pub struct Document {
    /// The text calls itself a report of nikto.
    pub is_nikto: bool,
    /// nikto's own version.
    pub version: Option<String>,
    /// The web servers that were found, of each its names as URLs; checks began where there is one.
    pub sites: Vec<Vec<String>>,
    pub items: Vec<Item>,
    /// Items beyond [`MAX_ITEMS`].
    pub left_out: u64,
    /// The checks came to their end, or nikto was asked to end.
    pub is_finished: bool,
}

/// One thing that nikto says.
#[derive(Debug, Default, PartialEq)]
pub struct Item {
    /// The place of its site among [`Document::sites`].
    pub site: usize,
    pub id: String,
    pub method: String,
    pub description: String,
    pub uri: String,
    pub references: String,
}

/// Bytes of one text that are kept.
const MAX_TEXT: usize = 16 * 1024;
/// Items that are kept; nikto has some thousands of checks.
const MAX_ITEMS: usize = 200_000;
/// Attributes of one element that are looked at; `scandetails` has a dozen.
const MAX_ATTRIBUTES: usize = 32;

/// Reads a report. There is no error: what cannot be read ends it, and then it is not finished.
pub fn parse(bytes: &[u8]) -> Document {
    let text = String::from_utf8_lossy(bytes);
    let mut reader = Reader::from_str(&text);
    // nikto 2.1.5 closes a root that it never opened when there was nobody to scan.
    reader.config_mut().check_end_names = false;
    reader.config_mut().allow_unmatched_ends = true;
    let mut reading = Reading::default();
    loop {
        match reader.read_event() {
            Ok(Event::Start(element)) => reading.start(&element),
            Ok(Event::Empty(element)) => {
                reading.start(&element);
                reading.end(element.name().as_ref());
            }
            Ok(Event::End(element)) => reading.end(element.name().as_ref()),
            Ok(Event::CData(text)) => reading.text(&text.xml10_content()),
            Ok(Event::Text(text)) => reading.text(text.xml10_content().trim()),
            Ok(Event::DocType(name)) => reading.document.is_nikto |= name.xml10_content().starts_with("niktoscan"),
            Ok(Event::Eof) | Err(_) => return reading.document,
            Ok(Event::Comment(_) | Event::Decl(_) | Event::PI(_) | Event::GeneralRef(_)) => {}
        }
    }
}

#[derive(Default)]
struct Reading {
    document: Document,
    item: Option<Item>,
    /// The open element, where its text counts.
    field: Option<Field>,
}

#[derive(Clone, Copy)]
enum Field {
    Description,
    Uri,
    References,
}

impl Reading {
    fn start(&mut self, element: &BytesStart) {
        match element.name().as_ref() {
            "niktoscans" => self.document.is_nikto = true,
            "niktoscan" => {
                self.document.is_nikto = true;
                self.document.version = Some(attribute(element, "version")).filter(|version| !version.is_empty());
            }
            "scandetails" if self.document.sites.len() < MAX_ITEMS => self.document.sites.push(names(element)),
            "statistics" => self.document.is_finished = true,
            "item" => {
                let (id, method) = (attribute(element, "id"), attribute(element, "method"));
                let site = self.document.sites.len().saturating_sub(1);
                self.item = Some(Item { site, id, method, ..Item::default() });
            }
            "description" => self.field = Some(Field::Description),
            "uri" => self.field = Some(Field::Uri),
            "references" => self.field = Some(Field::References),
            _ => self.field = None,
        }
    }

    fn text(&mut self, text: &str) {
        let (Some(item), Some(field)) = (&mut self.item, self.field) else { return };
        let kept = match field {
            Field::Description => &mut item.description,
            Field::Uri => &mut item.uri,
            Field::References => &mut item.references,
        };
        let room = MAX_TEXT.saturating_sub(kept.len());
        kept.push_str(&text[..text.floor_char_boundary(room)]);
    }

    fn end(&mut self, name: &str) {
        self.field = None;
        // An item that was cut off is not kept: half a message may say the opposite.
        if name == "item"
            && let Some(item) = self.item.take()
        {
            if self.document.items.len() < MAX_ITEMS {
                self.document.items.push(item);
            } else {
                self.document.left_out += 1;
            }
        }
    }
}

/// What a site is called: by its URL, and by that with the name that the requests gave in place of the host.
fn names(element: &BytesStart) -> Vec<String> {
    let (site, header) = (attribute(element, "sitename"), attribute(element, "hostheader"));
    let mut names = Vec::new();
    if let (Ok(mut url), false) = (Url::parse(&site), header.is_empty()) {
        let (host, port) = match header.rsplit_once(':') {
            Some((host, port)) if !host.contains(':') || host.ends_with(']') => {
                (host, port.parse().ok().or(url.port()))
            }
            Some(_) | None => (header.as_str(), url.port()),
        };
        if url.set_host(Some(host)).is_ok() && url.set_port(port).is_ok() {
            names.push(url.to_string());
        }
    }
    if !site.is_empty() {
        names.push(site);
    }
    names
}

/// The value of an attribute; empty when it is absent or cannot be read.
fn attribute(element: &BytesStart, name: &str) -> String {
    for attribute in element.attributes().with_checks(false).take(MAX_ATTRIBUTES).map_while(Result::ok) {
        if attribute.key.as_ref() == name {
            let value = attribute.normalized_value(XmlVersion::Implicit1_0).unwrap_or_default();
            return value[..value.floor_char_boundary(MAX_TEXT)].to_string();
        }
    }
    String::new()
}
