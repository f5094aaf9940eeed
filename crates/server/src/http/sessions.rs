//! Sessions: log in, refresh, log out, change the password.

use crate::App;
use crate::error::ApiError;
use crate::http::answer::Answer;
use crate::http::api_keys::Session;
use crate::http::auth::{Anonymous, count_login};
use crate::http::bearer;
use crate::http::change;
use crate::http::cookie;
use crate::http::posted::Posted;
use crate::http::query::Query;
use crate::login::{self, LoginFault};
use crate::scope::Scope;
use crate::session;
use crate::store::audit::{self, Actor, AuditRecord};
use crate::store::session as sessions;
use crate::store::tenant::{self, TenantRecord};
use crate::store::user::{self as users, UserRecord};
use crate::token::{self, ACCESS_S, Claims, Use};
use crate::user;
use axum::extract::{OriginalUri, State};
use axum::response::{IntoResponse, Response};
use http::{HeaderMap, Uri};
use scanyard_contract::hidden::Hidden;
use scanyard_contract::user::{ChangePassword, Login, Me, Refresh, RefreshIn, SessionsEnded, Tokens};
use scanyard_contract::wire::Success;
use scanyard_contract::{Code, Timestamp};
use std::net::IpAddr;

/// Log in
///
/// For people; programs use API keys. The access token is good for 15 minutes, the session for 7 days after the last
/// refresh.
#[utoipa::path(post, path = "/auth/login", operation_id = "login", tag = "sessions",
    request_body = Login,
    responses((status = 200, description = "The session's tokens", body = Success<Tokens>, headers(
        ("Set-Cookie" = String, description = "The refresh token, with `refreshIn` `cookie`"),
    ))))]
pub async fn login(
    Anonymous { source }: Anonymous,
    State(app): State<App>,
    OriginalUri(uri): OriginalUri,
    query: Query,
    posted: Posted,
) -> Result<Response, ApiError> {
    query.none()?;
    let received = posted.receive(&app).await?;
    let body: Login = received.json("Login")?;
    let now = app.store.now().await?;
    count_login(&app, source, now)?;
    let email = user::email(&body.email);
    let user = login::authenticate(&app, &email, body.password.reveal(), source, now)
        .await
        .map_err(|fault| refused(fault, now))?;
    bearer::check_state(&user, &tenant_of(&app, &user).await?)?;
    let change = match change::of_received(&app, &user.tenant_id, &user.id, received).await? {
        Ok(change) => change,
        Err(replay) => return Ok(replay),
    };
    let session = session::begin(&user.id, now);
    let grant = Grant { session_id: session.id.clone(), generation: 0, expires_at: session.expires_at };
    let record = record(&user, source, now, "session.started", &session.id);
    let user_id = user.id.clone();
    let started = change.carry_out_secret(&app, &grant.session_id, move |conn| {
        Box::pin(async move {
            sessions::insert(conn, &session).await?;
            users::set_last_login(conn, &user_id, now).await?;
            audit::insert(conn, &record).await?;
            Ok(Ok(()))
        })
    });
    started.await?;
    let user = UserRecord { last_login_at: Some(now), locked_until: None, ..user };
    answer(&app, &user, &grant, body.refresh_in.unwrap_or(RefreshIn::Body), &uri, now)
}

/// Refresh a session
///
/// Uses the refresh token up and gives the next one, where the last one was: in the body or in the cookie. A refresh token
/// that comes a second time ends the session, because somebody else may have it.
#[utoipa::path(post, path = "/auth/refresh", operation_id = "refresh_session", tag = "sessions",
    request_body = Option<Refresh>,
    responses((status = 200, description = "The session's next tokens", body = Success<Tokens>, headers(
        ("Set-Cookie" = String, description = "The refresh token, when it came in the cookie"),
    ))))]
pub async fn refresh_session(
    Anonymous { source }: Anonymous,
    State(app): State<App>,
    OriginalUri(uri): OriginalUri,
    headers: HeaderMap,
    query: Query,
    posted: Posted,
) -> Result<Response, ApiError> {
    query.none()?;
    let received = posted.receive(&app).await?;
    let body: Refresh = received.json_or_default("Refresh")?;
    let (token, field, place) = match (&body.refresh_token, cookie::read(&headers)) {
        (Some(token), _) => (token.reveal(), "refreshToken", RefreshIn::Body),
        (None, Some(token)) => (token, cookie::NAME, RefreshIn::Cookie),
        (None, None) => return Err(ApiError::new(Code::InvalidToken).detail("refreshToken", "is missing")),
    };
    let now = app.store.now().await?;
    let claims = token::read(&app.vault, Use::Refresh, token, now).map_err(|fault| bearer::refusal(fault, field))?;
    let found = users::get(&mut *app.store.read().await?, &claims.sub).await?;
    let user = found.ok_or_else(|| bearer::ended(field))?;
    bearer::check_state(&user, &tenant_of(&app, &user).await?)?;
    let change = match change::of_received(&app, &user.tenant_id, &user.id, received).await? {
        Ok(change) => change,
        Err(replay) => return Ok(replay),
    };
    let grant = Grant {
        session_id: claims.sid.clone(),
        generation: claims.generation + 1,
        expires_at: session::expires_at(now),
    };
    let (sid, generation) = (claims.sid.clone(), claims.generation);
    let rotated = change.carry_out_secret(&app, &claims.sid, move |conn| {
        Box::pin(async move {
            let is_rotated = sessions::rotate(conn, &sid, generation, now, session::expires_at(now)).await?;
            Ok(if is_rotated { Ok(()) } else { Err(bearer::ended(field)) })
        })
    });
    if let Err(error) = rotated.await {
        let record = record(&user, source, now, "session.reused", &claims.sid);
        return Err(if end_reused(&app, claims, record, now).await? { reused(field) } else { error });
    }
    answer(&app, &user, &grant, place, &uri, now)
}

/// Ends the session of a refresh token that came twice.
async fn end_reused(app: &App, claims: Claims, record: AuditRecord, now: i64) -> Result<bool, ApiError> {
    let ended = app.store.write(move |conn| {
        Box::pin(async move {
            let has_ended = sessions::end_reused(conn, &claims.sid, claims.generation, now).await?;
            if has_ended {
                audit::insert(conn, &record).await?;
            }
            Ok(has_ended)
        })
    });
    let has_ended = ended.await?;
    app.sessions.forget();
    Ok(has_ended)
}

fn reused(field: &str) -> ApiError {
    let reason = "was used before, so the session was ended: log in again, and change the password unless the second use \
                  was yours";
    ApiError::new(Code::InvalidToken).detail(field, reason)
}

/// Log out
///
/// Ends the session of the refresh token in the body or the cookie, else of the access token. One that has ended already is
/// no failure.
#[utoipa::path(post, path = "/auth/logout", operation_id = "logout", tag = "sessions",
    params(("Idempotency-Key" = Option<String>, Header, description = "Taken, and without effect: a log-out can be repeated")),
    request_body = Option<Refresh>,
    responses((status = 200, description = "How many sessions ended: 1 or 0", body = Success<SessionsEnded>, headers(
        ("Set-Cookie" = String, description = "Takes the cookie away"),
    ))))]
pub async fn logout(
    Anonymous { source }: Anonymous,
    State(app): State<App>,
    OriginalUri(uri): OriginalUri,
    headers: HeaderMap,
    query: Query,
    posted: Posted,
) -> Result<Response, ApiError> {
    query.none()?;
    let received = posted.receive(&app).await?;
    let body: Refresh = received.json_or_default("Refresh")?;
    let (token, for_use, field) = match (&body.refresh_token, cookie::read(&headers), bearer::token_of(&headers)) {
        (Some(token), _, _) => (token.reveal(), Use::Refresh, "refreshToken"),
        (None, Some(token), _) => (token, Use::Refresh, cookie::NAME),
        (None, None, Some(token)) => (token, Use::Access, "Authorization"),
        (None, None, None) => return Err(ApiError::new(Code::InvalidToken).detail("refreshToken", "is missing")),
    };
    let now = app.store.now().await?;
    let claims = token::read(&app.vault, for_use, token, now).map_err(|fault| bearer::refusal(fault, field))?;
    let found = users::get(&mut *app.store.read().await?, &claims.sub).await?;
    let record = found.map(|user| record(&user, source, now, "session.ended", &claims.sid));
    let ended = app.store.write(move |conn| {
        Box::pin(async move {
            let has_ended = sessions::end(conn, &claims.sid, now).await?;
            if let Some(record) = record.filter(|_| has_ended) {
                audit::insert(conn, &record).await?;
            }
            Ok(has_ended)
        })
    });
    let sessions_ended = u64::from(ended.await?);
    app.sessions.forget();
    let mut response = Answer(SessionsEnded { sessions_ended }).into_response();
    cookie::clear(&mut response, &uri);
    Ok(response)
}

/// Who is logged in
#[utoipa::path(get, path = "/auth/me", operation_id = "get_me", tag = "sessions",
    responses((status = 200, description = "The user and what the role opens", body = Success<Me>)),
    security(("session" = [])))]
pub async fn get_me(Session(auth): Session, State(app): State<App>, query: Query) -> Result<Answer<Me>, ApiError> {
    let visitor = auth.session()?;
    query.none()?;
    let (role, of_operator) = (visitor.user.role, visitor.tenant.is_operator);
    let scopes = Scope::ALL.iter().filter(|scope| scope.is_for_role(role, of_operator));
    Ok(Answer(Me {
        user: user::to_wire(&visitor.user, app.store.local_now()),
        session_id: visitor.session_id.clone(),
        scopes: scopes.map(|scope| scope.as_str().to_string()).collect(),
        impersonated_by: auth.impersonator().map(str::to_string),
    }))
}

/// Change one's own password
///
/// Ends every other session of the user. Wrong present passwords count as logins do.
#[utoipa::path(post, path = "/auth/change-password", operation_id = "change_password", tag = "sessions",
    request_body = ChangePassword,
    responses((status = 200, description = "How many other sessions ended", body = Success<SessionsEnded>)),
    security(("session" = [])))]
pub async fn change_password(
    Session(auth): Session,
    State(app): State<App>,
    query: Query,
    posted: Posted,
) -> Result<Response, ApiError> {
    let visitor = auth.session()?;
    if auth.impersonator().is_some() {
        return Err(bearer::no_impersonation("a password is its user's alone to change"));
    }
    query.none()?;
    let change = match change::begin(&app, &auth, posted).await? {
        Ok(change) => change,
        Err(replay) => return Ok(replay),
    };
    let body: ChangePassword = change.received.json("ChangePassword")?;
    let now = app.store.now().await?;
    count_login(&app, auth.source, now)?;
    let (email, current) = (&visitor.user.email, body.current_password.reveal());
    let user =
        login::authenticate(&app, email, current, auth.source, now).await.map_err(|fault| refused(fault, now))?;
    let hash = new_hash(&app, Some(&user), body.new_password.reveal(), "newPassword").await?;
    let record = auth.audit(now, "user.password-changed", &*user.id);
    let session_id = visitor.session_id.clone();
    let changed = change.carry_out(&app, move |conn| {
        Box::pin(async move {
            if !users::set_password(conn, &user, &hash, now).await? {
                return Ok(Err(
                    ApiError::new(Code::InvalidCredentials).detail("currentPassword", "was changed just now")
                ));
            }
            let sessions_ended = sessions::end_all(conn, &user.id, &session_id, now).await?;
            audit::insert(conn, &record).await?;
            Ok(Ok(SessionsEnded { sessions_ended }))
        })
    });
    let response = changed.await?;
    app.sessions.forget();
    Ok(response)
}

/// The hash of a new password that keeps every rule; `user` is whose last ones it must not be.
pub(super) async fn new_hash(
    app: &App,
    user: Option<&UserRecord>,
    password: &str,
    field: &str,
) -> Result<String, ApiError> {
    let mut broken = crate::password::broken_rules(password);
    // Old passwords kept the other rules, so one that breaks them is none of those.
    if let (Some(user), true) = (user, broken.is_empty()) {
        let old = users::old_passwords(&mut *app.store.read().await?, &user.id).await?;
        if app.passwords.is_among(password, old).await? {
            broken.push("must be none of the last five passwords");
        }
    }
    if broken.is_empty() {
        return Ok(app.passwords.hash(password).await?);
    }
    let error = ApiError::new(Code::PasswordPolicyViolation).with("N", broken.len().to_string());
    Err(broken.into_iter().fold(error, |error, rule| error.detail(field, rule)))
}

/// Why somebody is not let in.
fn refused(fault: LoginFault, now: i64) -> ApiError {
    match fault {
        LoginFault::Wrong { left: ..=0 } => ApiError::new(Code::InvalidCredentials)
            .detail("password", "was wrong five times in a row: the address is locked for 15 minutes"),
        LoginFault::Wrong { left } => ApiError::new(Code::InvalidCredentials)
            .detail("password", format!("after {left} more that are wrong the address is locked for 15 minutes")),
        LoginFault::Locked { until } => {
            let seconds = (until - now).unsigned_abs().div_ceil(1000).max(1);
            let error = ApiError::new(Code::AccountLocked).with("N", seconds.to_string()).after(seconds);
            error.detail("email", format!("is locked until {}", Timestamp(until)))
        }
        LoginFault::Hash(fault) => fault.into(),
        LoginFault::Store(error) => error.into(),
    }
}

/// A session as its tokens will say.
struct Grant {
    session_id: String,
    generation: i64,
    expires_at: i64,
}

/// The answer with a session's tokens.
fn answer(
    app: &App,
    user: &UserRecord,
    grant: &Grant,
    place: RefreshIn,
    uri: &Uri,
    now: i64,
) -> Result<Response, ApiError> {
    let Grant { session_id, generation, expires_at } = grant;
    let issue = |for_use| token::issue(&app.vault, for_use, &user.id, session_id, *generation, now);
    let refresh = issue(Use::Refresh)?;
    let tokens = Tokens {
        access_token: Hidden::new(issue(Use::Access)?),
        token_type: "Bearer".to_string(),
        expires_in: ACCESS_S.unsigned_abs(),
        refresh_token: match place {
            RefreshIn::Body => Some(Hidden::new(&*refresh)),
            RefreshIn::Cookie => None,
        },
        session_expires_at: Timestamp(*expires_at),
        user: user::to_wire(user, now),
    };
    let mut response = Answer(tokens).into_response();
    match place {
        RefreshIn::Body => {}
        RefreshIn::Cookie => cookie::set(&mut response, &refresh, uri),
    }
    Ok(response)
}

/// A line of the audit log about one's own session.
fn record(user: &UserRecord, source: IpAddr, now: i64, action: &'static str, session_id: &str) -> AuditRecord {
    let actor = Actor { id: user.id.clone(), for_user: None, source: Some(source) };
    AuditRecord::new(now, &user.tenant_id, actor, action, session_id)
}

async fn tenant_of(app: &App, user: &UserRecord) -> Result<TenantRecord, ApiError> {
    let found = tenant::get(&mut *app.store.read().await?, &user.tenant_id).await?;
    let fault = || ApiError::new(Code::InternalError).caused_by(anyhow::anyhow!("{} without a tenant", user.id));
    found.ok_or_else(fault)
}
