//! The address a request came from: the socket's, or what proxies that are trusted say of it.
//!
//! A header is worth what the machine that wrote it is worth. So the chain is read from its end, the side of our own
//! proxies, and ends at the first address that is not one of theirs; what stands before it, anybody can have written.

use http::{HeaderMap, HeaderName, header};
use ipnet::IpNet;
use serde::Deserialize;
use std::net::{IpAddr, SocketAddr};

const X_FORWARDED_FOR: HeaderName = HeaderName::from_static("x-forwarded-for");

/// The header in which the trusted proxies say whom they speak for. One, named by the operator: a proxy that writes one
/// of the two passes the other on as the client sent it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
pub enum ProxyHeader {
    #[serde(rename = "x-forwarded-for")]
    XForwardedFor,
    /// RFC 7239.
    #[serde(rename = "forwarded")]
    Forwarded,
}

/// Who sent a request that came over a connection from `peer`.
pub fn source(peer: IpAddr, headers: &HeaderMap, trusted: &[IpNet], named_in: ProxyHeader) -> IpAddr {
    let is_trusted = |ip: IpAddr| trusted.iter().any(|net| net.contains(&ip));
    let mut source = peer.to_canonical();
    if !is_trusted(source) {
        return source;
    }
    let name = match named_in {
        ProxyHeader::XForwardedFor => X_FORWARDED_FOR,
        ProxyHeader::Forwarded => header::FORWARDED,
    };
    // Several headers of one name are one list, in their order.
    let values: Vec<_> = headers.get_all(name).iter().map(|value| value.to_str().unwrap_or_default()).collect();
    for element in values.iter().rev().flat_map(|value| value.rsplit(',')) {
        let node = match named_in {
            ProxyHeader::XForwardedFor => Some(element),
            ProxyHeader::Forwarded => forwarded_for(element),
        };
        // What is no address hides who is behind it; the proxy in front of it is the last that is known.
        let Some(ip) = node.and_then(address) else { break };
        source = ip;
        if !is_trusted(ip) {
            break;
        }
    }
    source
}

/// The `for` of one element of `Forwarded`. A quoted comma or semicolon would only cut an element into pieces without an
/// address.
fn forwarded_for(element: &str) -> Option<&str> {
    let pairs = element.split(';').filter_map(|pair| pair.split_once('='));
    pairs.into_iter().find(|(name, _)| name.trim().eq_ignore_ascii_case("for")).map(|(_, value)| value)
}

/// An address as either header has it: alone, with a port, in brackets, in quotes.
fn address(text: &str) -> Option<IpAddr> {
    let text = text.trim();
    let text = text.strip_prefix('"').and_then(|text| text.strip_suffix('"')).unwrap_or(text);
    let bare = text.strip_prefix('[').and_then(|text| text.strip_suffix(']')).unwrap_or(text);
    let ip = bare.parse().ok().or_else(|| text.parse::<SocketAddr>().ok().map(|socket| socket.ip()));
    ip.map(|ip| ip.to_canonical())
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    const PROXIES: [&str; 2] = ["10.0.0.0/8", "2001:db8:10::/48"];

    fn seen(peer: &str, named_in: ProxyHeader, lines: &[&str]) -> String {
        let trusted = PROXIES.map(|net| net.parse().unwrap());
        let mut headers = HeaderMap::new();
        for line in lines {
            let (name, value) = line.split_once(": ").unwrap();
            headers.append(HeaderName::try_from(name).unwrap(), value.parse().unwrap());
        }
        source(peer.parse().unwrap(), &headers, &trusted, named_in).to_string()
    }

    #[test]
    fn nobody_but_a_trusted_proxy_is_believed() {
        let lines = ["x-forwarded-for: 198.51.100.1", "forwarded: for=198.51.100.1"];
        for header in [ProxyHeader::XForwardedFor, ProxyHeader::Forwarded] {
            assert_eq!(seen("203.0.113.9", header, &lines), "203.0.113.9");
            assert_eq!(seen("10.0.0.1", header, &lines), "198.51.100.1");
            assert_eq!(seen("::ffff:10.0.0.1", header, &lines), "198.51.100.1", "IPv4 on an IPv6 socket");
            assert_eq!(seen("10.0.0.1", header, &[]), "10.0.0.1");
        }
    }

    #[test]
    fn the_last_address_that_is_no_proxy_counts_whatever_stands_before_it() {
        let x = ProxyHeader::XForwardedFor;
        for (value, expected) in [
            ("192.0.2.66, 198.51.100.1", "198.51.100.1"),
            ("127.0.0.1,198.51.100.1 , 10.0.0.2", "198.51.100.1"),
            ("198.51.100.1:4711, 2001:db8:10::2", "198.51.100.1"),
            ("[2001:db8::7]:443", "2001:db8::7"),
            ("2001:db8::7", "2001:db8::7"),
            ("::ffff:198.51.100.1", "198.51.100.1"),
            ("10.0.0.3, 10.0.0.2", "10.0.0.3"),
        ] {
            assert_eq!(seen("10.0.0.1", x, &[&format!("x-forwarded-for: {value}")]), expected, "{value}");
        }
        let two = ["x-forwarded-for: 192.0.2.66", "x-forwarded-for: 198.51.100.1"];
        assert_eq!(seen("10.0.0.1", x, &two), "198.51.100.1");
    }

    #[test]
    fn what_is_no_address_ends_the_chain_at_the_proxy_that_wrote_it() {
        for value in ["unknown", "", ",", "198.51.100.1, unknown", "198.51.100.1,", "1.2.3.4.5", "0x7f.1", "fe80::1%lo"]
        {
            assert_eq!(
                seen("10.0.0.1", ProxyHeader::XForwardedFor, &[&format!("x-forwarded-for: {value}")]),
                "10.0.0.1"
            );
        }
        let behind = ["x-forwarded-for: 198.51.100.1, unknown, 10.0.0.2"];
        assert_eq!(seen("10.0.0.1", ProxyHeader::XForwardedFor, &behind), "10.0.0.2");
    }

    #[test]
    fn forwarded_is_read_as_its_rfc_writes_it() {
        for (value, expected) in [
            ("for=192.0.2.66, for=198.51.100.1;proto=https;by=10.0.0.1", "198.51.100.1"),
            ("proto=https; For=\"198.51.100.1:4711\"", "198.51.100.1"),
            ("for=\"[2001:db8::7]:443\"", "2001:db8::7"),
            ("for=198.51.100.1, for=10.0.0.2", "198.51.100.1"),
            ("for=198.51.100.1, for=_hidden", "10.0.0.1"),
            ("for=198.51.100.1, for=unknown", "10.0.0.1"),
            ("for=198.51.100.1, by=10.0.0.2", "10.0.0.1"),
            ("for=\"198.51.100.1, for=192.0.2.66", "192.0.2.66"),
        ] {
            assert_eq!(
                seen("10.0.0.1", ProxyHeader::Forwarded, &[&format!("forwarded: {value}")]),
                expected,
                "{value}"
            );
        }
    }

    #[test]
    fn the_header_that_the_proxy_does_not_write_is_not_read() {
        assert_eq!(seen("10.0.0.1", ProxyHeader::XForwardedFor, &["forwarded: for=198.51.100.1"]), "10.0.0.1");
        assert_eq!(seen("10.0.0.1", ProxyHeader::Forwarded, &["x-forwarded-for: 198.51.100.1"]), "10.0.0.1");
    }

    proptest! {
        /// What a client writes stands before what our proxy adds, and never decides.
        #[test]
        fn no_client_can_choose_its_address(written in "[ -~]{0,60}") {
            let line = format!("x-forwarded-for: {written}, 198.51.100.1");
            prop_assert_eq!(seen("10.0.0.1", ProxyHeader::XForwardedFor, &[&line]), "198.51.100.1");
            let line = format!("forwarded: {written}, for=198.51.100.1");
            prop_assert_eq!(seen("10.0.0.1", ProxyHeader::Forwarded, &[&line]), "198.51.100.1");
        }
    }
}
