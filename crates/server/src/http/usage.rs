//! Usage: counts of calls in a period, the quota, the log of calls. Always the caller's own tenant.

use crate::App;
use crate::error::ApiError;
use crate::http::answer::{Answer, Listed};
use crate::http::auth::Auth;
use crate::http::page::{At, PARAMETERS, PageQuery, bad_cursor};
use crate::http::query::{Params, Query, invalid};
use crate::scope::Scope;
use crate::store::call_log::{self, CallFilter, CallStart};
use crate::store::usage_rollup::{self, Counts, Group};
use crate::store::{api_key, quota_use};
use crate::usage::{self, Span};
use axum::extract::State;
use scanyard_contract::usage::{
    Granularity, LoggedCall, UsageByEndpoint, UsageByKey, UsageByScanType, UsagePeriodName, UsagePoint, UsageQuota,
    UsageSummary,
};
use scanyard_contract::wire::{Page, Success};
use scanyard_contract::{Code, ScanType, Timestamp};

/// Calls that a list counts at most.
const MOST_COUNTED: u64 = 10_000;

/// `period`, or what it is when it is absent.
fn period(params: &Params, default: UsagePeriodName) -> Result<UsagePeriodName, ApiError> {
    Ok(params.word("period", UsagePeriodName::words)?.unwrap_or(default))
}

/// The caller's counts in a span, by group.
async fn counted(app: &App, auth: &Auth, group: Group, span: Span) -> Result<Vec<(String, Counts)>, ApiError> {
    let conn = &mut *app.store.read().await?;
    Ok(usage_rollup::counts(conn, auth.tenant_id(), group, span.span_s, span.from, span.to).await?)
}

/// Usage of a period
///
/// Counts lag behind the calls by at most a second.
#[utoipa::path(get, path = "/usage/summary", operation_id = "get_usage_summary", tag = "usage",
    params(("period" = Option<UsagePeriodName>, Query, description = "Default `30d`")),
    responses((status = 200, description = "The counts", body = Success<UsageSummary>)),
    security(("apiKey" = [])))]
pub async fn get_usage_summary(
    auth: Auth,
    State(app): State<App>,
    query: Query,
) -> Result<Answer<UsageSummary>, ApiError> {
    auth.require(Scope::UsageRead)?;
    let name = period(&query.only(&["period"])?, UsagePeriodName::Days30)?;
    let span = usage::span(name, app.store.local_now());
    let found = counted(&app, &auth, Group::ScanType, span).await?;
    Ok(Answer(usage::summary(auth.tenant_id(), span, &found)))
}

/// Usage over time
///
/// A point for each hour or day, oldest first, also where nobody called.
#[utoipa::path(get, path = "/usage/history", operation_id = "get_usage_history", tag = "usage",
    params(
        ("period" = Option<UsagePeriodName>, Query, description = "Default `7d`"),
        ("granularity" = Option<Granularity>, Query, description = "Default `auto`"),
    ),
    responses((status = 200, description = "The points", body = Success<Vec<UsagePoint>>)),
    security(("apiKey" = [])))]
pub async fn get_usage_history(
    auth: Auth,
    State(app): State<App>,
    query: Query,
) -> Result<Answer<Vec<UsagePoint>>, ApiError> {
    auth.require(Scope::UsageRead)?;
    let params = query.only(&["period", "granularity"])?;
    let name = period(&params, UsagePeriodName::Days7)?;
    let granularity = params.word("granularity", Granularity::words)?.unwrap_or(Granularity::Auto);
    let now = app.store.local_now();
    let span = usage::span(name, now).in_parts(name, granularity, now);
    Ok(Answer(usage::history(span, counted(&app, &auth, Group::Start, span).await?)))
}

/// The groups of a breakdown that a page shows, and how many there are in all.
async fn breakdown(
    app: &App,
    auth: &Auth,
    query: Query,
    group: Group,
) -> Result<(Vec<(String, Counts)>, PageQuery, u64), ApiError> {
    auth.require(Scope::UsageRead)?;
    let [page, limit, _] = PARAMETERS;
    let params = query.only(&["period", page, limit])?;
    let name = period(&params, UsagePeriodName::Days30)?;
    let page = PageQuery::read(&params)?;
    let mut found = counted(app, auth, group, usage::span(name, app.store.local_now())).await?;
    found.retain(|(name, _)| !name.is_empty());
    let total = found.len() as u64;
    let skipped = match &page.at {
        At::Number(number) => (*number as usize - 1).saturating_mul(page.limit as usize),
        At::Cursor(_) => 0,
    };
    let shown = usage::ranked(found).into_iter().skip(skipped).take(page.limit as usize).collect();
    Ok((shown, page, total))
}

/// Usage by key
///
/// The keys and users of the tenant that called, the busiest first.
#[utoipa::path(get, path = "/usage/by-key", operation_id = "get_usage_by_key", tag = "usage",
    params(
        ("period" = Option<UsagePeriodName>, Query, description = "Default `30d`"),
        ("page" = Option<u32>, Query, description = "Number of the page, from 1", minimum = 1),
        ("limit" = Option<u32>, Query, description = "Items on a page; default 20", minimum = 1, maximum = 100),
    ),
    responses((status = 200, description = "One page of keys and users", body = Page<UsageByKey>)),
    security(("apiKey" = [])))]
pub async fn get_usage_by_key(
    auth: Auth,
    State(app): State<App>,
    query: Query,
) -> Result<Listed<UsageByKey>, ApiError> {
    let (found, page, total) = breakdown(&app, &auth, query, Group::Principal).await?;
    let ids: Vec<&str> = found.iter().map(|(principal, _)| principal.as_str()).collect();
    let mut names = api_key::names(&mut *app.store.read().await?, auth.tenant_id(), &ids).await?;
    let data = found.into_iter().map(|(principal, counts)| {
        let name = names.remove(&principal);
        usage::by_key(principal, &counts, name)
    });
    Ok(Listed { data: data.collect(), pagination: page.pagination(total, None) })
}

/// Usage by engine
///
/// Calls that are about one engine; the busiest first.
#[utoipa::path(get, path = "/usage/by-scan-type", operation_id = "get_usage_by_scan_type", tag = "usage",
    params(
        ("period" = Option<UsagePeriodName>, Query, description = "Default `30d`"),
        ("page" = Option<u32>, Query, description = "Number of the page, from 1", minimum = 1),
        ("limit" = Option<u32>, Query, description = "Items on a page; default 20", minimum = 1, maximum = 100),
    ),
    responses((status = 200, description = "One page of engines", body = Page<UsageByScanType>)),
    security(("apiKey" = [])))]
pub async fn get_usage_by_scan_type(
    auth: Auth,
    State(app): State<App>,
    query: Query,
) -> Result<Listed<UsageByScanType>, ApiError> {
    let (found, page, total) = breakdown(&app, &auth, query, Group::ScanType).await?;
    let data = found.iter().filter_map(usage::by_scan_type).collect();
    Ok(Listed { data, pagination: page.pagination(total, None) })
}

/// Usage by endpoint
///
/// The operations that were called, the busiest first.
#[utoipa::path(get, path = "/usage/by-endpoint", operation_id = "get_usage_by_endpoint", tag = "usage",
    params(
        ("period" = Option<UsagePeriodName>, Query, description = "Default `30d`"),
        ("page" = Option<u32>, Query, description = "Number of the page, from 1", minimum = 1),
        ("limit" = Option<u32>, Query, description = "Items on a page; default 20", minimum = 1, maximum = 100),
    ),
    responses((status = 200, description = "One page of operations", body = Page<UsageByEndpoint>)),
    security(("apiKey" = [])))]
pub async fn get_usage_by_endpoint(
    auth: Auth,
    State(app): State<App>,
    query: Query,
) -> Result<Listed<UsageByEndpoint>, ApiError> {
    let (found, page, total) = breakdown(&app, &auth, query, Group::Endpoint).await?;
    let data = found.iter().map(usage::by_endpoint).collect();
    Ok(Listed { data, pagination: page.pagination(total, None) })
}

/// The month's quota
///
/// Exact: it counts with the scans themselves.
#[utoipa::path(get, path = "/usage/quota", operation_id = "get_usage_quota", tag = "usage",
    responses((status = 200, description = "How the quota stands", body = Success<UsageQuota>)),
    security(("apiKey" = [])))]
pub async fn get_usage_quota(auth: Auth, State(app): State<App>, query: Query) -> Result<Answer<UsageQuota>, ApiError> {
    auth.require(Scope::UsageRead)?;
    query.none()?;
    let now = app.store.local_now();
    let month_at = crate::scan::month_start(now);
    let used = quota_use::used(&mut *app.store.read().await?, auth.tenant_id(), month_at).await?;
    let limit = auth.tenant().monthly_quota;
    Ok(Answer(UsageQuota {
        limit,
        used,
        remaining: limit.map(|limit| limit.saturating_sub(used)),
        reset_at: Timestamp(crate::scan::next_month_start(now)),
    }))
}

/// The log of calls
///
/// Newest first, kept as long as the server's settings say. A call is there within a second of its answer. `total` is
/// counted up to 10,000.
#[utoipa::path(get, path = "/usage/logs", operation_id = "list_usage_logs", tag = "usage",
    params(
        ("keyId" = Option<String>, Query, description = "Only calls of this key (`key-…`) or user (`usr-…`)"),
        ("status" = Option<String>, Query, description = "Only calls answered with this status, such as `404`, or \
            with one of this class, such as `4xx`"),
        ("code" = Option<String>, Query, description = "Only calls that failed with this code"),
        ("method" = Option<String>, Query, description = "Only calls with this method"),
        ("scanType" = Option<ScanType>, Query, description = "Only calls about this engine"),
        ("from" = Option<Timestamp>, Query, description = "Only calls of this second or later"),
        ("to" = Option<Timestamp>, Query, description = "Only calls of this second or earlier"),
        ("page" = Option<u32>, Query, description = "Number of the page, from 1", minimum = 1),
        ("limit" = Option<u32>, Query, description = "Items on a page; default 20", minimum = 1, maximum = 100),
        ("cursor" = Option<String>, Query, description = "`nextCursor` of the page before; excludes `page`"),
    ),
    responses((status = 200, description = "One page of calls", body = Page<LoggedCall>)),
    security(("apiKey" = [])))]
pub async fn list_usage_logs(auth: Auth, State(app): State<App>, query: Query) -> Result<Listed<LoggedCall>, ApiError> {
    auth.require(Scope::UsageRead)?;
    let [page, limit, cursor] = PARAMETERS;
    let params = query.only(&["keyId", "status", "code", "method", "scanType", "from", "to", page, limit, cursor])?;
    let filter = filter(&params)?;
    let page = PageQuery::read(&params)?;
    let start = match &page.at {
        At::Number(number) => CallStart::Offset(i64::from(number - 1) * i64::from(page.limit)),
        At::Cursor(cursor) => {
            let read = usage::read_cursor(cursor);
            let (at, id) = read.ok_or_else(|| bad_cursor("is not a nextCursor of this list"))?;
            CallStart::After(at, id)
        }
    };
    let tenant_id = auth.tenant_id();
    let mut conn = app.store.read().await?;
    let mut found = call_log::list(&mut conn, tenant_id, &filter, &start, page.limit + 1).await?;
    let total = call_log::count(&mut conn, tenant_id, &filter, MOST_COUNTED + 1).await?;
    let next = page.cut(&mut found, usage::cursor);
    let mut pagination = page.pagination(total.min(MOST_COUNTED), next);
    pagination.total_is_exact = total <= MOST_COUNTED;
    Ok(Listed { data: found.into_iter().map(usage::logged).collect(), pagination })
}

/// The methods that calls can have.
const METHODS: [&str; 6] = ["GET", "HEAD", "POST", "PUT", "PATCH", "DELETE"];

fn filter(params: &Params) -> Result<CallFilter, ApiError> {
    let checked = |name: &str, is_right: &dyn Fn(&str) -> bool, reason: &str| match params.text(name) {
        Some(text) if !is_right(text) => Err(invalid(name, reason)),
        given => Ok(given.unwrap_or_default().to_string()),
    };
    let is_id = |text: &str| {
        let uuid = ["key-", "usr-"].iter().find_map(|prefix| text.strip_prefix(prefix));
        uuid.is_some_and(|uuid| uuid.len() == 36 && uuid.bytes().all(|b| b.is_ascii_hexdigit() || b == b'-'))
    };
    let statuses = match params.text("status") {
        None => (0, u16::MAX),
        Some(text) => statuses(text)
            .ok_or_else(|| invalid("status", "must be a status such as 404, or a class: 2xx, 3xx, 4xx or 5xx"))?,
    };
    let (from, to) = (params.time("from")?, params.time("to")?);
    Ok(CallFilter {
        principal: checked("keyId", &is_id, "must be the id of a key or a user")?,
        method: checked("method", &|text| METHODS.contains(&text), &format!("must be one of {}", METHODS.join(", ")))?,
        code: checked("code", &|text| text.parse::<Code>().is_ok(), "must be a code of GET /errors")?,
        scan_type: params.scan_type()?,
        statuses,
        // The times on the wire are whole seconds: `to` holds all of its own.
        times: (from.unwrap_or(i64::MIN), to.map_or(i64::MAX, |to| to.saturating_add(999))),
    })
}

/// First and last status of `404` or `4xx`.
fn statuses(text: &str) -> Option<(u16, u16)> {
    match text.strip_suffix("xx") {
        Some(class @ ("2" | "3" | "4" | "5")) => class.parse().ok().map(|class: u16| (class * 100, class * 100 + 99)),
        Some(_) => None,
        None => {
            let is_status = text.len() == 3 && text.bytes().all(|b| b.is_ascii_digit());
            text.parse().ok().filter(|status| is_status && (100..600).contains(status)).map(|status| (status, status))
        }
    }
}
