//! What the versions of nikto take.

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
        let parts: Vec<u32> = version.unwrap_or_default().split('.').map_while(|part| part.parse().ok()).collect();
        if parts.as_slice() >= [2, 6].as_slice() { Flags::Since2_6 } else { Flags::Old }
    }
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
}
