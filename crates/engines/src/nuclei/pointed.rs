//! What the lines of a report say that nuclei was pointed at.

use super::findings::host_and_port;
use super::jsonl::Event;
use crate::asset;
use crate::subject::Subject;

/// Holds line after line against the target. Most say the same as the one before.
#[derive(Debug)]
pub struct Pointed<'s, 't> {
    subject: &'s mut Subject<'t>,
    host: String,
    last: String,
    is_at_target: bool,
}

impl<'s, 't> Pointed<'s, 't> {
    pub fn new(subject: &'s mut Subject<'t>) -> Pointed<'s, 't> {
        let host = subject.target.host();
        Pointed { subject, host, last: String::new(), is_at_target: true }
    }

    /// Whether nuclei was pointed at the target: at its site, or with templates of other protocols at its host. Records of
    /// DNS are also those of the domains above it. A line that names nothing is taken for the target's.
    pub fn is_at_target(&mut self, event: &Event) -> bool {
        let (url, host, protocol) = (&*event.url.0, &*event.host.0, &*event.protocol.0);
        if protocol == "dns" && asset::is_within(&self.host, host.trim_end_matches('.')) {
            return true;
        }
        let text = if url.is_empty() { host } else { url };
        if text != self.last {
            self.last = text.to_string();
            self.is_at_target = match text.contains("://") {
                _ if text.is_empty() => true,
                true => self.subject.note_hosts([text]),
                false if protocol == "http" => self.subject.note_hosts([format!("http://{text}").as_str()]),
                false => self.subject.note_hosts([host_and_port(text).0.trim_matches(['[', ']'])]),
            };
        }
        self.is_at_target
    }
}
