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

/// Error page tells what the server is made of.
pub const HTTP_ERROR_PAGE: Rule = Rule {
    id: "http-error-page-disclosure",
    title: "Error page tells what the server is made of",
    severity: Severity::Low,
    cwe: &["CWE-209"],
    about: "A page that does not exist was asked for. The answer names the server's software with its version, or shows a stack trace or a debugger. A debugger that can be reached often runs code.",
    remediation: "Serve error pages of your own, and switch debug modes off in production.",
    reference: "https://cwe.mitre.org/data/definitions/209.html",
};

/// HTTPS page refers to plain HTTP.
pub const MIXED_CONTENT: Rule = Rule {
    id: "http-mixed-content",
    title: "HTTPS page refers to plain HTTP",
    severity: Severity::Low,
    cwe: &["CWE-319"],
    about: "A page over HTTPS loads a part or sends a form over plain HTTP. Somebody on the way can read and change it. Only the page that was asked for is looked at, up to 256 kB.",
    remediation: "Refer to the part over HTTPS, and send `Content-Security-Policy: upgrade-insecure-requests`.",
    reference: "https://www.w3.org/TR/mixed-content/",
};

/// Passwords are asked for over plain HTTP.
pub const BASIC_AUTH_CLEAR: Rule = Rule {
    id: "http-basic-auth-clear",
    title: "Passwords are asked for over plain HTTP",
    severity: Severity::Medium,
    cwe: &["CWE-523"],
    about: "The answer asks for a Basic login on a connection without TLS. The password is sent in clear with every request.",
    remediation: "Ask for passwords over HTTPS alone, and redirect plain HTTP there.",
    reference: "https://www.rfc-editor.org/rfc/rfc7617#section-4",
};

/// No security.txt.
pub const NO_SECURITY_TXT: Rule = Rule {
    id: "http-missing-security-txt",
    title: "No security.txt",
    severity: Severity::Info,
    cwe: &["CWE-1059"],
    about: "`/.well-known/security.txt` over HTTPS is not there or names no contact. Whoever finds a fault does not know whom to tell.",
    remediation: "Publish a security.txt with `Contact` and `Expires`.",
    reference: "https://www.rfc-editor.org/rfc/rfc9116",
};

/// Files of version control can be fetched.
pub const EXPOSED_REPOSITORY: Rule = Rule {
    id: "http-exposed-repository",
    title: "Files of version control can be fetched",
    severity: Severity::High,
    cwe: &["CWE-527"],
    about: "A file of Git, Subversion or Mercurial was fetched and has the form that it must have. From such a folder the source of the site is put together again, with its history and what was deleted from it.",
    remediation: "Refuse paths that begin with a dot, and deploy without the repository.",
    reference: "https://cwe.mitre.org/data/definitions/527.html",
};

/// File with secrets can be fetched.
pub const EXPOSED_SECRETS: Rule = Rule {
    id: "http-exposed-secrets",
    title: "File with secrets can be fetched",
    severity: Severity::High,
    cwe: &["CWE-538"],
    about: "A file of settings, keys or passwords was fetched and has the form that it must have. Names and counts are kept as evidence, values are not.",
    remediation: "Take the file out of the web folder, and replace every secret in it: somebody else may have been there first.",
    reference: "https://cwe.mitre.org/data/definitions/538.html",
};

/// Backup can be fetched.
pub const EXPOSED_BACKUP: Rule = Rule {
    id: "http-exposed-backup",
    title: "Backup can be fetched",
    severity: Severity::High,
    cwe: &["CWE-530"],
    about: "An archive or a dump of a database was fetched under a common name, and its first bytes are those of one. At most 64 kB were read, and nothing of it is kept.",
    remediation: "Keep backups outside the web folder, and replace the secrets that were in this one.",
    reference: "https://cwe.mitre.org/data/definitions/530.html",
};

/// Configuration or source can be fetched.
pub const EXPOSED_CONFIG: Rule = Rule {
    id: "http-exposed-config",
    title: "Configuration or source can be fetched",
    severity: Severity::Medium,
    cwe: &["CWE-538"],
    about: "A file of configuration, or the copy that an editor left of a script, was fetched as text. It shows how the site is built, and often its passwords.",
    remediation: "Refuse these paths, and remove copies that end with `.bak`, `.old` or `~`.",
    reference: "https://cwe.mitre.org/data/definitions/538.html",
};

/// Page for operators is open to everybody.
pub const EXPOSED_STATUS: Rule = Rule {
    id: "http-exposed-status",
    title: "Page for operators is open to everybody",
    severity: Severity::Medium,
    cwe: &["CWE-497"],
    about: "A status, metrics, management or profiling page was fetched without a login. Such pages show clients, addresses asked for, settings and the inside of the application.",
    remediation: "Restrict these paths to the addresses of operators, or put them on a port of their own.",
    reference: "https://cwe.mitre.org/data/definitions/497.html",
};

/// phpinfo() is open to everybody.
pub const EXPOSED_PHPINFO: Rule = Rule {
    id: "http-exposed-phpinfo",
    title: "phpinfo() is open to everybody",
    severity: Severity::Medium,
    cwe: &["CWE-497"],
    about: "A page of PHP's `phpinfo()` was fetched. It shows versions, paths, settings and the environment, which may hold secrets.",
    remediation: "Remove the page.",
    reference: "https://www.php.net/manual/en/function.phpinfo.php",
};

/// A Mac left the names of the folder behind.
pub const EXPOSED_DS_STORE: Rule = Rule {
    id: "http-exposed-ds-store",
    title: "A Mac left the names of the folder behind",
    severity: Severity::Low,
    cwe: &["CWE-538"],
    about: "A `.DS_Store` was fetched. It lists the names in the folder, those that no page links to as well.",
    remediation: "Remove the file, and refuse paths that begin with a dot.",
    reference: "https://cwe.mitre.org/data/definitions/538.html",
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
    &HTTP_ERROR_PAGE,
    &MIXED_CONTENT,
    &BASIC_AUTH_CLEAR,
    &NO_SECURITY_TXT,
    &EXPOSED_REPOSITORY,
    &EXPOSED_SECRETS,
    &EXPOSED_BACKUP,
    &EXPOSED_CONFIG,
    &EXPOSED_STATUS,
    &EXPOSED_PHPINFO,
    &EXPOSED_DS_STORE,
];
