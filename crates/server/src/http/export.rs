//! The results of a scan as a file: every finding, in the format that another program takes.

use crate::App;
use crate::error::ApiError;
use crate::http::auth::Auth;
use crate::http::query::{Query, Segments};
use crate::http::results::not_ready;
use crate::http::scans::{find, scan_type};
use crate::scan;
use crate::scope::Scope;
use crate::store::scan::ScanRecord;
use crate::store::{Store, StoreError, finding};
use axum::body::Body;
use axum::extract::State;
use axum::response::Response;
use futures::stream;
use http::HeaderValue;
use http::header::{CONTENT_DISPOSITION, CONTENT_TYPE};
use scanyard_contract::scan::{Results, ScanStatus};
use scanyard_contract::{Export, ExportFormat, ScanType};

/// The end of the route's path, by which the outermost layer knows it.
pub const PATH: &str = "/scans/{scanId}/export";
/// Findings read from the database at a time.
const PIECE: u32 = 500;

/// The results of a scan as a file
///
/// Every finding, worst first, as a download. `json` is the results as `GET …/results` has them, with `schemaVersion`; `sarif`
/// is SARIF 2.1.0; `csv` has one line for each finding, and a field that a spreadsheet would take for a formula begins with an
/// apostrophe; `html` is one page without script. `Accept` must take the format's media type.
#[utoipa::path(get, path = "/scans/{scanId}/export", operation_id = "export_scan", tag = "scans",
    params(
        ("scanId" = uuid::Uuid, Path, description = "Id of the scan"),
        ("scanType" = Option<ScanType>, Query, description = "The scan's engine; default `nmap`"),
        ("format" = Option<ExportFormat>, Query, description = "Default `json`"),
    ),
    responses((status = 200, description = "The results", content(
        (Results = "application/json"),
        (Object = "application/sarif+json"),
        (String = "text/csv; charset=utf-8"),
        (String = "text/html; charset=utf-8"),
    ), headers(("Content-Disposition" = String, description = "A file name that ends as the format wants; of a scan that is not completed with its status in it")))),
    security(("apiKey" = [])))]
pub async fn export_scan(
    auth: Auth,
    State(app): State<App>,
    segments: Segments,
    query: Query,
) -> Result<Response, ApiError> {
    auth.require(Scope::ResultsRead)?;
    let params = query.only(&["scanType", "format"])?;
    let format = params.word("format", ExportFormat::words)?.unwrap_or(ExportFormat::Json);
    let scan = find(&app, &auth, segments.scan_id()?, scan_type(&params)?).await?;
    if !scan.is_over() {
        return Err(not_ready(&scan));
    }
    let name = file_name(&scan, format);
    let head = scan::results(scan, Vec::new());
    let mut response = Response::new(pieces(app.store.clone(), format, head));
    let headers = response.headers_mut();
    headers.insert(CONTENT_TYPE, HeaderValue::from_static(format.media_type()));
    if let Ok(name) = HeaderValue::from_str(&format!("attachment; filename=\"{name}\"")) {
        headers.insert(CONTENT_DISPOSITION, name);
    }
    Ok(response)
}

/// Says whether the scan came to its end: CSV has no place of its own for it, and would look like that of a clean scan.
fn file_name(scan: &ScanRecord, format: ExportFormat) -> String {
    match scan.status {
        ScanStatus::Completed => format!("scan-{}.{format}", scan.id),
        status => format!("scan-{}-{status}.{format}", scan.id),
    }
}

/// The media type of what this query asks for; of a format that there is not, that of the default.
pub fn media_type(query: &str) -> &'static str {
    let mut pairs = url::form_urlencoded::parse(query.as_bytes());
    let format = pairs.find_map(|(name, value)| if name == "format" { value.parse().ok() } else { None });
    let media_type = format.unwrap_or(ExportFormat::Json).media_type();
    media_type.split(';').next().unwrap_or(media_type)
}

/// Where an export stands.
struct Place {
    store: Store,
    scan_id: String,
    export: Export,
    /// Findings that are to come.
    left: u64,
    /// Ordinal of the next; none before the first piece.
    next: Option<i64>,
    is_over: bool,
}

/// The text piece by piece, so that a long list is never whole in memory. One whose scan is deleted meanwhile breaks the
/// connection: it must not look complete.
fn pieces(store: Store, format: ExportFormat, head: Results) -> Body {
    let (scan_id, left) = (head.scan_id.to_string(), head.summary.total);
    let export = Export::new(format, head);
    let start = Place { store, scan_id, export, left, next: None, is_over: false };
    Body::from_stream(stream::try_unfold(start, |mut place| async move {
        if place.is_over {
            return Ok(None);
        }
        let mut text = String::new();
        if place.next.is_none() {
            place.export.begin(&mut text);
        }
        let from = place.next.unwrap_or(0);
        let mut conn = place.store.read().await?;
        let rows = finding::page(&mut conn, &place.scan_id, None, from, 0, PIECE).await?;
        drop(conn);
        for (ordinal, finding) in &rows {
            place.export.finding(finding, &mut text);
            place.next = Some(ordinal + 1);
            place.left = place.left.saturating_sub(1);
        }
        if rows.len() < PIECE as usize {
            if place.left > 0 {
                return Err(StoreError::Bug(format!("the findings of {} ended early", place.scan_id)));
            }
            place.export.end(&mut text);
            place.is_over = true;
        }
        Ok::<_, StoreError>(Some((text, place)))
    }))
}
