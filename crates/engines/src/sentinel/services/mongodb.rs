//! MongoDB without a login: whether it names its databases.

use super::{ANSWER_BYTES, Login};
use crate::sentinel::net;
use crate::text;
use std::net::SocketAddr;
use std::time::Duration;

const OP_MSG: i32 = 2013;
/// Header, flags and the kind of the one section, before the document.
const HEAD: usize = 21;
/// Names that are shown as evidence.
const SHOWN: usize = 10;

/// Asks for the names of the databases.
pub async fn ask(address: SocketAddr, within: Duration) -> Login {
    let Ok(mut stream) = net::connect(address, within).await else { return Login::Other };
    let request = request("listDatabases");
    let answer = net::ask(&mut stream, &request, ANSWER_BYTES, within, is_complete).await.bytes;
    judge(&answer)
}

/// A command of the database `admin`, with `nameOnly`.
fn request(command: &str) -> Vec<u8> {
    let mut document = vec![0; 4];
    for (kind, name, value) in
        [(0x10, command, &[1, 0, 0, 0][..]), (0x08, "nameOnly", &[1]), (0x02, "$db", b"\x06\0\0\0admin\0")]
    {
        document.push(kind);
        document.extend(name.as_bytes());
        document.push(0);
        document.extend(value);
    }
    document.push(0);
    let length = document.len() as u32;
    document[..4].copy_from_slice(&length.to_le_bytes());
    let mut message = ((HEAD + document.len()) as u32).to_le_bytes().to_vec();
    message.extend([1, 0, 0, 0, 0, 0, 0, 0]);
    message.extend(OP_MSG.to_le_bytes());
    message.extend([0, 0, 0, 0, 0]);
    message.extend(document);
    message
}

fn number(bytes: &[u8], at: usize) -> Option<usize> {
    let bytes = bytes.get(at..at + 4)?.try_into().ok()?;
    usize::try_from(i32::from_le_bytes(bytes)).ok()
}

/// Whether the message is there to its end, or is none.
fn is_complete(bytes: &[u8]) -> bool {
    bytes.len() >= 16 && number(bytes, 0).is_none_or(|length| bytes.len() >= length)
}

fn judge(answer: &[u8]) -> Login {
    if number(answer, 12) != usize::try_from(OP_MSG).ok() {
        return Login::Other;
    }
    let fields = fields(answer.get(HEAD..).unwrap_or_default());
    let get = |name: &[u8]| fields.iter().find(|(_, n, _)| *n == name);
    match (get(b"ok"), get(b"databases")) {
        (Some((0x01, _, ok)), Some((0x04, _, databases))) if *ok == 1f64.to_le_bytes() => {
            let names: Vec<String> = self::fields(databases).iter().filter_map(|(_, _, one)| name_of(one)).collect();
            let shown = names.iter().take(SHOWN).cloned().collect::<Vec<_>>().join(", ");
            Login::NotRequired(format!("listDatabases named {}: {shown}", names.len()))
        }
        (Some(_), _) => Login::Required,
        (None, _) => Login::Other,
    }
}

fn name_of(database: &[u8]) -> Option<String> {
    let (_, _, value) = fields(database).into_iter().find(|(kind, name, _)| *kind == 0x02 && *name == b"name")?;
    Some(text::clean(value.get(4..)?.split(|byte| *byte == 0).next()?, 64))
}

/// The fields of a BSON document as kind, name and value, as far as they are understood.
fn fields(document: &[u8]) -> Vec<(u8, &[u8], &[u8])> {
    let mut all = Vec::new();
    let mut rest = document.get(4..).unwrap_or_default();
    while let Some((kind, after)) = rest.split_first().filter(|(kind, _)| **kind != 0) {
        let Some(end) = after.iter().position(|byte| *byte == 0) else { break };
        let (name, value) = (&after[..end], &after[end + 1..]);
        let length = match kind {
            0x01 | 0x09 | 0x11 | 0x12 => Some(8),
            0x02 => number(value, 0).and_then(|length| length.checked_add(4)),
            0x03 | 0x04 => number(value, 0),
            0x05 => number(value, 0).and_then(|length| length.checked_add(5)),
            0x07 => Some(12),
            0x08 => Some(1),
            0x0a => Some(0),
            0x10 => Some(4),
            0x13 => Some(16),
            _ => None,
        };
        let Some((value, after)) = length.and_then(|length| value.split_at_checked(length)) else { break };
        all.push((*kind, name, value));
        rest = after;
    }
    all
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn our_own_request_is_a_whole_message_of_three_fields() {
        let request = request("listDatabases");
        assert!(is_complete(&request) && !is_complete(&request[..request.len() - 1]));
        let names: Vec<_> = fields(&request[HEAD..]).into_iter().map(|(_, name, _)| name.to_vec()).collect();
        assert_eq!(names, [b"listDatabases".to_vec(), b"nameOnly".to_vec(), b"$db".to_vec()]);
    }

    proptest! {
        #[test]
        fn no_bytes_make_it_panic(bytes in proptest::collection::vec(any::<u8>(), 0..200), framed in any::<bool>()) {
            let mut message = request("x")[..if framed { HEAD } else { 0 }].to_vec();
            message.extend(bytes);
            let _ = (is_complete(&message), judge(&message), name_of(&message), fields(&message));
        }
    }
}
