//! What a scan found.

use crate::App;
use crate::error::ApiError;
use crate::http::answer::Paged;
use crate::http::auth::Auth;
use crate::http::page::{At, PARAMETERS, PageQuery, bad_cursor};
use crate::http::query::{Query, Segments};
use crate::http::scans::{find, scan_type};
use crate::scan;
use crate::scope::Scope;
use crate::store::finding;
use crate::store::scan::ScanRecord;
use axum::extract::State;
use scanyard_contract::scan::Results;
use scanyard_contract::{Code, ScanType, Severity};

/// What a scan found
///
/// Worst first. A failed or cancelled scan has what was found until then, `partial`, and why it failed. `summary` counts
/// every finding, whatever `severity` asks for.
#[utoipa::path(get, path = "/scans/{scanId}/results", operation_id = "get_results", tag = "scans",
    params(
        ("scanId" = uuid::Uuid, Path, description = "Id of the scan"),
        ("scanType" = Option<ScanType>, Query, description = "The scan's engine; default `nmap`"),
        ("severity" = Option<Severity>, Query, description = "Only findings of this severity"),
        ("page" = Option<u32>, Query, description = "Number of the page, from 1", minimum = 1),
        ("limit" = Option<u32>, Query, description = "Findings on a page; default 20", minimum = 1, maximum = 100),
        ("cursor" = Option<String>, Query, description = "`nextCursor` of the page before; excludes `page`"),
    ),
    responses((status = 200, description = "The results, with one page of the findings", body = Paged<Results>)),
    security(("apiKey" = [])))]
pub async fn get_results(
    auth: Auth,
    State(app): State<App>,
    segments: Segments,
    query: Query,
) -> Result<Paged<Results>, ApiError> {
    auth.require(Scope::ResultsRead)?;
    let [page, limit, cursor] = PARAMETERS;
    let params = query.only(&["scanType", "severity", page, limit, cursor])?;
    let severity: Option<Severity> = params.word("severity", severities)?;
    let page = PageQuery::read(&params)?;
    let (from, skip) = match &page.at {
        At::Number(number) => (0, u64::from(number - 1) * u64::from(page.limit)),
        At::Cursor(cursor) => (cursor_ordinal(cursor)?, 0),
    };
    let scan = find(&app, &auth, segments.scan_id()?, scan_type(&params)?).await?;
    if !scan.status.is_terminal() {
        return Err(not_ready(&scan));
    }
    let mut conn = app.store.read().await?;
    // One more than asked for is where the next page begins.
    let mut rows = finding::page(&mut conn, &scan.id.to_string(), severity, from, skip, page.limit + 1).await?;
    let next =
        if rows.len() > page.limit as usize { rows.pop().map(|(ordinal, _)| format!("f{ordinal}")) } else { None };
    let findings = rows.into_iter().map(|(_, finding)| finding).collect();
    let data = scan::results(scan, findings);
    let total = severity.map_or(data.summary.total, |severity| scan::count(&data.summary, severity));
    Ok(Paged { success: true, data, pagination: page.pagination(total, next) })
}

/// What is asked for is not there yet.
pub(super) fn not_ready(scan: &ScanRecord) -> ApiError {
    let stands = format!("the scan is {}, at {} %", scan.status, scan.progress);
    ApiError::new(Code::ResultsNotReady).after(POLL_SECONDS).detail("status", stands)
}

/// Seconds after which an unfinished scan is worth another look.
const POLL_SECONDS: u64 = 2;

fn severities() -> String {
    Severity::WORST_FIRST.map(Severity::as_str).join(", ")
}

fn cursor_ordinal(cursor: &str) -> Result<i64, ApiError> {
    let digits = cursor.strip_prefix('f').filter(|digits| digits.bytes().all(|b| b.is_ascii_digit()));
    let ordinal = digits.and_then(|digits| digits.parse().ok());
    ordinal.ok_or_else(|| bad_cursor("is not a nextCursor of this list"))
}
