//! The modules of wapiti that run. Those that write to the target, guess passwords, ask third parties or download
//! databases are in no list.

use super::options::Profile;

/// The sets of modules and flags that versions have.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Release {
    /// 3.0.4, which Debian has, up to 3.1: fewer modules and flags.
    Old,
    /// 3.2 and later.
    Since3_2,
}

impl Release {
    /// The release of a version such as `3.2.3`; what cannot be read takes the older flags, which all know.
    pub fn of(version: Option<&str>) -> Release {
        let parts: Vec<u32> = version.unwrap_or_default().split('.').map_while(|part| part.parse().ok()).collect();
        if parts.as_slice() >= [3, 2].as_slice() { Release::Since3_2 } else { Release::Old }
    }
}

const PASSIVE_OLD: &[&str] = &["cookieflags", "csp", "http_headers", "methods", "csrf"];
const PASSIVE: &[&str] = &["cookieflags", "csp", "http_headers", "methods", "csrf", "https_redirect", "ssl"];
/// Without `xss`, whose payloads name wapiti's own server in the old release, whatever endpoint is given.
const ACTIVE_OLD: &[&str] = &["sql", "crlf", "redirect", "file", "exec", "backup", "htaccess"];
const ACTIVE: &[&str] = &["sql", "crlf", "redirect", "file", "exec", "backup", "htaccess", "xss", "timesql"];

/// The modules of a profile.
pub fn modules(profile: Profile, release: Release) -> Vec<&'static str> {
    let (passive, active) = match release {
        Release::Old => (PASSIVE_OLD, ACTIVE_OLD),
        Release::Since3_2 => (PASSIVE, ACTIVE),
    };
    match profile {
        Profile::Passive => passive.to_vec(),
        Profile::Active => [passive, active].concat(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn releases_are_told_apart() {
        for (version, release) in [
            (Some("3.0.4"), Release::Old),
            (Some("3.1.8"), Release::Old),
            (Some("3.2.3"), Release::Since3_2),
            (Some("3.10.0"), Release::Since3_2),
            (Some("4.0"), Release::Since3_2),
            (None, Release::Old),
        ] {
            assert_eq!(Release::of(version), release, "{version:?}");
        }
    }

    #[test]
    fn no_module_writes_guesses_or_asks_third_parties() {
        const NEVER: &[&str] = &[
            "ssrf",
            "xxe",
            "log4shell",
            "spring4shell",
            "upload",
            "permanentxss",
            "brute_login_form",
            "buster",
            "nikto",
            "wapp",
            "htp",
            "takeover",
            "wp_enum",
            "cms",
            "all",
        ];
        for release in [Release::Old, Release::Since3_2] {
            assert!(modules(Profile::Active, release).iter().all(|module| !NEVER.contains(module)));
        }
    }
}
