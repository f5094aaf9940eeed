//! The shape of a catalogue row, shared by every contract.

use serde::Serialize;

/// One documented failure of one API.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Row {
    /// The API that answers so, such as `scan-api`.
    pub contract: &'static str,
    /// The machine-readable code of the body, where the contract has one.
    pub code: &'static str,
    /// HTTP status.
    pub status: u16,
    /// The group under which the contract's own page lists it.
    pub category: Category,
    /// The text of the answer; `{name}` marks an inserted value.
    pub message: &'static str,
    /// What the answer says about the request or the server.
    pub meaning: &'static str,
    /// What leads to it, likeliest first.
    pub causes: &'static [&'static str],
    /// What the caller does next.
    pub resolution: &'static str,
    /// The vendor-neutral class that a program branches on.
    pub kind: Kind,
    /// Whether sending the request again can help.
    pub retry: Retry,
}

impl Row {
    /// The row's stable id, `contract/CODE`: used in file names, URLs and `help`.
    pub fn id(&self) -> String {
        format!("{}/{}", self.contract, self.code)
    }
}

/// The vendor-neutral class of an answer.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, utoipa::ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum Kind {
    Ok,
    Created,
    /// Not finished: poll.
    Accepted,
    NoContent,
    BadRequest,
    Unauthenticated,
    Permission,
    Impersonation,
    NotFound,
    Method,
    Accept,
    Conflict,
    EditLock,
    Maintenance,
    TooLarge,
    MediaType,
    RateLimited,
    Quota,
    Timeout,
    NotImplemented,
    Unavailable,
    Server,
    FeatureMissing,
    PasswordComplexity,
    Connection,
    RetriesExhausted,
    ExportFailed,
    ExportTimedOut,
    UnexpectedValue,
    Unsupported,
    Decode,
    Unknown,
}

/// When the same request may be sent again.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, utoipa::ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum Retry {
    /// The same request gets the same answer.
    Never,
    /// After the stated wait, whatever the method: the request was not carried out.
    AfterWait,
    /// With backoff, when the request is idempotent: the outcome is unknown.
    Idempotent,
    /// Once, with a fresh token.
    FreshToken,
    /// With the backoff of an edit lock.
    EditLock,
}

/// The group under which a contract's own page lists a failure.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, utoipa::ToSchema)]
#[serde(rename_all = "kebab-case")]
pub enum Category {
    Authentication,
    Authorization,
    Scan,
    Template,
    Webhook,
    RateLimit,
    Validation,
    /// Faults of the HTTP request itself: route, method, media type, size.
    Request,
    Server,
}
