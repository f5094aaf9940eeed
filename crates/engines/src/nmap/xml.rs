//! nmap's XML as events, read into what the findings need. The report holds bytes of the target's choosing: depth,
//! attributes and texts are capped, no entity but XML's own five is known, and a cut or broken end keeps what came before.

use super::attributes::{MAX_TEXT, attributes, cut, kept, named};
use memchr::memmem;
use quick_xml::Reader;
use quick_xml::escape::resolve_predefined_entity;
use quick_xml::events::{BytesStart, Event};

/// What a report says of itself, as far as it goes.
#[derive(Debug, Default, PartialEq)]
pub struct Head {
    /// Whether it is a report of nmap at all.
    pub is_nmap: bool,
    /// nmap's own version.
    pub version: Option<String>,
    /// Seconds since 1970.
    pub started: i64,
    /// Absent when nmap was ended before it was done.
    pub finished: Option<Finished>,
    /// Hosts that nmap was to look at, by its own count at the end: of those that are down it lists none.
    pub total: u64,
    /// Scripts that ran before or after the hosts, and speak of none.
    pub of_no_host: u64,
}

#[derive(Debug, Default, PartialEq)]
pub struct Finished {
    pub error: Option<String>,
}

#[derive(Debug, Default, PartialEq)]
pub struct Host {
    pub address: String,
    /// The name that whoever ran nmap asked for.
    pub name: Option<String>,
    /// nmap gave up on it and reports no port.
    pub is_timed_out: bool,
    /// At least one port is open, closed or unfiltered, which nmap says of none that kept silent. Its own "up" is worth
    /// nothing with `-Pn`.
    pub answered: bool,
    /// Those that are open.
    pub ports: Vec<Port>,
    pub scripts: Vec<Script>,
    /// Open ports and scripts beyond [`MAX_NODES`].
    pub left_out: u64,
    /// Ports that are open or filtered: nmap cannot tell which.
    pub undecided: u64,
    /// Open ports without a number that a port can have.
    pub unnumbered: u64,
}

#[derive(Debug, Default, PartialEq)]
pub struct Port {
    /// `tcp`, `udp`, `sctp` or `ip`; empty for any other, of which nmap has none.
    pub protocol: &'static str,
    pub number: u16,
    pub is_open: bool,
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
/// Ports, scripts, tables and elements of one host that are kept; a report with every script has some thousands.
const MAX_NODES: usize = 500_000;
/// Reads a report and hands each host on as it ends, so that no more than one of them is in memory. There is no error:
/// what cannot be read ends the report, and then it is not finished.
pub fn parse(bytes: &[u8], each: impl FnMut(&Head, Host)) -> Head {
    // Borrowed, but for a report that is not UTF-8.
    let text = crate::text::decoded(bytes);
    let mut reader = Reader::from_str(&text);
    // Who closes what is looked at below; a wrong name there ends nothing that is open.
    reader.config_mut().check_end_names = false;
    let mut reading = Reading::new(each);
    let mut end_of_port = Some(memmem::Finder::new("</port"));
    loop {
        match reader.read_event() {
            Ok(Event::Start(element)) => reading.start(&element),
            Ok(Event::Empty(element)) => {
                reading.start(&element);
                reading.end(element.name().as_ref());
            }
            Ok(Event::End(element)) => reading.end(element.name().as_ref()),
            // Most of it is the white space between elements.
            Ok(Event::Text(_) | Event::GeneralRef(_)) if reading.element.is_none() => {}
            Ok(Event::Text(text)) => reading.text(&text.xml10_content()),
            Ok(Event::GeneralRef(reference)) => match reference.resolve_char_ref() {
                Ok(Some(c)) => reading.text(c.encode_utf8(&mut [0; 4])),
                _ => reading.text(resolve_predefined_entity(&reference.xml10_content()).unwrap_or_default()),
            },
            Ok(Event::Eof) | Err(_) => break,
            Ok(Event::CData(_) | Event::Comment(_) | Event::Decl(_) | Event::PI(_) | Event::DocType(_)) => {}
        }
        if std::mem::take(&mut reading.is_rest_of_no_use) {
            // Once there is no more of them, nobody looks again.
            end_of_port = end_of_port.filter(|end| pass_over(&mut reader, end));
        }
    }
    // A host that was cut off still tells what it told.
    reading.end("port");
    reading.end("host");
    reading.head
}

/// Goes on before the next place of that text; `false` when there is none.
fn pass_over(reader: &mut Reader<&[u8]>, to: &memmem::Finder) -> bool {
    let rest = reader.get_mut();
    let found = to.find(rest);
    *rest = &rest[found.unwrap_or(0)..];
    found.is_some()
}

/// The open elements while reading.
struct Reading<F> {
    each: F,
    head: Head,
    host: Option<Host>,
    port: Option<Port>,
    /// The port is not open: no finding comes of what else it holds.
    is_rest_of_no_use: bool,
    script: Option<Script>,
    /// Open tables of the script, outermost first.
    tables: Vec<Table>,
    /// Open tables beyond [`MAX_DEPTH`].
    too_deep: usize,
    /// Ports, scripts, tables and elements of the host so far.
    nodes: usize,
    /// Key and text of the open element.
    element: Option<(String, String)>,
}

impl<F: FnMut(&Head, Host)> Reading<F> {
    fn new(each: F) -> Reading<F> {
        Reading {
            each,
            head: Head::default(),
            host: None,
            port: None,
            is_rest_of_no_use: false,
            script: None,
            tables: Vec::new(),
            too_deep: 0,
            nodes: 0,
            element: None,
        }
    }

    fn start(&mut self, element: &BytesStart) {
        match element.name().as_ref() {
            "nmaprun" => {
                self.head.is_nmap = true;
                self.head.version = named(element, "version").map(kept).filter(|text| !text.is_empty());
                self.head.started = named(element, "start").and_then(|start| start.value.parse().ok()).unwrap_or(0);
            }
            "host" => {
                self.end("host");
                self.nodes = 0;
                let is_timed_out = named(element, "timedout").is_some_and(|is| is.value == "true");
                self.host = Some(Host { is_timed_out, ..Host::default() });
            }
            "address" => self.address(element),
            "hostname" => {
                if let Some(host) = &mut self.host
                    && named(element, "type").is_some_and(|is| is.value == "user")
                {
                    host.name = named(element, "name").map(kept);
                }
            }
            "port" => self.port = Some(port(element)),
            "state" | "extraports" => self.state(element),
            "service" => {
                if let Some(port) = self.port.as_mut().filter(|port| port.is_open) {
                    port.service = Some(service(element));
                }
            }
            "script" if self.is_wanted() => self.script = Some(script(element)),
            "script" if self.host.is_none() => self.head.of_no_host += 1,
            "table" if self.script.is_none() => {}
            "table" if self.tables.len() == MAX_DEPTH || self.too_deep > 0 || self.nodes >= MAX_NODES => {
                self.too_deep += 1
            }
            "table" => {
                self.nodes += 1;
                self.tables.push(Table { key: text_of(element, "key"), ..Table::default() });
            }
            "elem" if self.script.is_some() && self.nodes < MAX_NODES => {
                self.nodes += 1;
                self.element = Some((text_of(element, "key"), String::new()));
            }
            "finished" => {
                let is_error = named(element, "exit").is_some_and(|is| is.value == "error");
                let error = is_error.then(|| text_of(element, "errormsg"));
                self.head.finished = Some(Finished { error });
            }
            "hosts" => {
                self.head.total = named(element, "total").and_then(|total| total.value.parse().ok()).unwrap_or(0);
            }
            _ => {}
        }
    }

    fn address(&mut self, element: &BytesStart) {
        let Some(host) = &mut self.host else { return };
        let (mut address, mut is_mac) = (None, false);
        for attribute in attributes(element) {
            match attribute.key.into_inner() {
                "addr" => address = Some(attribute),
                "addrtype" => is_mac = attribute.value == "mac",
                _ => {}
            }
        }
        if !is_mac {
            host.address = address.map(kept).unwrap_or_default();
        }
    }

    /// How a port is, or the ports of which nmap tells no more than their number.
    fn state(&mut self, element: &BytesStart) {
        let (mut is_open, mut has_answered, mut is_undecided, mut count) = (false, false, false, 1);
        for attribute in attributes(element) {
            match attribute.key.into_inner() {
                "state" => {
                    is_open = attribute.value == "open";
                    has_answered = matches!(&*attribute.value, "open" | "closed" | "unfiltered");
                    is_undecided = attribute.value == "open|filtered";
                }
                "count" => count = attribute.value.parse::<u16>().unwrap_or(u16::MAX).into(),
                _ => {}
            }
        }
        if let Some(host) = &mut self.host {
            host.answered |= has_answered;
            host.undecided += if is_undecided { count } else { 0 };
        }
        if let Some(port) = &mut self.port {
            port.is_open = is_open && port.number > 0;
            self.is_rest_of_no_use = !port.is_open;
            if is_open
                && !port.is_open
                && let Some(host) = &mut self.host
            {
                host.unnumbered += 1;
            }
        }
    }

    /// Whether what stands here can become a finding: on a host, or on an open port of it.
    fn is_wanted(&self) -> bool {
        self.host.is_some() && self.port.as_ref().is_none_or(|port| port.is_open)
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
                (self.too_deep, self.element) = (0, None);
                self.tables.clear();
                let Some(script) = self.script.take() else { return };
                let is_kept = self.take_node();
                match (&mut self.port, &mut self.host) {
                    (Some(port), _) if is_kept => port.scripts.push(script),
                    (None, Some(host)) if is_kept => host.scripts.push(script),
                    (_, Some(host)) => host.left_out += 1,
                    (_, None) => {}
                }
            }
            "port" => {
                let Some(port) = self.port.take().filter(|port| port.is_open) else { return };
                let is_kept = self.take_node();
                match &mut self.host {
                    Some(host) if is_kept => host.ports.push(port),
                    Some(host) => host.left_out += 1,
                    None => {}
                }
            }
            "host" => {
                if let Some(host) = self.host.take() {
                    (self.each)(&self.head, host);
                }
            }
            _ => {}
        }
    }

    /// Counts a port or a script; `false` when there are too many already.
    fn take_node(&mut self) -> bool {
        self.nodes += 1;
        self.nodes <= MAX_NODES
    }

    /// Where an element goes that ends now.
    fn open_table(&mut self) -> Option<&mut Table> {
        match self.tables.last_mut() {
            Some(table) => Some(table),
            None => self.script.as_mut().map(|script| &mut script.data),
        }
    }
}

fn port(element: &BytesStart) -> Port {
    let mut port = Port::default();
    for attribute in attributes(element) {
        match attribute.key.into_inner() {
            "protocol" => {
                port.protocol = match &*attribute.value {
                    "tcp" => "tcp",
                    "udp" => "udp",
                    "sctp" => "sctp",
                    "ip" => "ip",
                    _ => "",
                }
            }
            "portid" => port.number = attribute.value.parse().unwrap_or(0),
            _ => {}
        }
    }
    port
}

fn service(element: &BytesStart) -> Service {
    let mut service = Service::default();
    for attribute in attributes(element) {
        match attribute.key.into_inner() {
            "name" => service.name = kept(attribute),
            "product" => service.product = kept(attribute),
            "version" => service.version = kept(attribute),
            "extrainfo" => service.extra = kept(attribute),
            "tunnel" => service.is_tls = attribute.value == "ssl",
            _ => {}
        }
    }
    service
}

fn script(element: &BytesStart) -> Script {
    let mut script = Script::default();
    for attribute in attributes(element) {
        match attribute.key.into_inner() {
            "id" => script.id = kept(attribute),
            "output" => script.output = kept(attribute),
            _ => {}
        }
    }
    script
}

/// The value of an attribute; empty when it is absent.
fn text_of(element: &BytesStart, name: &str) -> String {
    named(element, name).map(kept).unwrap_or_default()
}
