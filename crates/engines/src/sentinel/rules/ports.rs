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

/// The rules of this file, in the order of the docs.
pub const PORT_RULES: &[&Rule] = &[&OPEN_PORT, &SERVICE_BANNER];
