//! The envelopes around every answer of the Scan API.

use serde::{Deserialize, Deserializer, Serialize};
use utoipa::ToSchema;

/// A successful answer.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct Success<T> {
    /// Always `true`.
    pub success: bool,
    pub data: T,
}

/// A successful answer that is one page of a list.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct Page<T> {
    /// Always `true`.
    pub success: bool,
    pub data: Vec<T>,
    pub pagination: Pagination,
}

/// Where a page stands in its list.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct Pagination {
    /// Number of this page, from 1; absent when the page was asked for by cursor.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub page: Option<u32>,
    /// The most items that a page holds, 1 to 100.
    pub limit: u32,
    /// Number of items in the list.
    pub total: u64,
    pub total_pages: u64,
    /// `false` when counting stopped at its bound and there are at least `total` items.
    pub total_is_exact: bool,
    /// Opaque; send it as `cursor` for the next page. Absent on the last one.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub next_cursor: Option<String>,
}

/// A failed answer: the same shape for every 4xx and 5xx.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct Failed {
    /// Always `false`.
    pub success: bool,
    /// For people.
    pub error: String,
    /// For programs; stable.
    pub code: String,
    /// Quote it to support; also in the `X-Request-Id` header.
    pub request_id: String,
    /// Whether a program may send the same request again by itself: after `retryAfter`, or with growing pauses.
    pub retryable: bool,
    /// Seconds to wait first, where the server knows.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub retry_after: Option<u64>,
    /// Each fault of the request, where there are several or one has a place.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub details: Vec<Detail>,
    /// Path of the page that explains the code.
    pub help: String,
}

/// The same failure as `application/problem+json` (RFC 9457).
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct Problem {
    /// Path of the page that explains the code.
    #[serde(rename = "type")]
    pub type_: String,
    /// The code's message without inserted values.
    pub title: String,
    pub status: u16,
    /// For people.
    pub detail: String,
    pub code: String,
    pub request_id: String,
    pub retryable: bool,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub retry_after: Option<u64>,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub details: Vec<Detail>,
}

/// One fault of a request.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Detail {
    /// Path of the field or name of the parameter or header, such as `options.ports`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub field: Option<String>,
    /// What is wrong with it and what would be right.
    pub reason: String,
    /// Line of a JSON syntax fault, from 1.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub line: Option<usize>,
    /// Column of a JSON syntax fault, from 1.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub column: Option<usize>,
}

impl Detail {
    /// A fault of one field, parameter or header.
    pub fn field(field: impl Into<String>, reason: impl Into<String>) -> Detail {
        Detail { field: Some(field.into()), reason: reason.into(), line: None, column: None }
    }
}

/// What is left of a resource that was deleted.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct Deleted {
    pub id: String,
    /// Always `true`.
    pub deleted: bool,
}

/// Keeps `null` apart from an absent field, for `#[serde(default, deserialize_with = "given")]` in the body of a PATCH.
pub fn given<'de, D: Deserializer<'de>, T: Deserialize<'de>>(deserializer: D) -> Result<Option<Option<T>>, D::Error> {
    Option::<T>::deserialize(deserializer).map(Some)
}
