//! `Idempotency-Key`: the repeat of a POST gets the first one's answer.

use crate::App;
use crate::error::ApiError;
use crate::http::answer::{self, Created};
use crate::http::auth::Auth;
use crate::http::posted::Received;
use crate::store::idempotency::{self, IdempotencyId, NewIdempotency, StoredAnswer};
use axum::response::Response;
use http::{HeaderName, HeaderValue, StatusCode};
use scanyard_contract::Code;
use serde::Serialize;
use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;
use tokio::sync::{OwnedSemaphorePermit, Semaphore};

/// Marks an answer that was stored by an earlier request.
const REPLAYED: HeaderName = HeaderName::from_static("idempotency-replayed");
/// How long a repeat waits for the first request at most, before it is told to come back.
const LONGEST_WAIT: Duration = Duration::from_secs(5);
/// Seconds after which to come back.
const COME_BACK_SECONDS: u64 = 1;

/// The status of a row whose answer held a secret; its body is the resource's id.
const SECRET: u16 = 409;

/// Requests with an `Idempotency-Key` that run on this node; cheap to clone.
#[derive(Debug, Clone, Default)]
pub struct InFlight(Arc<Mutex<HashMap<IdempotencyId, Arc<Semaphore>>>>);

impl InFlight {
    fn lock(&self) -> MutexGuard<'_, HashMap<IdempotencyId, Arc<Semaphore>>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Waits until no other request with this key runs here.
    async fn enter(&self, id: &IdempotencyId, wait: Duration) -> Option<Place> {
        let turn = self.lock().entry(id.clone()).or_insert_with(|| Arc::new(Semaphore::new(1))).clone();
        let permit = tokio::time::timeout(wait, turn.acquire_owned()).await.ok()?.ok()?;
        Some(Place { in_flight: self.clone(), id: id.clone(), permit: Some(permit) })
    }
}

/// A running request's place; leaving it lets the next one in.
#[derive(Debug)]
struct Place {
    in_flight: InFlight,
    id: IdempotencyId,
    permit: Option<OwnedSemaphorePermit>,
}

impl Drop for Place {
    fn drop(&mut self) {
        let mut running = self.in_flight.lock();
        self.permit = None;
        // Two hold it when nobody waits: the map and this look at it.
        if running.get(&self.id).is_some_and(|turn| Arc::strong_count(turn) == 1) {
            running.remove(&self.id);
        }
    }
}

/// How a POST goes on.
#[derive(Debug)]
pub enum Begun {
    /// As a new request; its answer is to be stored where there is a key.
    New(Option<Pending>),
    /// With the stored answer.
    Replay(StoredAnswer),
}

/// A new request with a key, until its answer is stored.
#[derive(Debug)]
pub struct Pending {
    id: IdempotencyId,
    body_hash: String,
    _place: Place,
}

impl Pending {
    /// The row that makes an answer the one of every repeat; its body may come later.
    pub fn keep(&self, status: StatusCode, location: Option<String>, now: i64) -> NewIdempotency {
        let answer =
            StoredAnswer { body_hash: self.body_hash.clone(), status: status.as_u16(), location, body: String::new() };
        NewIdempotency { id: self.id.clone(), answer, created_at: now }
    }

    /// The row for an answer that holds a secret, which is not kept: every repeat is told so, with the resource's id.
    pub fn keep_secret(&self, id: &str, now: i64) -> NewIdempotency {
        let mut keep = self.keep(StatusCode::CONFLICT, None, now);
        keep.answer.body = id.to_string();
        keep
    }

    /// The row for a 201.
    pub fn keep_created<T: Serialize>(&self, created: &Created<T>, now: i64) -> Result<NewIdempotency, ApiError> {
        let mut keep = self.keep(StatusCode::CREATED, Some(created.location.clone()), now);
        keep.answer.body = serde_json::to_string(&answer::success(&created.data))
            .map_err(|error| ApiError::new(Code::InternalError).caused_by(error))?;
        Ok(keep)
    }
}

/// Looks whether a POST is a repeat.
pub async fn begin(app: &App, auth: &Auth, received: &Received) -> Result<Begun, ApiError> {
    begin_for(app, auth.tenant_id(), auth.principal(), received).await
}

/// Looks whether a POST is a repeat, for a caller who has no session yet.
pub async fn begin_for(app: &App, tenant_id: &str, principal: &str, received: &Received) -> Result<Begun, ApiError> {
    let Some(key) = &received.idempotency_key else { return Ok(Begun::New(None)) };
    let id = IdempotencyId {
        tenant_id: tenant_id.to_string(),
        principal: principal.to_string(),
        operation: format!("{} {}", received.method, resource(&received.path)),
        key: key.clone(),
    };
    // Half of the request's own time, so that there is some left to answer in.
    let wait = LONGEST_WAIT.min(app.config.http.request_timeout / 2);
    let Some(place) = app.in_flight.enter(&id, wait).await else {
        return Err(in_progress());
    };
    let found = idempotency::find(&mut *app.store.read().await?, &id, app.store.local_now()).await?;
    match found {
        None => Ok(Begun::New(Some(Pending { id, body_hash: received.fingerprint(&app.vault), _place: place }))),
        Some(stored) if !received.has_fingerprint(&app.vault, &stored.body_hash) => Err(reused()),
        Some(stored) if stored.status == SECRET => Err(already_shown(&stored.body)),
        Some(stored) => Ok(Begun::Replay(stored)),
    }
}

/// The answer was given, and held a secret: it is not kept. `id` is the resource's.
fn already_shown(id: &str) -> ApiError {
    ApiError::new(Code::SecretAlreadyShown).detail("id", id)
}

/// A request with this key runs, here or on another node; the repeat tells what becomes of it.
pub fn in_progress() -> ApiError {
    ApiError::new(Code::IdempotencyInProgress).after(COME_BACK_SECONDS)
}

/// The key belongs to another request.
fn reused() -> ApiError {
    ApiError::new(Code::IdempotencyKeyReused)
        .detail("Idempotency-Key", "belongs to a request with another body or query; use a new one")
}

/// The path without its base.
fn resource(path: &str) -> &str {
    super::BASES.iter().find_map(|base| path.strip_prefix(base)).unwrap_or(path)
}

/// A stored answer, sent again.
pub fn replay(stored: StoredAnswer) -> Response {
    let status = StatusCode::from_u16(stored.status).unwrap_or(StatusCode::OK);
    let mut response = answer::json_text(status, stored.body);
    if let Some(location) = stored.location.and_then(|location| HeaderValue::from_str(&location).ok()) {
        response.headers_mut().insert(http::header::LOCATION, location);
    }
    response.headers_mut().insert(REPLAYED, HeaderValue::from_static("true"));
    response
}
