//! Every rule of sentinel as one table: the findings and the docs are printed from it.

use super::found::Part;
use super::port::Place;
use crate::fingerprint::fingerprint;
use crate::text::{self, EVIDENCE_BYTES};
use scanyard_contract::finding::{Confidence, Finding, Location, Severity};

/// One rule.
#[derive(Debug, PartialEq, Eq)]
pub struct Rule {
    pub id: &'static str,
    pub title: &'static str,
    pub severity: Severity,
    pub cwe: &'static [&'static str],
    pub remediation: &'static str,
    pub reference: &'static str,
}

impl Rule {
    /// A finding of this rule; what was seen must already be free of secrets.
    pub fn finding(&self, place: &Place, part: Part<'_>, evidence: &str) -> Finding {
        let named = text::clean(part.text().as_bytes(), 256);
        let port = place.address.port();
        let mut location = Location {
            host: Some(place.host.clone()),
            ip: Some(place.address.ip().to_string()),
            port: Some(port),
            protocol: Some("tcp".to_string()),
            service: place.service.clone(),
            url: place.url.clone(),
            ..Location::default()
        };
        match part {
            Part::Whole => {}
            Part::Path(_) => location.path = Some(named.clone()),
            Part::Cookie(_) | Part::Header(_) => location.parameter = Some(named.clone()),
        }
        Finding {
            fingerprint: fingerprint(&["sentinel", self.id, &place.host, &port.to_string(), &named]),
            engine: "sentinel".to_string(),
            rule_id: self.id.to_string(),
            title: self.title.to_string(),
            severity: self.severity,
            confidence: Confidence::Confirmed,
            location,
            evidence: Some(text::clean(evidence.as_bytes(), EVIDENCE_BYTES)).filter(|text| !text.is_empty()),
            cwe: self.cwe.iter().map(|cwe| cwe.to_string()).collect(),
            remediation: Some(self.remediation.to_string()),
            references: vec![self.reference.to_string()],
            ..Finding::default()
        }
    }
}

/// Open TCP port.
pub const OPEN_PORT: Rule = Rule {
    id: "open-port",
    title: "Open TCP port",
    severity: Severity::Info,
    cwe: &[],
    remediation: "Close the port or restrict who can reach it, unless the service is meant to be offered here.",
    reference: "https://csrc.nist.gov/pubs/sp/800/41/r1/final",
};

/// Service tells its software before any login.
pub const SERVICE_BANNER: Rule = Rule {
    id: "service-banner",
    title: "Service tells its software before any login",
    severity: Severity::Info,
    cwe: &["CWE-200"],
    remediation: "Shorten the greeting so that it names no product and no version, and keep the software up to date.",
    reference: "https://cwe.mitre.org/data/definitions/200.html",
};

/// Redis answers without a login.
pub const REDIS_NO_AUTH: Rule = Rule {
    id: "redis-no-auth",
    title: "Redis answers without a login",
    severity: Severity::High,
    cwe: &["CWE-306"],
    remediation: "Require a login (`requirepass` or ACLs), bind Redis to the addresses that need it, and leave protected mode on.",
    reference: "https://redis.io/docs/latest/operate/oss_and_stack/management/security/",
};

/// Memcached answers without a login.
pub const MEMCACHED_NO_AUTH: Rule = Rule {
    id: "memcached-no-auth",
    title: "Memcached answers without a login",
    severity: Severity::High,
    cwe: &["CWE-306"],
    remediation: "Bind memcached to the addresses that need it, turn SASL on, and switch UDP off.",
    reference: "https://docs.memcached.org/features/sasl/",
};

/// TLS certificate has expired.
pub const CERTIFICATE_EXPIRED: Rule = Rule {
    id: "tls-certificate-expired",
    title: "TLS certificate has expired",
    severity: Severity::High,
    cwe: &["CWE-298"],
    remediation: "Install a renewed certificate and automate the renewal.",
    reference: "https://www.rfc-editor.org/rfc/rfc5280#section-4.1.2.5",
};

/// TLS certificate is not valid yet.
pub const CERTIFICATE_NOT_YET_VALID: Rule = Rule {
    id: "tls-certificate-not-yet-valid",
    title: "TLS certificate is not valid yet",
    severity: Severity::High,
    cwe: &["CWE-295"],
    remediation: "Install a certificate that is valid now, and check the clock of the machine that issued it.",
    reference: "https://www.rfc-editor.org/rfc/rfc5280#section-4.1.2.5",
};

/// TLS certificate expires in less than 30 days.
pub const CERTIFICATE_EXPIRES_SOON: Rule = Rule {
    id: "tls-certificate-expires-soon",
    title: "TLS certificate expires in less than 30 days",
    severity: Severity::Low,
    cwe: &["CWE-298"],
    remediation: "Renew the certificate now and automate the renewal.",
    reference: "https://www.rfc-editor.org/rfc/rfc5280#section-4.1.2.5",
};

/// TLS certificate is self-signed.
pub const CERTIFICATE_SELF_SIGNED: Rule = Rule {
    id: "tls-certificate-self-signed",
    title: "TLS certificate is self-signed",
    severity: Severity::Medium,
    cwe: &["CWE-295"],
    remediation: "Install a certificate from an authority that the clients trust.",
    reference: "https://www.rfc-editor.org/rfc/rfc5280#section-6.1",
};

/// TLS certificate is made out to another name.
pub const CERTIFICATE_NAME_MISMATCH: Rule = Rule {
    id: "tls-certificate-name-mismatch",
    title: "TLS certificate is made out to another name",
    severity: Severity::Medium,
    cwe: &["CWE-297"],
    remediation: "Install a certificate whose subject alternative names hold the name that clients use.",
    reference: "https://www.rfc-editor.org/rfc/rfc9525",
};

/// Key of the TLS certificate is too short.
pub const CERTIFICATE_WEAK_KEY: Rule = Rule {
    id: "tls-certificate-weak-key",
    title: "Key of the TLS certificate is too short",
    severity: Severity::Medium,
    cwe: &["CWE-326"],
    remediation: "Make a new key, RSA of at least 2048 bits or P-256, and have the certificate issued again.",
    reference: "https://csrc.nist.gov/pubs/sp/800/131/a/r2/final",
};

/// TLS certificate is signed with MD5 or SHA-1.
pub const CERTIFICATE_WEAK_SIGNATURE: Rule = Rule {
    id: "tls-certificate-weak-signature",
    title: "TLS certificate is signed with MD5 or SHA-1",
    severity: Severity::Medium,
    cwe: &["CWE-328"],
    remediation: "Have the certificate issued again with a SHA-256 signature or better.",
    reference: "https://www.rfc-editor.org/rfc/rfc9155",
};

/// Server accepts SSL 3.0.
pub const TLS_SSL_3: Rule = Rule {
    id: "tls-version-ssl-3.0",
    title: "Server accepts SSL 3.0",
    severity: Severity::High,
    cwe: &["CWE-327"],
    remediation: "Switch SSL 3.0 off; allow TLS 1.2 and 1.3 only.",
    reference: "https://www.rfc-editor.org/rfc/rfc7568",
};

/// Server accepts TLS 1.0.
pub const TLS_1_0: Rule = Rule {
    id: "tls-version-1.0",
    title: "Server accepts TLS 1.0",
    severity: Severity::Medium,
    cwe: &["CWE-327"],
    remediation: "Switch TLS 1.0 off; allow TLS 1.2 and 1.3 only.",
    reference: "https://www.rfc-editor.org/rfc/rfc8996",
};

/// Server accepts TLS 1.1.
pub const TLS_1_1: Rule = Rule {
    id: "tls-version-1.1",
    title: "Server accepts TLS 1.1",
    severity: Severity::Medium,
    cwe: &["CWE-327"],
    remediation: "Switch TLS 1.1 off; allow TLS 1.2 and 1.3 only.",
    reference: "https://www.rfc-editor.org/rfc/rfc8996",
};

/// Server does not offer TLS 1.3.
pub const TLS_NO_1_3: Rule = Rule {
    id: "tls-no-1.3",
    title: "Server does not offer TLS 1.3",
    severity: Severity::Info,
    cwe: &["CWE-327"],
    remediation: "Switch TLS 1.3 on beside TLS 1.2.",
    reference: "https://www.rfc-editor.org/rfc/rfc9325",
};

/// Server accepts a broken cipher suite.
pub const TLS_WEAK_CIPHER: Rule = Rule {
    id: "tls-weak-cipher",
    title: "Server accepts a broken cipher suite",
    severity: Severity::Medium,
    cwe: &["CWE-327"],
    remediation: "Remove NULL, anonymous, export, DES, 3DES and RC4 suites from the server's list.",
    reference: "https://www.rfc-editor.org/rfc/rfc9325#section-4.1",
};

/// HTTPS without Strict-Transport-Security.
pub const NO_HSTS: Rule = Rule {
    id: "http-missing-hsts",
    title: "HTTPS without Strict-Transport-Security",
    severity: Severity::Low,
    cwe: &["CWE-319"],
    remediation: "Send `Strict-Transport-Security: max-age=31536000; includeSubDomains` on every HTTPS answer.",
    reference: "https://www.rfc-editor.org/rfc/rfc6797",
};

/// No Content-Security-Policy.
pub const NO_CSP: Rule = Rule {
    id: "http-missing-csp",
    title: "No Content-Security-Policy",
    severity: Severity::Low,
    cwe: &["CWE-693"],
    remediation: "Send a `Content-Security-Policy` that names the sources the pages need, beginning with `default-src 'self'`.",
    reference: "https://www.w3.org/TR/CSP3/",
};

/// Pages can be framed by any site.
pub const NO_FRAME_OPTIONS: Rule = Rule {
    id: "http-missing-frame-options",
    title: "Pages can be framed by any site",
    severity: Severity::Low,
    cwe: &["CWE-1021"],
    remediation: "Send `Content-Security-Policy: frame-ancestors 'none'`, and `X-Frame-Options: DENY` for old browsers.",
    reference: "https://www.w3.org/TR/CSP3/#directive-frame-ancestors",
};

/// No X-Content-Type-Options: nosniff.
pub const NO_CONTENT_TYPE_OPTIONS: Rule = Rule {
    id: "http-missing-content-type-options",
    title: "No X-Content-Type-Options: nosniff",
    severity: Severity::Low,
    cwe: &["CWE-693"],
    remediation: "Send `X-Content-Type-Options: nosniff` on every answer.",
    reference: "https://fetch.spec.whatwg.org/#x-content-type-options-header",
};

/// No Referrer-Policy.
pub const NO_REFERRER_POLICY: Rule = Rule {
    id: "http-missing-referrer-policy",
    title: "No Referrer-Policy",
    severity: Severity::Info,
    cwe: &["CWE-200"],
    remediation: "Send `Referrer-Policy: strict-origin-when-cross-origin` or stricter.",
    reference: "https://www.w3.org/TR/referrer-policy/",
};

/// No Permissions-Policy.
pub const NO_PERMISSIONS_POLICY: Rule = Rule {
    id: "http-missing-permissions-policy",
    title: "No Permissions-Policy",
    severity: Severity::Info,
    cwe: &["CWE-693"],
    remediation: "Send a `Permissions-Policy` that switches off the browser features the pages do not use.",
    reference: "https://www.w3.org/TR/permissions-policy/",
};

/// HTTP header tells the server's software.
pub const HTTP_DISCLOSURE: Rule = Rule {
    id: "http-software-disclosure",
    title: "HTTP header tells the server's software",
    severity: Severity::Info,
    cwe: &["CWE-200"],
    remediation: "Remove the header, or its product and version.",
    reference: "https://www.rfc-editor.org/rfc/rfc9110#section-10.2.4",
};

/// Cookie over HTTPS without Secure.
pub const COOKIE_NOT_SECURE: Rule = Rule {
    id: "cookie-without-secure",
    title: "Cookie over HTTPS without Secure",
    severity: Severity::Low,
    cwe: &["CWE-614"],
    remediation: "Set the cookie with `Secure`.",
    reference: "https://www.rfc-editor.org/rfc/rfc6265#section-5.2.5",
};

/// Cookie without HttpOnly.
pub const COOKIE_NOT_HTTP_ONLY: Rule = Rule {
    id: "cookie-without-httponly",
    title: "Cookie without HttpOnly",
    severity: Severity::Low,
    cwe: &["CWE-1004"],
    remediation: "Set the cookie with `HttpOnly`, unless scripts of the page must read it.",
    reference: "https://www.rfc-editor.org/rfc/rfc6265#section-5.2.6",
};

/// Cookie without SameSite.
pub const COOKIE_NO_SAME_SITE: Rule = Rule {
    id: "cookie-without-samesite",
    title: "Cookie without SameSite",
    severity: Severity::Low,
    cwe: &["CWE-1275"],
    remediation: "Set the cookie with `SameSite=Lax` or `SameSite=Strict`.",
    reference: "https://developer.mozilla.org/docs/Web/HTTP/Reference/Headers/Set-Cookie#samesitesamesite-value",
};

/// Server answers TRACE.
pub const HTTP_TRACE: Rule = Rule {
    id: "http-trace-enabled",
    title: "Server answers TRACE",
    severity: Severity::Low,
    cwe: &["CWE-693"],
    remediation: "Switch the TRACE method off.",
    reference: "https://www.rfc-editor.org/rfc/rfc9110#section-9.3.8",
};

/// Server says that it takes writing methods.
pub const HTTP_METHODS: Rule = Rule {
    id: "http-writing-methods",
    title: "Server says that it takes writing methods",
    severity: Severity::Low,
    cwe: &["CWE-650"],
    remediation: "Switch off the methods that the application does not need, and require a login for the others.",
    reference: "https://www.rfc-editor.org/rfc/rfc9110#section-9.3.7",
};

/// Server lists the files of a directory.
pub const DIRECTORY_LISTING: Rule = Rule {
    id: "http-directory-listing",
    title: "Server lists the files of a directory",
    severity: Severity::Medium,
    cwe: &["CWE-548"],
    remediation: "Switch directory listings off, or put an index page into the directory.",
    reference: "https://cwe.mitre.org/data/definitions/548.html",
};

/// Every rule, in the order of the docs.
pub const RULES: &[&Rule] = &[
    &OPEN_PORT,
    &SERVICE_BANNER,
    &REDIS_NO_AUTH,
    &MEMCACHED_NO_AUTH,
    &CERTIFICATE_EXPIRED,
    &CERTIFICATE_NOT_YET_VALID,
    &CERTIFICATE_EXPIRES_SOON,
    &CERTIFICATE_SELF_SIGNED,
    &CERTIFICATE_NAME_MISMATCH,
    &CERTIFICATE_WEAK_KEY,
    &CERTIFICATE_WEAK_SIGNATURE,
    &TLS_SSL_3,
    &TLS_1_0,
    &TLS_1_1,
    &TLS_NO_1_3,
    &TLS_WEAK_CIPHER,
    &NO_HSTS,
    &NO_CSP,
    &NO_FRAME_OPTIONS,
    &NO_CONTENT_TYPE_OPTIONS,
    &NO_REFERRER_POLICY,
    &NO_PERMISSIONS_POLICY,
    &HTTP_DISCLOSURE,
    &COOKIE_NOT_SECURE,
    &COOKIE_NOT_HTTP_ONLY,
    &COOKIE_NO_SAME_SITE,
    &HTTP_TRACE,
    &HTTP_METHODS,
    &DIRECTORY_LISTING,
];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_constant_of_this_file_is_in_the_table_once() {
        let constants = include_str!("rules.rs").matches(": Rule = Rule {").count() - 1;
        assert_eq!(constants, RULES.len());
        for rule in RULES {
            assert_eq!(RULES.iter().filter(|other| other.id == rule.id).count(), 1, "{}", rule.id);
            assert!(rule.reference.starts_with("https://"), "{}", rule.id);
        }
    }
}
