//! Uploads: send files to scan, list, read, delete.

use crate::App;
use crate::error::ApiError;
use crate::http::answer::{Answer, Listed};
use crate::http::auth::Auth;
use crate::http::change;
use crate::http::page::{PARAMETERS, PageQuery};
use crate::http::posted::{Posted, Streamed};
use crate::http::query::{Params, Query, Segments, invalid};
use crate::scope::Scope;
use crate::spool::{self, Spool};
use crate::store::audit;
use crate::store::upload::{self as uploads, UploadRecord};
use crate::upload::{self, Form, PREFIX};
use axum::extract::State;
use axum::response::Response;
use scanyard_contract::wire::{Deleted, Page, Success};
use scanyard_contract::{Code, Upload};
use scanyard_engines::upload::{UploadFault, is_name};
use uuid::Uuid;

/// The route's path, by which the outermost layer knows it: its body may take longer than any other answer.
pub const PATH: &str = "/uploads";
/// Seconds after which a seat is likely to be free.
const SEAT_SECONDS: u64 = 5;

/// Upload files to scan
///
/// The body is the upload itself: an archive (`application/gzip` with a tar in it, `application/zip`), a bill of materials of
/// CycloneDX or SPDX (`application/json`), or any single file (`application/octet-stream`, with its `name`). `upload:` and the
/// id are then the target of a scan by trivy. Archives hold files and folders only: no links, no devices, no path that leads
/// out.
#[utoipa::path(post, path = "/uploads", operation_id = "create_upload", tag = "uploads",
    params(
        ("name" = Option<String>, Query, description = "Name of the file, or of the folder that was packed: 1 to 100 ASCII \
         letters, digits and `. _ + @ -`. Findings are told apart by it from scan to scan. A single file needs it"),
    ),
    request_body(content(
        (Vec<u8> = "application/gzip"),
        (Vec<u8> = "application/zip"),
        (Vec<u8> = "application/octet-stream"),
        (Object = "application/json"),
    )),
    responses((status = 201, description = "The upload", body = Success<Upload>, headers(
        ("Location" = String, description = "Path of the upload"),
    ))),
    security(("apiKey" = [])))]
pub async fn create_upload(
    auth: Auth,
    State(app): State<App>,
    query: Query,
    posted: Posted,
) -> Result<Response, ApiError> {
    auth.require(Scope::UploadsCreate)?;
    let params = query.only(&["name"])?;
    let mut streamed = posted.stream()?;
    let form = form(&streamed)?;
    let name = name(&params, form)?;
    let _seat = app.uploads.try_acquire().map_err(|_| no_seat(&app))?;
    let body = std::mem::take(&mut streamed.body);
    let spool = receive(&app, &auth, body).await?;
    let received = streamed.read_as(&spool.sha256);
    let change = match change::of_received(&app, auth.tenant_id(), auth.principal(), received).await? {
        Ok(change) => change,
        Err(replay) => return Ok(replay),
    };
    let (kind, contents) = upload::look(form, &name, &spool).await.map_err(refused)?;
    let now = app.store.local_now();
    let new = UploadRecord {
        id: format!("{PREFIX}{}", Uuid::now_v7()),
        tenant_id: auth.tenant_id().to_string(),
        kind,
        name,
        files: contents.files,
        bytes: spool.bytes,
        sha256: spool.sha256.clone(),
        created_at: now,
        expires_at: upload::expires_at(&app, now),
    };
    reserve(&app, &new).await?;
    upload::store_pieces(&app.store, &new.id, &spool).await?;
    let record = auth.audit(now, "upload.created", &new.id).with("name", new.name.as_str());
    let record = record.with("sha256", new.sha256.as_str());
    let change = change.at(&format!("{PATH}/{}", new.id));
    let created = change.carry_out(&app, move |conn| {
        Box::pin(async move {
            if !uploads::ready(conn, &new.id, new.expires_at).await? {
                return Ok(Err(ApiError::new(Code::OperationTimeout)));
            }
            audit::insert(conn, &record).await?;
            Ok(Ok(upload::to_wire(&new)))
        })
    });
    created.await
}

fn form(streamed: &Streamed) -> Result<Form, ApiError> {
    let error = ApiError::new(Code::UnsupportedMediaType).with("types", Form::MEDIA_TYPES);
    if streamed.is_encoded() {
        return Err(error.detail("Content-Encoding", "bodies are taken as they are, not compressed on their way"));
    }
    Form::of(&streamed.media_type())
        .ok_or_else(|| error.detail("Content-Type", format!("must be {}", Form::MEDIA_TYPES)))
}

fn name(params: &Params, form: Form) -> Result<String, ApiError> {
    match (params.text("name"), form.default_name()) {
        (Some(name), _) if is_name(name) => Ok(name.to_string()),
        (Some(_), _) => Err(invalid("name", "must be 1 to 100 ASCII letters, digits and . _ + @ -")),
        (None, Some(name)) => Ok(name.to_string()),
        (None, None) => {
            Err(invalid("name", "is missing: what a single file is depends on its name, such as Dockerfile"))
        }
    }
}

/// As many bodies are being received here as this node takes.
pub(super) fn no_seat(app: &App) -> ApiError {
    let reason =
        format!("{} uploads are being received here, as many as this server takes", app.config.uploads.concurrency);
    ApiError::new(Code::ServiceUnavailable).after(SEAT_SECONDS).detail("uploads", reason)
}

/// Reads the body to a file, if its tenant has any room at all.
async fn receive(app: &App, auth: &Auth, body: axum::body::Body) -> Result<Spool, ApiError> {
    let used = uploads::used(&mut *app.store.read().await?, auth.tenant_id()).await?;
    let most = app.config.uploads.tenant_bytes;
    if used >= most {
        return Err(no_room(used, most));
    }
    let http = &app.config.http;
    spool::receive(body, &app.config.uploads_dir(), http.upload_bytes, http.body_timeout).await
}

async fn reserve(app: &App, new: &UploadRecord) -> Result<(), ApiError> {
    let (row, most) = (new.clone(), app.config.uploads.tenant_bytes);
    let until = new.created_at + upload::STORING_MS;
    let reserved =
        app.store.write(move |conn| Box::pin(async move { uploads::reserve(conn, &row, most, until).await }));
    if reserved.await? {
        return Ok(());
    }
    let used = uploads::used(&mut *app.store.read().await?, &new.tenant_id).await?;
    Err(no_room(used, most))
}

fn no_room(used: u64, most: u64) -> ApiError {
    let error = ApiError::new(Code::PayloadTooLarge).with("limit", most.saturating_sub(used).to_string());
    error.detail(
        "body",
        format!("your organization's uploads hold {used} of {most} bytes; delete some, or wait until they are removed"),
    )
}

fn refused(fault: UploadFault) -> ApiError {
    match fault {
        UploadFault::Refused(reason) => ApiError::new(Code::InvalidUpload).detail("body", reason),
        UploadFault::Disk(error) => ApiError::new(Code::InternalError).caused_by(error),
    }
}

/// No upload of the caller's has this id.
pub(super) fn not_found() -> ApiError {
    ApiError::new(Code::UploadNotFound)
}

/// The tenant's uploads
///
/// Newest first.
#[utoipa::path(get, path = "/uploads", operation_id = "list_uploads", tag = "uploads",
    params(
        ("page" = Option<u32>, Query, description = "Number of the page, from 1", minimum = 1),
        ("limit" = Option<u32>, Query, description = "Items on a page; default 20", minimum = 1, maximum = 100),
        ("cursor" = Option<String>, Query, description = "`nextCursor` of the page before; excludes `page`"),
    ),
    responses((status = 200, description = "One page of uploads", body = Page<Upload>)),
    security(("apiKey" = [])))]
pub async fn list_uploads(auth: Auth, State(app): State<App>, query: Query) -> Result<Listed<Upload>, ApiError> {
    auth.require(Scope::UploadsRead)?;
    let page = PageQuery::read(&query.only(&PARAMETERS)?)?;
    let start = page.start(PREFIX)?;
    let mut conn = app.store.read().await?;
    let mut found = uploads::list(&mut conn, auth.tenant_id(), &start, page.limit + 1).await?;
    let total = uploads::count(&mut conn, auth.tenant_id()).await?;
    let next = page.cut(&mut found, |last| last.id.clone());
    Ok(Listed { data: found.iter().map(upload::to_wire).collect(), pagination: page.pagination(total, next) })
}

/// An upload
///
/// What is known of it; its bytes are not given out again.
#[utoipa::path(get, path = "/uploads/{uploadId}", operation_id = "get_upload", tag = "uploads",
    params(("uploadId" = String, Path, description = "Id of the upload, with its `upl-`")),
    responses((status = 200, description = "The upload", body = Success<Upload>)),
    security(("apiKey" = [])))]
pub async fn get_upload(
    auth: Auth,
    State(app): State<App>,
    segments: Segments,
    query: Query,
) -> Result<Answer<Upload>, ApiError> {
    auth.require(Scope::UploadsRead)?;
    query.none()?;
    let id = segments.prefixed(PREFIX).ok_or_else(not_found)?;
    let found = uploads::get(&mut *app.store.read().await?, auth.tenant_id(), &id).await?;
    Ok(Answer(upload::to_wire(&found.ok_or_else(not_found)?)))
}

/// Delete an upload
///
/// A scan of it that has not begun fails.
#[utoipa::path(delete, path = "/uploads/{uploadId}", operation_id = "delete_upload", tag = "uploads",
    params(("uploadId" = String, Path, description = "Id of the upload, with its `upl-`")),
    responses((status = 200, description = "It is gone", body = Success<Deleted>)),
    security(("apiKey" = [])))]
pub async fn delete_upload(
    auth: Auth,
    State(app): State<App>,
    segments: Segments,
    query: Query,
) -> Result<Answer<Deleted>, ApiError> {
    auth.require(Scope::UploadsDelete)?;
    query.none()?;
    let id = segments.prefixed(PREFIX).ok_or_else(not_found)?;
    let (tenant_id, upload_id) = (auth.tenant_id().to_string(), id.clone());
    let record = auth.audit(app.store.local_now(), "upload.deleted", id.as_str());
    let deleted = app.store.write(move |conn| {
        Box::pin(async move {
            let name = uploads::delete(conn, &tenant_id, &upload_id).await?;
            if let Some(name) = &name {
                audit::insert(conn, &record.with("name", name.as_str())).await?;
            }
            Ok(name)
        })
    });
    deleted.await?.ok_or_else(not_found)?;
    Ok(Answer(Deleted { id, deleted: true }))
}
