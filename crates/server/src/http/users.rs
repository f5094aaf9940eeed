//! Users: managed by the owners and admins of their organization, and by keys of the operator.

use crate::App;
use crate::error::ApiError;
use crate::http::answer::{Answer, Created, Listed};
use crate::http::auth::Auth;
use crate::http::change::{self, Outcome};
use crate::http::page::{PARAMETERS, PageQuery};
use crate::http::posted::Posted;
use crate::http::query::{Query, Segments};
use crate::http::sessions::new_hash;
use crate::password;
use crate::scope::Scope;
use crate::store::audit::AuditRecord;
use crate::store::user::{self as users, UserFilter, UserRecord};
use crate::store::{StoreError, audit, login_failure, session, tenant};
use crate::user::{self, Manager, Refusal};
use axum::extract::State;
use axum::response::{IntoResponse, Response};
use scanyard_contract::Code;
use scanyard_contract::hidden::Hidden;
use scanyard_contract::user::{CreateUser, CreatedUser, Role, UpdateUser, User, UserStatus};
use scanyard_contract::wire::{Deleted, Page, Success};
use sqlx::AnyConnection;

/// Make a user
///
/// Without `password` one is generated, and the answer holds it, this once.
#[utoipa::path(post, path = "/users", operation_id = "create_user", tag = "users",
    params(("Idempotency-Key" = Option<String>, Header,
        description = "1 to 255 visible ASCII characters: makes the request safe to repeat for 24 h; the repeat of one whose \
                       answer held a password is told the user's id")),
    request_body = CreateUser,
    responses((status = 201, description = "The user", body = Success<CreatedUser>, headers(
        ("Location" = String, description = "Path of the user"),
        ("Idempotency-Replayed" = String, description = "`true` when an earlier request made the user"),
    ))),
    security(("apiKey" = [])))]
pub async fn create_user(
    auth: Auth,
    State(app): State<App>,
    query: Query,
    posted: Posted,
) -> Result<Response, ApiError> {
    auth.require(Scope::UsersCreate)?;
    query.none()?;
    let change = match change::begin(&app, &auth, posted).await? {
        Ok(change) => change,
        Err(replay) => return Ok(replay),
    };
    let CreateUser { email, name, role, password, tenant_id } = change.received.json("CreateUser")?;
    check_fields(Some(&email), name.as_deref())?;
    let tenant_id = tenant_id_of(&app, &auth, tenant_id.as_deref()).await?;
    manager(&auth).may_give(role).map_err(refused)?;
    let generated = match &password {
        None => Some(password::generate()?),
        Some(_) => None,
    };
    let chosen = password.as_ref().map(Hidden::reveal).or(generated.as_deref()).unwrap_or_default();
    let password_hash = new_hash(&app, None, chosen, "password").await?;
    let now = app.store.local_now();
    let new = UserRecord {
        id: user::new_id(),
        tenant_id,
        email: user::email(&email),
        name,
        role,
        status: UserStatus::Active,
        password_hash,
        password_changed_at: now,
        last_login_at: None,
        locked_until: None,
        created_at: now,
    };
    let mut record = auth.audit(now, "user.created", &*new.id).with("role", role.as_str());
    record.tenant_id.clone_from(&new.tenant_id);
    let (id, wire) = (new.id.clone(), user::to_wire(&new, now));
    let path = format!("/users/{id}");
    let Some(generated) = generated else {
        let data = CreatedUser { user: wire, password: None };
        let made = change.at(&path).carry_out(&app, move |conn| {
            Box::pin(async move { Ok(insert(conn, &new, &record).await?.map(|()| data)) })
        });
        return made.await;
    };
    let made =
        change.carry_out_secret(&app, &id, move |conn| Box::pin(async move { insert(conn, &new, &record).await }));
    made.await?;
    let data = CreatedUser { user: wire, password: Some(Hidden::new(generated)) };
    Ok(Created { data, location: format!("{}{path}", super::BASES[0]) }.into_response())
}

async fn insert(conn: &mut AnyConnection, new: &UserRecord, record: &AuditRecord) -> Outcome<()> {
    if !users::insert_new(conn, new).await? {
        return Ok(Err(duplicate()));
    }
    audit::insert(conn, record).await?;
    Ok(Ok(()))
}

/// Nothing is said about who has it: it may be somebody of another organization.
fn duplicate() -> ApiError {
    ApiError::new(Code::DuplicateEmail).detail("email", "is in use on this server")
}

fn check_fields(email: Option<&str>, name: Option<&str>) -> Result<(), ApiError> {
    let faults = user::faults(email, name);
    if faults.is_empty() { Ok(()) } else { Err(ApiError::of_faults(faults)) }
}

/// Who manages: a user by the role, a key of the operator as an owner.
fn manager(auth: &Auth) -> Manager<'_> {
    match auth.visitor() {
        Some(visitor) => Manager { id: &visitor.user.id, role: visitor.user.role },
        None => Manager { id: "", role: Role::Owner },
    }
}

fn refused(refusal: Refusal) -> ApiError {
    match refusal {
        Refusal::Role(role) => ApiError::new(Code::InsufficientRole).with("role", role.as_str()),
        Refusal::LastOwner => ApiError::new(Code::LastOwner),
        Refusal::OwnPassword => {
            let error = ApiError::new(Code::InvalidFieldValue).with("field", "password");
            error.detail("password", "is your own: POST /auth/change-password with the present one")
        }
    }
}

/// The tenant that is meant: the caller's own, or for a key of the operator any.
async fn tenant_id_of(app: &App, auth: &Auth, given: Option<&str>) -> Result<String, ApiError> {
    let own = auth.tenant_id();
    let Some(given) = given.map(str::to_ascii_lowercase).filter(|given| given != own) else {
        return Ok(own.to_string());
    };
    let found = match auth.visitor() {
        Some(_) => None,
        None => tenant::get(&mut *app.store.read().await?, &given).await?,
    };
    let missing = || ApiError::new(Code::TenantNotFound).detail("tenantId", "names no tenant of yours");
    Ok(found.ok_or_else(missing)?.id)
}

/// The users of a tenant
///
/// Newest first.
#[utoipa::path(get, path = "/users", operation_id = "list_users", tag = "users",
    params(
        ("tenantId" = Option<Uuid>, Query, description = "Default the caller's own; another one is for keys of the operator"),
        ("role" = Option<Role>, Query, description = "Only users with this role"),
        ("status" = Option<UserStatus>, Query, description = "Only users in this status"),
        ("page" = Option<u32>, Query, description = "Number of the page, from 1", minimum = 1),
        ("limit" = Option<u32>, Query, description = "Items on a page; default 20", minimum = 1, maximum = 100),
        ("cursor" = Option<String>, Query, description = "`nextCursor` of the page before; excludes `page`"),
    ),
    responses((status = 200, description = "One page of users", body = Page<User>)),
    security(("apiKey" = [])))]
pub async fn list_users(auth: Auth, State(app): State<App>, query: Query) -> Result<Listed<User>, ApiError> {
    auth.require(Scope::UsersRead)?;
    let [page, limit, cursor] = PARAMETERS;
    let params = query.only(&["tenantId", "role", "status", page, limit, cursor])?;
    let filter =
        UserFilter { role: params.word("role", Role::words)?, status: params.word("status", UserStatus::words)? };
    let page = PageQuery::read(&params)?;
    let start = page.start("usr-")?;
    let tenant_id = tenant_id_of(&app, &auth, params.text("tenantId")).await?;
    let now = app.store.local_now();
    let mut conn = app.store.read().await?;
    let mut found = users::list(&mut conn, &tenant_id, &filter, &start, page.limit + 1).await?;
    let total = users::count(&mut conn, &tenant_id, &filter).await?;
    let next = page.cut(&mut found, |last| last.id.clone());
    let data = found.iter().map(|found| user::to_wire(found, now)).collect();
    Ok(Listed { data, pagination: page.pagination(total, next) })
}

/// A user
#[utoipa::path(get, path = "/users/{userId}", operation_id = "get_user", tag = "users",
    params(("userId" = String, Path, description = "Id of the user, `usr-…`")),
    responses((status = 200, description = "The user", body = Success<User>)),
    security(("apiKey" = [])))]
pub async fn get_user(
    auth: Auth,
    State(app): State<App>,
    segments: Segments,
    query: Query,
) -> Result<Answer<User>, ApiError> {
    auth.require(Scope::UsersRead)?;
    query.none()?;
    Ok(Answer(user::to_wire(&find(&app, &auth, &segments).await?, app.store.local_now())))
}

/// The user of the path, where the caller can see it.
async fn find(app: &App, auth: &Auth, segments: &Segments) -> Result<UserRecord, ApiError> {
    let id = segments.prefixed("usr-").ok_or_else(not_found)?;
    let found = users::get(&mut *app.store.read().await?, &id).await?;
    found.filter(|user| auth.visitor().is_none() || user.tenant_id == auth.tenant_id()).ok_or_else(not_found)
}

fn not_found() -> ApiError {
    ApiError::new(Code::UserNotFound)
}

/// Change a user
///
/// What is absent stays. It holds from the next request on, on other nodes within a second. Owners change everybody; admins
/// those below them, and themselves; nobody gives a role above their own.
#[utoipa::path(patch, path = "/users/{userId}", operation_id = "update_user", tag = "users",
    params(("userId" = String, Path, description = "Id of the user, `usr-…`")),
    request_body = UpdateUser,
    responses((status = 200, description = "The user as it is now", body = Success<User>)),
    security(("apiKey" = [])))]
pub async fn update_user(
    auth: Auth,
    State(app): State<App>,
    segments: Segments,
    query: Query,
    posted: Posted,
) -> Result<Answer<User>, ApiError> {
    auth.require(Scope::UsersUpdate)?;
    query.none()?;
    let body: UpdateUser = posted.receive(&app).await?.json("UpdateUser")?;
    check_fields(body.email.as_deref(), body.name.as_ref().and_then(Option::as_deref))?;
    let user = find(&app, &auth, &segments).await?;
    // Before a password costs anything; decided again when nothing can change any more.
    manager(&auth).change(&user, &body, &[]).map_err(refused)?;
    let hash = match &body.password {
        None => None,
        Some(password) => Some(new_hash(&app, Some(&user), password.reveal(), "password").await?),
    };
    let now = app.store.local_now();
    let told = serde_json::to_value(UpdateUser { password: None, ..body.clone() }).map_err(StoreError::from)?;
    let mut record = auth.audit(now, "user.updated", &*user.id).with("changed", told).with("password", hash.is_some());
    record.tenant_id.clone_from(&user.tenant_id);
    let (manager_id, role) = (manager(&auth).id.to_string(), manager(&auth).role);
    let updated = app.store.write(move |conn| {
        Box::pin(async move {
            let owners = users::lock_owners(conn, &user.tenant_id).await?;
            let Some(user) = users::lock(conn, &user.id).await? else { return Ok(Err(not_found())) };
            let changed = match (Manager { id: &manager_id, role }).change(&user, &body, &owners) {
                Ok(changed) => changed,
                Err(refusal) => return Ok(Err(refused(refusal))),
            };
            users::update(conn, &changed).await?;
            if let Some(hash) = &hash {
                users::set_password(conn, &user, hash, now).await?;
            }
            if hash.is_some() || changed.status == UserStatus::Suspended {
                session::end_all(conn, &user.id, "", now).await?;
            }
            audit::insert(conn, &record).await?;
            Ok(Ok(users::get(conn, &user.id).await?))
        })
    });
    let updated = updated.await.map_err(|error| match error {
        StoreError::Duplicate => duplicate(),
        StoreError::QueueFull | StoreError::Unavailable(_) | StoreError::Bug(_) => error.into(),
    })?;
    app.sessions.forget();
    Ok(Answer(user::to_wire(&updated?.ok_or_else(not_found)?, now)))
}

/// Delete a user
///
/// The user's sessions end. What the user made stays; the e-mail address is free again.
#[utoipa::path(delete, path = "/users/{userId}", operation_id = "delete_user", tag = "users",
    params(("userId" = String, Path, description = "Id of the user, `usr-…`")),
    responses((status = 200, description = "The user is gone", body = Success<Deleted>)),
    security(("apiKey" = [])))]
pub async fn delete_user(
    auth: Auth,
    State(app): State<App>,
    segments: Segments,
    query: Query,
) -> Result<Answer<Deleted>, ApiError> {
    auth.require(Scope::UsersDelete)?;
    query.none()?;
    let user = find(&app, &auth, &segments).await?;
    let id = user.id.clone();
    let mut record = auth.audit(app.store.local_now(), "user.deleted", &*user.id).with("role", user.role.as_str());
    record.tenant_id.clone_from(&user.tenant_id);
    let (manager_id, role) = (manager(&auth).id.to_string(), manager(&auth).role);
    let deleted = app.store.write(move |conn| {
        Box::pin(async move {
            let owners = users::lock_owners(conn, &user.tenant_id).await?;
            let Some(user) = users::lock(conn, &user.id).await? else { return Ok(Err(not_found())) };
            if let Err(refusal) = (Manager { id: &manager_id, role }).may_delete(&user, &owners) {
                return Ok(Err(refused(refusal)));
            }
            users::delete(conn, &user.id).await?;
            session::delete_all(conn, &user.id).await?;
            audit::insert(conn, &record).await?;
            Ok(Ok(()))
        })
    });
    deleted.await??;
    app.sessions.forget();
    Ok(Answer(Deleted { id, deleted: true }))
}

/// Unlock a user
///
/// Forgets the wrong passwords, so that the user can log in at once. One that is not locked is no failure.
#[utoipa::path(post, path = "/users/{userId}/unlock", operation_id = "unlock_user", tag = "users",
    params(
        ("userId" = String, Path, description = "Id of the user, `usr-…`"),
    ),
    responses((status = 200, description = "The user", body = Success<User>)),
    security(("apiKey" = [])))]
pub async fn unlock_user(
    auth: Auth,
    State(app): State<App>,
    segments: Segments,
    query: Query,
    posted: Posted,
) -> Result<Response, ApiError> {
    auth.require(Scope::UsersUpdate)?;
    query.none()?;
    let change = match change::begin(&app, &auth, posted).await? {
        Ok(change) => change,
        Err(replay) => return Ok(replay),
    };
    change.received.nothing()?;
    let found = find(&app, &auth, &segments).await?;
    manager(&auth).may_manage(&found).map_err(refused)?;
    let now = app.store.local_now();
    let mut record = auth.audit(now, "user.unlocked", &*found.id);
    record.tenant_id.clone_from(&found.tenant_id);
    let unlocked = change.carry_out(&app, move |conn| {
        Box::pin(async move {
            if login_failure::clear(conn, &user::email_hash(&found.email)).await? {
                audit::insert(conn, &record).await?;
            }
            Ok(Ok(user::to_wire(&UserRecord { locked_until: None, ..found }, now)))
        })
    });
    unlocked.await
}
