//! Turns results into answers: the success envelopes, and a failure in the shape that the caller prefers.

use crate::error::ApiError;
use crate::http::accept::ErrorShape;
use axum::body::Body;
use axum::response::{IntoResponse, Response};
use http::header::{CONTENT_TYPE, LOCATION};
use http::{HeaderValue, StatusCode};
use scanyard_contract::wire::{Failed, Page, Pagination, Problem, Success};
use serde::Serialize;
use utoipa::ToSchema;
use uuid::Uuid;

/// Media type of every success and of the envelope.
pub const JSON: &str = "application/json";
/// Media type of RFC 9457.
pub const PROBLEM: &str = "application/problem+json";

/// 200 with `{success, data}`.
#[derive(Debug)]
pub struct Answer<T>(pub T);

/// 201 with `{success, data}` and where to find it.
#[derive(Debug)]
pub struct Created<T> {
    pub data: T,
    pub location: String,
}

/// 200 with `{success, data, pagination}`.
#[derive(Debug)]
pub struct Listed<T> {
    pub data: Vec<T>,
    pub pagination: Pagination,
}

/// 200 with an object of which one list is paged.
#[derive(Debug, Serialize, ToSchema)]
pub struct Paged<T> {
    /// Always `true`.
    pub success: bool,
    pub data: T,
    pub pagination: Pagination,
}

/// `{success, data}`.
pub fn success<T>(data: T) -> Success<T> {
    Success { success: true, data }
}

impl<T: Serialize> IntoResponse for Paged<T> {
    fn into_response(self) -> Response {
        json(StatusCode::OK, JSON, &self)
    }
}

impl<T: Serialize> IntoResponse for Answer<T> {
    fn into_response(self) -> Response {
        json(StatusCode::OK, JSON, &success(self.0))
    }
}

impl<T: Serialize> IntoResponse for Created<T> {
    fn into_response(self) -> Response {
        let mut response = json(StatusCode::CREATED, JSON, &success(self.data));
        if let Ok(location) = HeaderValue::from_str(&self.location) {
            response.headers_mut().insert(LOCATION, location);
        }
        response
    }
}

impl<T: Serialize> IntoResponse for Listed<T> {
    fn into_response(self) -> Response {
        json(StatusCode::OK, JSON, &Page { success: true, data: self.data, pagination: self.pagination })
    }
}

/// A body of JSON that is text already.
pub fn json_text(status: StatusCode, text: impl Into<Body>) -> Response {
    let mut response = Response::new(text.into());
    *response.status_mut() = status;
    response.headers_mut().insert(CONTENT_TYPE, HeaderValue::from_static(JSON));
    response
}

fn json<T: Serialize>(status: StatusCode, media_type: &'static str, body: &T) -> Response {
    match serde_json::to_vec(body) {
        Ok(text) => {
            let mut response = json_text(status, text);
            response.headers_mut().insert(CONTENT_TYPE, HeaderValue::from_static(media_type));
            response
        }
        Err(error) => ApiError::new(scanyard_contract::Code::InternalError).caused_by(error).into_response(),
    }
}

/// A failure's body.
pub fn failure(error: &ApiError, shape: ErrorShape, request_id: Uuid) -> Response {
    let row = error.code.row();
    let status = StatusCode::from_u16(error.code.status()).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
    let mut details = error.details.clone();
    if status == StatusCode::SERVICE_UNAVAILABLE {
        details.push(super::status::pointer());
    }
    match shape {
        ErrorShape::Envelope => {
            let body = Failed {
                success: false,
                error: error.message(),
                code: error.code.to_string(),
                request_id: request_id.to_string(),
                retryable: error.is_retryable(),
                retry_after: error.retry_after,
                details,
                help: row.help(),
            };
            json(status, JSON, &body)
        }
        ErrorShape::Problem => {
            let body = Problem {
                type_: row.help(),
                title: row.message.to_string(),
                status: error.code.status(),
                detail: error.message(),
                code: error.code.to_string(),
                request_id: request_id.to_string(),
                retryable: error.is_retryable(),
                retry_after: error.retry_after,
                details,
            };
            json(status, PROBLEM, &body)
        }
    }
}
