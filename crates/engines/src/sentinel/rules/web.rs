//! Rules about web servers.

use super::Rule;
use scanyard_contract::finding::Severity;

/// HTTPS without Strict-Transport-Security.
pub const NO_HSTS: Rule = Rule {
    id: "http-missing-hsts",
    title: "HTTPS without Strict-Transport-Security",
    severity: Severity::Low,
    cwe: &["CWE-319"],
    about: "The answer over HTTPS has no Strict-Transport-Security header. A browser that is given a plain link first can be kept on plain HTTP by somebody in the middle.",
    remediation: "Send `Strict-Transport-Security: max-age=31536000; includeSubDomains` on every HTTPS answer.",
    reference: "https://www.rfc-editor.org/rfc/rfc6797",
};

/// No Content-Security-Policy.
pub const NO_CSP: Rule = Rule {
    id: "http-missing-csp",
    title: "No Content-Security-Policy",
    severity: Severity::Low,
    cwe: &["CWE-693"],
    about: "The page has no Content-Security-Policy. The header is a second line of defence: it decides which scripts run when something has been injected after all.",
    remediation: "Send a `Content-Security-Policy` that names the sources the pages need, beginning with `default-src 'self'`.",
    reference: "https://www.w3.org/TR/CSP3/",
};

/// Pages can be framed by any site.
pub const NO_FRAME_OPTIONS: Rule = Rule {
    id: "http-missing-frame-options",
    title: "Pages can be framed by any site",
    severity: Severity::Low,
    cwe: &["CWE-1021"],
    about: "Neither X-Frame-Options nor a frame-ancestors policy is there. Another site can put the page into a frame and have users click on what they do not see.",
    remediation: "Send `Content-Security-Policy: frame-ancestors 'none'`, and `X-Frame-Options: DENY` for old browsers.",
    reference: "https://www.w3.org/TR/CSP3/#directive-frame-ancestors",
};

/// No X-Content-Type-Options: nosniff.
pub const NO_CONTENT_TYPE_OPTIONS: Rule = Rule {
    id: "http-missing-content-type-options",
    title: "No X-Content-Type-Options: nosniff",
    severity: Severity::Low,
    cwe: &["CWE-693"],
    about: "Without `nosniff` a browser may take an uploaded text for a script or a page, whatever its content type says.",
    remediation: "Send `X-Content-Type-Options: nosniff` on every answer.",
    reference: "https://fetch.spec.whatwg.org/#x-content-type-options-header",
};

/// No Referrer-Policy.
pub const NO_REFERRER_POLICY: Rule = Rule {
    id: "http-missing-referrer-policy",
    title: "No Referrer-Policy",
    severity: Severity::Info,
    cwe: &["CWE-200"],
    about: "The page does not say how much of its address other sites get to see. Browsers have careful defaults today; old ones send paths and queries along.",
    remediation: "Send `Referrer-Policy: strict-origin-when-cross-origin` or stricter.",
    reference: "https://www.w3.org/TR/referrer-policy/",
};

/// No Permissions-Policy.
pub const NO_PERMISSIONS_POLICY: Rule = Rule {
    id: "http-missing-permissions-policy",
    title: "No Permissions-Policy",
    severity: Severity::Info,
    cwe: &["CWE-693"],
    about: "The page does not say which browser features (camera, position, payment) it and its frames may use.",
    remediation: "Send a `Permissions-Policy` that switches off the browser features the pages do not use.",
    reference: "https://www.w3.org/TR/permissions-policy/",
};

/// HTTP header tells the server's software.
pub const HTTP_DISCLOSURE: Rule = Rule {
    id: "http-software-disclosure",
    title: "HTTP header tells the server's software",
    severity: Severity::Info,
    cwe: &["CWE-200"],
    about: "A header of the answer names a product with its version or a framework. It saves an attacker the work of finding out which known faults apply.",
    remediation: "Remove the header, or its product and version.",
    reference: "https://www.rfc-editor.org/rfc/rfc9110#section-10.2.4",
};

/// Cookie over HTTPS without Secure.
pub const COOKIE_NOT_SECURE: Rule = Rule {
    id: "cookie-without-secure",
    title: "Cookie over HTTPS without Secure",
    severity: Severity::Low,
    cwe: &["CWE-614"],
    about: "The cookie is set over HTTPS without `Secure`, so browsers also send it over plain HTTP, where anybody on the way reads it. The value is not kept.",
    remediation: "Set the cookie with `Secure`.",
    reference: "https://www.rfc-editor.org/rfc/rfc6265#section-5.2.5",
};

/// Cookie without HttpOnly.
pub const COOKIE_NOT_HTTP_ONLY: Rule = Rule {
    id: "cookie-without-httponly",
    title: "Cookie without HttpOnly",
    severity: Severity::Low,
    cwe: &["CWE-1004"],
    about: "Scripts of the page can read the cookie, so one injected script is enough to carry a session away. The value is not kept.",
    remediation: "Set the cookie with `HttpOnly`, unless scripts of the page must read it.",
    reference: "https://www.rfc-editor.org/rfc/rfc6265#section-5.2.6",
};

/// Cookie without SameSite.
pub const COOKIE_NO_SAME_SITE: Rule = Rule {
    id: "cookie-without-samesite",
    title: "Cookie without SameSite",
    severity: Severity::Low,
    cwe: &["CWE-1275"],
    about: "The cookie does not say whether it goes along with requests that other sites cause. Browsers differ in what they do then. The value is not kept.",
    remediation: "Set the cookie with `SameSite=Lax` or `SameSite=Strict`.",
    reference: "https://developer.mozilla.org/docs/Web/HTTP/Reference/Headers/Set-Cookie#samesitesamesite-value",
};

/// Server answers TRACE.
pub const HTTP_TRACE: Rule = Rule {
    id: "http-trace-enabled",
    title: "Server answers TRACE",
    severity: Severity::Low,
    cwe: &["CWE-693"],
    about: "TRACE sent our own request header back. Headers that proxies add, and cookies that scripts cannot read, come back the same way.",
    remediation: "Switch the TRACE method off.",
    reference: "https://www.rfc-editor.org/rfc/rfc9110#section-9.3.8",
};

/// Server says that it takes writing methods.
pub const HTTP_METHODS: Rule = Rule {
    id: "http-writing-methods",
    title: "Server says that it takes writing methods",
    severity: Severity::Low,
    cwe: &["CWE-650"],
    about: "The answer to OPTIONS names methods that write, move or delete. None of them was tried. An API may mean it; a file server rarely does.",
    remediation: "Switch off the methods that the application does not need, and require a login for the others.",
    reference: "https://www.rfc-editor.org/rfc/rfc9110#section-9.3.7",
};

/// Server lists the files of a directory.
pub const DIRECTORY_LISTING: Rule = Rule {
    id: "http-directory-listing",
    title: "Server lists the files of a directory",
    severity: Severity::Medium,
    cwe: &["CWE-548"],
    about: "The page is a list of files that the server made by itself. Backups, drafts and old versions are found without guessing their names.",
    remediation: "Switch directory listings off, or put an index page into the directory.",
    reference: "https://cwe.mitre.org/data/definitions/548.html",
};

/// The rules of this file, in the order of the docs.
pub const WEB_RULES: &[&Rule] = &[
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
