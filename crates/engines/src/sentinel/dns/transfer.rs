//! A zone transfer (AXFR, RFC 5936), asked for as a secondary server would, and no further than to see that it is given.

use crate::sentinel::net;
use crate::text;
use hickory_resolver::proto::op::{Message, Query, ResponseCode};
use hickory_resolver::proto::rr::{Name, RData, RecordType};
use std::net::SocketAddr;
use std::time::Duration;

/// How long a server may take.
const WITHIN: Duration = Duration::from_secs(6);
/// What is read of a zone: enough to tell how large it is in most cases.
const ZONE_BYTES: usize = 512 * 1024;
/// Names that are shown as evidence.
const SHOWN: usize = 10;

/// What was seen of a zone.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Zone {
    pub records: usize,
    /// A few names, each once.
    pub names: Vec<String>,
    /// The record that ends a transfer came.
    pub is_whole: bool,
}

impl Zone {
    /// For people.
    pub fn evidence(&self) -> String {
        let more = if self.is_whole { "" } else { " and more" };
        format!("AXFR gave {} records{more}, among them:\n{}", self.records, self.names.join("\n"))
    }
}

/// Asks a server for a zone; `None` when it refuses.
pub async fn ask(server: SocketAddr, zone: &str) -> Option<Zone> {
    let name = Name::from_ascii(format!("{zone}.")).ok()?;
    let mut message = Message::query();
    message.add_query(Query::query(name.clone(), RecordType::AXFR));
    let message = message.to_vec().ok()?;
    let request = [&u16::try_from(message.len()).ok()?.to_be_bytes()[..], &message].concat();
    let mut stream = net::connect(server, WITHIN).await.ok()?;
    let is_over = |bytes: &[u8]| read(bytes, &name).is_none_or(|zone| zone.is_whole);
    let heard = net::ask(&mut stream, &request, ZONE_BYTES, WITHIN, is_over).await;
    // A server that refuses may still send the first record; a zone has more.
    read(&heard.bytes, &name).filter(|zone| zone.records > 1)
}

/// Reads the messages that have come; `None` when they are no transfer of this zone.
fn read(bytes: &[u8], name: &Name) -> Option<Zone> {
    let mut zone = Zone::default();
    let mut rest = bytes;
    let mut ends = 0;
    while let [high, low, after @ ..] = rest {
        let Some(message) = after.get(..usize::from(u16::from_be_bytes([*high, *low]))) else { break };
        let message_read = Message::from_vec(message).ok()?;
        if message_read.metadata.response_code != ResponseCode::NoError || message_read.answers.is_empty() {
            return None;
        }
        for record in &message_read.answers {
            let is_end = matches!(record.data, RData::SOA(_)) && record.name == *name;
            ends += usize::from(is_end);
            if ends == 0 {
                return None;
            }
            zone.records += 1;
            let owner = text::clean(record.name.to_ascii().trim_end_matches('.').as_bytes(), 253);
            if zone.names.len() < SHOWN && !zone.names.contains(&owner) {
                zone.names.push(owner);
            }
        }
        zone.is_whole = ends > 1;
        rest = &after[message.len()..];
    }
    Some(zone)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn no_bytes_make_it_panic(mut bytes in proptest::collection::vec(any::<u8>(), 0..300), framed in any::<bool>()) {
            if framed {
                let length = u16::try_from(bytes.len()).unwrap().to_be_bytes();
                bytes.splice(0..0, length);
            }
            let _ = read(&bytes, &Name::from_ascii("example.test.").unwrap());
        }
    }
}
