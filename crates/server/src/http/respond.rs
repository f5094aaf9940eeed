//! The outermost layer: every request passes its bounds on the way in, and every answer gets its request id, its shape
//! and its line in the log on the way out. Nothing leaves the server that it has not seen.

use crate::App;
use crate::calls::{CallNote, Caller};
use crate::error::ApiError;
use crate::http::accept::{self, ErrorShape};
use crate::http::body::{self, SharedBody};
use crate::http::serve::Source;
use crate::http::source;
use crate::http::{answer, events, export, import, panic, report, uploads};
use crate::store::StoreError;
use crate::store::call_log::CallRecord;
use axum::body::Body;
use axum::extract::{MatchedPath, Request, State};
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};
use http::header::{EXPECT, RETRY_AFTER, WWW_AUTHENTICATE};
use http::{HeaderName, HeaderValue, Method, StatusCode};
use http_body::Body as _;
use scanyard_contract::Code;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};
use uuid::Uuid;

/// Carries the request's id on every answer.
pub const X_REQUEST_ID: HeaderName = HeaderName::from_static("x-request-id");

/// Headers that an extractor wants on the answer, whatever the answer will be.
#[derive(Debug, Clone, Default)]
pub struct AnswerHeaders(Arc<Mutex<Vec<(HeaderName, HeaderValue)>>>);

impl AnswerHeaders {
    /// Sets a header; a value that no header can hold is left out.
    pub fn set(&self, name: HeaderName, value: impl TryInto<HeaderValue>) {
        if let Ok(value) = value.try_into() {
            self.lock().push((name, value));
        }
    }

    fn lock(&self) -> MutexGuard<'_, Vec<(HeaderName, HeaderValue)>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// What the layer keeps of a request for its answer.
struct Asked {
    request_id: Uuid,
    method: Method,
    /// The path alone: a query can hold a misplaced key.
    path: String,
    route: Option<MatchedPath>,
    shape: ErrorShape,
    headers: AnswerHeaders,
    note: CallNote,
    at: Instant,
}

/// Guards a request and finishes its answer.
pub async fn respond(State(app): State<App>, mut request: Request, next: Next) -> Response {
    let asked = Asked {
        request_id: Uuid::now_v7(),
        method: request.method().clone(),
        path: request.uri().path().to_string(),
        route: request.extensions().get::<MatchedPath>().cloned(),
        shape: accept::error_shape(request.headers()),
        headers: AnswerHeaders::default(),
        note: CallNote::default(),
        at: Instant::now(),
    };
    request.extensions_mut().insert(asked.headers.clone());
    place_source(&app, &mut request);
    request.extensions_mut().insert(asked.note.clone());
    let expects_continue = request.headers().contains_key(EXPECT);
    let rest = if request.body().is_end_stream() {
        None
    } else {
        let body = SharedBody::new(std::mem::replace(request.body_mut(), Body::empty()));
        *request.body_mut() = Body::new(body.clone());
        Some(body)
    };
    let mut response = match refuse(&app, &asked, &request) {
        Err(error) => error.into_response(),
        Ok(()) => run(&app, &asked, next.run(request)).await,
    };
    let error = failure_of(&mut response);
    if let (Some(error), Some(rest)) = (&error, rest)
        && error.code != Code::RequestTimeout
        && !expects_continue
    {
        body::discard(rest).await;
    }
    finish(&app, asked, response, error)
}

/// From here on a request's source is what the trusted proxies say it is.
fn place_source(app: &App, request: &mut Request) {
    let http = &app.config.http;
    if let Some(Source(peer)) = request.extensions().get().copied() {
        let source = source::source(peer, request.headers(), &http.trusted_proxies, http.proxy_header);
        request.extensions_mut().insert(Source(source));
    }
}

/// What is wrong with a request before anyone looks at what it wants.
fn refuse(app: &App, asked: &Asked, request: &Request) -> Result<(), ApiError> {
    let http = &app.config.http;
    let is_api = asked.path.contains("/api/v1");
    let url_bytes = request.uri().path_and_query().map_or(0, |url| url.as_str().len());
    if url_bytes > http.max_url_bytes {
        return Err(ApiError::new(Code::UriTooLong).with("limit", http.max_url_bytes.to_string()));
    }
    let header_bytes: usize = request.headers().iter().map(|(name, value)| name.as_str().len() + value.len() + 4).sum();
    if header_bytes > http.max_header_bytes {
        return Err(ApiError::new(Code::HeadersTooLarge).with("limit", http.max_header_bytes.to_string()));
    }
    if defined(&asked.method).is_none() {
        return Err(ApiError::new(Code::NotImplemented).with("method", asked.method.as_str()));
    }
    let is_status = super::BASES.iter().any(|base| asked.path.strip_prefix(base) == Some(super::status::PATH));
    if is_api && !is_status && app.draining.is_cancelled() {
        return Err(ApiError::new(Code::ServiceUnavailable).after(DRAIN_SECONDS));
    }
    // A route that is not there produces nothing: it is 404 whatever is accepted.
    let media_type = success_type(asked, request.uri().query().unwrap_or_default());
    if is_api && asked.route.is_some() && !accept::takes(request.headers(), media_type) {
        return Err(ApiError::new(Code::NotAcceptable).detail("Accept", format!("can be {media_type}")));
    }
    Ok(())
}

/// The media type of a success. Failures are JSON everywhere.
fn success_type(asked: &Asked, query: &str) -> &'static str {
    let route = asked.route.as_ref().map_or("", MatchedPath::as_str);
    match asked.method {
        Method::GET | Method::HEAD if route.ends_with(events::PATH) => events::EVENT_STREAM,
        Method::GET | Method::HEAD if route.ends_with(report::PATH) => report::OCTETS,
        Method::GET | Method::HEAD if route.ends_with(export::PATH) => export::media_type(query),
        _ => answer::JSON,
    }
}

/// Seconds after which another node, or this one started again, is likely to answer.
const DRAIN_SECONDS: u64 = 5;

/// The methods that HTTP defines: RFC 9110, PATCH of RFC 5789, and QUERY, which OpenAPI names among them.
const METHODS: [&str; 10] = ["GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS", "TRACE", "CONNECT", "QUERY"];

/// The method's name, when HTTP defines it.
fn defined(method: &Method) -> Option<&'static str> {
    METHODS.into_iter().find(|name| *name == method.as_str())
}

/// Whether the body is one that takes its time; how slowly it may arrive, its handler says.
fn is_upload(asked: &Asked) -> bool {
    let route = asked.route.as_ref().map_or("", MatchedPath::as_str);
    let paths = [import::PATH, uploads::PATH];
    asked.method == Method::POST
        && super::BASES.iter().any(|base| route.strip_prefix(base).is_some_and(|path| paths.contains(&path)))
}

/// How long a handler may still work while the database is away: long enough to say so itself.
const LAST_WORDS: Duration = Duration::from_millis(250);

/// Resolves when a request that still waits would wait for a database that does not answer.
async fn cut_off(app: &App) {
    app.store.lost().await;
    tokio::time::sleep(LAST_WORDS).await;
}

/// Runs the handler: a panic is an `INTERNAL_ERROR`, too long a time an `OPERATION_TIMEOUT`.
async fn run(app: &App, asked: &Asked, handler: impl Future<Output = Response>) -> Response {
    let budget = if is_upload(asked) { Duration::MAX } else { app.config.http.request_timeout };
    let answered = tokio::select! {
        biased;
        answered = tokio::time::timeout(budget, panic::caught(handler)) => answered,
        () = cut_off(app) => {
            let lost = StoreError::Unavailable("the database was lost while the request waited for it".to_string());
            return ApiError::from(lost).into_response();
        }
    };
    match answered {
        Ok(Ok(response)) => response,
        Ok(Err(panicked)) => ApiError::new(Code::InternalError).caused_by(panicked).into_response(),
        Err(_) => {
            let error = ApiError::new(Code::OperationTimeout);
            match asked.method {
                Method::POST => error.detail(
                    "Idempotency-Key",
                    "the outcome is unknown: repeat the request with the same Idempotency-Key and body",
                ),
                _ => error,
            }
            .into_response()
        }
    }
}

/// The failure inside a response; a bare 4xx or 5xx that no code of ours made is a fault of ours.
fn failure_of(response: &mut Response) -> Option<ApiError> {
    if let Some(error) = response.extensions_mut().remove::<ApiError>() {
        return Some(error);
    }
    let is_failure = response.status().is_client_error() || response.status().is_server_error();
    is_failure.then(|| {
        ApiError::new(Code::InternalError).caused_by(anyhow::anyhow!("a bare {} was answered", response.status()))
    })
}

/// Headers that this layer sets itself, at most.
const OWN_HEADERS: usize = 5;

fn finish(app: &App, asked: Asked, response: Response, error: Option<ApiError>) -> Response {
    let mut response = match &error {
        None => response,
        Some(error) => {
            let mut failed = answer::failure(error, asked.shape, asked.request_id);
            if let Some(allow) = response.headers().get(http::header::ALLOW) {
                failed.headers_mut().insert(http::header::ALLOW, allow.clone());
            }
            failed
        }
    };
    let headers = response.headers_mut();
    let set = std::mem::take(&mut *asked.headers.lock());
    headers.reserve(set.len() + OWN_HEADERS);
    for (name, value) in set {
        headers.insert(name, value);
    }
    let mut text = Uuid::encode_buffer();
    if let Ok(id) = HeaderValue::from_str(asked.request_id.hyphenated().encode_lower(&mut text)) {
        headers.insert(X_REQUEST_ID, id);
    }
    headers.insert(http::header::X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff"));
    headers.entry(http::header::CACHE_CONTROL).or_insert(HeaderValue::from_static("no-store"));
    if let Some(seconds) = error.as_ref().and_then(|error| error.retry_after) {
        headers.insert(RETRY_AFTER, seconds.into());
    }
    if response.status() == StatusCode::UNAUTHORIZED {
        response.headers_mut().insert(WWW_AUTHENTICATE, challenge(error.as_ref()));
    }
    record(app, &asked, &response, error.as_ref());
    log_call(app, &asked, &response, error.as_ref());
    if asked.method == Method::HEAD {
        *response.body_mut() = Body::empty();
    }
    response
}

/// What a 401 asks for.
fn challenge(error: Option<&ApiError>) -> HeaderValue {
    HeaderValue::from_static(match error.map(|error| error.code) {
        Some(Code::InvalidToken | Code::TokenExpired) => "Bearer error=\"invalid_token\"",
        Some(Code::InvalidCredentials | Code::UserSuspended | Code::SessionRequired) => "Bearer",
        _ => "ApiKey header=\"X-API-Key\"",
    })
}

/// One line in the log, one count in the metrics.
fn record(app: &App, asked: &Asked, response: &Response, error: Option<&ApiError>) {
    let status = response.status().as_u16();
    let code = error.map_or("", |error| error.code.as_str());
    let route = asked.route.as_ref().map_or("none", MatchedPath::as_str);
    let seconds = asked.at.elapsed().as_secs_f64();
    app.answers.count(defined(&asked.method).unwrap_or("other"), route, status, seconds);
    let (request_id, method) = (asked.request_id, &asked.method);
    let path = || crate::error::shown(&asked.path);
    match error.and_then(|error| error.source.as_ref()) {
        Some(cause) => {
            tracing::error!(%request_id, %method, path = path(), status, code, cause = format!("{cause:#}"), "request failed");
        }
        None => tracing::debug!(%request_id, %method, path = path(), status, code, seconds, "request answered"),
    }
}

/// One line in the caller's own log, when the caller became known.
fn log_call(app: &App, asked: &Asked, response: &Response, error: Option<&ApiError>) {
    let Some(Caller { tenant_id, principal, source }) = asked.note.known_caller() else { return };
    let route = asked.route.as_ref().map_or("", MatchedPath::as_str);
    app.calls.push(CallRecord {
        id: asked.request_id,
        tenant_id: tenant_id.clone(),
        at: app.store.local_now(),
        principal: principal.clone(),
        source: source.to_string(),
        method: asked.method.to_string(),
        route: super::BASES.iter().find_map(|base| route.strip_prefix(base)).unwrap_or(route).to_string(),
        status: response.status().as_u16(),
        code: error.map_or_else(String::new, |error| error.code.as_str().to_string()),
        duration_us: u64::try_from(asked.at.elapsed().as_micros()).unwrap_or(u64::MAX),
        scan_type: asked.note.known_scan_type(),
        is_submission: asked.note.is_submission(),
    });
}
