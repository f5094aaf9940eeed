//! The raw report of a scan: what its engine wrote, byte by byte.

use crate::App;
use crate::error::ApiError;
use crate::http::auth::Auth;
use crate::http::query::{Query, Segments};
use crate::http::results::not_ready;
use crate::http::scans::{find, scan_type};
use crate::scope::Scope;
use crate::store::report::{self, ReportRecord};
use crate::store::{Store, StoreError};
use axum::body::Body;
use axum::extract::State;
use axum::response::Response;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use futures::stream;
use http::header::{CONTENT_DISPOSITION, CONTENT_LENGTH, CONTENT_TYPE, ETAG};
use http::{HeaderName, HeaderValue};
use scanyard_contract::{Code, ScanType};

/// The end of the route's path, by which the outermost layer knows it.
pub const PATH: &str = "/scans/{scanId}/report";
/// Media type of a report, whatever is in it: it is there to be kept, not to be shown by a browser.
pub const OCTETS: &str = "application/octet-stream";
const REPR_DIGEST: HeaderName = HeaderName::from_static("repr-digest");

/// The raw report of a scan
///
/// What the engine wrote, byte by byte, as a download. `Accept` must take `application/octet-stream`.
#[utoipa::path(get, path = "/scans/{scanId}/report", operation_id = "get_report", tag = "scans",
    params(
        ("scanId" = uuid::Uuid, Path, description = "Id of the scan"),
        ("scanType" = Option<ScanType>, Query, description = "The scan's engine; default `nmap`"),
    ),
    responses((status = 200, description = "The report", body = Vec<u8>, content_type = "application/octet-stream", headers(
        ("Content-Disposition" = String, description = "A file name that ends as the report's own format wants"),
        ("ETag" = String, description = "The report's SHA-256 in hex, in quotes"),
        ("Repr-Digest" = String, description = "The report's SHA-256 as RFC 9530 has it"),
    ))),
    security(("apiKey" = [])))]
pub async fn get_report(
    auth: Auth,
    State(app): State<App>,
    segments: Segments,
    query: Query,
) -> Result<Response, ApiError> {
    auth.require(Scope::ResultsRead)?;
    let scan_type = scan_type(&query.only(&["scanType"])?)?;
    let scan = find(&app, &auth, segments.scan_id()?, scan_type).await?;
    if !scan.is_over() {
        return Err(not_ready(&scan));
    }
    let found = report::get(&mut *app.store.read().await?, &scan.id.to_string()).await?;
    let report = found.ok_or_else(|| {
        ApiError::new(Code::ReportNotFound).detail("status", format!("the scan is {} without a report", scan.status))
    })?;
    let body = pieces(app.store.clone(), scan.id.to_string(), report.length);
    let mut response = Response::new(body);
    let headers = response.headers_mut();
    headers.insert(CONTENT_TYPE, HeaderValue::from_static(OCTETS));
    headers.insert(CONTENT_LENGTH, report.length.into());
    let name = format!("attachment; filename=\"scan-{}.{}\"", scan.id, extension(&report.media_type));
    for (name, value) in [
        (CONTENT_DISPOSITION, name),
        (ETAG, format!("\"{}\"", report.sha256)),
        (REPR_DIGEST, format!("sha-256=:{}:", STANDARD.encode(bytes_of(&report)))),
    ] {
        if let Ok(value) = HeaderValue::from_str(&value) {
            headers.insert(name, value);
        }
    }
    Ok(response)
}

/// The report piece by piece, so that a large one is never whole in memory. One that ends early or is deleted meanwhile breaks
/// the connection: it must not look complete.
fn pieces(store: Store, scan_id: String, length: u64) -> Body {
    let start = (store, scan_id, 0_u64, 0_u64);
    Body::from_stream(stream::try_unfold(start, move |(store, scan_id, number, sent)| async move {
        if sent >= length {
            return Ok(None);
        }
        let piece = report::piece(&mut *store.read().await?, &scan_id, number).await?;
        let piece = piece.filter(|piece| !piece.is_empty());
        let piece = piece.ok_or_else(|| StoreError::Bug(format!("the report of {scan_id} ended early")))?;
        let sent = sent + piece.len() as u64;
        Ok::<_, StoreError>(Some((piece, (store, scan_id, number + 1, sent))))
    }))
}

/// The digest's bytes.
fn bytes_of(report: &ReportRecord) -> Vec<u8> {
    let pairs = report.sha256.as_bytes().chunks(2).map(|pair| std::str::from_utf8(pair).unwrap_or_default());
    pairs.filter_map(|pair| u8::from_str_radix(pair, 16).ok()).collect()
}

/// How the name of a file of this media type ends.
fn extension(media_type: &str) -> &'static str {
    match media_type {
        "application/xml" | "text/xml" => "xml",
        "application/json" => "json",
        "application/x-ndjson" => "jsonl",
        "text/plain" => "txt",
        "text/csv" => "csv",
        "text/html" => "html",
        _ => "bin",
    }
}
