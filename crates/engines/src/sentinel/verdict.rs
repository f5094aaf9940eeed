//! Did it really scan? What never answered is never a clean result.

use super::found::Found;
use super::port::PortReport;
use super::sweep::Tally;
use crate::Target;
use crate::job::{Job, Outcome};
use scanyard_contract::scan::{Coverage, Failure, FailureReason};
use std::time::Duration;

/// A failed run.
pub fn failed(reason: FailureReason, message: String) -> Outcome {
    Outcome::Failed(Failure { reason, message, last_lines: Vec::new() })
}

/// The run took longer than it may.
pub fn timed_out(limit: Duration) -> Outcome {
    let message = format!("the scan did not end within {} s; raise `timeout` or name fewer ports", limit.as_secs_f64());
    failed(FailureReason::TimedOut, message)
}

/// How a scan that ran to its end ended: an accept or a refusal for a host, an HTTP answer for a URL.
pub fn judge(target: &Target, tally: &Tally, found: &Found) -> Outcome {
    let unreachable = |message: String| failed(FailureReason::TargetUnreachable, message);
    if found.answered.is_empty() {
        let network = match &tally.network {
            Some(network) => format!(" (the network said: {network})"),
            None => String::new(),
        };
        return unreachable(format!("{} did not answer on any of its ports{network}", target.host()));
    }
    let Some(port) = target.port() else { return Outcome::Completed };
    if found.has_http() {
        let unseen = found.ports.iter().find_map(PortReport::unseen);
        let failure = unseen.map(|(reason, why)| failed(reason, format!("{} {why}", target.host())));
        failure.unwrap_or(Outcome::Completed)
    } else if tally.open == 0 {
        unreachable(format!("{} refused the connection on port {port}", target.host()))
    } else {
        unreachable(format!("{} takes connections on port {port} but gave no HTTP answer", target.host()))
    }
}

/// How much of the target answered.
pub fn coverage(job: &Job, found: &Found) -> Coverage {
    match &job.target {
        Target::Network(_) => Coverage { hosts: job.addresses.len() as u64, reached: found.answered.len() as u64 },
        Target::Url(_) => Coverage { hosts: 1, reached: u64::from(found.has_http()) },
        Target::Ip(_) | Target::Host(_) | Target::Upload(_) | Target::Image(_) | Target::Files(_) => {
            Coverage { hosts: 1, reached: u64::from(!found.answered.is_empty()) }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn reason(outcome: Outcome) -> Option<(FailureReason, String)> {
        match outcome {
            Outcome::Failed(failure) => Some((failure.reason, failure.message)),
            Outcome::Completed | Outcome::Cancelled | Outcome::Stopped => None,
        }
    }

    #[test]
    fn silence_is_a_failure_and_says_what_the_network_said() {
        let tally = Tally { silent: 3, network: Some("No route to host".into()), ..Tally::default() };
        let target = Target::parse("a.test").unwrap();
        let (failure, message) = reason(judge(&target, &tally, &Found::default())).unwrap();
        assert_eq!(failure, FailureReason::TargetUnreachable);
        assert!(message.contains("No route to host"), "{message}");
    }

    #[test]
    fn a_refusal_reaches_a_host_but_no_url() {
        let mut found = Found::default();
        found.answered.insert("127.0.0.1".parse().unwrap());
        let tally = Tally { refused: 1, ..Tally::default() };
        assert_eq!(judge(&Target::parse("127.0.0.1").unwrap(), &tally, &found), Outcome::Completed);
        let url = Target::parse("http://127.0.0.1/").unwrap();
        assert!(reason(judge(&url, &tally, &found)).unwrap().1.contains("refused"));
        let tally = Tally { open: 1, ..Tally::default() };
        assert!(reason(judge(&url, &tally, &found)).unwrap().1.contains("no HTTP answer"));
    }

    #[test]
    fn a_web_server_of_which_most_was_not_seen_is_no_clean_one() {
        let url = Target::parse("http://127.0.0.1/").unwrap();
        let judged = |unanswered, is_complete| {
            let mut report = PortReport::new("127.0.0.1:80".parse().unwrap());
            (report.http_status, report.requests, report.unanswered) = (Some(200), 30, unanswered);
            report.is_complete = is_complete;
            let mut found = Found { ports: vec![report], ..Found::default() };
            found.answered.insert("127.0.0.1".parse().unwrap());
            reason(judge(&url, &Tally { open: 1, ..Tally::default() }, &found)).map(|(reason, _)| reason)
        };
        assert_eq!(judged(15, true), None);
        assert_eq!(judged(16, true), Some(FailureReason::EngineFailed));
        assert_eq!(judged(1, false), Some(FailureReason::TimedOut));
    }
}
