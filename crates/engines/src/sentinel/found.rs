//! What a scan has found so far, each fault once, and the raw report.

use super::dns::DnsReport;
use super::port::PortReport;
use crate::Target;
use crate::collected::Collected;
use crate::job::RawReport;
use serde_json::json;
use std::collections::BTreeSet;
use std::net::{IpAddr, SocketAddr};
use std::sync::{Mutex, MutexGuard, PoisonError};

/// What of a port a finding is about; part of its fingerprint.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Part<'a> {
    /// The port as such.
    Whole,
    Path(&'a str),
    Cookie(&'a str),
    Header(&'a str),
    /// The name of a DNS record.
    Record(&'a str),
}

impl<'a> Part<'a> {
    /// The path or name; empty for the port as such.
    pub fn text(self) -> &'a str {
        match self {
            Part::Whole => "",
            Part::Path(text) | Part::Cookie(text) | Part::Header(text) | Part::Record(text) => text,
        }
    }
}

/// Everything found so far.
#[derive(Debug, Default)]
pub struct Found {
    pub collected: Collected,
    /// Addresses that accepted or refused a connection.
    pub answered: BTreeSet<IpAddr>,
    pub open: Vec<SocketAddr>,
    pub ports: Vec<PortReport>,
    /// Present when DNS was asked.
    pub dns: Option<DnsReport>,
}

/// Found things, shared by visits that run at the same time. No lock is held across a wait.
pub fn lock(found: &Mutex<Found>) -> MutexGuard<'_, Found> {
    found.lock().unwrap_or_else(PoisonError::into_inner)
}

impl Found {
    /// Takes what a visit has seen.
    pub fn take_port(&mut self, mut report: PortReport) {
        for finding in std::mem::take(&mut report.findings) {
            self.collected.add(finding);
        }
        self.ports.push(report);
    }

    /// Whether any port answered with HTTP.
    pub fn has_http(&self) -> bool {
        self.ports.iter().any(|port| port.http_status.is_some())
    }

    /// The report of the run in sentinel's own form; the query of a URL may hold secrets and is left out.
    pub fn raw(&self, target: &Target) -> RawReport {
        let target = target.to_string();
        let report = json!({
            "engine": "sentinel",
            "version": env!("CARGO_PKG_VERSION"),
            "target": target.split('?').next(),
            "answered": self.answered,
            "open": self.open,
            "ports": self.ports,
            "dns": self.dns,
            "findings": self.collected.findings,
        });
        RawReport { media_type: "application/json", bytes: report.to_string().into_bytes() }
    }
}
