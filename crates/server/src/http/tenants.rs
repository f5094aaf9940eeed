//! Tenants: in the operator's hands alone.

use crate::App;
use crate::error::ApiError;
use crate::http::answer::{Answer, Listed};
use crate::http::auth::Auth;
use crate::http::change;
use crate::http::page::{PARAMETERS, PageQuery};
use crate::http::posted::Posted;
use crate::http::query::{Query, Segments};
use crate::scope::Scope;
use crate::store::tenant::{self as tenants, TenantStatus};
use crate::store::{StoreError, audit};
use crate::tenant;
use axum::extract::State;
use axum::response::Response;
use scanyard_contract::tenant::{CreateTenant, UpdateTenant};
use scanyard_contract::wire::{Page, Success};
use scanyard_contract::{Code, Tenant};

/// Make a tenant
///
/// It has neither keys nor users yet: `POST /users` with its `tenantId` makes its first user, `scanyard keys create` a key.
#[utoipa::path(post, path = "/tenants", operation_id = "create_tenant", tag = "tenants",
    request_body = CreateTenant,
    responses((status = 201, description = "The tenant", body = Success<Tenant>, headers(
        ("Location" = String, description = "Path of the tenant"),
    ))),
    security(("apiKey" = [])))]
pub async fn create_tenant(
    auth: Auth,
    State(app): State<App>,
    query: Query,
    posted: Posted,
) -> Result<Response, ApiError> {
    auth.require(Scope::TenantsCreate)?;
    query.none()?;
    let change = match change::begin(&app, &auth, posted).await? {
        Ok(change) => change,
        Err(replay) => return Ok(replay),
    };
    let body: CreateTenant = change.received.json("CreateTenant")?;
    let new = tenant::create(body, app.store.local_now()).map_err(ApiError::of_faults)?;
    let record = auth.audit(new.created_at, "tenant.created", &new.id).with("name", new.name.as_str());
    let change = change.at(&format!("/tenants/{}", new.id));
    let created = change.carry_out(&app, move |conn| {
        Box::pin(async move {
            if !tenants::insert_new(conn, &new).await? {
                let taken = tenants::by_name(conn, &new.name).await?;
                return Ok(Err(duplicate(taken.map(|taken| taken.id).unwrap_or_default())));
            }
            audit::insert(conn, &record).await?;
            Ok(Ok(tenant::to_wire(&new)))
        })
    });
    created.await
}

fn duplicate(id: String) -> ApiError {
    ApiError::new(Code::DuplicateTenantName).detail("name", format!("is the name of the tenant {id}"))
}

/// Every tenant
///
/// Newest first.
#[utoipa::path(get, path = "/tenants", operation_id = "list_tenants", tag = "tenants",
    params(
        ("status" = Option<TenantStatus>, Query, description = "Only tenants in this status"),
        ("page" = Option<u32>, Query, description = "Number of the page, from 1", minimum = 1),
        ("limit" = Option<u32>, Query, description = "Items on a page; default 20", minimum = 1, maximum = 100),
        ("cursor" = Option<String>, Query, description = "`nextCursor` of the page before; excludes `page`"),
    ),
    responses((status = 200, description = "One page of tenants", body = Page<Tenant>)),
    security(("apiKey" = [])))]
pub async fn list_tenants(auth: Auth, State(app): State<App>, query: Query) -> Result<Listed<Tenant>, ApiError> {
    auth.require(Scope::TenantsRead)?;
    let [page, limit, cursor] = PARAMETERS;
    let params = query.only(&["status", page, limit, cursor])?;
    let status: Option<TenantStatus> = params.word("status", TenantStatus::words)?;
    let page = PageQuery::read(&params)?;
    let start = page.start("")?;
    let mut conn = app.store.read().await?;
    let mut found = tenants::list(&mut conn, status, &start, page.limit + 1).await?;
    let total = tenants::count(&mut conn, status).await?;
    let next = page.cut(&mut found, |last| last.id.clone());
    Ok(Listed { data: found.iter().map(tenant::to_wire).collect(), pagination: page.pagination(total, next) })
}

/// A tenant
#[utoipa::path(get, path = "/tenants/{tenantId}", operation_id = "get_tenant", tag = "tenants",
    params(("tenantId" = Uuid, Path, description = "Id of the tenant")),
    responses((status = 200, description = "The tenant", body = Success<Tenant>)),
    security(("apiKey" = [])))]
pub async fn get_tenant(
    auth: Auth,
    State(app): State<App>,
    segments: Segments,
    query: Query,
) -> Result<Answer<Tenant>, ApiError> {
    auth.require(Scope::TenantsRead)?;
    query.none()?;
    let found = tenants::get(&mut *app.store.read().await?, &tenant_id(&segments)?).await?;
    Ok(Answer(tenant::to_wire(&found.ok_or_else(not_found)?)))
}

fn tenant_id(segments: &Segments) -> Result<String, ApiError> {
    segments.uuid().ok_or_else(not_found)
}

fn not_found() -> ApiError {
    ApiError::new(Code::TenantNotFound)
}

/// Change a tenant
///
/// What is absent stays, `null` clears. It holds from the next request on, on other nodes within a second.
#[utoipa::path(patch, path = "/tenants/{tenantId}", operation_id = "update_tenant", tag = "tenants",
    params(("tenantId" = Uuid, Path, description = "Id of the tenant")),
    request_body = UpdateTenant,
    responses((status = 200, description = "The tenant as it is now", body = Success<Tenant>)),
    security(("apiKey" = [])))]
pub async fn update_tenant(
    auth: Auth,
    State(app): State<App>,
    segments: Segments,
    query: Query,
    posted: Posted,
) -> Result<Answer<Tenant>, ApiError> {
    auth.require(Scope::TenantsUpdate)?;
    query.none()?;
    let received = posted.receive(&app).await?;
    let body: UpdateTenant = received.json("UpdateTenant")?;
    let told = serde_json::to_value(&body).map_err(StoreError::from)?;
    let change = tenant::change(body).map_err(ApiError::of_faults)?;
    let id = tenant_id(&segments)?;
    let record = auth.audit(app.store.local_now(), "tenant.updated", id.as_str()).with("changed", told);
    let tenant_id = id.clone();
    let updated = app.store.write(move |conn| {
        Box::pin(async move {
            let updated = tenants::update(conn, &id, &change).await?;
            if updated.is_some() {
                audit::insert(conn, &record).await?;
            }
            Ok(updated)
        })
    });
    let updated = updated.await?.ok_or_else(not_found)?;
    app.keys.forget_tenant(&tenant_id);
    app.sessions.forget();
    Ok(Answer(tenant::to_wire(&updated)))
}

/// Suspend a tenant
///
/// None of its keys and users work from then on, on other nodes within a second. Scans that it submitted go on; what it
/// has is kept. A suspended tenant stays as it is.
#[utoipa::path(post, path = "/tenants/{tenantId}/suspend", operation_id = "suspend_tenant", tag = "tenants",
    params(
        ("tenantId" = Uuid, Path, description = "Id of the tenant"),
    ),
    responses((status = 200, description = "The tenant, suspended", body = Success<Tenant>)),
    security(("apiKey" = [])))]
pub async fn suspend_tenant(
    auth: Auth,
    State(app): State<App>,
    segments: Segments,
    query: Query,
    posted: Posted,
) -> Result<Response, ApiError> {
    query.none()?;
    set_status(auth, app, segments, posted, TenantStatus::Suspended).await
}

/// Resume a tenant
///
/// Its keys and users work again. An active tenant stays as it is.
#[utoipa::path(post, path = "/tenants/{tenantId}/resume", operation_id = "resume_tenant", tag = "tenants",
    params(
        ("tenantId" = Uuid, Path, description = "Id of the tenant"),
    ),
    responses((status = 200, description = "The tenant, active", body = Success<Tenant>)),
    security(("apiKey" = [])))]
pub async fn resume_tenant(
    auth: Auth,
    State(app): State<App>,
    segments: Segments,
    query: Query,
    posted: Posted,
) -> Result<Response, ApiError> {
    query.none()?;
    set_status(auth, app, segments, posted, TenantStatus::Active).await
}

async fn set_status(
    auth: Auth,
    app: App,
    segments: Segments,
    posted: Posted,
    status: TenantStatus,
) -> Result<Response, ApiError> {
    auth.require(Scope::TenantsUpdate)?;
    let change = match change::begin(&app, &auth, posted).await? {
        Ok(change) => change,
        Err(replay) => return Ok(replay),
    };
    change.received.nothing()?;
    let id = tenant_id(&segments)?;
    let action = match status {
        TenantStatus::Active => "tenant.resumed",
        TenantStatus::Suspended => "tenant.suspended",
    };
    let record = auth.audit(app.store.local_now(), action, id.as_str());
    let tenant_id = id.clone();
    let changed = change.carry_out(&app, move |conn| {
        Box::pin(async move {
            if tenants::set_status(conn, &id, status).await? {
                audit::insert(conn, &record).await?;
            }
            Ok(match tenants::get(conn, &id).await? {
                None => Err(not_found()),
                Some(found) if found.status == status => Ok(tenant::to_wire(&found)),
                // The only one that a guarded update leaves alone.
                Some(_) => Err(ApiError::new(Code::OperatorTenant)),
            })
        })
    });
    let changed = changed.await?;
    app.keys.forget_tenant(&tenant_id);
    app.sessions.forget();
    Ok(changed)
}
