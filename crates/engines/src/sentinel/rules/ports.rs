//! Rules about ports as such.

use super::Rule;
use scanyard_contract::finding::Severity;

/// Open TCP port.
pub const OPEN_PORT: Rule = Rule {
    id: "open-port",
    title: "Open TCP port",
    severity: Severity::Info,
    cwe: &[],
    about: "A TCP connection to this port was accepted. Every open port is a service that somebody can talk to, so the list of them should hold no surprise. A connection whose two ends turn out to be the same socket is none.",
    remediation: "Close the port or restrict who can reach it, unless the service is meant to be offered here.",
    reference: "https://csrc.nist.gov/pubs/sp/800/41/r1/final",
};

/// Service tells its software before any login.
pub const SERVICE_BANNER: Rule = Rule {
    id: "service-banner",
    title: "Service tells its software before any login",
    severity: Severity::Info,
    cwe: &["CWE-200"],
    about: "The first line that the service sends names a product or a version. It saves an attacker the work of finding out which known faults apply. The line is quoted as evidence.",
    remediation: "Shorten the greeting so that it names no product and no version, and keep the software up to date.",
    reference: "https://cwe.mitre.org/data/definitions/200.html",
};

/// Port was not checked to the end.
pub const PORT_PARTLY_CHECKED: Rule = Rule {
    id: "port-partly-checked",
    title: "Port was not checked to the end",
    severity: Severity::Info,
    cwe: &[],
    about: "Not every question to this port was asked or answered: it took longer than 40 s in all, or its web server refused most requests with 429, 502, 503 or 504 or in silence, or more than 1,024 ports are open; or it is the server of a URL, and sends every path to another one. What was found there is true, but nothing says that the rest is free of faults. A URL of which most was not seen makes the scan a failed one as well.",
    remediation: "Scan what it leads to, or the port again by itself, with fewer `checks` or when it is less busy, and let the scanner through where a limit of requests holds it back.",
    reference: "https://csrc.nist.gov/pubs/sp/800/115/final",
};

/// The rules of this file, in the order of the docs.
pub const PORT_RULES: &[&Rule] = &[&OPEN_PORT, &SERVICE_BANNER, &PORT_PARTLY_CHECKED];
