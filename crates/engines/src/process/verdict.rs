//! What a run's end says by itself, before any report is read.

use super::{Ended, Exit, Run};
use crate::engine::Engine;
use crate::job::Outcome;
use scanyard_contract::scan::{Failure, FailureReason};

impl Run {
    /// The exit code of an engine that ended by itself; else the outcome that the scan has whatever its report says.
    pub fn exit_code(&self, engine: &Engine) -> Result<i32, Outcome> {
        let title = engine.title;
        let failed = |reason, message| Err(self.failed(reason, message));
        match self.ended {
            Ended::Stopped => return Err(Outcome::Stopped),
            Ended::Cancelled => return Err(Outcome::Cancelled),
            Ended::TimedOut => {
                return failed(
                    FailureReason::TimedOut,
                    format!("{title} was not done when the scan's time was up; give it more, or ask for less"),
                );
            }
            Ended::OutputTooLarge => {
                return failed(FailureReason::OutputTooLarge, format!("{title}'s output passes the size limit"));
            }
            Ended::ByItself => {}
        }
        match &self.exit {
            Exit::Code(code) => Ok(*code),
            // SIGXFSZ: a file of it passed the limit.
            Exit::Signal(25) => {
                failed(FailureReason::OutputTooLarge, format!("a file of {title} passes the size limit"))
            }
            Exit::Signal(signal) => failed(FailureReason::Killed, format!("{title} was killed by signal {signal}")),
            Exit::Missing(message) => {
                failed(FailureReason::EngineMissing, format!("{message}; install it: {}", engine.install))
            }
            Exit::LimitExceeded(what) => failed(FailureReason::Killed, format!("{title} was ended: {what}")),
            Exit::NotStarted(message) => failed(FailureReason::EngineFailed, message.clone()),
            Exit::SupervisorLost | Exit::LeaseLost => {
                failed(FailureReason::Killed, format!("{title}'s supervisor was killed"))
            }
        }
    }

    /// The outcome of a run that should have ended with 0; `fault` is what its report shows.
    pub fn outcome(&self, engine: &Engine, fault: Option<(FailureReason, String)>) -> Outcome {
        match (self.exit_code(engine), fault) {
            (Err(outcome), _) => outcome,
            (Ok(0), None) => Outcome::Completed,
            (Ok(0), Some((reason, message))) => self.failed(reason, message),
            (Ok(_), Some((FailureReason::EngineFailed, message))) => self.failed(FailureReason::EngineFailed, message),
            (Ok(code), _) => self.failed(FailureReason::EngineFailed, format!("{} exited with {code}", engine.title)),
        }
    }

    /// A failure of this run, with the engine's last lines.
    pub fn failed(&self, reason: FailureReason, message: impl Into<String>) -> Outcome {
        Outcome::Failed(Failure { reason, message: message.into(), last_lines: self.last_lines.clone() })
    }
}
