//! Services that are not the web: what a banner says, and who answers without a login.

use super::net;
use crate::text;
use std::net::SocketAddr;
use std::time::Duration;

/// The most bytes of an answer that are read.
pub const ANSWER_BYTES: usize = 16 * 1024;
/// The most bytes of a banner that are kept.
const BANNER_BYTES: usize = 512;

/// A service by its first words.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Banner {
    /// Such as `ssh`; `None` when the words are not known.
    pub service: Option<&'static str>,
    /// The first line, cleaned.
    pub text: String,
    /// The words name a product or a version.
    pub tells_software: bool,
}

/// Reads the first words of a service; `None` when there are none.
pub fn banner(bytes: &[u8]) -> Option<Banner> {
    if bytes.len() > 6 && bytes[3] == 0 && bytes[4] == 10 {
        let version = bytes[5..].split(|byte| *byte == 0).next().unwrap_or_default();
        return Some(Banner { service: Some("mysql"), text: text::clean(version, BANNER_BYTES), tells_software: true });
    }
    let is_telnet = bytes.starts_with(&[0xff]);
    let line = bytes.split(|byte| *byte == b'\n').next().unwrap_or_default();
    let line = text::clean(line, BANNER_BYTES).trim().to_string();
    if line.is_empty() && !is_telnet {
        return None;
    }
    let lower = line.to_ascii_lowercase();
    let (service, greeting) = if let Some(rest) = line.strip_prefix("SSH-") {
        (Some("ssh"), rest.split_once('-').map_or("", |(_, software)| software))
    } else if let Some(rest) = line.strip_prefix("220") {
        let service = if lower.contains("smtp") {
            Some("smtp")
        } else if lower.contains("ftp") {
            Some("ftp")
        } else {
            None
        };
        (service, rest)
    } else if line.starts_with("+OK") {
        (Some("pop3"), line.as_str())
    } else if line.starts_with("* OK") {
        (Some("imap"), line.as_str())
    } else if line.starts_with("RFB ") {
        (Some("vnc"), "")
    } else if is_telnet {
        (Some("telnet"), "")
    } else {
        (None, line.as_str())
    };
    let tells_software = greeting.contains(|c: char| c.is_ascii_digit());
    Some(Banner { service, text: line, tells_software })
}

/// What a service said when it was asked as its own clients ask.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Login {
    /// It is not this service.
    Other,
    /// It is, and wants a login.
    Required,
    /// It is, and answers; with a few harmless lines of its answer.
    NotRequired(String),
}

/// Asks whether Redis answers there, and to everybody. Nothing is changed.
pub async fn redis(address: SocketAddr, within: Duration) -> Login {
    let Ok(mut stream) = net::connect(address, within).await else { return Login::Other };
    let has_line = |bytes: &[u8]| bytes.ends_with(b"\r\n");
    let pong = net::ask(&mut stream, b"*1\r\n$4\r\nPING\r\n", ANSWER_BYTES, within, has_line).await.bytes;
    if pong.starts_with(b"-NOAUTH") || pong.starts_with(b"-DENIED") {
        return Login::Required;
    }
    if !pong.starts_with(b"+PONG") {
        return Login::Other;
    }
    let request = b"*2\r\n$4\r\nINFO\r\n$6\r\nserver\r\n";
    let info = net::ask(&mut stream, request, ANSWER_BYTES, within, has_bulk).await.bytes;
    Login::NotRequired(redis_facts(&info))
}

/// Whether a bulk string of Redis is there to its end.
fn has_bulk(bytes: &[u8]) -> bool {
    if bytes.first().is_some_and(|kind| *kind != b'$') {
        return bytes.ends_with(b"\r\n");
    }
    let Some(end) = bytes.windows(2).position(|pair| pair == b"\r\n") else { return false };
    match std::str::from_utf8(&bytes[1..end]).ok().and_then(|text| text.parse::<usize>().ok()) {
        Some(length) => bytes.len() - end - 2 >= length.saturating_add(2),
        None => true,
    }
}

fn redis_facts(info: &[u8]) -> String {
    let mut facts = String::from("PING: PONG");
    let info = text::clean(info, ANSWER_BYTES);
    for line in info.lines().filter(|line| ["redis_version:", "redis_mode:", "os:"].iter().any(|k| line.starts_with(k)))
    {
        facts.push('\n');
        facts.push_str(line);
    }
    facts
}

/// Asks whether memcached answers there, and to everybody.
pub async fn memcached(address: SocketAddr, within: Duration) -> Login {
    let Ok(mut stream) = net::connect(address, within).await else { return Login::Other };
    let has_line = |bytes: &[u8]| bytes.ends_with(b"\r\n");
    let version = net::ask(&mut stream, b"version\r\n", ANSWER_BYTES, within, has_line).await.bytes;
    if version.starts_with(b"VERSION ") { Login::NotRequired(text::clean(&version, 128)) } else { Login::Other }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn first_words_name_the_service() {
        for (bytes, service, tells_software) in [
            (&b"220 (vsFTPd 2.3.4)\r\n"[..], Some("ftp"), true),
            (b"220 mail.example.test ESMTP Postfix\r\n", Some("smtp"), false),
            (b"SSH-2.0-dropbear_2022.83\r\n", Some("ssh"), true),
            (b"SSH-2.0-x\r\n", Some("ssh"), false),
            (b"+OK ready\r\n", Some("pop3"), false),
            (b"\xff\xfd\x18\xff\xfd\x20", Some("telnet"), false),
            (b"J\0\0\0\n8.0.36\0\x01\x02", Some("mysql"), true),
            (b"hello\n", None, false),
        ] {
            let banner = banner(bytes).unwrap();
            assert_eq!((banner.service, banner.tells_software), (service, tells_software), "{}", banner.text);
        }
        assert_eq!(banner(b""), None);
        assert_eq!(banner(b"\r\n"), None);
    }

    #[test]
    fn a_bulk_string_ends_with_its_length() {
        assert!(!has_bulk(b"$5\r\nhel"));
        assert!(has_bulk(b"$5\r\nhello\r\n"));
        assert!(has_bulk(b"-ERR unknown\r\n"));
        assert_eq!(
            redis_facts(b"$40\r\n# Server\r\nredis_version:7.0.15\r\nrun_id:x"),
            "PING: PONG\nredis_version:7.0.15"
        );
    }

    proptest! {
        #[test]
        fn no_bytes_make_it_panic(bytes in proptest::collection::vec(any::<u8>(), 0..300)) {
            let _ = has_bulk(&bytes);
            if let Some(banner) = banner(&bytes) {
                prop_assert!(!banner.text.contains(char::from(27)) && banner.text.len() <= BANNER_BYTES);
            }
        }
    }
}
