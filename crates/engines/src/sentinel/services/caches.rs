//! Redis and memcached.

use super::{ANSWER_BYTES, Login};
use crate::sentinel::net;
use crate::text;
use std::net::SocketAddr;
use std::time::Duration;

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
        fn no_bytes_make_it_panic(mut bytes in proptest::collection::vec(any::<u8>(), 0..300), bulk in any::<bool>()) {
            if bulk {
                bytes.splice(0..0, *b"$99999999999\r\n");
            }
            let _ = (has_bulk(&bytes), redis_facts(&bytes));
        }
    }
}
