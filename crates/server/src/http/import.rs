//! Reports that were made elsewhere, as scans of their own.

use crate::App;
use crate::error::ApiError;
use crate::http::auth::Auth;
use crate::http::change;
use crate::http::posted::{Posted, Received};
use crate::http::query::{Params, Query, invalid};
use crate::http::uploads::no_seat;
use crate::scan;
use crate::scope::Scope;
use crate::spool::{self, Spool};
use crate::store::import::{Import, import};
use axum::extract::State;
use axum::response::Response;
use scanyard_contract::wire::Success;
use scanyard_contract::{Code, Scan, ScanType};
use scanyard_engines::{Parsed, RawReport, Reader, Target, Unnamed};

/// The route's path, by which the outermost layer knows it: its body may take longer than any other answer.
pub const PATH: &str = "/scans/import";

/// Import a report
///
/// The body is the report as the engine wrote it, whatever its `Content-Type`, at most as large as an upload.
/// It becomes a scan of its own
/// with `source: import`, which takes no unit of the quota and is over at once: `completed`, or `failed` with the reason when
/// the report is cut short, not one of this engine, or of a scan that reached nobody; what could be read of it counts all the
/// same. An empty body is refused.
#[utoipa::path(post, path = "/scans/import", operation_id = "import_scan", tag = "scans",
    params(
        ("scanType" = ScanType, Query, description = "The engine that wrote the report"),
        ("target" = Option<String>, Query, description = "What was scanned; when absent, what the report itself names. \
            Of trivy an image, an upload, or a path such as `./project`, which names files and is not opened"),
        ("name" = Option<String>, Query, description = "A label, at most 255 characters"),
    ),
    request_body(content = Vec<u8>, content_type = "application/octet-stream", description = "The report"),
    responses((status = 201, description = "The scan, over", body = Success<Scan>, headers(
        ("Location" = String, description = "Path of the scan, with its `scanType`"),
    ))),
    security(("apiKey" = [])))]
pub async fn import_scan(
    auth: Auth,
    State(app): State<App>,
    query: Query,
    posted: Posted,
) -> Result<Response, ApiError> {
    auth.require(Scope::ScansCreate)?;
    let asked = Asked::read(&query.only(&["scanType", "target", "name"])?)?;
    auth.note().scan_type(asked.scan_type);
    auth.check_scan_type(asked.scan_type)?;
    let _seat = app.uploads.try_acquire().map_err(|_| no_seat(&app))?;
    let (received, spool) = receive(&app, posted).await?;
    let change = match change::of_received(&app, auth.tenant_id(), auth.principal(), received).await? {
        Ok(change) => change,
        Err(replay) => return Ok(replay),
    };
    // Until it is stored: reports are read and held one at a time.
    let _turn = app.import_turn.acquire().await.map_err(|error| ApiError::new(Code::InternalError).caused_by(error))?;
    let (scan_type, name) = (asked.scan_type, asked.name.clone());
    let sha256 = spool.sha256.clone();
    let read = tokio::task::spawn_blocking(move || read(asked, &spool)).await;
    let (target, parsed, report) = read.map_err(|error| ApiError::new(Code::InternalError).caused_by(error))??;
    let now = app.store.local_now();
    let owner = (auth.tenant_id(), auth.principal());
    let (scan, findings) = scan::imported(scan_type, name, &target, parsed, owner, now);
    let audit = auth.audit(now, "scan.imported", scan.id.to_string());
    let audit = audit.with("scanType", scan_type.as_str()).with("target", scan.target.as_str()).with("sha256", sha256);
    let created = scan.to_wire();
    let new = Import { scan, findings, report, audit };
    let change = change.at(&format!("/scans/{}?scanType={scan_type}", created.id));
    let stored = change.carry_out(&app, move |conn| {
        Box::pin(async move {
            import(conn, &new).await?;
            Ok(Ok(created))
        })
    });
    let answer = stored.await?;
    app.webhooks.hint();
    Ok(answer)
}

/// What the query says.
struct Asked {
    scan_type: ScanType,
    reader: Reader,
    target: Option<Target>,
    name: Option<String>,
}

impl Asked {
    fn read(params: &Params) -> Result<Asked, ApiError> {
        let (scan_type, reader) = engine(params)?;
        let target =
            params.text("target").map(|text| scanyard_engines::engine::engine(scan_type).imported_target(text));
        let target = target.transpose().map_err(|details| ApiError::new(Code::InvalidTarget).and(details))?;
        let name = params.text("name").map(str::to_string);
        if name.as_ref().is_some_and(|name| !scan::is_label(name, 255)) {
            return Err(invalid("name", "must be 1 to 255 characters, no control characters"));
        }
        Ok(Asked { scan_type, reader, target, name })
    }
}

/// Reads the body to a file.
async fn receive(app: &App, posted: Posted) -> Result<(Received, Spool), ApiError> {
    let mut streamed = posted.stream()?;
    if streamed.is_encoded() {
        let error = ApiError::new(Code::UnsupportedMediaType).with("types", "of any type, without Content-Encoding");
        return Err(error.detail("Content-Encoding", "bodies are taken as they are, not compressed on their way"));
    }
    let body = std::mem::take(&mut streamed.body);
    let http = &app.config.http;
    let spool = spool::receive(body, &app.config.uploads_dir(), http.upload_bytes, http.body_timeout).await?;
    if spool.bytes == 0 {
        let error = ApiError::new(Code::InvalidFieldValue).with("field", "body");
        return Err(error.detail("body", "is empty: the report of a scan never is"));
    }
    Ok((streamed.read_as(&spool.sha256), spool))
}

fn engine(params: &Params) -> Result<(ScanType, Reader), ApiError> {
    let Some(scan_type) = params.scan_type()? else {
        return Err(invalid("scanType", "is missing: which engine wrote the report"));
    };
    match scanyard_engines::reader(scan_type) {
        Some(reader) => Ok((scan_type, reader)),
        None => Err(invalid("scanType", &format!("reports of {scan_type} are not imported"))),
    }
}

fn no_target(reason: &str) -> ApiError {
    ApiError::new(Code::InvalidTarget).detail("target", reason)
}

/// Reads what was received; blocks.
fn read(asked: Asked, spool: &Spool) -> Result<(Target, Parsed, Option<RawReport>), ApiError> {
    let bytes = std::fs::read(&spool.path).map_err(|error| ApiError::new(Code::InternalError).caused_by(error))?;
    let Asked { reader, target, .. } = asked;
    let (target, parsed) = reader.import(&bytes, target).map_err(|unnamed| match unnamed {
        Unnamed::Fault(_, message) => no_target(&format!("is missing, and the report names none: {message}")),
        Unnamed::NoTarget => no_target("is missing, and the report names none that can be told"),
    })?;
    Ok((target, parsed, reader.kept(bytes)))
}
