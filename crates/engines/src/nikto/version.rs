//! What the versions of nikto take.

use std::net::IpAddr;

/// The set of flags that a version knows. To any other it prints its help and exits with 0.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Flags {
    /// 2.1.5, which Debian has, up to 2.5.
    Old,
    /// 2.6 and later.
    Since2_6,
}

impl Flags {
    /// The flags of a version such as `2.1.5`; what cannot be read takes the oldest, which all know.
    pub fn of(version: Option<&str>) -> Flags {
        if parts(version) >= vec![2, 6] { Flags::Since2_6 } else { Flags::Old }
    }
}

/// The addresses that a version can scan: before 2.5 it takes one of IPv6 for a name.
pub fn usable(version: Option<&str>, addresses: &[IpAddr]) -> Vec<IpAddr> {
    let parts = parts(version);
    let takes_all = parts.is_empty() || parts >= vec![2, 5];
    addresses.iter().copied().filter(|address| takes_all || address.is_ipv4()).collect()
}

fn parts(version: Option<&str>) -> Vec<u32> {
    version.unwrap_or_default().split('.').map_while(|part| part.parse().ok()).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn flags_follow_the_version() {
        for (version, flags) in [
            (Some("2.1.5"), Flags::Old),
            (Some("2.5.0"), Flags::Old),
            (Some("2.6.1"), Flags::Since2_6),
            (Some("2.10"), Flags::Since2_6),
            (Some("3"), Flags::Since2_6),
            (Some("?"), Flags::Old),
            (None, Flags::Old),
        ] {
            assert_eq!(Flags::of(version), flags, "{version:?}");
        }
    }

    #[test]
    fn an_old_version_gets_no_address_of_ipv6() {
        let both: [IpAddr; 2] = ["::1".parse().unwrap(), "127.0.0.1".parse().unwrap()];
        assert_eq!(usable(Some("2.1.5"), &both), both[1..]);
        assert_eq!(usable(Some("2.6.1"), &both), both);
        assert_eq!(usable(None, &both), both);
    }
}
