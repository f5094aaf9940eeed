//! Percent done, as nikto 2.6 tells it; older ones tell nothing.

/// The percentage that a line of output states, at most 99.
pub fn percent(line: &str) -> Option<u8> {
    let (_, rest) = line.split_once("STATUS: Completed ")?.1.split_once("(~")?;
    let percent: f64 = rest.split_once('%')?.0.trim().parse().ok()?;
    Some(percent.clamp(0.0, 99.0) as u8)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_status_line_states_it() {
        assert_eq!(percent("- STATUS: Completed 1500 requests (~21% complete, ~4.1 minutes left)"), Some(21));
        assert_eq!(percent("- STATUS: Completed 7000 requests (~101% complete, 0 left)"), Some(99));
        assert_eq!(percent("- STATUS: Completed 7000 requests: currently in plugin"), None);
        assert_eq!(percent("+ Server: 21% complete"), None);
    }
}
