//! Sets of TCP ports, as users write them: `22,80,8000-8100`.

use std::fmt;

/// A set of ports, kept as ascending ranges that neither touch nor overlap; never empty.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Ports(Vec<(u16, u16)>);

/// What a list looks like, for a JSON Schema.
pub const PATTERN: &str = "^ *[0-9]+(-[0-9]+)? *(, *[0-9]+(-[0-9]+)? *)*$";

/// The most ranges that a list may name: a bound on the length of an engine's argument.
const MAX_RANGES: usize = 1000;

impl Ports {
    /// Reads a list such as `1-1024,8443`: numbers from 1 to 65535, commas, and ranges with both ends.
    pub fn parse(text: &str) -> Result<Ports, String> {
        let items: Vec<&str> = text.split(',').map(|item| item.trim_matches(' ')).collect();
        if items.len() > MAX_RANGES {
            return Err(format!("names more than {MAX_RANGES} ranges"));
        }
        let mut ranges = Vec::with_capacity(items.len());
        for item in items {
            let (first, last) = item.split_once('-').unwrap_or((item, item));
            let port = |text| port(text).map_err(|fault| fault.unwrap_or_else(|| no_port(item)));
            let (first, last) = (port(first)?, port(last)?);
            if first > last {
                return Err(format!("the range {first}-{last} runs backwards"));
            }
            ranges.push((first, last));
        }
        Ok(Ports::merged(ranges))
    }

    /// The set of single ports.
    pub fn of(ports: &[u16]) -> Ports {
        Ports::merged(ports.iter().map(|port| (*port, *port)).collect())
    }

    fn merged(mut ranges: Vec<(u16, u16)>) -> Ports {
        ranges.sort_unstable();
        let mut merged: Vec<(u16, u16)> = Vec::with_capacity(ranges.len());
        for (first, last) in ranges {
            match merged.last_mut() {
                Some(before) if u32::from(first) <= u32::from(before.1) + 1 => before.1 = before.1.max(last),
                _ => merged.push((first, last)),
            }
        }
        Ports(merged)
    }

    /// The ports, ascending.
    pub fn iter(&self) -> impl Iterator<Item = u16> + '_ {
        self.0.iter().flat_map(|(first, last)| *first..=*last)
    }

    /// How many ports there are.
    pub fn count(&self) -> usize {
        self.0.iter().map(|(first, last)| usize::from(last - first) + 1).sum()
    }

    /// Whether the port is one of them.
    pub fn contains(&self, port: u16) -> bool {
        self.0.iter().any(|(first, last)| (*first..=*last).contains(&port))
    }
}

impl fmt::Display for Ports {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (i, (first, last)) in self.0.iter().enumerate() {
            let comma = if i == 0 { "" } else { "," };
            if first == last {
                write!(f, "{comma}{first}")?;
            } else {
                write!(f, "{comma}{first}-{last}")?;
            }
        }
        Ok(())
    }
}

/// Reads one port; what is no number at all is a fault of the item that it stands in.
fn port(text: &str) -> Result<u16, Option<String>> {
    if text.is_empty() || !text.bytes().all(|b| b.is_ascii_digit()) {
        return Err(None);
    }
    match text.parse::<u16>() {
        Ok(port) if port > 0 => Ok(port),
        _ => Err(Some(format!("port {text} is outside 1 to 65535"))),
    }
}

fn no_port(item: &str) -> String {
    format!("`{}` is not a port: write numbers such as 22,80,8000-8100", item.escape_debug())
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn ranges_merge_and_print_again() {
        let ports = Ports::parse("8443, 1-10,5-12,13,80").unwrap();
        assert_eq!(ports.to_string(), "1-13,80,8443");
        assert_eq!(ports.count(), 15);
        assert!(ports.contains(13) && !ports.contains(14));
        assert_eq!(Ports::parse("1-65535").unwrap().count(), 65_535);
    }

    #[test]
    fn what_is_no_port_list_says_why() {
        for bad in ["", "99999", "0", "10-5", "http", "T:80", "1-", "-5", "1,,2", "*", "１"] {
            assert!(Ports::parse(bad).is_err(), "{bad}");
        }
        assert_eq!(Ports::parse("99999").unwrap_err(), "port 99999 is outside 1 to 65535");
        for bad in ["-1", "1-", "http"] {
            let said = Ports::parse(bad).unwrap_err();
            assert_eq!(said, format!("`{bad}` is not a port: write numbers such as 22,80,8000-8100"));
        }
    }

    proptest! {
        #[test]
        fn a_printed_set_reads_back(list in proptest::collection::vec((1u16.., 0u16..50), 1..20)) {
            let text = list
                .iter()
                .map(|(first, n)| format!("{first}-{}", first.saturating_add(*n)))
                .collect::<Vec<_>>()
                .join(",");
            let ports = Ports::parse(&text).unwrap();
            prop_assert_eq!(&Ports::parse(&ports.to_string()).unwrap(), &ports);
            prop_assert_eq!(ports.iter().count(), ports.count());
        }

        #[test]
        fn no_text_makes_it_panic(text in ".*") {
            let _ = Ports::parse(&text);
        }
    }
}
