//! How the run ended, and whether it really scanned: nmap exits with 0 when it reached nobody.

use super::xml::Document;
use crate::Target;
use crate::job::Outcome;
use crate::process::{Ended, Exit, Run};
use scanyard_contract::scan::{Failure, FailureReason};

/// Decides from the process's end and its report.
pub fn verdict(run: &Run, document: &Document, target: &Target) -> Outcome {
    let (reason, message) = match run.ended {
        Ended::Stopped => return Outcome::Stopped,
        Ended::Cancelled => return Outcome::Cancelled,
        Ended::TimedOut => (FailureReason::TimedOut, "nmap was not done when the scan's time was up".to_string()),
        Ended::OutputTooLarge => (FailureReason::OutputTooLarge, "nmap's report passes the size limit".to_string()),
        Ended::ByItself => match by_itself(&run.exit, document, target) {
            Ok(()) => return Outcome::Completed,
            Err(failure) => failure,
        },
    };
    Outcome::Failed(Failure { reason, message, last_lines: run.last_lines.clone() })
}

fn by_itself(exit: &Exit, document: &Document, target: &Target) -> Result<(), (FailureReason, String)> {
    let code = match exit {
        Exit::Code(code) => *code,
        Exit::Signal(signal) => return Err((FailureReason::Killed, format!("nmap was killed by signal {signal}"))),
        Exit::Missing(message) => {
            return Err((FailureReason::EngineMissing, format!("{message}; install it: apt-get install nmap")));
        }
        Exit::NotStarted(message) => return Err((FailureReason::EngineFailed, message.clone())),
        Exit::SupervisorLost | Exit::LeaseLost => {
            return Err((FailureReason::Killed, "nmap's supervisor was killed".to_string()));
        }
    };
    if let Some(error) = document.finished.as_ref().and_then(|finished| finished.error.as_ref()) {
        return Err((FailureReason::EngineFailed, format!("nmap: {}", crate::text::clean(error.as_bytes(), 500))));
    }
    if code != 0 {
        return Err((FailureReason::EngineFailed, format!("nmap exited with {code}")));
    }
    if document.finished.is_none() {
        return Err((FailureReason::ReportUnreadable, "nmap's report has no end".to_string()));
    }
    if document.hosts.iter().any(|host| host.answered) {
        return Ok(());
    }
    if document.hosts.iter().any(|host| host.is_timed_out) {
        let message = format!("nmap gave up on {target}: its ports were not all answered within the scan's time");
        return Err((FailureReason::TimedOut, message));
    }
    Err((FailureReason::TargetUnreachable, format!("no port of {target} accepted or refused a connection")))
}
