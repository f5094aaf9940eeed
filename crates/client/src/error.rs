//! The one error of every client call.

use scanyard_contract::Kind;
use scanyard_contract::wire::Detail;
use serde::Serialize;
use std::fmt;

/// The most bytes of an answer's body that an error keeps.
pub const BODY_BYTES: usize = 4 * 1024;

/// Why a call failed: what was asked, what came back, and what class of failure it is. Holds no secrets.
#[derive(Debug, Serialize, thiserror::Error)]
#[serde(rename_all = "camelCase")]
pub struct Error {
    /// The class that a program branches on; [`Kind::RetriesExhausted`] after the last of several attempts.
    pub kind: Kind,
    /// The class of the last attempt's failure.
    pub cause_kind: Kind,
    /// The API that was called, such as `scan-api`.
    pub contract: &'static str,
    /// HTTP status of the last answer; `None` when there was none.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub status: Option<u16>,
    /// The answer's machine-readable code.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub code: Option<String>,
    /// The answer's text, or what went wrong on the way.
    pub message: String,
    /// Each fault of the request, where the answer names them.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub details: Vec<Detail>,
    /// Quote it to the API's support.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub request_id: Option<String>,
    /// Milliseconds that the answer asked to wait before the next attempt.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub wait_ms: Option<u64>,
    /// How often the request was sent.
    pub attempts: u32,
    pub method: String,
    pub url: String,
    /// The answer's body, cut at [`BODY_BYTES`], without the key.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub body: Option<String>,
    #[serde(skip)]
    #[source]
    pub source: Option<Box<dyn std::error::Error + Send + Sync>>,
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {}: ", self.method, self.url)?;
        if let Some(status) = self.status {
            write!(f, "{status} ")?;
        }
        if let Some(code) = &self.code {
            write!(f, "{code}: ")?;
        }
        f.write_str(&self.message)?;
        for detail in &self.details {
            write!(
                f,
                "\n  {}{}",
                detail.field.as_ref().map_or(String::new(), |name| format!("{name}: ")),
                detail.reason
            )?;
        }
        if self.attempts > 1 {
            write!(f, " (after {} attempts)", self.attempts)?;
        }
        match &self.request_id {
            Some(id) => write!(f, " [request {id}]"),
            None => Ok(()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_error_crosses_threads() {
        fn crosses<T: Send + Sync + std::error::Error + 'static>() {}
        crosses::<Error>();
    }
}
