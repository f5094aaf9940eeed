//! `GET /scans`: a tenant's scans, filtered and in order.

use crate::App;
use crate::error::ApiError;
use crate::http::answer::Listed;
use crate::http::auth::Auth;
use crate::http::page::{At, PARAMETERS, PageQuery, bad_cursor};
use crate::http::query::{Params, Query, invalid};
use crate::scope::Scope;
use crate::store::scan_list::{self, Order, ScanFilter, Window};
use axum::extract::State;
use scanyard_contract::wire::{Page, Pagination};
use scanyard_contract::{Code, Priority, Scan, ScanStatus, ScanType, Timestamp};
use scanyard_engines::Target;
use scanyard_engines::target::TargetFault;
use serde_json::value::RawValue;
use uuid::Uuid;

/// The tenant's scans
///
/// Newest first. Without `scanType` those of every engine. `total` is exact for every combination of `scanType`, `status` and
/// `priority`; with any other filter scans are counted up to 10,000, and beyond that `totalIsExact` is `false`.
#[utoipa::path(get, path = "/scans", operation_id = "list_scans", tag = "scans",
    params(
        ("scanType" = Option<ScanType>, Query, description = "Only scans of this engine"),
        ("status" = Option<ScanStatus>, Query, description = "Only scans in this status"),
        ("priority" = Option<Priority>, Query, description = "Only scans of this priority"),
        ("tag" = Option<String>, Query, description = "Only scans with this tag", min_length = 1),
        ("target" = Option<String>, Query, description = "Only scans of this target, however it is spelt"),
        ("createdAfter" = Option<Timestamp>, Query, description = "Only scans created at this time or later"),
        ("createdBefore" = Option<Timestamp>, Query, description = "Only scans created before this time"),
        ("sort" = inline(Option<Sort>), Query, description = "`createdAt` is oldest first; default `-createdAt`, newest first"),
        ("page" = Option<u32>, Query, description = "Number of the page, from 1", minimum = 1),
        ("limit" = Option<u32>, Query, description = "Items on a page; default 20", minimum = 1, maximum = 100),
        ("cursor" = Option<String>, Query,
            description = "`nextCursor` of the page before, with the same filters and `sort`; excludes `page`"),
    ),
    responses((status = 200, description = "One page of scans", body = Page<Scan>)),
    security(("apiKey" = [])))]
pub async fn list_scans(auth: Auth, State(app): State<App>, query: Query) -> Result<Listed<Box<RawValue>>, ApiError> {
    auth.require(Scope::ScansList)?;
    let [page, limit, cursor] = PARAMETERS;
    let names = ["scanType", "status", "priority", "tag", "target", "createdAfter", "createdBefore", "sort"];
    let params = query.only(&[&names[..], &[page, limit, cursor]].concat())?;
    let filter = filter(&params)?;
    if let Some(scan_type) = filter.scan_type {
        auth.note().scan_type(scan_type);
    }
    let order = match params.word("sort", Sort::words)? {
        Some(Sort::OldestFirst) => Order::OldestFirst,
        Some(Sort::NewestFirst) | None => Order::NewestFirst,
    };
    let page = PageQuery::read(&params)?;
    let window = match &page.at {
        At::Number(number) => Window::Offset(u64::from(number - 1) * u64::from(page.limit)),
        At::Cursor(cursor) => Window::After(cursor_id(cursor)?),
    };
    let mut conn = app.store.read().await?;
    let listed = scan_list::list(&mut conn, auth.tenant_id(), &filter, order, window, page.limit).await?;
    let next = listed.scans.last().filter(|_| listed.has_more).map(|last| last.id.simple().to_string());
    Ok(Listed {
        data: listed.scans.into_iter().map(|scan| scan.json).collect(),
        pagination: Pagination { total_is_exact: listed.total_is_exact, ..page.pagination(listed.total, next) },
    })
}

/// What `sort` can say.
#[derive(Debug, Clone, Copy, PartialEq, Eq, utoipa::ToSchema)]
pub enum Sort {
    #[schema(rename = "createdAt")]
    OldestFirst,
    #[schema(rename = "-createdAt")]
    NewestFirst,
}

impl Sort {
    fn words() -> String {
        "createdAt, -createdAt".to_string()
    }
}

impl std::str::FromStr for Sort {
    type Err = ();

    fn from_str(text: &str) -> Result<Self, ()> {
        match text {
            "createdAt" => Ok(Sort::OldestFirst),
            "-createdAt" => Ok(Sort::NewestFirst),
            _ => Err(()),
        }
    }
}

fn filter(params: &Params) -> Result<ScanFilter, ApiError> {
    Ok(ScanFilter {
        scan_type: params.scan_type()?,
        status: params.word("status", ScanStatus::words)?,
        priority: params.priority()?,
        tag: match params.text("tag") {
            Some("") => return Err(invalid("tag", "must not be empty")),
            tag => tag.map(str::to_string),
        },
        target: params.text("target").map(target).transpose()?,
        created_after: params.time("createdAfter")?,
        created_before: params.time("createdBefore")?,
    })
}

/// The target as scans of it have it.
fn target(text: &str) -> Result<String, ApiError> {
    let refused = |fault: TargetFault| ApiError::new(Code::InvalidTarget).detail("target", fault.to_string());
    // What is neither host nor URL may be an upload, an image, or the files of an imported report.
    let of_files = || Target::parse_imported(ScanType::Trivy, text);
    let target = Target::parse(text).or_else(|fault| of_files().map_err(|_| fault));
    Ok(target.map_err(refused)?.to_string())
}

fn cursor_id(cursor: &str) -> Result<Uuid, ApiError> {
    let is_ours = cursor.len() == 32;
    let id = Uuid::try_parse(cursor).ok().filter(|_| is_ours);
    id.ok_or_else(|| bad_cursor("is not a nextCursor of this list"))
}
