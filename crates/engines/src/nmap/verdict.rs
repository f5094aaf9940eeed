//! Whether nmap really scanned: it exits with 0 when it reached nobody.

use super::xml::{Head, Host};
use crate::{Target, text};
use scanyard_contract::scan::FailureReason;

/// What the hosts of a report come to.
#[derive(Debug, Default)]
pub struct Reached {
    pub hosts: u64,
    /// Those of which at least one port answered.
    pub answered: u64,
    /// Those that nmap gave up on.
    pub timed_out: u64,
    /// Hosts of the report that are none of the target's.
    pub outside: u64,
}

impl Reached {
    pub fn note(&mut self, host: &Host) {
        self.hosts += 1;
        self.answered += u64::from(host.answered);
        self.timed_out += u64::from(host.is_timed_out);
    }

    /// How many hosts of the target were looked at. Of a network those count too that are down, which no report lists;
    /// nmap may have looked at other networks as well.
    pub fn looked_at(&self, head: &Head, target: &Target) -> u64 {
        let Target::Network(network) = target else { return self.hosts };
        let bits = u32::from(network.max_prefix_len() - network.prefix_len());
        let addresses = 1u64.checked_shl(bits).unwrap_or(u64::MAX);
        head.total.saturating_sub(self.outside).min(addresses).max(self.hosts)
    }
}

/// Why a report is not that of a scan that reached its target and ended.
pub fn fault(head: &Head, reached: &Reached, target: &Target) -> Option<(FailureReason, String)> {
    if !head.is_nmap {
        return Some((FailureReason::ReportUnreadable, "this is not XML of nmap (-oX)".to_string()));
    }
    let Some(finished) = &head.finished else {
        return Some((FailureReason::ReportUnreadable, "nmap's report has no end".to_string()));
    };
    if let Some(error) = &finished.error {
        return Some((FailureReason::EngineFailed, format!("nmap: {}", text::clean(error.as_bytes(), 500))));
    }
    if reached.timed_out > 0 {
        let Reached { hosts, timed_out, .. } = reached;
        let message = format!(
            "nmap gave up on {timed_out} of {hosts} hosts of {target}: their ports were not all answered within the scan's time"
        );
        return Some((FailureReason::TimedOut, message));
    }
    if reached.answered > 0 {
        return None;
    }
    Some((FailureReason::TargetUnreachable, format!("no port of {target} accepted or refused a connection")))
}
