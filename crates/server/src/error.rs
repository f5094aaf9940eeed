//! The one place where a failure becomes an answer's code: the public message apart from the cause that is logged.

use crate::api_key::BadKey;
use crate::password::HashFault;
use crate::schema::{Fault, Found};
use crate::store::StoreError;
use crate::token::SigningFault;
use axum::response::{IntoResponse, Response};
use scanyard_contract::Code;
use scanyard_contract::wire::Detail;
use std::sync::Arc;

/// A failure as the caller is told of it. The code's row of the catalogue gives the status and the message.
#[derive(Debug, Clone)]
pub struct ApiError {
    pub code: Code,
    /// Values of the message's `{name}`s.
    params: Vec<(&'static str, String)>,
    pub details: Vec<Detail>,
    /// Seconds to wait before the request is repeated.
    pub retry_after: Option<u64>,
    /// The cause: logged once with the request id, never answered.
    pub source: Option<Arc<anyhow::Error>>,
}

impl ApiError {
    /// A failure with nothing to add to its row.
    pub fn new(code: Code) -> ApiError {
        ApiError { code, params: Vec::new(), details: Vec::new(), retry_after: None, source: None }
    }

    /// Fills one `{name}` of the message.
    pub fn with(mut self, name: &'static str, value: impl AsRef<str>) -> ApiError {
        self.params.push((name, shown(value.as_ref())));
        self
    }

    /// Adds a fault of one field, parameter or header.
    pub fn detail(mut self, field: impl Into<String>, reason: impl Into<String>) -> ApiError {
        self.details.push(Detail::field(field, reason));
        self
    }

    /// Adds faults that are described already.
    pub fn and(mut self, details: Vec<Detail>) -> ApiError {
        self.details.extend(details);
        self
    }

    /// A body with faults. All are told; the first, as they are sorted, gives the code.
    pub fn of_faults(faults: Vec<Found>) -> ApiError {
        let mut error = match faults.first() {
            Some(first) => ApiError::of_fault(first),
            None => ApiError::new(Code::InternalError),
        };
        error.details = faults
            .into_iter()
            .take(MAX_DETAILS)
            .map(|found| Detail::field(found.field, found.fault.to_string()))
            .collect();
        error
    }

    fn of_fault(Found { field, fault }: &Found) -> ApiError {
        match (field.as_str(), fault) {
            (_, Fault::Missing) => ApiError::new(Code::MissingRequiredField).with("field", field),
            (_, Fault::Type(expected)) => {
                ApiError::new(Code::InvalidFieldType).with("field", field).with("type", expected)
            }
            (field, Fault::Word { given, .. }) if field == "scanType" || field.starts_with("allowedScanTypes[") => {
                ApiError::new(Code::InvalidScanType).with("type", given)
            }
            ("priority", Fault::Word { given, .. }) => ApiError::new(Code::InvalidPriority).with("value", given),
            (field, Fault::Word { given, .. }) if field.starts_with("events[") => {
                ApiError::new(Code::InvalidWebhookEvent).with("event", given)
            }
            ("targetType", Fault::Word { known, .. }) => {
                ApiError::new(Code::InvalidFieldType).with("field", field).with("type", known)
            }
            (_, Fault::Word { .. } | Fault::Bounds(_)) => ApiError::new(Code::InvalidFieldValue).with("field", field),
            (_, Fault::Unknown { .. }) => ApiError::new(Code::UnknownField).with("field", field),
        }
    }

    /// Says when to try again.
    pub fn after(mut self, seconds: u64) -> ApiError {
        self.retry_after = Some(seconds);
        self
    }

    /// Keeps the cause for the log.
    pub fn caused_by(mut self, source: impl Into<anyhow::Error>) -> ApiError {
        self.source = Some(Arc::new(source.into()));
        self
    }

    /// The row's message with its values filled in.
    pub fn message(&self) -> String {
        let values: Vec<(&str, &str)> = self.params.iter().map(|(name, value)| (*name, value.as_str())).collect();
        self.code.row().message_with(&values)
    }

    /// Whether the same request can succeed later.
    pub fn is_retryable(&self) -> bool {
        self.code.row().retry.is_retryable()
    }
}

impl From<BadKey> for ApiError {
    fn from(bad: BadKey) -> ApiError {
        match bad {
            BadKey::Fields(faults) => ApiError::of_faults(faults),
            BadKey::Scopes { unknown, known } => {
                let first = unknown.first().map(|(_, given)| given.clone()).unwrap_or_default();
                let error = ApiError::new(Code::InvalidScope).with("scope", first);
                let reason = format!("must be one of {}", known.join(", "));
                unknown.into_iter().take(MAX_DETAILS).fold(error, |error, (field, _)| error.detail(field, &reason))
            }
            BadKey::Lacking(scope) => ApiError::new(Code::InsufficientScope)
                .with("scope", scope.as_str())
                .detail("scopes", format!("you lack {} yourself, so no key of yours can have it", scope.as_str())),
        }
    }
}

/// Seconds after which the database is worth another try.
const DATABASE_SECONDS: u64 = 1;

impl From<StoreError> for ApiError {
    fn from(error: StoreError) -> ApiError {
        match &error {
            StoreError::QueueFull => ApiError::new(Code::ServiceUnavailable).after(DATABASE_SECONDS),
            StoreError::Unavailable(_) => ApiError::new(Code::DatabaseError).after(DATABASE_SECONDS),
            // Where a duplicate is the caller's doing, its handler looks for it first.
            StoreError::Duplicate | StoreError::Bug(_) => ApiError::new(Code::InternalError),
        }
        .caused_by(error)
    }
}

impl From<HashFault> for ApiError {
    fn from(fault: HashFault) -> ApiError {
        ApiError::new(Code::InternalError).caused_by(fault)
    }
}

impl From<SigningFault> for ApiError {
    fn from(fault: SigningFault) -> ApiError {
        ApiError::new(Code::InternalError).caused_by(fault)
    }
}

/// The failure rides in the response's extensions to the outermost layer, which knows the request id and the caller's
/// `Accept` and writes the body.
impl IntoResponse for ApiError {
    fn into_response(self) -> Response {
        let mut response = Response::default();
        *response.status_mut() =
            http::StatusCode::from_u16(self.code.status()).unwrap_or(http::StatusCode::INTERNAL_SERVER_ERROR);
        response.extensions_mut().insert(self);
        response
    }
}

/// The most faults of one body that are told.
const MAX_DETAILS: usize = 50;

/// The longest piece of a request that an answer repeats, in characters.
const SHOWN: usize = 100;

/// A piece of the request as an answer may repeat it: short, without control characters, without a key.
pub fn shown(text: &str) -> String {
    let secret = crate::key::PREFIX;
    let text = match text.find(secret) {
        Some(at) => format!("{}{secret}…", &text[..at]),
        None => text.to_string(),
    };
    let clean = scanyard_engines::text::clean(text.as_bytes(), 4 * SHOWN).replace(['\n', '\t'], " ");
    match clean.char_indices().nth(SHOWN) {
        Some((at, _)) => format!("{}…", &clean[..at]),
        None => clean,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_message_is_filled_in() {
        let error = ApiError::new(Code::InsufficientScope).with("scope", "scans:read");
        assert_eq!(error.message(), "Insufficient scope: requires scans:read");
    }

    #[test]
    fn an_answer_never_repeats_a_key_or_an_escape() {
        assert_eq!(shown("x=cix_sk_secret"), "x=cix_sk_…");
        assert_eq!(shown("a\u{1b}[31m\nb"), "a b");
        assert_eq!(shown(&"é".repeat(500)).chars().count(), SHOWN + 1);
    }
}
