//! A TLS handshake's first messages by hand, for what rustls does not speak: SSL 3.0 to TLS 1.1, broken ciphers, and
//! servers that it cannot agree with. Every version is asked for in the same way, 1.3 too.

use super::suites::Kind;

/// Versions that are asked for by hand.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Version {
    Ssl3,
    Tls10,
    Tls11,
    Tls12,
    Tls13,
}

impl Version {
    /// Every version, oldest first.
    pub const ALL: [Version; 5] = [Version::Ssl3, Version::Tls10, Version::Tls11, Version::Tls12, Version::Tls13];

    fn wire(self) -> [u8; 2] {
        match self {
            Version::Ssl3 => [3, 0],
            Version::Tls10 => [3, 1],
            Version::Tls11 => [3, 2],
            Version::Tls12 => [3, 3],
            Version::Tls13 => [3, 4],
        }
    }

    /// As people write it.
    pub fn as_str(self) -> &'static str {
        match self {
            Version::Ssl3 => "SSL 3.0",
            Version::Tls10 => "TLS 1.0",
            Version::Tls11 => "TLS 1.1",
            Version::Tls12 => "TLS 1.2",
            Version::Tls13 => "TLS 1.3",
        }
    }
}

/// Certificates of one chain that are read.
pub const MAX_CERTIFICATES: usize = 10;

/// What a server answered to a hello.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Reply {
    /// The version and the suite that the server chose.
    pub chosen: Option<([u8; 2], u16)>,
    /// The certificates that the server sent in clear, its own first; DER.
    pub certificates: Vec<Vec<u8>>,
    /// Size of the Diffie-Hellman group that the server sent.
    pub dh_bits: Option<usize>,
    /// A TLS alert came, so TLS is spoken there.
    pub is_alert: bool,
    /// Nothing of use follows.
    pub is_complete: bool,
}

impl Reply {
    /// Whether the server speaks TLS at all.
    pub fn is_tls(&self) -> bool {
        self.chosen.is_some() || self.is_alert
    }

    /// Whether the server speaks TLS and agreed to nothing.
    pub fn is_refusal(&self) -> bool {
        self.is_alert && self.chosen.is_none()
    }

    /// Whether the server took this version.
    pub fn accepts(&self, version: Version) -> bool {
        self.chosen.is_some_and(|(chosen, _)| chosen == version.wire())
    }
}

/// The bytes of a ClientHello in one record. TLS 1.3 says of itself that it is 1.2, and who it is in an extension.
pub fn client_hello(version: Version, suites: &[u16], server_name: Option<&str>, random: &[u8; 32]) -> Vec<u8> {
    let is_13 = version == Version::Tls13;
    let mut body = if is_13 { Version::Tls12.wire() } else { version.wire() }.to_vec();
    body.extend_from_slice(random);
    if is_13 {
        body.push(32);
        body.extend_from_slice(random);
    } else {
        body.push(0);
    }
    body.extend(with_length(numbers(suites)));
    body.extend([1, 0]);
    if version != Version::Ssl3 {
        body.extend(with_length(extensions(version, server_name, random)));
    }
    let mut message = vec![1, 0];
    message.extend(with_length(body));
    let mut record = vec![22, 3, version.wire()[1].min(1)];
    record.extend(with_length(message));
    record
}

fn extensions(version: Version, server_name: Option<&str>, random: &[u8; 32]) -> Vec<u8> {
    let mut all = Vec::new();
    let mut add = |kind: u16, body: Vec<u8>| {
        all.extend(kind.to_be_bytes());
        all.extend(with_length(body));
    };
    if let Some(name) = server_name {
        let mut entry = vec![0];
        entry.extend(with_length(name.as_bytes().to_vec()));
        add(0x0000, with_length(entry));
    }
    add(0x000a, with_length(numbers(&[0x1d, 0x17, 0x18, 0x19])));
    add(0x000b, vec![1, 0]);
    if matches!(version, Version::Tls12 | Version::Tls13) {
        let schemes =
            [0x0804, 0x0805, 0x0806, 0x0807, 0x0401, 0x0501, 0x0601, 0x0403, 0x0503, 0x0603, 0x0201, 0x0203, 0x0202];
        add(0x000d, with_length(numbers(&schemes)));
    }
    if version == Version::Tls13 {
        add(SUPPORTED_VERSIONS, [&[2][..], &version.wire()].concat());
        // Any 32 bytes are a public key of X25519; nobody knows the private one, and nobody needs it.
        let share = [numbers(&[0x1d]), with_length(random.to_vec())].concat();
        add(0x0033, with_length(share));
    } else {
        add(0xff01, vec![0]);
    }
    all
}

/// The extension by which a server of TLS 1.3 says so.
const SUPPORTED_VERSIONS: u16 = 0x002b;

fn numbers(numbers: &[u16]) -> Vec<u8> {
    numbers.iter().flat_map(|number| number.to_be_bytes()).collect()
}

/// Puts a two-byte length before the bytes; all of ours are short.
fn with_length(bytes: Vec<u8>) -> Vec<u8> {
    let mut out = (bytes.len() as u16).to_be_bytes().to_vec();
    out.extend(bytes);
    out
}

/// Reads what has come of a server's answer.
pub fn parse(bytes: &[u8]) -> Reply {
    let mut reply = Reply::default();
    let mut messages = Vec::new();
    let mut rest = bytes;
    while let [kind, 3, _, high, low, after @ ..] = rest {
        let length = usize::from(u16::from_be_bytes([*high, *low]));
        let payload = &after[..length.min(after.len())];
        match kind {
            22 => messages.extend_from_slice(payload),
            21 => {
                reply.is_alert = true;
                reply.is_complete = true;
            }
            _ => break,
        }
        rest = &after[payload.len()..];
        if payload.len() < length {
            break;
        }
    }
    // A first byte that begins no record will not become one.
    if !matches!(bytes.first(), None | Some(21 | 22)) {
        reply.is_complete = true;
    }
    let mut rest = messages.as_slice();
    while let [kind, a, b, c, after @ ..] = rest {
        let length = usize::from(*a) << 16 | usize::from(*b) << 8 | usize::from(*c);
        let Some(body) = after.get(..length) else { break };
        match kind {
            2 => {
                reply.chosen = server_hello(body);
                // What follows is encrypted.
                reply.is_complete |= reply.accepts(Version::Tls13);
            }
            11 => reply.certificates = certificates(body),
            12 if reply.chosen.is_some_and(|(_, suite)| Kind::Dhe.contains(suite)) => reply.dh_bits = group_bits(body),
            14 => reply.is_complete = true,
            _ => {}
        }
        rest = &after[length..];
    }
    reply
}

fn server_hello(body: &[u8]) -> Option<([u8; 2], u16)> {
    let version = [*body.first()?, *body.get(1)?];
    let session = usize::from(*body.get(34)?);
    let suite = body.get(35 + session..37 + session)?;
    let version = body.get(40 + session..).and_then(supported_version).unwrap_or(version);
    Some((version, u16::from_be_bytes([suite[0], suite[1]])))
}

/// The version that a server names in its extensions.
fn supported_version(mut extensions: &[u8]) -> Option<[u8; 2]> {
    while let [a, b, high, low, after @ ..] = extensions {
        let body = after.get(..usize::from(u16::from_be_bytes([*high, *low])))?;
        if u16::from_be_bytes([*a, *b]) == SUPPORTED_VERSIONS {
            return body.try_into().ok();
        }
        extensions = &after[body.len()..];
    }
    None
}

fn certificates(body: &[u8]) -> Vec<Vec<u8>> {
    let mut all = Vec::new();
    let mut rest = body.get(3..).unwrap_or_default();
    while let [a, b, c, after @ ..] = rest {
        let length = usize::from(*a) << 16 | usize::from(*b) << 8 | usize::from(*c);
        let Some(certificate) = after.get(..length).filter(|_| all.len() < MAX_CERTIFICATES) else { break };
        all.push(certificate.to_vec());
        rest = &after[length..];
    }
    all
}

/// The size of the prime with which the parameters of a DHE key exchange begin.
fn group_bits(body: &[u8]) -> Option<usize> {
    let length = usize::from(u16::from_be_bytes([*body.first()?, *body.get(1)?]));
    let prime = body.get(2..2 + length)?;
    let zeros = prime.iter().take_while(|byte| **byte == 0).count();
    let first = prime.get(zeros)?;
    Some((prime.len() - zeros) * 8 - first.leading_zeros() as usize)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn record(kind: u8, payload: &[u8]) -> Vec<u8> {
        [&[kind, 3, 1][..], &with_length(payload.to_vec())].concat()
    }

    fn answer() -> Vec<u8> {
        let mut hello = vec![3, 1];
        hello.extend([7; 32]);
        hello.extend([2, 9, 9, 0xc0, 0x13, 0]);
        let mut messages = vec![2, 0, 0, hello.len() as u8];
        messages.extend(&hello);
        messages.extend([11, 0, 0, 9, 0, 0, 6, 0, 0, 3, 0xa, 0xb, 0xc]);
        messages.extend([14, 0, 0, 0]);
        // Messages may be cut across records anywhere.
        [record(22, &messages[..20]), record(22, &messages[20..])].concat()
    }

    #[test]
    fn a_server_hello_gives_version_suite_and_certificate() {
        let reply = parse(&answer());
        assert_eq!(reply.chosen, Some(([3, 1], 0xc013)));
        assert!(reply.accepts(Version::Tls10) && !reply.accepts(Version::Tls11));
        assert_eq!(reply.certificates, [vec![0xa, 0xb, 0xc]]);
        assert!(reply.is_complete);
    }

    #[test]
    fn an_alert_is_tls_without_a_choice() {
        let reply = parse(&record(21, &[2, 70]));
        assert!(reply.is_tls() && reply.is_complete);
        assert_eq!(reply.chosen, None);
        assert!(!parse(b"HTTP/1.1 400 Bad Request\r\n").is_tls());
    }

    #[test]
    fn a_hello_is_one_whole_record() {
        for version in Version::ALL {
            let hello = client_hello(version, &Kind::Usual.suites(), Some("a.test"), &[1; 32]);
            assert_eq!(hello.len() - 5, usize::from(u16::from_be_bytes([hello[3], hello[4]])));
            let named = if version == Version::Tls13 { Version::Tls12 } else { version };
            assert_eq!(hello[9..11], named.wire());
        }
    }

    #[test]
    fn tls_1_3_is_known_by_its_extension() {
        let mut hello = vec![3, 3];
        hello.extend([7; 32]);
        hello.extend([0, 0x13, 0x01, 0, 0, 6, 0, 0x2b, 0, 2, 3, 4]);
        let message = [&[2, 0, 0, hello.len() as u8][..], &hello].concat();
        let reply = parse(&record(22, &message));
        assert!(reply.accepts(Version::Tls13) && !reply.accepts(Version::Tls12) && reply.is_complete);
    }

    #[test]
    fn the_size_of_a_group_is_that_of_its_prime() {
        assert_eq!(group_bits(&[0, 3, 0, 0x80, 1, 0, 1, 2]), Some(16));
        assert_eq!(group_bits(&[0, 2, 0x0f, 1]), Some(12));
        assert_eq!(group_bits(&[0, 9, 1]), None);
    }

    proptest! {
        #[test]
        fn no_bytes_make_it_panic(bytes in proptest::collection::vec(any::<u8>(), 0..200)) {
            let _ = parse(&bytes);
            let _ = parse(&record(22, &bytes));
        }

        #[test]
        fn a_spoilt_answer_never_panics(at in 0usize..75, byte in any::<u8>(), cut in 0usize..80) {
            let mut bytes = answer();
            let at = at.min(bytes.len() - 1);
            bytes[at] = byte;
            bytes.truncate(cut);
            let _ = parse(&bytes);
        }
    }
}
