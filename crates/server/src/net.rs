//! Networks as people write them: one address, or a block of them.

use ipnet::{IpNet, Ipv4Net};
use serde::{Deserialize, Deserializer, de::Error};
use std::net::IpAddr;

/// Reads `198.51.100.7`, `198.51.100.0/24`, `2001:db8::7` or `2001:db8::/32`; the fault continues a sentence that begins
/// with the text.
pub fn parse(text: &str) -> Result<IpNet, String> {
    if let Ok(address) = text.parse::<IpAddr>() {
        return Ok(IpNet::from(address.to_canonical()));
    }
    let net: IpNet = text
        .parse()
        .map_err(|_| "is neither an IPv4 or IPv6 address nor a network such as 198.51.100.0/24".to_string())?;
    if net.trunc() != net {
        // Whoever means one address must not let its whole network in.
        return Err(format!("has bits beyond its prefix: write {} for the network, or the address alone", net.trunc()));
    }
    Ok(canonical(net))
}

/// Sources are compared as IPv4 where they are IPv4 in IPv6's clothes, so the networks have to be too.
fn canonical(net: IpNet) -> IpNet {
    let IpNet::V6(v6) = net else { return net };
    let mapped = v6.network().to_ipv4_mapped().zip(v6.prefix_len().checked_sub(96));
    let v4 = mapped.and_then(|(address, prefix)| Ipv4Net::new(address, prefix).ok());
    v4.map_or(net, IpNet::V4)
}

/// As people write it back: one address without its prefix.
pub fn show(net: &IpNet) -> String {
    if net.prefix_len() == net.max_prefix_len() { net.addr().to_string() } else { net.to_string() }
}

/// For `#[serde(deserialize_with)]`.
pub fn deserialize<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Vec<IpNet>, D::Error> {
    let texts = Vec::<String>::deserialize(deserializer)?;
    let parsed = texts.iter().map(|text| parse(text).map_err(|fault| D::Error::custom(format!("{text} {fault}"))));
    parsed.collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn an_address_and_a_network_are_read() {
        for (text, shown) in [
            ("198.51.100.7", "198.51.100.7"),
            ("198.51.100.0/24", "198.51.100.0/24"),
            ("198.51.100.7/32", "198.51.100.7"),
            ("0.0.0.0/0", "0.0.0.0/0"),
            ("2001:DB8::7", "2001:db8::7"),
            ("2001:db8::/32", "2001:db8::/32"),
            ("::ffff:198.51.100.7", "198.51.100.7"),
            ("::ffff:198.51.100.0/120", "198.51.100.0/24"),
        ] {
            assert_eq!(parse(text).map(|net| show(&net)).as_deref(), Ok(shown), "{text}");
        }
    }

    #[test]
    fn what_is_no_network_is_refused_and_what_is_nearly_one_is_explained() {
        for text in ["", "localhost", "198.51.100", "198.51.100.0/33", "::/129", "1.2.3.4/ 8", " 1.2.3.4", "fe80::1%lo"]
        {
            assert!(parse(text).unwrap_err().contains("neither"), "{text}");
        }
        assert!(parse("198.51.100.7/24").unwrap_err().contains("write 198.51.100.0/24"));
    }

    proptest! {
        #[test]
        fn what_is_shown_reads_back(address: IpAddr, prefix in 0u8..=128) {
            let net = IpNet::new(address, prefix.min(if address.is_ipv4() { 32 } else { 128 })).unwrap().trunc();
            prop_assert_eq!(parse(&show(&canonical(net))), Ok(canonical(net)));
        }
    }
}
