//! API keys: made and changed by people who are logged in, never by another key.

use crate::App;
use crate::api_key::{self, Maker};
use crate::error::ApiError;
use crate::http::answer::{Answer, Created, Listed};
use crate::http::auth::{Anonymous, Auth};
use crate::http::change;
use crate::http::page::{PARAMETERS, PageQuery};
use crate::http::posted::Posted;
use crate::http::query::{Query, Segments};
use crate::key::{NewKeyError, RawKey};
use crate::scope::Scope;
use crate::store::api_key::{self as api_keys, ApiKeyRecord, Changed, KeyFilter, KeyStatus, Rotation};
use crate::store::{StoreError, audit};
use axum::extract::{FromRequestParts, State};
use axum::response::{IntoResponse, Response};
use http::header::AUTHORIZATION;
use http::request::Parts;
use scanyard_contract::Code;
use scanyard_contract::api_key::{ApiKey, ApiKeyStatus, CreateApiKey, NewApiKey, RotateApiKey, UpdateApiKey};
use scanyard_contract::wire::{Deleted, Page, Success};

/// A caller with a user's session.
#[derive(Debug)]
pub struct Session(pub Auth);

impl FromRequestParts<App> for Session {
    type Rejection = ApiError;

    async fn from_request_parts(parts: &mut Parts, app: &App) -> Result<Session, ApiError> {
        if !parts.headers.contains_key(AUTHORIZATION) {
            // A key is not even looked up, so whoever tries them out here is counted and learns nothing.
            Anonymous::from_request_parts(parts, app).await?;
            let reason = "must be Bearer and the access token of a login";
            return Err(ApiError::new(Code::SessionRequired).detail("Authorization", reason));
        }
        let auth = Auth::from_request_parts(parts, app).await?;
        if auth.principal().starts_with("usr-") {
            return Ok(Session(auth));
        }
        Err(ApiError::new(Code::SessionRequired).detail("X-API-Key", "is not taken here: send the session alone"))
    }
}

/// A key of the caller's tenant as the API shows it.
fn shown(app: &App, auth: &Auth, key: &ApiKeyRecord) -> ApiKey {
    let limits = key.limits_in(auth.tenant(), app.config.limits.of_keys());
    api_key::to_wire(key, limits, app.store.local_now())
}

/// Does something as whoever makes keys here.
fn as_maker<T>(app: &App, auth: &Auth, act: impl FnOnce(&Maker<'_>) -> T) -> T {
    let has = |scope| auth.require(scope).is_ok();
    act(&Maker { tenant: auth.tenant(), limits: app.config.limits.of_keys(), has: &has })
}

/// Make an API key
///
/// The answer holds the key, this once. It may do at most what its maker may do.
#[utoipa::path(post, path = "/api-keys", operation_id = "create_api_key", tag = "api-keys",
    request_body = CreateApiKey,
    responses((status = 201, description = "The key with its secret", body = Success<NewApiKey>, headers(
        ("Location" = String, description = "Path of the key"),
    ))),
    security(("session" = [])))]
pub async fn create_api_key(
    Session(auth): Session,
    State(app): State<App>,
    query: Query,
    posted: Posted,
) -> Result<Response, ApiError> {
    auth.require(Scope::ApiKeysCreate)?;
    query.none()?;
    let change = match change::begin(&app, &auth, posted).await? {
        Ok(change) => change,
        Err(replay) => return Ok(replay),
    };
    let body: CreateApiKey = change.received.json("CreateApiKey")?;
    let now = app.store.now().await?;
    let new = as_maker(&app, &auth, |maker| maker.create(body, now))?;
    let (key, secret) = new.make(auth.tenant_id(), now).map_err(not_made)?;
    let record = auth.audit(now, "api-key.created", &key.id).with("name", &*key.name).with("scopes", &*key.scopes);
    let (id, stored) = (key.id.clone(), key.clone());
    let made = change.carry_out_secret(&app, &id, move |conn| {
        Box::pin(async move {
            api_keys::insert(conn, &stored).await?;
            audit::insert(conn, &record).await?;
            Ok(Ok(()))
        })
    });
    made.await?;
    let location = format!("{}/api-keys/{id}", super::BASES[0]);
    let data = NewApiKey { api_key: shown(&app, &auth, &key), key: secret.reveal().to_string() };
    Ok(Created { data, location }.into_response())
}

/// The body was right, so what fails now is our doing.
fn not_made(error: NewKeyError) -> ApiError {
    ApiError::new(Code::InternalError).caused_by(error)
}

/// The tenant's API keys
///
/// Newest first, without their secrets; revoked ones among them.
#[utoipa::path(get, path = "/api-keys", operation_id = "list_api_keys", tag = "api-keys",
    params(
        ("status" = Option<ApiKeyStatus>, Query, description = "Only keys in this state"),
        ("page" = Option<u32>, Query, description = "Number of the page, from 1", minimum = 1),
        ("limit" = Option<u32>, Query, description = "Items on a page; default 20", minimum = 1, maximum = 100),
        ("cursor" = Option<String>, Query, description = "`nextCursor` of the page before; excludes `page`"),
    ),
    responses((status = 200, description = "One page of keys", body = Page<ApiKey>)),
    security(("session" = [])))]
pub async fn list_api_keys(
    Session(auth): Session,
    State(app): State<App>,
    query: Query,
) -> Result<Listed<ApiKey>, ApiError> {
    auth.require(Scope::ApiKeysRead)?;
    let [page, limit, cursor] = PARAMETERS;
    let params = query.only(&["status", page, limit, cursor])?;
    let now = app.store.local_now();
    let filter = KeyFilter { status: params.word("status", ApiKeyStatus::words)?, now };
    let page = PageQuery::read(&params)?;
    let start = page.start("key-")?;
    let mut conn = app.store.read().await?;
    let mut found = api_keys::list(&mut conn, auth.tenant_id(), filter, &start, page.limit + 1).await?;
    let total = api_keys::count(&mut conn, auth.tenant_id(), filter).await?;
    let next = page.cut(&mut found, |last| last.id.clone());
    let data = found.iter().map(|key| shown(&app, &auth, key)).collect();
    Ok(Listed { data, pagination: page.pagination(total, next) })
}

/// An API key
#[utoipa::path(get, path = "/api-keys/{keyId}", operation_id = "get_api_key", tag = "api-keys",
    params(("keyId" = String, Path, description = "Id of the key, `key-…`")),
    responses((status = 200, description = "The key without its secret", body = Success<ApiKey>)),
    security(("session" = [])))]
pub async fn get_api_key(
    Session(auth): Session,
    State(app): State<App>,
    segments: Segments,
    query: Query,
) -> Result<Answer<ApiKey>, ApiError> {
    auth.require(Scope::ApiKeysRead)?;
    query.none()?;
    let found = api_keys::get(&mut *app.store.read().await?, auth.tenant_id(), &key_id(&segments)?).await?;
    Ok(Answer(shown(&app, &auth, &found.ok_or_else(not_found)?)))
}

fn key_id(segments: &Segments) -> Result<String, ApiError> {
    segments.prefixed("key-").ok_or_else(not_found)
}

fn not_found() -> ApiError {
    ApiError::new(Code::ApiKeyNotFound)
}

/// The key after a change, and whether it is another than before.
fn outcome(changed: Changed) -> Result<(ApiKeyRecord, bool), ApiError> {
    match changed {
        Changed::Done(key) => Ok((key, true)),
        Changed::Unchanged(key) => Ok((key, false)),
        Changed::Revoked => Err(ApiError::new(Code::ApiKeyRevoked)),
        Changed::NotFound => Err(not_found()),
    }
}

/// Change an API key
///
/// What is absent stays, `null` clears. It holds from the next request on, on other nodes within a second.
#[utoipa::path(patch, path = "/api-keys/{keyId}", operation_id = "update_api_key", tag = "api-keys",
    params(("keyId" = String, Path, description = "Id of the key, `key-…`")),
    request_body = UpdateApiKey,
    responses((status = 200, description = "The key as it is now", body = Success<ApiKey>)),
    security(("session" = [])))]
pub async fn update_api_key(
    Session(auth): Session,
    State(app): State<App>,
    segments: Segments,
    query: Query,
    posted: Posted,
) -> Result<Answer<ApiKey>, ApiError> {
    auth.require(Scope::ApiKeysUpdate)?;
    query.none()?;
    let received = posted.receive(&app).await?;
    let body: UpdateApiKey = received.json("UpdateApiKey")?;
    let told = serde_json::to_value(&body).map_err(StoreError::from)?;
    let change = as_maker(&app, &auth, |maker| maker.change(body))?;
    let (id, tenant_id, now) = (key_id(&segments)?, auth.tenant_id().to_string(), app.store.local_now());
    let record = auth.audit(now, "api-key.updated", &*id).with("changed", told);
    let key_id = id.clone();
    let updated = app.store.write(move |conn| {
        Box::pin(async move {
            let changed = api_keys::update(conn, &tenant_id, &id, &change).await?;
            if let Changed::Done(_) = changed {
                audit::insert(conn, &record).await?;
            }
            Ok(changed)
        })
    });
    let (key, _) = outcome(updated.await?)?;
    app.keys.forget_key(&key_id);
    Ok(Answer(shown(&app, &auth, &key)))
}

/// Give an API key a new secret
///
/// The answer holds it, this once. The old one works for `overlapSeconds` more, but never beyond the time at which the key
/// would have expired. The lifetime of a key that expires begins anew, so an expired key works again.
#[utoipa::path(post, path = "/api-keys/{keyId}/rotate", operation_id = "rotate_api_key", tag = "api-keys",
    params(
        ("keyId" = String, Path, description = "Id of the key, `key-…`"),
    ),
    request_body = RotateApiKey,
    responses((status = 200, description = "The key with its new secret", body = Success<NewApiKey>)),
    security(("session" = [])))]
pub async fn rotate_api_key(
    Session(auth): Session,
    State(app): State<App>,
    segments: Segments,
    query: Query,
    posted: Posted,
) -> Result<Response, ApiError> {
    auth.require(Scope::ApiKeysUpdate)?;
    query.none()?;
    let change = match change::begin(&app, &auth, posted).await? {
        Ok(change) => change,
        Err(replay) => return Ok(replay),
    };
    let body: RotateApiKey = change.received.json("RotateApiKey")?;
    let (id, tenant_id, now) = (key_id(&segments)?, auth.tenant_id().to_string(), app.store.now().await?);
    let found = api_keys::get(&mut *app.store.read().await?, &tenant_id, &id).await?.ok_or_else(not_found)?;
    // Whoever rotates a key holds it.
    as_maker(&app, &auth, |maker| maker.check_holds(&found))?;
    let secret = RawKey::generate().map_err(|_| not_made(NewKeyError::Random))?;
    let overlap_seconds = body.overlap_seconds.unwrap_or_default();
    let rotation = Rotation {
        hash: secret.hash().hex(),
        prefix: secret.prefix().to_string(),
        now,
        until: now + i64::from(overlap_seconds) * 1000,
    };
    let record = auth.audit(now, "api-key.rotated", &*id).with("overlapSeconds", overlap_seconds);
    let key_id = id.clone();
    let rotated = change.carry_out_secret(&app, &key_id, move |conn| {
        Box::pin(async move {
            Ok(match outcome(api_keys::rotate(conn, &tenant_id, &id, &rotation).await?) {
                Ok((key, _)) => {
                    audit::insert(conn, &record).await?;
                    Ok(key)
                }
                Err(error) => Err(error),
            })
        })
    });
    let api_key = shown(&app, &auth, &rotated.await?);
    app.keys.forget_key(&key_id);
    Ok(Answer(NewApiKey { api_key, key: secret.reveal().to_string() }).into_response())
}

/// Suspend an API key
///
/// It stops until it is resumed, on other nodes within a second. A suspended key stays as it is.
#[utoipa::path(post, path = "/api-keys/{keyId}/suspend", operation_id = "suspend_api_key", tag = "api-keys",
    params(
        ("keyId" = String, Path, description = "Id of the key, `key-…`"),
    ),
    responses((status = 200, description = "The key, suspended", body = Success<ApiKey>)),
    security(("session" = [])))]
pub async fn suspend_api_key(
    Session(auth): Session,
    State(app): State<App>,
    segments: Segments,
    query: Query,
    posted: Posted,
) -> Result<Response, ApiError> {
    query.none()?;
    set_status(auth, app, segments, posted, KeyStatus::Suspended).await
}

/// Resume an API key
///
/// A suspended key works again, if it has not expired meanwhile.
#[utoipa::path(post, path = "/api-keys/{keyId}/resume", operation_id = "resume_api_key", tag = "api-keys",
    params(
        ("keyId" = String, Path, description = "Id of the key, `key-…`"),
    ),
    responses((status = 200, description = "The key, no longer suspended", body = Success<ApiKey>)),
    security(("session" = [])))]
pub async fn resume_api_key(
    Session(auth): Session,
    State(app): State<App>,
    segments: Segments,
    query: Query,
    posted: Posted,
) -> Result<Response, ApiError> {
    query.none()?;
    set_status(auth, app, segments, posted, KeyStatus::Active).await
}

async fn set_status(
    auth: Auth,
    app: App,
    segments: Segments,
    posted: Posted,
    status: KeyStatus,
) -> Result<Response, ApiError> {
    auth.require(Scope::ApiKeysUpdate)?;
    let change = match change::begin(&app, &auth, posted).await? {
        Ok(change) => change,
        Err(replay) => return Ok(replay),
    };
    change.received.nothing()?;
    let (id, tenant_id, now) = (key_id(&segments)?, auth.tenant_id().to_string(), app.store.local_now());
    let record = auth.audit(now, action(status), &*id);
    let (key_id, node) = (id.clone(), app.clone());
    let set = change.carry_out(&app, move |conn| {
        Box::pin(async move {
            Ok(match outcome(api_keys::set_status(conn, &tenant_id, &id, status).await?) {
                Ok((key, is_new)) => {
                    if is_new {
                        audit::insert(conn, &record).await?;
                    }
                    Ok(shown(&node, &auth, &key))
                }
                Err(error) => Err(error),
            })
        })
    });
    let answer = set.await?;
    app.keys.forget_key(&key_id);
    Ok(answer)
}

fn action(status: KeyStatus) -> &'static str {
    match status {
        KeyStatus::Active => "api-key.resumed",
        KeyStatus::Suspended => "api-key.suspended",
        KeyStatus::Revoked => "api-key.revoked",
    }
}

/// Revoke an API key
///
/// It stops for good, on other nodes within a second; it can still be read. A revoked key stays as it is.
#[utoipa::path(delete, path = "/api-keys/{keyId}", operation_id = "revoke_api_key", tag = "api-keys",
    params(("keyId" = String, Path, description = "Id of the key, `key-…`")),
    responses((status = 200, description = "The key is revoked", body = Success<Deleted>)),
    security(("session" = [])))]
pub async fn revoke_api_key(
    Session(auth): Session,
    State(app): State<App>,
    segments: Segments,
    query: Query,
) -> Result<Answer<Deleted>, ApiError> {
    auth.require(Scope::ApiKeysDelete)?;
    query.none()?;
    let (id, tenant_id, now) = (key_id(&segments)?, auth.tenant_id().to_string(), app.store.local_now());
    let record = auth.audit(now, action(KeyStatus::Revoked), &*id);
    let key_id = id.clone();
    let revoked = app.store.write(move |conn| {
        Box::pin(async move {
            let changed = api_keys::set_status(conn, &tenant_id, &id, KeyStatus::Revoked).await?;
            if let Changed::Done(_) = changed {
                audit::insert(conn, &record).await?;
            }
            Ok(changed)
        })
    });
    outcome(revoked.await?)?;
    app.keys.forget_key(&key_id);
    Ok(Answer(Deleted { id: key_id, deleted: true }))
}
