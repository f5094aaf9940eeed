//! nmap's XML as events, read into what the findings need. The report holds bytes of the target's choosing: depth,
//! attributes and texts are capped, no entity but XML's own five is known, and a cut or broken end keeps what came before.

use quick_xml::escape::resolve_predefined_entity;
use quick_xml::events::{BytesStart, Event};
use quick_xml::{Reader, XmlVersion};

/// A report, as far as it goes.
#[derive(Debug, Default, PartialEq)]
pub struct Document {
    /// nmap's own version.
    pub version: Option<String>,
    /// Seconds since 1970.
    pub started: i64,
    pub hosts: Vec<Host>,
    /// Absent when nmap was ended before it was done.
    pub finished: Option<Finished>,
}

#[derive(Debug, Default, PartialEq)]
pub struct Finished {
    pub error: Option<String>,
}

#[derive(Debug, Default, PartialEq)]
pub struct Host {
    pub address: String,
    /// nmap gave up on it and reports no port.
    pub is_timed_out: bool,
    /// At least one port accepted or refused. nmap's own "up" is worth nothing with `-Pn`.
    pub answered: bool,
    pub ports: Vec<Port>,
    pub scripts: Vec<Script>,
}

#[derive(Debug, Default, PartialEq)]
pub struct Port {
    pub protocol: String,
    pub number: u16,
    pub state: String,
    pub service: Option<Service>,
    pub scripts: Vec<Script>,
}

#[derive(Debug, Default, PartialEq)]
pub struct Service {
    pub name: String,
    pub product: String,
    pub version: String,
    pub extra: String,
    pub is_tls: bool,
}

/// What one script says, as text and as a tree.
#[derive(Debug, Default, PartialEq)]
pub struct Script {
    pub id: String,
    pub output: String,
    pub data: Table,
}

#[derive(Debug, Default, PartialEq)]
pub struct Table {
    pub key: String,
    pub tables: Vec<Table>,
    pub elements: Vec<(String, String)>,
}

impl Table {
    /// The text under a key.
    pub fn element(&self, key: &str) -> Option<&str> {
        self.elements.iter().find(|(name, _)| name == key).map(|(_, text)| text.as_str())
    }

    /// The table under a key.
    pub fn table(&self, key: &str) -> Option<&Table> {
        self.tables.iter().find(|table| table.key == key)
    }

    /// The texts of the table under a key.
    pub fn texts(&self, key: &str) -> impl Iterator<Item = &str> {
        self.table(key).into_iter().flat_map(|table| table.elements.iter().map(|(_, text)| text.as_str()))
    }
}

/// Deepest nesting of a script's tables that is kept; nmap's own go to four.
const MAX_DEPTH: usize = 16;
/// Attributes of one element that are looked at; nmap's own have at most ten.
const MAX_ATTRIBUTES: usize = 32;
/// Tables and elements of a whole report that are kept; a report with every script has some thousands a host.
const MAX_NODES: usize = 500_000;
/// Bytes of one text that are kept.
const MAX_TEXT: usize = 64 * 1024;

/// Reads a report. There is no error: what cannot be read ends it, and then it is not finished.
pub fn parse(bytes: &[u8]) -> Document {
    let text = String::from_utf8_lossy(bytes);
    let mut reader = Reader::from_str(&text);
    let mut reading = Reading::default();
    loop {
        match reader.read_event() {
            Ok(Event::Start(element)) => reading.start(&element),
            Ok(Event::Empty(element)) => {
                reading.start(&element);
                reading.end(element.name().as_ref());
            }
            Ok(Event::End(element)) => reading.end(element.name().as_ref()),
            Ok(Event::Text(text)) => reading.text(&text.xml10_content()),
            Ok(Event::GeneralRef(reference)) => match reference.resolve_char_ref() {
                Ok(Some(c)) => reading.text(c.encode_utf8(&mut [0; 4])),
                _ => reading.text(resolve_predefined_entity(&reference.xml10_content()).unwrap_or_default()),
            },
            Ok(Event::Eof) | Err(_) => break,
            Ok(Event::CData(_) | Event::Comment(_) | Event::Decl(_) | Event::PI(_) | Event::DocType(_)) => {}
        }
    }
    // A host that was cut off still tells what it told.
    reading.end("port");
    reading.end("host");
    reading.document
}

/// A task line: which task, and how far it is.
#[derive(Debug, PartialEq)]
pub struct Task {
    pub name: String,
    pub percent: f64,
}

/// Reads one line as a task; `None` when it is something else.
pub fn task(line: &[u8]) -> Option<Task> {
    let text = std::str::from_utf8(line).ok()?;
    let (Event::Empty(element) | Event::Start(element)) = Reader::from_str(text).read_event().ok()? else {
        return None;
    };
    let percent = match element.name().as_ref() {
        "taskbegin" => 0.0,
        "taskprogress" => attribute(&element, "percent").parse().ok().filter(|percent: &f64| percent.is_finite())?,
        "taskend" => 100.0,
        _ => return None,
    };
    Some(Task { name: attribute(&element, "task"), percent })
}

/// The open elements while reading.
#[derive(Default)]
struct Reading {
    document: Document,
    host: Option<Host>,
    port: Option<Port>,
    script: Option<Script>,
    /// Open tables of the script, outermost first.
    tables: Vec<Table>,
    /// Open tables beyond [`MAX_DEPTH`].
    too_deep: usize,
    /// Tables and elements so far.
    nodes: usize,
    /// Key and text of the open element.
    element: Option<(String, String)>,
}

impl Reading {
    fn start(&mut self, element: &BytesStart) {
        let get = |name: &str| attribute(element, name);
        match element.name().as_ref() {
            "nmaprun" => {
                self.document.version = Some(get("version")).filter(|version| !version.is_empty());
                self.document.started = get("start").parse().unwrap_or(0);
            }
            "host" => self.host = Some(Host { is_timed_out: get("timedout") == "true", ..Host::default() }),
            "address" => {
                if let Some(host) = &mut self.host
                    && get("addrtype") != "mac"
                {
                    host.address = get("addr");
                }
            }
            "port" => {
                let number = get("portid").parse().unwrap_or(0);
                self.port = Some(Port { protocol: get("protocol"), number, ..Port::default() });
            }
            "state" => {
                self.answer(&get("reason"));
                if let Some(port) = &mut self.port {
                    port.state = get("state");
                }
            }
            "extrareasons" => self.answer(&get("reason")),
            "service" => {
                if let Some(port) = &mut self.port {
                    port.service = Some(Service {
                        name: get("name"),
                        product: get("product"),
                        version: get("version"),
                        extra: get("extrainfo"),
                        is_tls: get("tunnel") == "ssl",
                    });
                }
            }
            "script" => {
                self.script = Some(Script { id: get("id"), output: get("output"), ..Script::default() });
            }
            "table" if self.tables.len() == MAX_DEPTH || self.too_deep > 0 || self.nodes >= MAX_NODES => {
                self.too_deep += 1
            }
            "table" => {
                self.nodes += 1;
                self.tables.push(Table { key: get("key"), ..Table::default() });
            }
            "elem" if self.nodes < MAX_NODES => {
                self.nodes += 1;
                self.element = Some((get("key"), String::new()));
            }
            "finished" => {
                let error = (get("exit") == "error").then(|| get("errormsg"));
                self.document.finished = Some(Finished { error });
            }
            _ => {}
        }
    }

    fn text(&mut self, text: &str) {
        if let Some((_, kept)) = &mut self.element
            && kept.len() < MAX_TEXT
        {
            kept.push_str(cut(text));
        }
    }

    fn end(&mut self, name: &str) {
        match name {
            "elem" => {
                let Some(element) = self.element.take() else { return };
                if self.too_deep > 0 {
                    return;
                }
                if let Some(table) = self.open_table() {
                    table.elements.push(element);
                }
            }
            "table" if self.too_deep > 0 => self.too_deep -= 1,
            "table" => {
                let Some(done) = self.tables.pop() else { return };
                if let Some(table) = self.open_table() {
                    table.tables.push(done);
                }
            }
            "script" => {
                (self.too_deep, self.tables) = (0, Vec::new());
                let Some(script) = self.script.take() else { return };
                match (&mut self.port, &mut self.host) {
                    (Some(port), _) => port.scripts.push(script),
                    (None, Some(host)) => host.scripts.push(script),
                    (None, None) => {}
                }
            }
            "port" => {
                if let (Some(port), Some(host)) = (self.port.take(), &mut self.host) {
                    host.ports.push(port);
                }
            }
            "host" => self.document.hosts.extend(self.host.take()),
            _ => {}
        }
    }

    /// Where an element goes that ends now.
    fn open_table(&mut self) -> Option<&mut Table> {
        match self.tables.last_mut() {
            Some(table) => Some(table),
            None => self.script.as_mut().map(|script| &mut script.data),
        }
    }

    fn answer(&mut self, reason: &str) {
        if let Some(host) = &mut self.host {
            host.answered |= matches!(reason, "syn-ack" | "conn-refused");
        }
    }
}

/// The value of an attribute; empty when it is absent or cannot be read.
fn attribute(element: &BytesStart, name: &str) -> String {
    for attribute in element.attributes().with_checks(false).take(MAX_ATTRIBUTES).map_while(Result::ok) {
        if attribute.key.as_ref() == name {
            let value = attribute.normalized_value(XmlVersion::Implicit1_0).unwrap_or_default();
            return cut(&value).to_string();
        }
    }
    String::new()
}

fn cut(text: &str) -> &str {
    &text[..text.floor_char_boundary(MAX_TEXT)]
}
