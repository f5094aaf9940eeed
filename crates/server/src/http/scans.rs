//! Scans: submit, read, cancel, delete.

use crate::App;
use crate::error::ApiError;
use crate::fleet;
use crate::http::answer::{self, Answer, Created};
use crate::http::auth::Auth;
use crate::http::idempotency::{self, Begun, Pending};
use crate::http::posted::Posted;
use crate::http::query::{Params, Query, Segments};
use crate::scan;
use crate::scope::Scope;
use crate::signals::Lane;
use crate::store::job::Cancel;
use crate::store::scan::{Delete, ScanRecord};
use crate::store::{NewScan, Submitted, audit, job, quota_use, scan as scans, upload as uploads};
use crate::upload;
use axum::extract::State;
use axum::response::{IntoResponse, Response};
use http::StatusCode;
use scanyard_contract::scan::{CreateScan, DEFAULT_LABEL, ScanAuth};
use scanyard_contract::wire::{Deleted, Success};
use scanyard_contract::{Code, Scan, ScanStatus, ScanType};
use scanyard_engines::Target;
use scanyard_engines::resolve::ResolveFault;
use std::time::Duration;
use uuid::Uuid;

/// How long a submission waits for the target's name; trouble beyond that is the worker's to meet.
const LOOKUP_BUDGET: Duration = Duration::from_secs(1);

/// Submit a scan
///
/// The answer comes at once; the scan waits for capacity. `config` overrides `options` key by key.
#[utoipa::path(post, path = "/scans", operation_id = "create_scan", tag = "scans",
    request_body = CreateScan,
    responses((status = 201, description = "The scan, queued", body = Success<Scan>, headers(
        ("Location" = String, description = "Path of the scan, with its `scanType`"),
    ))),
    security(("apiKey" = [])))]
pub async fn create_scan(
    auth: Auth,
    State(app): State<App>,
    query: Query,
    posted: Posted,
) -> Result<Response, ApiError> {
    auth.require(Scope::ScansCreate)?;
    query.none()?;
    let received = posted.receive(&app).await?;
    let pending = match idempotency::begin(&app, &auth, &received).await? {
        Begun::New(pending) => pending,
        Begun::Replay(stored) => return Ok(idempotency::replay(stored)),
    };
    let create: CreateScan = received.json("CreateScan")?;
    submit(&app, &auth, pending, create, None).await
}

/// Submits a scan, however it was asked for: the checks, the quota and the answer are the same.
pub(super) async fn submit(
    app: &App,
    auth: &Auth,
    pending: Option<Pending>,
    create: CreateScan,
    template_id: Option<String>,
) -> Result<Response, ApiError> {
    auth.note().scan_type(create.scan_type);
    let target = judge(app, auth, &create).await?;
    let credentials = create.auth.clone();
    let mut record = scan::record(create, &target, auth.tenant_id(), auth.principal(), app.store.local_now());
    record.template_id = template_id;
    let created = Created { location: location(record.id, record.scan_type), data: record.to_wire() };
    let new = NewScan {
        month_at: scan::month_start(record.created_at),
        quota: auth.tenant().monthly_quota,
        idempotency: match &pending {
            Some(pending) => Some(pending.keep_created(&created, record.created_at)?),
            None => None,
        },
        host: target.host(),
        audit: record.consent.as_ref().map(|consent| {
            let entry = auth.audit(record.created_at, "scan.consented", record.id.to_string());
            entry
                .with("scanType", record.scan_type.as_str())
                .with("target", &*record.target)
                .with("note", &*consent.note)
        }),
        auth: credentials.map(|auth| seal(app, &auth, record.id)).transpose()?,
        scan: record,
    };
    if !app.backlog.enter(&app.store).await? {
        return Err(backlog_full(app.backlog.limit()));
    }
    if !app.queue.enter(&app.store).await? {
        return Err(kafka_behind());
    }
    let lane = Lane { label: new.scan.label.clone(), scan_type: new.scan.scan_type };
    match app.store.submit(new).await? {
        Submitted::Stored => {
            metrics::counter!("scanyard_scans_submitted_total", "scan_type" => created.data.scan_type.as_str())
                .increment(1);
            app.wake_workers(Some(lane));
            auth.note().submission();
            Ok(created.into_response())
        }
        Submitted::Replay(stored) => Ok(idempotency::replay(stored)),
        // Another node was faster, by a request of other content or by another master key: the repeat tells which.
        Submitted::KeyReused => Err(idempotency::in_progress()),
        Submitted::QuotaExceeded => Err(quota_exceeded(app, auth, created.data.created_at.0).await),
    }
}

/// Seals credentials for the run of one scan.
fn seal(app: &App, auth: &ScanAuth, id: Uuid) -> Result<String, ApiError> {
    let text = serde_json::to_string(auth).map_err(|error| ApiError::new(Code::InternalError).caused_by(error))?;
    let sealed = app.vault.seal(&text, &scan::auth_context(id));
    sealed.map_err(|error| ApiError::new(Code::InternalError).caused_by(error))
}

/// Whether the caller may have this scan run here: everything but its quota.
async fn judge(app: &App, auth: &Auth, create: &CreateScan) -> Result<Target, ApiError> {
    let options = scan::read_options(create);
    let faults = scan::faults(create, &options);
    if !faults.is_empty() {
        return Err(ApiError::of_faults(faults));
    }
    if let Some(url) = &create.callback_url {
        app.webhooks.check_callback(url)?;
    }
    let target = scan::target(create).map_err(|details| ApiError::new(Code::InvalidTarget).and(details))?;
    let faults = scan::faults_beside(create, &options, &target);
    if !faults.is_empty() {
        return Err(ApiError::of_faults(faults));
    }
    auth.check_scan_type(create.scan_type)?;
    if scan::lacks_consent(create.scan_type, create.consent.as_ref()) {
        return Err(ApiError::new(Code::ConsentRequired).with("type", create.scan_type.as_str()));
    }
    let label = create.worker_label.as_deref().unwrap_or(DEFAULT_LABEL);
    if let Some(lack) = fleet::lack(app, create.scan_type, label).await? {
        let error = ApiError::new(Code::EngineUnavailable).with("type", create.scan_type.as_str());
        return Err(error.detail(lack.field, lack.reason));
    }
    if let Target::Image(image) = &target
        && let Some(refusal) = app.config.engines.trivy.refusal(image)
    {
        return Err(not_allowed(refusal));
    }
    if let Target::Upload(id) = &target {
        use_upload(app, auth, id.to_string()).await?;
    }
    let policy = &auth.tenant().policy;
    if !scan::looks_up_target(create.scan_type) {
        policy.check_name(&target).map_err(|refusal| not_allowed(refusal.0))?;
        return Ok(target);
    }
    policy.check_literal(&target).map_err(|refusal| not_allowed(refusal.0))?;
    if let Some(name) = target.name() {
        // In a box: most targets are addresses, and the look-up is large.
        match Box::pin(app.resolver.lookup(name, LOOKUP_BUDGET)).await {
            Ok(addresses) => policy.check_addresses(&target, &addresses).map_err(|refusal| not_allowed(refusal.0))?,
            Err(ResolveFault::NotFound(name)) => {
                let error = ApiError::new(Code::TargetUnresolvable).with("host", &name);
                return Err(error.detail("target", format!("{name} has no address")));
            }
            // The worker looks again, and its check decides.
            Err(ResolveFault::Trouble { .. }) => {}
        }
    }
    Ok(target)
}

/// Keeps an upload for as long as one is kept that is used now.
async fn use_upload(app: &App, auth: &Auth, id: String) -> Result<(), ApiError> {
    let tenant_id = auth.tenant_id().to_string();
    let until = upload::expires_at(app, app.store.local_now());
    let found =
        app.store.write(move |conn| Box::pin(async move { uploads::touch(conn, &tenant_id, &id, until).await }));
    if found.await? { Ok(()) } else { Err(super::uploads::not_found()) }
}

fn not_allowed(reason: String) -> ApiError {
    ApiError::new(Code::TargetNotAllowed).with("reason", &reason).detail("target", reason)
}

/// Seconds after which to submit again when too many scans wait already.
const BACKLOG_SECONDS: u64 = 5;

fn backlog_full(limit: u64) -> ApiError {
    let reason = format!("{limit} scans wait already, as many as this server takes");
    ApiError::new(Code::ServiceUnavailable).after(BACKLOG_SECONDS).detail("queue", reason)
}

fn kafka_behind() -> ApiError {
    let reason = "as many moves of scans as may wait to be told to Kafka, and Kafka takes no more";
    ApiError::new(Code::KafkaError).after(BACKLOG_SECONDS).detail("queue", reason)
}

/// Tells what is used, the limit and when it starts anew, each as a value that a program can read.
async fn quota_exceeded(app: &App, auth: &Auth, now: i64) -> ApiError {
    let used = async { quota_use::used(&mut *app.store.read().await?, auth.tenant_id(), scan::month_start(now)).await };
    let limit = auth.tenant().monthly_quota.unwrap_or_default();
    let error = ApiError::new(Code::QuotaExceeded);
    let error = match used.await {
        Ok(used) => error.detail("used", used.to_string()),
        // The refusal stands, and the rest of it is still true.
        Err(_) => error,
    };
    let reset_at = scanyard_contract::Timestamp(scan::next_month_start(now));
    error.detail("limit", limit.to_string()).detail("resetAt", reset_at.to_string())
}

/// Path of a scan, relative to the server's root.
fn location(id: Uuid, scan_type: ScanType) -> String {
    format!("{}/scans/{id}?scanType={scan_type}", super::BASES[0])
}

/// The `scanType` of a single-scan call: part of the scan's identity, `nmap` when absent.
pub(super) fn scan_type(params: &Params) -> Result<ScanType, ApiError> {
    Ok(params.scan_type()?.unwrap_or(ScanType::Nmap))
}

/// The caller's scan of that id and type; another tenant's, or one of another type, does not exist.
pub(super) async fn find(app: &App, auth: &Auth, id: Uuid, scan_type: ScanType) -> Result<ScanRecord, ApiError> {
    auth.note().scan_type(scan_type);
    let found = scans::get(&mut *app.store.read().await?, auth.tenant_id(), id, scan_type).await?;
    found.ok_or_else(|| not_found(scan_type))
}

fn not_found(scan_type: ScanType) -> ApiError {
    ApiError::new(Code::ScanNotFound)
        .detail("scanType", format!("looked for among {scan_type} scans; a scan of another engine needs its scanType"))
}

/// A scan
#[utoipa::path(get, path = "/scans/{scanId}", operation_id = "get_scan", tag = "scans",
    params(
        ("scanId" = Uuid, Path, description = "Id of the scan"),
        ("scanType" = Option<ScanType>, Query, description = "The scan's engine; default `nmap`"),
    ),
    responses((status = 200, description = "The scan", body = Success<Scan>)),
    security(("apiKey" = [])))]
pub async fn get_scan(
    auth: Auth,
    State(app): State<App>,
    segments: Segments,
    query: Query,
) -> Result<Answer<Scan>, ApiError> {
    auth.require(Scope::ScansRead)?;
    let scan_type = scan_type(&query.only(&["scanType"])?)?;
    let scan = find(&app, &auth, segments.scan_id()?, scan_type).await?;
    let queue_position = match scan.status {
        ScanStatus::Queued => Some(job::position(&mut *app.store.read().await?, &scan, POSITIONS).await?),
        ScanStatus::Running | ScanStatus::Completed | ScanStatus::Failed | ScanStatus::Cancelled => None,
    };
    Ok(Answer(Scan { queue_position, ..scan.to_wire() }))
}

/// Places in the queue are counted up to this.
const POSITIONS: u32 = 1_000;

/// Cancel a scan
///
/// The scan is cancelled at once; `sealedAt` appears when its processes are gone and what they found is stored.
#[utoipa::path(post, path = "/scans/{scanId}/cancel", operation_id = "cancel_scan", tag = "scans",
    params(
        ("scanId" = Uuid, Path, description = "Id of the scan"),
        ("scanType" = Option<ScanType>, Query, description = "The scan's engine; default `nmap`"),
    ),
    responses((status = 200, description = "The scan, cancelled", body = Success<Scan>)),
    security(("apiKey" = [])))]
pub async fn cancel_scan(
    auth: Auth,
    State(app): State<App>,
    segments: Segments,
    query: Query,
    posted: Posted,
) -> Result<Response, ApiError> {
    auth.require(Scope::ScansCancel)?;
    let params = query.only(&["scanType"])?;
    let received = posted.receive(&app).await?;
    let pending = match idempotency::begin(&app, &auth, &received).await? {
        Begun::New(pending) => pending,
        Begun::Replay(stored) => return Ok(idempotency::replay(stored)),
    };
    received.nothing()?;
    let (id, scan_type) = (segments.scan_id()?, scan_type(&params)?);
    auth.note().scan_type(scan_type);
    let tenant = auth.tenant_id().to_string();
    let now = app.store.now().await?;
    let keep = pending.as_ref().map(|pending| pending.keep(StatusCode::OK, None, now));
    let record = auth.audit(now, "scan.cancelled", id.to_string());
    let cancelled = app
        .store
        .write(move |conn| {
            Box::pin(async move {
                let cancelled = job::cancel(conn, &tenant, id, scan_type, now).await?;
                if let Cancel::Cancelled(_) = &cancelled {
                    audit::insert(conn, &record).await?;
                }
                if let (Cancel::Cancelled(scan), Some(mut keep)) = (&cancelled, keep) {
                    keep.answer.body = serde_json::to_string(&answer::success(scan.to_wire()))?;
                    crate::store::idempotency::insert(conn, &keep).await?;
                }
                Ok(cancelled)
            })
        })
        .await?;
    match cancelled {
        Cancel::Cancelled(scan) => {
            app.cancel_run(scan.id);
            app.wake_watchers(scan.id);
            app.webhooks.hint();
            Ok(Answer(scan.to_wire()).into_response())
        }
        Cancel::Already(status) => Err(already(status)),
        Cancel::NotFound => Err(not_found(scan_type)),
    }
}

fn already(status: ScanStatus) -> ApiError {
    ApiError::new(match status {
        ScanStatus::Completed => Code::ScanAlreadyCompleted,
        ScanStatus::Cancelled => Code::ScanAlreadyCancelled,
        ScanStatus::Failed => Code::ScanAlreadyFailed,
        // A scan that is not over can always be cancelled: its job is missing, which is a fault of ours.
        ScanStatus::Queued | ScanStatus::Running => {
            return ApiError::new(Code::InternalError).caused_by(anyhow::anyhow!("a {status} scan without a job"));
        }
    })
}

/// Delete a scan
///
/// Only one that is over; its findings, raw report and events go with it. Its unit of the quota stays used.
#[utoipa::path(delete, path = "/scans/{scanId}", operation_id = "delete_scan", tag = "scans",
    params(
        ("scanId" = Uuid, Path, description = "Id of the scan"),
        ("scanType" = Option<ScanType>, Query, description = "The scan's engine; default `nmap`"),
    ),
    responses((status = 200, description = "The scan is gone", body = Success<Deleted>)),
    security(("apiKey" = [])))]
pub async fn delete_scan(
    auth: Auth,
    State(app): State<App>,
    segments: Segments,
    query: Query,
) -> Result<Answer<Deleted>, ApiError> {
    auth.require(Scope::ScansDelete)?;
    let scan_type = scan_type(&query.only(&["scanType"])?)?;
    let id = segments.scan_id()?;
    let tenant = auth.tenant_id().to_string();
    let record = auth.audit(app.store.now().await?, "scan.deleted", id.to_string());
    let record = record.with("scanType", scan_type.as_str());
    let deleted = app.store.write(move |conn| {
        Box::pin(async move {
            let deleted = scans::delete(conn, &tenant, id, scan_type).await?;
            if deleted == Delete::Deleted {
                audit::insert(conn, &record).await?;
            }
            Ok(deleted)
        })
    });
    match deleted.await? {
        Delete::Deleted => {
            app.wake_watchers(id);
            Ok(Answer(Deleted { id: id.to_string(), deleted: true }))
        }
        Delete::NotOver(scan) => Err(not_finished(&scan)),
        Delete::NotFound => Err(not_found(scan_type)),
    }
}

fn not_finished(scan: &ScanRecord) -> ApiError {
    let stands = match scan.status {
        ScanStatus::Cancelled => "the scan is cancelled, and its processes are still ending".to_string(),
        status => format!("the scan is {status}, at {} %", scan.progress),
    };
    ApiError::new(Code::ScanNotFinished).detail("status", stands)
}
