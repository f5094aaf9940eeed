//! What an address is: one function for targets, webhooks and callbacks.

use ipnet::IpNet;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};
use std::sync::LazyLock;

/// The class of an address, after unwrapping what carries an IPv4 address inside.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum AddressClass {
    /// Globally reachable.
    Public,
    Loopback,
    /// Private and every other range that is not globally reachable.
    Private,
    /// Link-local, metadata services, multicast, broadcast: refused whatever any list says.
    Forbidden,
}

/// Special ranges that are not globally reachable, from IANA's special-purpose registries.
const PRIVATE: &[&str] = &[
    "10.0.0.0/8",
    "100.64.0.0/10",
    "172.16.0.0/12",
    "192.0.0.0/24",
    "192.0.2.0/24",
    "192.88.99.0/24",
    "192.168.0.0/16",
    "198.18.0.0/15",
    "198.51.100.0/24",
    "203.0.113.0/24",
    "240.0.0.0/4",
    "64:ff9b:1::/48",
    "100::/64",
    "100:0:0:1::/64",
    "2001::/23",
    "2001:db8::/32",
    "3fff::/20",
    "5f00::/16",
    "fc00::/7",
    "fec0::/10",
];

/// Ranges inside the private ones that are globally reachable, from the same registries.
const PUBLIC_WITHIN: &[&str] = &[
    "192.0.0.9/32",
    "192.0.0.10/32",
    "2001:1::1/128",
    "2001:1::2/128",
    "2001:1::3/128",
    "2001:3::/32",
    "2001:4:112::/48",
    "2001:20::/28",
    "2001:30::/28",
];

/// Refused always: link-local, the metadata services of the large clouds, multicast, broadcast.
const FORBIDDEN: &[&str] = &[
    "169.254.0.0/16",
    "100.100.100.200/32",
    "168.63.129.16/32",
    "192.0.0.192/32",
    "224.0.0.0/4",
    "255.255.255.255/32",
    "fe80::/10",
    "fd00:ec2::254/128",
    "fd20:ce::254/128",
    "ff00::/8",
];

const LOOPBACK: &[&str] = &["127.0.0.0/8", "0.0.0.0/8", "::1/128", "::/128"];

struct Ranges {
    private: Vec<IpNet>,
    public_within: Vec<IpNet>,
    forbidden: Vec<IpNet>,
    loopback: Vec<IpNet>,
}

static RANGES: LazyLock<Ranges> = LazyLock::new(|| {
    let parse = |list: &[&str]| list.iter().filter_map(|net| net.parse().ok()).collect();
    Ranges {
        private: parse(PRIVATE),
        public_within: parse(PUBLIC_WITHIN),
        forbidden: parse(FORBIDDEN),
        loopback: parse(LOOPBACK),
    }
});

/// Classifies an address.
pub fn classify(ip: IpAddr) -> AddressClass {
    let ip = canonical(ip);
    let within = |nets: &[IpNet]| nets.iter().any(|net| net.contains(&ip));
    if within(&RANGES.forbidden) {
        AddressClass::Forbidden
    } else if within(&RANGES.loopback) {
        AddressClass::Loopback
    } else if within(&RANGES.private) && !within(&RANGES.public_within) {
        AddressClass::Private
    } else {
        AddressClass::Public
    }
}

/// The IPv4 address inside an IPv4-mapped, NAT64, 6to4 or Teredo address; else the address itself.
pub fn canonical(ip: IpAddr) -> IpAddr {
    let IpAddr::V6(v6) = ip else { return ip };
    let s = v6.segments();
    let low = |a: u16, b: u16| Ipv4Addr::from((u32::from(a) << 16) | u32::from(b));
    match s {
        [0, 0, 0, 0, 0, 0xffff, a, b] => low(a, b).into(),
        [0x64, 0xff9b, 0, 0, 0, 0, a, b] => low(a, b).into(),
        [0x2002, a, b, ..] => low(a, b).into(),
        // Teredo hides the client's address with all bits turned over.
        [0x2001, 0, _, _, _, _, a, b] => low(!a, !b).into(),
        _ => IpAddr::V6(Ipv6Addr::from(s)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_range_parses() {
        let lists = [PRIVATE, PUBLIC_WITHIN, FORBIDDEN, LOOPBACK];
        let nets = lists.iter().flat_map(|list| list.iter());
        assert!(nets.clone().all(|net| net.parse::<IpNet>().is_ok()));
    }

    #[test]
    fn addresses_fall_into_their_class() {
        use AddressClass::*;
        for (text, class) in [
            ("1.1.1.1", Public),
            ("2606:4700::1111", Public),
            ("127.0.0.1", Loopback),
            ("127.255.0.1", Loopback),
            ("0.0.0.0", Loopback),
            ("::", Loopback),
            ("::1", Loopback),
            ("::ffff:127.0.0.1", Loopback),
            ("10.1.2.3", Private),
            ("172.31.0.1", Private),
            ("100.64.0.1", Private),
            ("192.168.1.1", Private),
            ("198.18.0.1", Private),
            ("fd12::1", Private),
            ("2001:db8::1", Private),
            ("64:ff9b::10.0.0.1", Private),
            ("2002:0a00:0001::", Private),
            ("2002:0101:0101::", Public),
            ("2001:0:0:0:0:0:f5ff:fffe", Private),
            ("169.254.169.254", Forbidden),
            ("::ffff:169.254.169.254", Forbidden),
            ("64:ff9b::a9fe:a9fe", Forbidden),
            ("fe80::1", Forbidden),
            ("fd00:ec2::254", Forbidden),
            ("fd20:ce::254", Forbidden),
            ("100.100.100.200", Forbidden),
            ("168.63.129.16", Forbidden),
            ("192.0.0.192", Forbidden),
            ("192.0.0.9", Public),
            ("224.0.0.1", Forbidden),
            ("ff02::1", Forbidden),
            ("255.255.255.255", Forbidden),
            ("250.0.0.1", Private),
        ] {
            assert_eq!(classify(text.parse().unwrap()), class, "{text}");
        }
    }
}
