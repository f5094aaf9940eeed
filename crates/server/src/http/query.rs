//! Query parameters and path segments: taken apart here, judged by the handler once it knows who calls.

use crate::error::ApiError;
use axum::extract::{FromRequestParts, RawPathParams};
use http::request::Parts;
use scanyard_contract::{Code, Priority, ScanType, Timestamp};
use std::convert::Infallible;
use std::str::FromStr;
use uuid::Uuid;

/// A request's query, not yet judged.
#[derive(Debug)]
pub struct Query(Vec<(String, String)>);

/// A query that holds nothing but known parameters, each at most once.
#[derive(Debug)]
pub struct Params(Vec<(String, String)>);

impl<S: Sync> FromRequestParts<S> for Query {
    type Rejection = Infallible;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Query, Infallible> {
        Ok(Query::of(parts.uri.query().unwrap_or_default()))
    }
}

impl Query {
    /// Takes a query string apart.
    pub fn of(query: &str) -> Query {
        Query(url::form_urlencoded::parse(query.as_bytes()).into_owned().collect())
    }

    /// Refuses what is not in `known`, what stands there twice, and a value that no text can have.
    pub fn only(self, known: &[&str]) -> Result<Params, ApiError> {
        let mut unknown: Vec<&str> = Vec::new();
        for (name, _) in &self.0 {
            if !known.contains(&name.as_str()) && !unknown.contains(&name.as_str()) {
                unknown.push(name);
            }
        }
        if let Some(first) = unknown.first() {
            let reason = match known {
                [] => "this operation takes no query parameters".to_string(),
                known => format!("known parameters: {}", known.join(", ")),
            };
            let error = ApiError::new(Code::UnknownParameter).with("parameter", first);
            return Err(unknown.iter().take(10).fold(error, |e, name| e.detail(crate::error::shown(name), &reason)));
        }
        for (i, (name, _)) in self.0.iter().enumerate() {
            if self.0[..i].iter().any(|(earlier, _)| earlier == name) {
                return Err(invalid(name, "given more than once"));
            }
        }
        // No text that is stored holds one, and PostgreSQL does not even take it to compare.
        if let Some((name, _)) = self.0.iter().find(|(_, value)| value.contains('\0')) {
            return Err(invalid(name, "must not hold the character NUL"));
        }
        Ok(Params(self.0))
    }

    /// Refuses every parameter.
    pub fn none(self) -> Result<(), ApiError> {
        self.only(&[]).map(|_| ())
    }
}

impl Params {
    /// The value of a parameter.
    pub fn text(&self, name: &str) -> Option<&str> {
        self.0.iter().find(|(n, _)| n == name).map(|(_, value)| value.as_str())
    }

    /// A parameter that is one word of a list; `words` is that list, for people.
    pub fn word<T: FromStr>(&self, name: &str, words: impl Fn() -> String) -> Result<Option<T>, ApiError> {
        match self.text(name) {
            None => Ok(None),
            Some(text) => match text.parse() {
                Ok(word) => Ok(Some(word)),
                Err(_) => Err(invalid(name, &format!("must be one of {}", words()))),
            },
        }
    }

    /// A point in time, in epoch milliseconds.
    pub fn time(&self, name: &str) -> Result<Option<i64>, ApiError> {
        // A bare `+` in a query is a blank, so an offset has to be written as %2B.
        let refused = |_| invalid(name, "must be ISO 8601 in UTC, such as 2026-03-06T10:00:00Z");
        self.text(name).map(|text| text.parse().map(|Timestamp(at)| at).map_err(refused)).transpose()
    }

    /// `scanType`.
    pub fn scan_type(&self) -> Result<Option<ScanType>, ApiError> {
        let known = self.word("scanType", ScanType::words);
        known.map_err(|_| invalid_scan_type("scanType", self.text("scanType").unwrap_or_default()))
    }

    /// `priority`.
    pub fn priority(&self) -> Result<Option<Priority>, ApiError> {
        let known = self.word("priority", Priority::words);
        known.map_err(|_| invalid_priority("priority", self.text("priority").unwrap_or_default()))
    }
}

/// A parameter whose value is wrong.
pub fn invalid(parameter: &str, reason: &str) -> ApiError {
    ApiError::new(Code::InvalidParameter).with("parameter", parameter).detail(parameter, reason)
}

/// A scan type outside the ten, wherever it stands.
pub fn invalid_scan_type(field: &str, given: &str) -> ApiError {
    let error = ApiError::new(Code::InvalidScanType).with("type", given);
    error.detail(field, format!("must be one of {}", ScanType::words()))
}

/// A priority outside the four.
pub fn invalid_priority(field: &str, given: &str) -> ApiError {
    let error = ApiError::new(Code::InvalidPriority).with("value", given);
    error.detail(field, format!("must be one of {}", Priority::words()))
}

/// The path's segments that the route leaves open, in order; one that is not UTF-8 is empty.
#[derive(Debug)]
pub struct Segments(Vec<String>);

impl<S: Send + Sync> FromRequestParts<S> for Segments {
    type Rejection = Infallible;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Segments, Infallible> {
        match RawPathParams::from_request_parts(parts, state).await {
            Ok(params) => Ok(Segments(params.iter().map(|(_, value)| value.to_string()).collect())),
            Err(_) => Ok(Segments(Vec::new())),
        }
    }
}

impl Segments {
    /// The open segment at this place.
    pub fn text(&self, at: usize) -> &str {
        self.0.get(at).map_or("", String::as_str)
    }

    /// The first open segment as an id that is a bare UUID, in the form in which ids are stored.
    pub fn uuid(&self) -> Option<String> {
        let text = self.text(0);
        let id = if text.len() == 36 { Uuid::try_parse(text).ok() } else { None };
        id.map(|id| id.to_string())
    }

    /// The first open segment as an id that is this prefix and a UUID, in the form in which ids are stored.
    pub fn prefixed(&self, prefix: &str) -> Option<String> {
        self.prefixed_at(0, prefix)
    }

    /// The open segment at this place as an id of the same form.
    pub fn prefixed_at(&self, at: usize, prefix: &str) -> Option<String> {
        let rest = self.text(at).strip_prefix(prefix).filter(|rest| rest.len() == 36)?;
        Some(format!("{prefix}{}", Uuid::try_parse(rest).ok()?))
    }

    /// The first open segment as a scan's id; what is no UUID names no scan.
    pub fn scan_id(&self) -> Result<Uuid, ApiError> {
        let text = self.text(0);
        let id = if text.len() == 36 { Uuid::try_parse(text).ok() } else { None };
        id.ok_or_else(|| ApiError::new(Code::ScanNotFound))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn unknown_and_repeated_parameters_are_refused() {
        let refused = |query: &str| Query::of(query).only(&["a", "b"]).unwrap_err();
        assert_eq!(refused("a=1&c=2&d=3").code, Code::UnknownParameter);
        assert_eq!(refused("a=1&c=2&d=3").details.len(), 2);
        assert_eq!(refused("a=1&a=1").code, Code::InvalidParameter);
        assert_eq!(refused("A=1").code, Code::UnknownParameter);
        assert_eq!(Query::of("a=%41").only(&["a"]).unwrap().text("a"), Some("A"));
    }

    #[test]
    fn a_misplaced_key_is_not_repeated() {
        let error = Query::of("cix_sk_SECRET=1").only(&[]).unwrap_err();
        assert!(!format!("{error:?}").contains("SECRET"));
    }
}
