//! Scan templates: make, list, read, change, delete, launch.

use crate::App;
use crate::error::ApiError;
use crate::http::answer::{Answer, Listed};
use crate::http::auth::Auth;
use crate::http::change;
use crate::http::idempotency::{self, Begun};
use crate::http::page::{PARAMETERS, PageQuery};
use crate::http::posted::{Posted, Received};
use crate::http::query::{Query, Segments};
use crate::http::scans;
use crate::scope::Scope;
use crate::store::template::{self as templates, TemplateRecord};
use crate::store::{StoreError, audit};
use crate::template;
use axum::extract::State;
use axum::response::Response;
use scanyard_contract::template::{CreateTemplate, LaunchTemplate, Template, UpdateTemplate};
use scanyard_contract::wire::{Deleted, Page, Success};
use scanyard_contract::{Code, Scan, ScanType};
use serde::de::DeserializeOwned;

/// What the id of every template begins with.
const PREFIX: &str = "tmpl-";

/// Make a template
///
/// Its options are checked as those of a scan are. It holds no target and no credentials.
#[utoipa::path(post, path = "/scan-templates", operation_id = "create_template", tag = "templates",
    request_body = CreateTemplate,
    responses((status = 201, description = "The template", body = Success<Template>, headers(
        ("Location" = String, description = "Path of the template"),
    ))),
    security(("apiKey" = [])))]
pub async fn create_template(
    auth: Auth,
    State(app): State<App>,
    query: Query,
    posted: Posted,
) -> Result<Response, ApiError> {
    auth.require(Scope::TemplatesCreate)?;
    query.none()?;
    let change = match change::begin(&app, &auth, posted).await? {
        Ok(change) => change,
        Err(replay) => return Ok(replay),
    };
    let body: CreateTemplate = named(&change.received, "CreateTemplate", true)?;
    let new = template::record(body, auth.tenant_id(), app.store.local_now());
    judge(&new)?;
    let record = auth.audit(new.created_at, "template.created", &new.id).with("name", new.name.as_str());
    let change = change.at(&format!("/scan-templates/{}", new.id));
    let created = change.carry_out(&app, move |conn| {
        Box::pin(async move {
            if !templates::insert(conn, &new).await? {
                let taken = templates::id_of_name(conn, &new.tenant_id, &new.name).await?;
                return Ok(Err(duplicate(taken)));
            }
            audit::insert(conn, &record).await?;
            Ok(Ok(template::to_wire(&new)))
        })
    });
    created.await
}

/// Reads a body in which the lack of a name has a code of its own.
fn named<T: DeserializeOwned>(received: &Received, schema_name: &str, must_be_there: bool) -> Result<T, ApiError> {
    let value = received.value()?;
    let is_nameless = template::is_nameless(&value, must_be_there);
    let read = Received::decode(value, schema_name);
    if !is_nameless {
        return read;
    }
    // Beside the name, whatever else is wrong is told too.
    let mut error =
        ApiError::new(Code::TemplateNameRequired).detail("name", "must be 1 to 255 characters, not only blanks");
    if let Err(other) = read {
        error.details.extend(other.details.into_iter().filter(|detail| detail.field.as_deref() != Some("name")));
    }
    Err(error)
}

fn judge(template: &TemplateRecord) -> Result<(), ApiError> {
    let faults = template::faults(template);
    if faults.is_empty() { Ok(()) } else { Err(ApiError::of_faults(faults)) }
}

fn duplicate(id: Option<String>) -> ApiError {
    let id = id.unwrap_or_else(|| "another template".to_string());
    ApiError::new(Code::DuplicateTemplateName).detail("name", format!("is the name of {id}"))
}

fn not_found() -> ApiError {
    ApiError::new(Code::TemplateNotFound)
}

/// The tenant's templates
///
/// Newest first.
#[utoipa::path(get, path = "/scan-templates", operation_id = "list_templates", tag = "templates",
    params(
        ("scanType" = Option<ScanType>, Query, description = "Only templates of this engine"),
        ("page" = Option<u32>, Query, description = "Number of the page, from 1", minimum = 1),
        ("limit" = Option<u32>, Query, description = "Items on a page; default 20", minimum = 1, maximum = 100),
        ("cursor" = Option<String>, Query, description = "`nextCursor` of the page before; excludes `page`"),
    ),
    responses((status = 200, description = "One page of templates", body = Page<Template>)),
    security(("apiKey" = [])))]
pub async fn list_templates(auth: Auth, State(app): State<App>, query: Query) -> Result<Listed<Template>, ApiError> {
    auth.require(Scope::TemplatesRead)?;
    let [page, limit, cursor] = PARAMETERS;
    let params = query.only(&["scanType", page, limit, cursor])?;
    let scan_type = params.scan_type()?;
    let page = PageQuery::read(&params)?;
    let start = page.start(PREFIX)?;
    let mut conn = app.store.read().await?;
    let mut found = templates::list(&mut conn, auth.tenant_id(), scan_type, &start, page.limit + 1).await?;
    let total = templates::count(&mut conn, auth.tenant_id(), scan_type).await?;
    let next = page.cut(&mut found, |last| last.id.clone());
    Ok(Listed { data: found.iter().map(template::to_wire).collect(), pagination: page.pagination(total, next) })
}

/// A template
#[utoipa::path(get, path = "/scan-templates/{templateId}", operation_id = "get_template", tag = "templates",
    params(("templateId" = String, Path, description = "Id of the template, with its `tmpl-`")),
    responses((status = 200, description = "The template", body = Success<Template>)),
    security(("apiKey" = [])))]
pub async fn get_template(
    auth: Auth,
    State(app): State<App>,
    segments: Segments,
    query: Query,
) -> Result<Answer<Template>, ApiError> {
    auth.require(Scope::TemplatesRead)?;
    query.none()?;
    Ok(Answer(template::to_wire(&find(&app, &auth, &segments).await?)))
}

/// The caller's template of the id in the path; another tenant's does not exist.
async fn find(app: &App, auth: &Auth, segments: &Segments) -> Result<TemplateRecord, ApiError> {
    let id = segments.prefixed(PREFIX).ok_or_else(not_found)?;
    templates::get(&mut *app.store.read().await?, auth.tenant_id(), &id).await?.ok_or_else(not_found)
}

/// Change a template
///
/// What is absent stays, `null` clears. Scans that were launched from it before stay as they are.
#[utoipa::path(patch, path = "/scan-templates/{templateId}", operation_id = "update_template", tag = "templates",
    params(("templateId" = String, Path, description = "Id of the template, with its `tmpl-`")),
    request_body = UpdateTemplate,
    responses((status = 200, description = "The template as it is now", body = Success<Template>)),
    security(("apiKey" = [])))]
pub async fn update_template(
    auth: Auth,
    State(app): State<App>,
    segments: Segments,
    query: Query,
    posted: Posted,
) -> Result<Answer<Template>, ApiError> {
    auth.require(Scope::TemplatesUpdate)?;
    query.none()?;
    let body: UpdateTemplate = named(&posted.receive(&app).await?, "UpdateTemplate", false)?;
    let told = serde_json::to_value(&body).map_err(StoreError::from)?;
    // Whoever changed the template in between is looked at again: together the two changes could be wrong.
    loop {
        let old = find(&app, &auth, &segments).await?;
        let new = template::changed(&old, body.clone(), app.store.local_now());
        judge(&new)?;
        let record = auth.audit(new.updated_at, "template.updated", &new.id).with("changed", told.clone());
        let stored = new.clone();
        let written = app.store.write(move |conn| {
            Box::pin(async move {
                let is_updated = templates::update(conn, &stored, old.version).await?;
                if is_updated {
                    audit::insert(conn, &record).await?;
                }
                Ok(is_updated)
            })
        });
        match written.await {
            Ok(true) => return Ok(Answer(template::to_wire(&new))),
            Ok(false) => {}
            Err(StoreError::Duplicate) => {
                let conn = &mut *app.store.read().await?;
                return Err(duplicate(templates::id_of_name(conn, &new.tenant_id, &new.name).await?));
            }
            Err(error) => return Err(error.into()),
        }
    }
}

/// Delete a template
///
/// Scans that were launched from it stay, with its id.
#[utoipa::path(delete, path = "/scan-templates/{templateId}", operation_id = "delete_template", tag = "templates",
    params(("templateId" = String, Path, description = "Id of the template, with its `tmpl-`")),
    responses((status = 200, description = "It is gone", body = Success<Deleted>)),
    security(("apiKey" = [])))]
pub async fn delete_template(
    auth: Auth,
    State(app): State<App>,
    segments: Segments,
    query: Query,
) -> Result<Answer<Deleted>, ApiError> {
    auth.require(Scope::TemplatesDelete)?;
    query.none()?;
    let id = segments.prefixed(PREFIX).ok_or_else(not_found)?;
    let (tenant_id, template_id) = (auth.tenant_id().to_string(), id.clone());
    let record = auth.audit(app.store.local_now(), "template.deleted", id.as_str());
    let deleted = app.store.write(move |conn| {
        Box::pin(async move {
            let name = templates::delete(conn, &tenant_id, &template_id).await?;
            if let Some(name) = &name {
                audit::insert(conn, &record.with("name", name.as_str())).await?;
            }
            Ok(name)
        })
    });
    deleted.await?.ok_or_else(not_found)?;
    Ok(Answer(Deleted { id, deleted: true }))
}

/// Launch a scan from a template
///
/// The same checks, quota and answer as of `POST /scans`. What the body gives wins over the template: `options` and
/// `config` key by key, the rest as a whole. The scan has the template's id in `templateId`.
#[utoipa::path(post, path = "/scan-templates/{templateId}/launch", operation_id = "launch_template", tag = "templates",
    params(
        ("templateId" = String, Path, description = "Id of the template, with its `tmpl-`"),
    ),
    request_body = LaunchTemplate,
    responses((status = 201, description = "The scan, queued", body = Success<Scan>, headers(
        ("Location" = String, description = "Path of the scan, with its `scanType`"),
    ))),
    security(("apiKey" = [])))]
pub async fn launch_template(
    auth: Auth,
    State(app): State<App>,
    segments: Segments,
    query: Query,
    posted: Posted,
) -> Result<Response, ApiError> {
    auth.require(Scope::ScansCreate)?;
    auth.require(Scope::TemplatesRead)?;
    query.none()?;
    let received = posted.receive(&app).await?;
    let pending = match idempotency::begin(&app, &auth, &received).await? {
        Begun::New(pending) => pending,
        Begun::Replay(stored) => return Ok(idempotency::replay(stored)),
    };
    let launch: LaunchTemplate = received.json("LaunchTemplate")?;
    let template = find(&app, &auth, &segments).await?;
    scans::submit(&app, &auth, pending, template::scan_of(&template, launch), Some(template.id)).await
}
