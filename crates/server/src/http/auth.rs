//! Who calls, by key or by session: its state, its tenant, the source address and the rate limit, in this order.

use crate::App;
use crate::calls::CallNote;
use crate::error::ApiError;
use crate::http::bearer;
use crate::http::respond::AnswerHeaders;
use crate::http::serve::Source;
use crate::key::{self, KeyHash};
use crate::limit::{Limits, Standing, WINDOWS};
use crate::scope::Scope;
use crate::session::Visitor;
use crate::store::api_key::{self, ApiKeyRecord, Holder, KeyStatus};
use crate::store::audit::{Actor, AuditRecord};
use crate::store::tenant::{TenantRecord, TenantStatus};
use axum::extract::FromRequestParts;
use http::header::AUTHORIZATION;
use http::request::Parts;
use http::{HeaderMap, HeaderName};
use scanyard_contract::{Code, ScanType, Timestamp};
use std::net::IpAddr;
use std::sync::Arc;

/// The header that carries a key.
const X_API_KEY: HeaderName = HeaderName::from_static("x-api-key");

/// Where a caller stands: the limit, what is left of it, the seconds until it starts anew, and every window's limit.
const RATE_LIMIT: [HeaderName; 4] = [
    HeaderName::from_static("ratelimit-limit"),
    HeaderName::from_static("ratelimit-remaining"),
    HeaderName::from_static("ratelimit-reset"),
    HeaderName::from_static("ratelimit-policy"),
];

/// A caller who is live and within its limits; what it may do, the handler asks.
#[derive(Debug, Clone)]
pub struct Auth {
    caller: Caller,
    /// The address that the request came from.
    pub source: IpAddr,
    note: CallNote,
}

/// A program with its key, or a person with a session.
#[derive(Debug, Clone)]
enum Caller {
    Key(Arc<Holder>),
    User {
        /// Who the request is done as.
        visitor: Arc<Visitor>,
        /// The admin who does it, when it is another one.
        admin: Option<Arc<Visitor>>,
    },
}

/// A caller of a route that needs no key; counted by source address.
#[derive(Debug)]
pub struct Anonymous {
    /// The address that the request came from.
    pub source: IpAddr,
}

impl FromRequestParts<App> for Anonymous {
    type Rejection = ApiError;

    async fn from_request_parts(parts: &mut Parts, app: &App) -> Result<Anonymous, ApiError> {
        let source = source(parts)?;
        count_source(app, source)?;
        Ok(Anonymous { source })
    }
}

impl FromRequestParts<App> for Auth {
    type Rejection = ApiError;

    async fn from_request_parts(parts: &mut Parts, app: &App) -> Result<Auth, ApiError> {
        let source = source(parts)?;
        let now = app.store.local_now();
        let caller = match find(app, parts, now).await {
            Ok(caller) => caller,
            Err(error) => {
                // Whoever tries keys out is slowed down; a live key from the same address is not.
                count_source(app, source)?;
                return Err(error);
            }
        };
        let note = parts.extensions.get::<CallNote>().cloned().unwrap_or_default();
        note.caller(&caller.tenant().id, caller.id(), source);
        caller.check(source, now)?;
        let standing = app.limits.take(&app.store, caller.id(), caller.limits(app), now).await?;
        if let Some(headers) = parts.extensions.get::<AnswerHeaders>() {
            announce(&standing, headers);
        }
        check_rate(&standing)?;
        let caller = if bearer::wants_impersonation(&parts.headers) {
            caller.impersonate(app, parts, source, now).await?
        } else {
            caller
        };
        Ok(Auth { caller, source, note })
    }
}

impl Caller {
    fn tenant(&self) -> &TenantRecord {
        match self {
            Caller::Key(holder) => &holder.tenant,
            Caller::User { visitor, admin: _ } => &visitor.tenant,
        }
    }

    /// Id of the key, or of the user that the request is done as.
    fn id(&self) -> &str {
        match self {
            Caller::Key(holder) => &holder.key.id,
            Caller::User { visitor, admin: _ } => &visitor.user.id,
        }
    }

    fn check(&self, source: IpAddr, now: i64) -> Result<(), ApiError> {
        match self {
            Caller::Key(holder) => {
                check_state(holder, now)?;
                check_source(&holder.key, source)
            }
            Caller::User { visitor, admin: _ } => bearer::check_state(&visitor.user, &visitor.tenant),
        }
    }

    fn limits(&self, app: &App) -> Limits {
        match self {
            Caller::Key(holder) => holder.key.limits_in(&holder.tenant, app.config.limits.of_keys()),
            Caller::User { .. } => app.config.limits.of_users(),
        }
    }

    async fn impersonate(self, app: &App, parts: &Parts, source: IpAddr, now: i64) -> Result<Caller, ApiError> {
        match self {
            Caller::Key(_) => Err(bearer::no_impersonation("is for sessions: a key acts as itself")),
            Caller::User { visitor: admin, admin: _ } => {
                let visitor = bearer::impersonated(app, parts, &admin, source, now).await?;
                Ok(Caller::User { visitor, admin: Some(admin) })
            }
        }
    }
}

impl Auth {
    /// The caller's tenant.
    pub fn tenant(&self) -> &TenantRecord {
        self.caller.tenant()
    }

    /// Id of the caller's tenant.
    pub fn tenant_id(&self) -> &str {
        &self.tenant().id
    }

    /// Id of the caller: of its key, or of the user that the request is done as.
    pub fn principal(&self) -> &str {
        self.caller.id()
    }

    /// Who is logged in; `None` for a key.
    pub fn visitor(&self) -> Option<&Visitor> {
        match &self.caller {
            Caller::Key(_) => None,
            Caller::User { visitor, admin: _ } => Some(visitor),
        }
    }

    /// Who is logged in; a key is told that it takes a session.
    pub fn session(&self) -> Result<&Visitor, ApiError> {
        let reason = "is not taken here: send the session alone";
        self.visitor().ok_or_else(|| ApiError::new(Code::SessionRequired).detail("X-API-Key", reason))
    }

    /// Id of the admin who acts as the user.
    pub fn impersonator(&self) -> Option<&str> {
        match &self.caller {
            Caller::Key(_) => None,
            Caller::User { visitor: _, admin } => admin.as_ref().map(|admin| &*admin.user.id),
        }
    }

    /// A line of the audit log: that this caller did `action`, such as `template.created`, to the resource of that id.
    pub fn audit(&self, at: i64, action: &'static str, resource_id: impl Into<String>) -> AuditRecord {
        let (id, for_user) = match self.impersonator() {
            Some(admin) => (admin, Some(self.principal().to_string())),
            None => (self.principal(), None),
        };
        let actor = Actor { id: id.to_string(), for_user, source: Some(self.source) };
        AuditRecord::new(at, self.tenant_id(), actor, action, resource_id)
    }

    /// Whether the caller may still call, by what the database says now: for answers that outlive their request.
    pub async fn is_still_live(&self, app: &App) -> Result<bool, ApiError> {
        let now = app.store.local_now();
        match &self.caller {
            Caller::Key(holder) => {
                let found = api_key::by_hash(&mut *app.store.read().await?, &holder.key.hash).await?;
                Ok(found.is_some_and(|holder| check_state(&holder, now).is_ok()))
            }
            Caller::User { visitor, admin: _ } => bearer::is_still_live(app, visitor, now).await,
        }
    }

    /// What the log of calls will say of this call.
    pub fn note(&self) -> &CallNote {
        &self.note
    }

    /// Goes on only with this scope: written on the key, or of the user's role.
    pub fn require(&self, scope: Scope) -> Result<(), ApiError> {
        let of_operator = self.tenant().is_operator;
        let lacking = match &self.caller {
            Caller::Key(holder) => {
                let has = holder.key.scopes.iter().any(|has| has == scope.as_str());
                if has && scope.is_for_keys(of_operator) {
                    return Ok(());
                }
                "key"
            }
            Caller::User { visitor, admin: _ } if scope.is_for_role(visitor.user.role, of_operator) => return Ok(()),
            Caller::User { visitor, admin: _ } => visitor.user.role.as_str(),
        };
        let error = ApiError::new(Code::InsufficientScope).with("scope", scope.as_str());
        Err(error.detail("scope", format!("the {lacking} lacks {}", scope.as_str())))
    }

    /// Goes on only when the caller may run this engine.
    pub fn check_scan_type(&self, scan_type: ScanType) -> Result<(), ApiError> {
        let allowed = match &self.caller {
            Caller::Key(holder) => &holder.key.allowed_scan_types,
            Caller::User { .. } => return Ok(()),
        };
        let Some(allowed) = allowed else { return Ok(()) };
        if allowed.contains(&scan_type) {
            return Ok(());
        }
        let words: Vec<&str> = allowed.iter().map(|scan_type| scan_type.as_str()).collect();
        let error = ApiError::new(Code::ScanTypeNotAllowed).with("type", scan_type.as_str());
        Err(error.detail("scanType", format!("the key's allowedScanTypes: {}", words.join(", "))))
    }
}

fn source(parts: &Parts) -> Result<IpAddr, ApiError> {
    match parts.extensions.get::<Source>() {
        Some(Source(ip)) => Ok(*ip),
        None => Err(ApiError::new(Code::InternalError).caused_by(anyhow::anyhow!("a request without its source"))),
    }
}

fn count_source(app: &App, source: IpAddr) -> Result<(), ApiError> {
    app.limits.take_source(source, app.config.limits.per_source, app.store.local_now()).map_err(|seconds| {
        ApiError::new(Code::RateLimitExceeded)
            .with("N", seconds.to_string())
            .after(seconds)
            .detail("source", format!("{source} sent too many requests without a live key or session in this minute"))
    })
}

/// Counts a password that is tried out, by the source address.
pub(super) fn count_login(app: &App, source: IpAddr, now: i64) -> Result<(), ApiError> {
    app.limits.take_login(source, app.config.limits.logins_per_source, now).map_err(|seconds| {
        ApiError::new(Code::RateLimitExceeded)
            .with("N", seconds.to_string())
            .after(seconds)
            .detail("source", format!("{source} tried too many passwords in this minute"))
    })
}

/// Finds the caller of a request: in the cache of the last second, else in the store.
async fn find(app: &App, parts: &Parts, now: i64) -> Result<Caller, ApiError> {
    let key_is_given = parts.headers.contains_key(X_API_KEY);
    match bearer::token_of(&parts.headers).filter(|_| !key_is_given) {
        Some(token) => Ok(Caller::User { visitor: bearer::find(app, token, now).await?, admin: None }),
        None => Ok(Caller::Key(find_key(app, parts, now).await?)),
    }
}

async fn find_key(app: &App, parts: &Parts, now: i64) -> Result<Arc<Holder>, ApiError> {
    let mut given = parts.headers.get_all(X_API_KEY).iter();
    let text = match (given.next(), given.next()) {
        (Some(text), None) => text.to_str().unwrap_or_default(),
        (Some(_), Some(_)) => {
            return Err(ApiError::new(Code::InvalidApiKey).detail("X-API-Key", "given more than once"));
        }
        (None, _) => return Err(missing(&parts.headers, parts.uri.query().unwrap_or_default())),
    };
    if !key::is_well_formed(text) {
        let reason = "a key is cix_sk_ and 40 letters and digits";
        return Err(ApiError::new(Code::InvalidApiKey).detail("X-API-Key", reason));
    }
    let hash = KeyHash::of(text);
    if let Some(known) = app.keys.get(&hash, now) {
        return Ok(known);
    }
    let found = api_key::by_hash(&mut *app.store.read().await?, &hash.hex()).await?;
    let known = found.ok_or_else(|| ApiError::new(Code::InvalidApiKey).detail("X-API-Key", "no such key"))?;
    touch(app, known.key.id.clone(), now);
    Ok(app.keys.put(hash, now, known))
}

/// Notes that the key is in use, at most once a second and without making the caller wait.
fn touch(app: &App, key_id: String, now: i64) {
    let store = app.store.clone();
    tokio::spawn(async move {
        let noted =
            store.write(move |conn| Box::pin(async move { api_key::touch(conn, &[(key_id, now)]).await })).await;
        if let Err(error) = noted {
            tracing::debug!(%error, "noting the use of a key");
        }
    });
}

/// No key where it belongs; says where one was seen instead, never which.
fn missing(headers: &HeaderMap, query: &str) -> ApiError {
    let error = ApiError::new(Code::MissingApiKey);
    let is_key_name =
        |name: &str| matches!(name.to_ascii_lowercase().as_str(), "apikey" | "api_key" | "x-api-key" | "key");
    let mut parameters = url::form_urlencoded::parse(query.as_bytes());
    if let Some((name, _)) = parameters.find(|(name, value)| is_key_name(name) || value.starts_with(key::PREFIX)) {
        let reason = "a key in the query string is not taken and now stands in logs: replace it, send X-API-Key";
        return error.detail(crate::error::shown(&name), reason);
    }
    if headers.contains_key(AUTHORIZATION) {
        return error.detail("Authorization", "holds no access token: a key belongs into X-API-Key");
    }
    error.detail("X-API-Key", "is missing")
}

/// The states in the order of the contract: revoked, suspended, expired; then the tenant's.
fn check_state(holder: &Holder, now: i64) -> Result<(), ApiError> {
    match holder.key.status {
        KeyStatus::Revoked => return Err(ApiError::new(Code::KeyRevoked)),
        KeyStatus::Suspended => return Err(ApiError::new(Code::KeySuspended)),
        KeyStatus::Active => {}
    }
    if let Some(expires_at) = holder.key.expires_at.filter(|expires_at| *expires_at <= now) {
        let what = match holder.key.previous_until {
            Some(until) if until == expires_at => "this secret was replaced by a rotation and stopped at",
            Some(_) | None => "the key expired at",
        };
        let reason = format!("{what} {}", Timestamp(expires_at));
        return Err(ApiError::new(Code::KeyExpired).detail("expiresAt", reason));
    }
    match holder.tenant.status {
        TenantStatus::Active => Ok(()),
        TenantStatus::Suspended => Err(ApiError::new(Code::TenantSuspended)),
    }
}

fn check_source(key: &ApiKeyRecord, source: IpAddr) -> Result<(), ApiError> {
    match &key.allowed_ips {
        Some(allowed) if !allowed.iter().any(|net| net.contains(&source)) => {
            let reason = format!("the request came from {source}, which the key's allowedIpAddresses do not hold");
            Err(ApiError::new(Code::IpNotAllowed).detail("source", reason))
        }
        Some(_) | None => Ok(()),
    }
}

/// The tightest window in three headers, all windows in the fourth.
fn announce(standing: &Standing, headers: &AnswerHeaders) {
    let tightest = standing.tightest();
    let [minute, hour, day] = WINDOWS.each_ref().map(|window| window.length_s);
    let [per_minute, per_hour, per_day] = standing.limits;
    let policy = format!("{per_minute};w={minute}, {per_hour};w={hour}, {per_day};w={day}");
    let [limit, remaining, reset, whole] = RATE_LIMIT;
    headers.set(limit, standing.limits[tightest]);
    headers.set(remaining, standing.remaining[tightest]);
    headers.set(reset, standing.seconds_left[tightest]);
    headers.set(whole, policy);
}

fn check_rate(standing: &Standing) -> Result<(), ApiError> {
    let Some(exceeded) = standing.exceeded else { return Ok(()) };
    let seconds = standing.seconds_left[exceeded];
    let reason = format!("{} requests a {} are used up", standing.limits[exceeded], WINDOWS[exceeded].name);
    let error = ApiError::new(Code::RateLimitExceeded).with("N", seconds.to_string()).after(seconds);
    Err(error.detail("window", reason))
}
