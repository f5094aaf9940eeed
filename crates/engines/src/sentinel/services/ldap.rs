//! LDAP without a name: an anonymous bind, the directory's own roots, and whether one entry below them is shown.

use super::{ANSWER_BYTES, Login};
use crate::sentinel::net;
use crate::text;
use std::net::SocketAddr;
use std::time::Duration;

/// Roots of the directory that are kept.
const MAX_ROOTS: usize = 10;

/// Tags of BER and of LDAP's messages (RFC 4511).
mod tag {
    pub const BOOLEAN: u8 = 0x01;
    pub const INTEGER: u8 = 0x02;
    pub const OCTETS: u8 = 0x04;
    pub const ENUMERATED: u8 = 0x0a;
    pub const SEQUENCE: u8 = 0x30;
    pub const BIND: u8 = 0x60;
    pub const BIND_ANSWER: u8 = 0x61;
    pub const SEARCH: u8 = 0x63;
    pub const ENTRY: u8 = 0x64;
    pub const SEARCH_DONE: u8 = 0x65;
    pub const SIMPLE: u8 = 0x80;
    pub const PRESENT: u8 = 0x87;
}

/// Asks for one entry of the directory, without any of its attributes.
pub async fn ask(address: SocketAddr, within: Duration) -> Login {
    let Ok(mut stream) = net::connect(address, within).await else { return Login::Other };
    let bind =
        message(1, &tlv(tag::BIND, &[tlv(tag::INTEGER, &[3]), tlv(tag::OCTETS, b""), tlv(tag::SIMPLE, b"")].concat()));
    let answer = net::ask(&mut stream, &bind, ANSWER_BYTES, within, |bytes| has(bytes, tag::BIND_ANSWER)).await.bytes;
    match operations(&answer).into_iter().find(|(kind, _)| *kind == tag::BIND_ANSWER) {
        None => return Login::Other,
        Some((_, body)) if result(body) != Some(0) => return Login::Required,
        Some(_) => {}
    }
    let is_done = |bytes: &[u8]| has(bytes, tag::SEARCH_DONE);
    let search = message(2, &search(b"", 0, b"namingContexts"));
    let answer = net::ask(&mut stream, &search, ANSWER_BYTES, within, is_done).await.bytes;
    let roots = roots(&answer);
    for (id, root) in (3..).zip(&roots) {
        // The whole tree, cut after one entry; `1.1` stands for no attribute.
        let search = message(id, &self::search(root, 2, b"1.1"));
        let answer = net::ask(&mut stream, &search, ANSWER_BYTES, within, is_done).await.bytes;
        if has(&answer, tag::ENTRY) {
            let root = text::clean(root, 256);
            return Login::NotRequired(format!("a search below {root} without a login showed an entry"));
        }
    }
    Login::Required
}

/// One element; all of ours are short.
fn tlv(tag: u8, content: &[u8]) -> Vec<u8> {
    let mut out = vec![tag];
    match u8::try_from(content.len()) {
        Ok(length) if length < 0x80 => out.push(length),
        Ok(_) | Err(_) => {
            out.push(0x82);
            out.extend((content.len() as u16).to_be_bytes());
        }
    }
    out.extend_from_slice(content);
    out
}

fn message(id: u8, operation: &[u8]) -> Vec<u8> {
    tlv(tag::SEQUENCE, &[&tlv(tag::INTEGER, &[id])[..], operation].concat())
}

/// A search for one entry at most, within 5 s.
fn search(base: &[u8], scope: u8, attribute: &[u8]) -> Vec<u8> {
    let parts = [
        tlv(tag::OCTETS, base),
        tlv(tag::ENUMERATED, &[scope]),
        tlv(tag::ENUMERATED, &[0]),
        tlv(tag::INTEGER, &[1]),
        tlv(tag::INTEGER, &[5]),
        tlv(tag::BOOLEAN, &[0]),
        tlv(tag::PRESENT, b"objectClass"),
        tlv(tag::SEQUENCE, &tlv(tag::OCTETS, attribute)),
    ];
    tlv(tag::SEARCH, &parts.concat())
}

/// Cuts one element off: its tag, its content, and what follows.
fn cut(bytes: &[u8]) -> Option<(u8, &[u8], &[u8])> {
    let (tag, rest) = bytes.split_first()?;
    let (first, rest) = rest.split_first()?;
    let (length, rest) = match first {
        0..=0x7f => (usize::from(*first), rest),
        0x81..=0x83 => {
            let (digits, rest) = rest.split_at_checked(usize::from(first - 0x80))?;
            (digits.iter().fold(0, |length, digit| length << 8 | usize::from(*digit)), rest)
        }
        _ => return None,
    };
    let (content, rest) = rest.split_at_checked(length)?;
    Some((*tag, content, rest))
}

/// The operations of the messages that have come whole.
fn operations(mut bytes: &[u8]) -> Vec<(u8, &[u8])> {
    let mut all = Vec::new();
    while let Some((tag::SEQUENCE, message, rest)) = cut(bytes) {
        let Some((tag::INTEGER, _, operation)) = cut(message) else { break };
        let Some((kind, body, _)) = cut(operation) else { break };
        all.push((kind, body));
        bytes = rest;
    }
    all
}

fn has(bytes: &[u8], kind: u8) -> bool {
    operations(bytes).iter().any(|(k, _)| *k == kind)
}

fn result(body: &[u8]) -> Option<u8> {
    match cut(body)? {
        (tag::ENUMERATED, code, _) => code.last().copied(),
        _ => None,
    }
}

/// The values of the first attribute of each entry.
fn roots(bytes: &[u8]) -> Vec<Vec<u8>> {
    let mut roots = Vec::new();
    for (_, body) in operations(bytes).into_iter().filter(|(kind, _)| *kind == tag::ENTRY) {
        let values = || {
            let (_, _, attributes) = cut(body)?;
            let (_, attributes, _) = cut(attributes)?;
            let (_, attribute, _) = cut(attributes)?;
            let (_, _, values) = cut(attribute)?;
            cut(values).map(|(_, values, _)| values)
        };
        let mut rest = values().unwrap_or_default();
        while let Some((_, value, after)) = cut(rest) {
            roots.push(value.to_vec());
            rest = after;
        }
    }
    roots.retain(|root| !root.is_empty() && root.len() < 1024);
    roots.truncate(MAX_ROOTS);
    roots
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn the_roots_of_a_directory_are_read() {
        let values = [tlv(tag::OCTETS, b"dc=example,dc=test"), tlv(tag::OCTETS, b"cn=config")].concat();
        let attribute = [tlv(tag::OCTETS, b"namingContexts"), tlv(0x31, &values)].concat();
        let attributes = tlv(tag::SEQUENCE, &tlv(tag::SEQUENCE, &attribute));
        let entry = message(2, &tlv(tag::ENTRY, &[tlv(tag::OCTETS, b""), attributes].concat()));
        let done = message(2, &tlv(tag::SEARCH_DONE, &tlv(tag::ENUMERATED, &[0])));
        let answer = [entry, done].concat();
        assert_eq!(roots(&answer), [b"dc=example,dc=test".to_vec(), b"cn=config".to_vec()]);
        assert!(has(&answer, tag::SEARCH_DONE) && !has(&answer[..answer.len() - 1], tag::SEARCH_DONE));
    }

    #[test]
    fn lengths_have_a_short_and_a_long_form() {
        for length in [0, 5, 127, 128, 255, 256, 3000] {
            let bytes = tlv(tag::OCTETS, &vec![7; length]);
            assert_eq!(cut(&bytes).map(|(_, content, rest)| (content.len(), rest.len())), Some((length, 0)));
        }
    }

    proptest! {
        #[test]
        fn no_bytes_make_it_panic(bytes in proptest::collection::vec(any::<u8>(), 0..200)) {
            let _ = roots(&bytes);
            let _ = roots(&message(2, &tlv(tag::ENTRY, &bytes)));
            let _ = result(&bytes);
        }
    }
}
