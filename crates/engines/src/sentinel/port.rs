//! One open port: where it is, and what was seen there.

use super::certificate::Certificate;
use scanyard_contract::finding::Finding;
use scanyard_contract::scan::FailureReason;
use serde::Serialize;
use std::net::SocketAddr;

/// Where a finding is made.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Place {
    pub host: String,
    pub address: SocketAddr,
    pub service: Option<String>,
    pub url: Option<String>,
}

impl Place {
    /// A port of which nothing more is known.
    pub fn new(host: &str, address: SocketAddr) -> Place {
        Place { host: host.to_string(), address, service: None, url: None }
    }
}

/// What was seen at a port.
#[derive(Debug, Clone, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct PortReport {
    pub address: SocketAddr,
    pub service: Option<String>,
    pub banner: Option<String>,
    /// Versions that were accepted, oldest first, as far as they were asked for.
    pub tls_versions: Vec<&'static str>,
    pub tls_suite: Option<String>,
    pub certificate: Option<Certificate>,
    pub http_status: Option<u16>,
    /// HTTP requests, and those that got no answer, or one that says nothing of what was asked for.
    pub requests: u32,
    pub unanswered: u32,
    /// Every question was asked; the time of the port and that of the scan sufficed.
    pub is_complete: bool,
    #[serde(skip)]
    pub findings: Vec<Finding>,
}

impl PortReport {
    /// A port of which nothing is known.
    pub fn new(address: SocketAddr) -> PortReport {
        PortReport {
            address,
            service: None,
            banner: None,
            tls_versions: Vec::new(),
            tls_suite: None,
            certificate: None,
            http_status: None,
            requests: 0,
            unanswered: 0,
            is_complete: false,
            findings: Vec::new(),
        }
    }

    /// Why most or some of the port was not seen; `None` when it was.
    pub fn unseen(&self) -> Option<(FailureReason, String)> {
        let PortReport { requests, unanswered, is_complete, .. } = self;
        if 2 * unanswered > *requests {
            let message = format!(
                "gave no answer, or one of 429, 502, 503 and 504, to {unanswered} of {requests} requests, so that most was \
                 not seen; let them through, or scan again when it answers"
            );
            return Some((FailureReason::EngineFailed, message));
        }
        let message = "answers so slowly that not all could be asked; ask for fewer `checks`";
        (!is_complete).then(|| (FailureReason::TimedOut, message.to_string()))
    }
}
