//! The audit log: read only, and only its own tenant's, but for the operator.

use crate::App;
use crate::error::ApiError;
use crate::http::answer::Listed;
use crate::http::auth::Auth;
use crate::http::page::{PARAMETERS, PageQuery};
use crate::http::query::Query;
use crate::scope::Scope;
use crate::store::audit::{self, AuditFilter, AuditRecord, COUNTED};
use crate::store::tenant as tenants;
use axum::extract::State;
use scanyard_contract::wire::Page;
use scanyard_contract::{AuditEntry, Code, Timestamp};
use uuid::Uuid;

/// Who changed what
///
/// The caller's own tenant, newest first; the operator reads that of any tenant with `tenantId`.
#[utoipa::path(get, path = "/audit", operation_id = "list_audit", tag = "audit",
    params(
        ("actor" = Option<String>, Query, description = "Only changes by this one: `key-…`, `usr-…`, `operator`, `system`"),
        ("action" = Option<String>, Query, description = "Only this action, such as `tenant.suspended`"),
        ("createdAfter" = Option<Timestamp>, Query, description = "Only changes at this time or later"),
        ("createdBefore" = Option<Timestamp>, Query, description = "Only changes before this time"),
        ("tenantId" = Option<Uuid>, Query, description = "Another tenant; for the operator alone"),
        ("page" = Option<u32>, Query, description = "Number of the page, from 1", minimum = 1),
        ("limit" = Option<u32>, Query, description = "Items on a page; default 20", minimum = 1, maximum = 100),
        ("cursor" = Option<String>, Query, description = "`nextCursor` of the page before; excludes `page`"),
    ),
    responses((status = 200, description = "One page of changes", body = Page<AuditEntry>)),
    security(("apiKey" = [])))]
pub async fn list_audit(auth: Auth, State(app): State<App>, query: Query) -> Result<Listed<AuditEntry>, ApiError> {
    auth.require(Scope::AuditRead)?;
    let [page, limit, cursor] = PARAMETERS;
    let known = ["actor", "action", "createdAfter", "createdBefore", "tenantId", page, limit, cursor];
    let params = query.only(&known)?;
    let filter = AuditFilter {
        actor: params.text("actor").map(str::to_string),
        action: params.text("action").map(str::to_string),
        from: params.time("createdAfter")?,
        until: params.time("createdBefore")?,
    };
    let page = PageQuery::read(&params)?;
    let start = page.start("aud-")?;
    let tenant_id = match params.text("tenantId") {
        None => auth.tenant_id().to_string(),
        Some(text) => readable(&app, &auth, text).await?,
    };
    let mut conn = app.store.read().await?;
    let mut found = audit::list(&mut conn, &tenant_id, &filter, &start, page.limit + 1).await?;
    let total = audit::count(&mut conn, &tenant_id, &filter).await?;
    let next = page.cut(&mut found, |last| last.id.clone());
    let mut pagination = page.pagination(total.min(COUNTED), next);
    pagination.total_is_exact = total <= COUNTED;
    Ok(Listed { data: found.into_iter().map(to_wire).collect(), pagination })
}

/// The id of a tenant whose log the caller may read; another's is as unknown as one that does not exist.
async fn readable(app: &App, auth: &Auth, text: &str) -> Result<String, ApiError> {
    let not_found = || ApiError::new(Code::TenantNotFound).detail("tenantId", "is no tenant that you can read");
    let id = Uuid::try_parse(text).map_err(|_| not_found())?.to_string();
    if id == auth.tenant_id() {
        return Ok(id);
    }
    if !auth.tenant().is_operator {
        return Err(not_found());
    }
    let found = tenants::get(&mut *app.store.read().await?, &id).await?;
    found.map(|tenant| tenant.id).ok_or_else(not_found)
}

fn to_wire(record: AuditRecord) -> AuditEntry {
    let AuditRecord { id, tenant_id, at, actor, action, resource_id, details } = record;
    AuditEntry {
        id,
        tenant_id: tenant_id.parse().unwrap_or_default(),
        created_at: Timestamp(at),
        actor: actor.id,
        impersonated: actor.for_user,
        source_ip: actor.source.map(|source| source.to_string()),
        action: action.into_owned(),
        resource_id,
        details,
    }
}
