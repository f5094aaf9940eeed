//! A row of the catalogue on the wire.

use crate::class::{Category, Kind, Retry, Source};
use crate::contract::{Contract, Service};
use crate::example::Example;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

/// One failure of one API, explained: an item of `GET /errors` and of `errors.json`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct ErrorInfo {
    /// `contract[/service]/CODE`, or with the status before a code that is not enough; stable.
    #[schema(examples("scan-api/KEY_EXPIRED"))]
    pub id: String,
    /// The API that answers so.
    pub contract: Contract,
    /// Which of the vendor's services, where it has several.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub service: Option<Service>,
    /// The code of the answer; stable. Absent for what a status means by itself.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub code: Option<String>,
    /// HTTP status; absent for what has none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub status: Option<u16>,
    /// Where the fact stands.
    pub source: Source,
    pub category: Category,
    /// The text of the answer; `{name}` marks an inserted value.
    pub message: String,
    /// What the answer says about the request or the server.
    pub meaning: String,
    /// What leads to it, likeliest first.
    pub causes: Vec<String>,
    /// What to do next.
    pub resolution: String,
    /// The vendor-neutral class, for programs.
    pub kind: Kind,
    /// Whether a program may send the same request again by itself.
    pub retryable: bool,
    /// When it may be sent again.
    pub retry: Retry,
    /// The right call beside the wrong one.
    pub examples: Vec<ErrorExample>,
    /// Path of this explanation on the server.
    pub help: String,
}

/// Every failure, as in `errors.json`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct ErrorList {
    /// Version of this shape; it grows when a field changes its meaning or goes.
    pub schema_version: u32,
    pub errors: Vec<ErrorInfo>,
}

/// One call that shows how a failure comes about or how it is avoided.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct ErrorExample {
    /// Whether the call is one to copy.
    pub is_right: bool,
    /// What is right or wrong about it.
    pub note: String,
    /// A shell command with curl; `$NAME` stands for a value of your own.
    pub call: String,
}

impl ErrorExample {
    pub(crate) fn of(example: &Example) -> ErrorExample {
        ErrorExample { is_right: example.is_right, note: example.note.to_string(), call: example.call.curl() }
    }
}
