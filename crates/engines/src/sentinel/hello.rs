//! A TLS handshake's first two messages by hand, for what rustls does not speak: SSL 3.0 to TLS 1.1, broken ciphers,
//! and servers that it cannot agree with.

/// Versions that are asked for by hand.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Version {
    Ssl3,
    Tls10,
    Tls11,
    Tls12,
}

impl Version {
    fn wire(self) -> [u8; 2] {
        match self {
            Version::Ssl3 => [3, 0],
            Version::Tls10 => [3, 1],
            Version::Tls11 => [3, 2],
            Version::Tls12 => [3, 3],
        }
    }

    /// As people write it.
    pub fn as_str(self) -> &'static str {
        match self {
            Version::Ssl3 => "SSL 3.0",
            Version::Tls10 => "TLS 1.0",
            Version::Tls11 => "TLS 1.1",
            Version::Tls12 => "TLS 1.2",
        }
    }
}

/// Suites that servers of these versions have in common use, broken ones too.
pub const COMMON_SUITES: &[u16] = &[
    0xc02f, 0xc030, 0xc02b, 0xc02c, 0x009c, 0x009d, 0x009e, 0x009f, 0xcca8, 0xcca9, 0xc013, 0xc014, 0xc009, 0xc00a,
    0xc027, 0xc028, 0xc023, 0xc024, 0x003c, 0x003d, 0x0067, 0x006b, 0x0033, 0x0039, 0x002f, 0x0035, 0x0032, 0x0038,
    0xc012, 0xc008, 0x000a, 0x0016, 0x0041, 0x0084, 0xc011, 0xc007, 0x0005, 0x0004,
];

/// NULL, anonymous, export, DES, 3DES and RC4 suites.
pub const BROKEN_SUITES: &[u16] = &[
    0x0001, 0x0002, 0x003b, 0xc010, 0xc006, 0x0018, 0x001b, 0x0034, 0x003a, 0x006c, 0x006d, 0x00a6, 0x00a7, 0xc015,
    0xc016, 0xc017, 0xc018, 0xc019, 0x0003, 0x0006, 0x0008, 0x000e, 0x0011, 0x0014, 0x0009, 0x0012, 0x0015, 0x000a,
    0x0016, 0xc008, 0xc012, 0x0004, 0x0005, 0xc007, 0xc011,
];

/// What a server answered to a hello.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Reply {
    /// The version and the suite that the server chose.
    pub chosen: Option<([u8; 2], u16)>,
    /// The server's certificate, DER.
    pub certificate: Option<Vec<u8>>,
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

    /// Whether the server took this version.
    pub fn accepts(&self, version: Version) -> bool {
        self.chosen.is_some_and(|(chosen, _)| chosen == version.wire())
    }
}

/// The bytes of a ClientHello in one record.
pub fn client_hello(version: Version, suites: &[u16], server_name: Option<&str>, random: &[u8; 32]) -> Vec<u8> {
    let mut body = version.wire().to_vec();
    body.extend_from_slice(random);
    body.push(0);
    body.extend(with_length(suites.iter().flat_map(|suite| suite.to_be_bytes()).collect()));
    body.extend([1, 0]);
    if version != Version::Ssl3 {
        body.extend(with_length(extensions(version, server_name)));
    }
    let mut message = vec![1, 0];
    message.extend(with_length(body));
    let mut record = vec![22, 3, version.wire()[1].min(1)];
    record.extend(with_length(message));
    record
}

fn extensions(version: Version, server_name: Option<&str>) -> Vec<u8> {
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
    add(0x000a, vec![0, 8, 0, 0x1d, 0, 0x17, 0, 0x18, 0, 0x19]);
    add(0x000b, vec![1, 0]);
    add(0xff01, vec![0]);
    if version == Version::Tls12 {
        let schemes: [u16; 11] =
            [0x0804, 0x0805, 0x0806, 0x0401, 0x0501, 0x0601, 0x0403, 0x0503, 0x0603, 0x0201, 0x0203];
        add(0x000d, with_length(schemes.iter().flat_map(|scheme| scheme.to_be_bytes()).collect()));
    }
    all
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
            2 => reply.chosen = server_hello(body),
            11 => reply.certificate = first_certificate(body),
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
    Some((version, u16::from_be_bytes([suite[0], suite[1]])))
}

fn first_certificate(body: &[u8]) -> Option<Vec<u8>> {
    let length = body.get(3..6)?;
    let length = usize::from(length[0]) << 16 | usize::from(length[1]) << 8 | usize::from(length[2]);
    body.get(6..6 + length).map(<[u8]>::to_vec)
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
        assert_eq!(reply.certificate, Some(vec![0xa, 0xb, 0xc]));
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
        for version in [Version::Ssl3, Version::Tls10, Version::Tls11, Version::Tls12] {
            let hello = client_hello(version, COMMON_SUITES, Some("a.test"), &[1; 32]);
            assert_eq!(hello.len() - 5, usize::from(u16::from_be_bytes([hello[3], hello[4]])));
            assert_eq!(hello[9..11], version.wire());
        }
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
