//! `Set-Cookie` as browsers read it, without the value.

/// One cookie that an answer sets.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Cookie {
    pub name: String,
    pub is_secure: bool,
    pub is_http_only: bool,
    /// `SameSite` is Strict, Lax or None.
    pub has_same_site: bool,
    /// The header with the value taken out.
    pub redacted: String,
}

/// Reads one `Set-Cookie` value; `None` when it sets nothing or takes a cookie back.
pub fn parse(header: &str) -> Option<Cookie> {
    let mut parts = header.split(';').map(str::trim);
    let (name, value) = parts.next()?.split_once('=')?;
    let name = name.trim();
    if name.is_empty() || value.trim().is_empty() {
        return None;
    }
    let mut cookie = Cookie {
        name: name.to_string(),
        is_secure: false,
        is_http_only: false,
        has_same_site: false,
        redacted: format!("Set-Cookie: {name}=(removed)"),
    };
    for part in parts.filter(|part| !part.is_empty()) {
        let (attribute, value) = part.split_once('=').unwrap_or((part, ""));
        let value = value.trim();
        match attribute.trim().to_ascii_lowercase().as_str() {
            "secure" => cookie.is_secure = true,
            "httponly" => cookie.is_http_only = true,
            "samesite" => {
                cookie.has_same_site = ["strict", "lax", "none"].iter().any(|w| value.eq_ignore_ascii_case(w))
            }
            "max-age" if value.parse::<i64>().is_ok_and(|seconds| seconds <= 0) => return None,
            "max-age" | "expires" | "path" | "domain" | "partitioned" | "priority" => {}
            // No attribute that browsers know: it may be a part of the value.
            _ => continue,
        }
        cookie.redacted.push_str("; ");
        cookie.redacted.push_str(part);
    }
    Some(cookie)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn attributes_are_read_in_any_case() {
        let cookie = parse("sid=31d4d96e407aad42; Path=/; SECURE; httponly; SameSite=lax").unwrap();
        assert_eq!(cookie.name, "sid");
        assert!(cookie.is_secure && cookie.is_http_only && cookie.has_same_site);
        assert_eq!(cookie.redacted, "Set-Cookie: sid=(removed); Path=/; SECURE; httponly; SameSite=lax");
    }

    #[test]
    fn no_part_of_a_value_is_kept() {
        let cookie = parse("sid=\"top;secret-tail\"; Path=/").unwrap();
        assert_eq!(cookie.redacted, "Set-Cookie: sid=(removed); Path=/");
        assert!(!cookie.is_secure);
    }

    #[test]
    fn a_cookie_that_is_taken_back_is_none() {
        for header in ["sid=x; Max-Age=0", "sid=; Path=/", "=x", "Secure", ""] {
            assert_eq!(parse(header), None, "{header}");
        }
    }

    proptest! {
        #[test]
        fn no_header_makes_it_panic_and_no_value_is_kept(header in "\\PC{0,80}", value in "[a-z0-9]{12,30}") {
            let _ = parse(&header);
            if let Some(cookie) = parse(&format!("sid={value};{header}")) {
                prop_assert!(!cookie.redacted.contains(&value) || header.contains(&value));
            }
        }
    }
}
