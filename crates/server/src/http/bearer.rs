//! Callers with a session: the access token in `Authorization`, who is behind it, and whom they act as.

use crate::App;
use crate::error::ApiError;
use crate::session::Visitor;
use crate::store::audit::{self, Actor, AuditRecord};
use crate::store::tenant::TenantRecord;
use crate::store::user::{self, UserRecord};
use crate::token::{self, TokenFault, Use};
use http::header::AUTHORIZATION;
use http::request::Parts;
use http::{HeaderMap, HeaderName, HeaderValue};
use scanyard_contract::user::{Role, UserStatus};
use scanyard_contract::{Code, TenantStatus, Timestamp};
use std::net::IpAddr;
use std::sync::Arc;

/// Names the user that an admin acts as.
const X_IMPERSONATE: HeaderName = HeaderName::from_static("x-impersonate");

/// The text behind `Bearer` in `Authorization`, when it is not a misplaced API key.
pub(super) fn token_of(headers: &HeaderMap) -> Option<&str> {
    let mut given = headers.get_all(AUTHORIZATION).iter();
    let value = given.next().map(HeaderValue::as_bytes)?;
    let (scheme, token) = std::str::from_utf8(value).ok()?.split_once(' ')?;
    let is_token = scheme.eq_ignore_ascii_case("bearer") && !token.trim().starts_with("cix_") && given.next().is_none();
    is_token.then_some(token.trim())
}

/// Who is behind an access token.
pub(super) async fn find(app: &App, token: &str, now: i64) -> Result<Arc<Visitor>, ApiError> {
    let claims = token::read(&app.vault, Use::Access, token, now).map_err(|fault| refusal(fault, "Authorization"))?;
    let visitor = app.sessions.find(&app.store, &claims.sid, now).await?;
    visitor.filter(|visitor| visitor.user.id == claims.sub).ok_or_else(|| ended("Authorization"))
}

/// Why a token that stood in `field` is not taken.
pub(super) fn refusal(fault: TokenFault, field: &str) -> ApiError {
    match fault {
        TokenFault::Invalid => ApiError::new(Code::InvalidToken).detail(field, "is not a token of this server"),
        TokenFault::Expired(at) => {
            let reason = format!("the token ended at {}", Timestamp(at * 1000));
            ApiError::new(Code::TokenExpired).detail(field, reason)
        }
    }
}

/// The token was good, but its session is not any more.
pub(super) fn ended(field: &str) -> ApiError {
    ApiError::new(Code::InvalidToken).detail(field, "its session has ended: log in again")
}

/// The states: the user's, then the tenant's.
pub(super) fn check_state(user: &UserRecord, tenant: &TenantRecord) -> Result<(), ApiError> {
    match user.status {
        UserStatus::Suspended => return Err(ApiError::new(Code::UserSuspended)),
        UserStatus::Active => {}
    }
    match tenant.status {
        TenantStatus::Active => Ok(()),
        TenantStatus::Suspended => Err(ApiError::new(Code::TenantSuspended)),
    }
}

/// Whether a session goes on, and the user whom its request was done as is still there.
pub(super) async fn is_still_live(app: &App, visitor: &Visitor, now: i64) -> Result<bool, ApiError> {
    let Some(owner) = app.sessions.find(&app.store, &visitor.session_id, now).await? else { return Ok(false) };
    let user = user::get(&mut *app.store.read().await?, &visitor.user.id).await?;
    let is_live = |user: &UserRecord| check_state(user, &owner.tenant).is_ok();
    Ok(is_live(&owner.user) && user.as_ref().is_some_and(is_live))
}

/// Whether the request asks to be done as somebody else.
pub(super) fn wants_impersonation(headers: &HeaderMap) -> bool {
    headers.contains_key(X_IMPERSONATE)
}

/// Why nobody is impersonated.
pub(super) fn no_impersonation(reason: &str) -> ApiError {
    ApiError::new(Code::ImpersonationNotAllowed).detail("X-Impersonate", reason)
}

/// The user that an admin acts as; each request that is done so is in the audit log.
pub(super) async fn impersonated(
    app: &App,
    parts: &Parts,
    admin: &Visitor,
    source: IpAddr,
    now: i64,
) -> Result<Arc<Visitor>, ApiError> {
    let mut given = parts.headers.get_all(X_IMPERSONATE).iter();
    let (Some(id), None) = (given.next().and_then(|id| id.to_str().ok()), given.next()) else {
        return Err(no_impersonation("must be the id of one user"));
    };
    match admin.user.role {
        Role::Owner | Role::Admin => {}
        Role::Analyst | Role::Viewer => return Err(no_impersonation("only owners and admins act as others")),
    }
    let found = user::get(&mut *app.store.read().await?, id).await?;
    let Some(user) = found.filter(|user| user.tenant_id == admin.user.tenant_id) else {
        return Err(no_impersonation("your organization has no such user"));
    };
    if !admin.user.role.is_above(user.role) {
        return Err(no_impersonation("the user's role is not below yours"));
    }
    if user.status == UserStatus::Suspended {
        return Err(no_impersonation("the user is suspended"));
    }
    let actor = Actor { id: admin.user.id.clone(), for_user: Some(user.id.clone()), source: Some(source) };
    let record = AuditRecord::new(now, &user.tenant_id, actor, "user.impersonated", &*user.id)
        .with("method", parts.method.as_str())
        .with("path", crate::error::shown(parts.uri.path()));
    app.store.write(move |conn| Box::pin(async move { audit::insert(conn, &record).await })).await?;
    Ok(Arc::new(Visitor { session_id: admin.session_id.clone(), user, tenant: admin.tenant.clone() }))
}
