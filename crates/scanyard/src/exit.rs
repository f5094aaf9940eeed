//! What the exit code says.

use scanyard_contract::Kind;
use scanyard_server::config::ConfigError;
use scanyard_server::store::{OpenError, Trouble};
use scanyard_server::{backup, copy};
use serde_json::{Value, json};
use std::process::ExitCode;

/// How a command ended; the numbers are part of the command line's contract.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Exit {
    Clean = 0,
    /// Findings at or above `--fail-on`; of `doctor`, something that does not work.
    Findings = 1,
    Usage = 2,
    /// The scan failed or is partial, or something of ours did.
    Failed = 3,
    /// The API said no.
    Refused = 4,
    /// Nobody who speaks the Scan API is there.
    Unreachable = 5,
    /// What was asked can succeed later: a limit, a quota, a lock, a maintenance, exhausted retries.
    Later = 6,
    /// By a second Ctrl-C, or with the terminal.
    Interrupted = 130,
}

/// Printed at the end of `call --help` and `export --help`.
pub const CALL_EXIT_CODES: &str = "Exit codes:
  0  the API did it
  2  wrong usage, or a value that the API is known to refuse: nothing was sent
  3  the answer is not what it should be, an export failed, or something here did
  4  refused by the API
  5  nobody there who is the API
  6  not now: a rate limit, a quota, a lock, a maintenance, or retries that were exhausted";

/// Printed at the end of `serve --help` and `worker --help`.
pub const SERVE_EXIT_CODES: &str = "Exit codes:
  0  stopped by a signal, everything in order
  2  a setting is wrong, or what it names is not there or refuses this node: a file, an
     engine, the database or Kafka by password, name, certificate or rights
  3  something else is in the way: a newer schema, an old server, a port or a folder in
     use, a missing master key
  5  the database cannot be reached, or takes no writes
130  ended at once by a second signal: leases of its scans have to run out first";

/// Printed at the end of `scan --help`.
pub const SCAN_EXIT_CODES: &str = "Exit codes:
  0  no finding at or above --fail-on
  1  findings at or above --fail-on
  2  wrong usage
  3  the scan failed or is partial
  4  refused by the API
  5  the server is unreachable
130  ended at once by a second signal, or with the terminal";

/// Why a command failed, and the exit code that says so.
#[derive(Debug)]
pub struct Failure {
    pub exit: Exit,
    pub error: anyhow::Error,
}

impl Failure {
    /// The user asked for something that is not there.
    pub fn usage(error: impl Into<anyhow::Error>) -> Failure {
        Failure { exit: Exit::Usage, error: error.into() }
    }
}

impl Failure {
    /// For programs: the client's error with all it knows, else what kind of failure it is and its message.
    pub fn to_json(&self) -> Value {
        if let Some(error) = self.error.downcast_ref::<scanyard_client::Error>() {
            return json!(error);
        }
        let kind = match self.exit {
            Exit::Usage => "usage",
            Exit::Refused => "refused",
            Exit::Unreachable => "unreachable",
            Exit::Clean | Exit::Findings | Exit::Failed | Exit::Interrupted => "failed",
            Exit::Later => "later",
        };
        json!({ "kind": kind, "message": self.to_string() })
    }
}

impl Failure {
    /// A vendor's failure; its kind decides the exit code.
    pub fn of_call(error: scanyard_client::Error) -> Failure {
        let exit = match error.kind {
            Kind::UnexpectedValue => Exit::Usage,
            Kind::Connection => Exit::Unreachable,
            Kind::RetriesExhausted if error.status.is_none() => Exit::Unreachable,
            Kind::RateLimited
            | Kind::Quota
            | Kind::EditLock
            | Kind::Maintenance
            | Kind::Unavailable
            | Kind::Timeout
            | Kind::RetriesExhausted => Exit::Later,
            Kind::BadRequest
            | Kind::Unauthenticated
            | Kind::Permission
            | Kind::Impersonation
            | Kind::NotFound
            | Kind::Method
            | Kind::Accept
            | Kind::Conflict
            | Kind::TooLarge
            | Kind::MediaType
            | Kind::NotImplemented
            | Kind::FeatureMissing
            | Kind::PasswordComplexity
            | Kind::Unsupported => Exit::Refused,
            Kind::Ok
            | Kind::Created
            | Kind::Accepted
            | Kind::NoContent
            | Kind::Server
            | Kind::ExportFailed
            | Kind::ExportTimedOut
            | Kind::Decode
            | Kind::Unknown => Exit::Failed,
        };
        Failure { exit, error: error.into() }
    }
}

impl std::fmt::Display for Failure {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self.error.downcast_ref::<scanyard_client::Error>() {
            // Its text tells the whole story; its sources would say it twice.
            Some(error) => error.fmt(f),
            None => write!(f, "{:#}", self.error),
        }
    }
}

impl From<anyhow::Error> for Failure {
    fn from(error: anyhow::Error) -> Failure {
        // Settings that only turn out to be wrong once they are used are still the user's.
        let exit = match error.downcast_ref::<OpenError>() {
            Some(OpenError { trouble: Trouble::Setting, .. }) => Exit::Usage,
            Some(OpenError { trouble: Trouble::Unreachable, .. }) => Exit::Unreachable,
            Some(OpenError { trouble: Trouble::Unfit, .. }) => Exit::Failed,
            None if error.is::<ConfigError>() || error.is::<backup::Refused>() => Exit::Usage,
            None if error.is::<copy::Refused>() => Exit::Usage,
            None => Exit::Failed,
        };
        Failure { exit, error }
    }
}

impl From<scanyard_client::Error> for Failure {
    fn from(error: scanyard_client::Error) -> Failure {
        let exit = match (&error.code, error.cause_kind) {
            (Some(_), _) => Exit::Refused,
            (None, Kind::UnexpectedValue) => Exit::Failed,
            // An answer without a code is a proxy's or a stranger's, not the API's.
            (None, _) => Exit::Unreachable,
        };
        Failure { exit, error: error.into() }
    }
}

impl From<Exit> for ExitCode {
    fn from(exit: Exit) -> ExitCode {
        ExitCode::from(exit as u8)
    }
}
