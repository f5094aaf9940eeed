//! The Scan API itself: every code can be had here, and an instance where nothing was done yet. For scans that run there is
//! `scanyard serve`.

use super::exchange::{Asked, Reply};
use super::failure;
use scanyard_contract::catalogue::{find, rows_of};
use scanyard_contract::usage::{UsageCounts, UsageQuota};
use scanyard_contract::wire::{Failed, Pagination};
use scanyard_contract::{Category, Code, Contract, Kind, Support, Timestamp};
use serde_json::{Value, json};
use std::time::{SystemTime, UNIX_EPOCH};

/// Lists that are empty here, with the code of an id that they do not hold.
const LISTS: [(&str, Code); 7] = [
    ("scans", Code::ScanNotFound),
    ("scan-templates", Code::TemplateNotFound),
    ("webhooks", Code::WebhookNotFound),
    ("uploads", Code::UploadNotFound),
    ("users", Code::UserNotFound),
    ("tenants", Code::TenantNotFound),
    ("api-keys", Code::ApiKeyNotFound),
];
/// Items of a page by default.
const LIMIT: u32 = 25;
/// A day, in milliseconds.
const DAY_MS: i64 = 24 * 60 * 60 * 1000;

/// What a message may name, as an instance would name it; with a code where it means something else there.
const EXAMPLES: [(Option<Code>, &str, &str); 20] = [
    (Some(Code::InvalidScanType), "type", "radar"),
    (Some(Code::InvalidFieldType), "type", "string"),
    (Some(Code::InvalidScope), "scope", "scans:all"),
    (Some(Code::PasswordPolicyViolation), "N", "2"),
    (Some(Code::PayloadTooLarge), "limit", "1048576"),
    (Some(Code::UriTooLong), "limit", "8192"),
    (Some(Code::HeadersTooLarge), "limit", "16384"),
    (Some(Code::TooManyStreams), "limit", "10"),
    (None, "N", "13"),
    (None, "code", "NO_SUCH_CODE"),
    (None, "event", "scan.lost"),
    (None, "field", "target"),
    (None, "host", "host.example.test"),
    (None, "parameter", "limit"),
    (None, "reason", "169.254.169.254 is link-local"),
    (None, "role", "admin"),
    (None, "scope", "scans:create"),
    (None, "type", "nmap"),
    (None, "types", "application/json"),
    (None, "value", "urgent"),
];

/// The failure with this code, its message filled in; a status that no code has is answered bare.
pub fn failed(asked: &Asked, status: u16, code: Option<&str>, message: &str) -> Reply {
    let Some(code) = code.and_then(|code| code.parse::<Code>().ok()) else {
        return Reply::json(status, &json!({ "message": message }));
    };
    let row = code.row();
    let mut values = vec![("method", asked.method.as_str()), ("path", asked.path.as_str())];
    // The first of a name is taken: what a code says of it comes before what all do.
    values.extend(
        EXAMPLES.iter().filter(|(of, ..)| of.is_none_or(|of| of == code)).map(|(_, name, value)| (*name, *value)),
    );
    let is_waited_for = row.kind == Kind::RateLimited || row.message.contains("{N} seconds");
    let retry_after = is_waited_for.then_some(13);
    let body = Failed {
        success: false,
        error: row.message_with(&values),
        code: code.to_string(),
        request_id: request_id(asked),
        retryable: row.retry.is_retryable(),
        retry_after,
        details: Vec::new(),
        help: row.help(),
    };
    let reply = Reply::json(code.status(), &json!(body));
    match retry_after {
        Some(seconds) => reply.with("retry-after", seconds.to_string()),
        None => reply,
    }
}

/// What a request is called, in the header of every answer and in the body of a failure.
pub fn request_id(asked: &Asked) -> String {
    format!("00000000-0000-7000-8000-{:012x}", asked.number & 0xffff_ffff_ffff)
}

fn fail(asked: &Asked, code: Code) -> Reply {
    failure::by_name(Contract::ScanApi, asked, code.as_str()).unwrap_or_else(|| Reply::empty(code.status()))
}

fn ok(data: Value) -> Reply {
    Reply::json(200, &json!({ "success": true, "data": data }))
}

/// The API's answer.
pub fn answer(asked: &Asked) -> Reply {
    let path = asked.path.trim_start_matches("/scan-api");
    let Some(path) = path.strip_prefix("/api/v1") else { return fail(asked, Code::RouteNotFound) };
    let parts: Vec<&str> = path.split('/').filter(|part| !part.is_empty()).collect();
    if let Some(reply) = public(asked, &parts) {
        return reply;
    }
    match asked.header("x-api-key") {
        "" => return fail(asked, Code::MissingApiKey),
        key if !key.starts_with("cix_sk_") => return fail(asked, Code::InvalidApiKey),
        _ => {}
    }
    match (asked.method.as_str(), parts.as_slice()) {
        ("POST", ["scans"]) if !asked.json().is_object() => fail(asked, Code::InvalidJson),
        ("POST", ["scans"]) if asked.text("target").is_empty() => fail(asked, Code::MissingRequiredField),
        ("POST", ["scans"]) => fail(asked, Code::EngineUnavailable),
        ("GET", ["audit"] | ["usage", "by-key" | "by-scan-type" | "by-endpoint" | "logs"]) => empty(asked),
        ("GET", ["engines"] | ["usage", "history"]) => ok(json!([])),
        ("GET", ["usage", "summary"]) => ok(summary()),
        ("GET", ["usage", "quota"]) => ok(json!(quota())),
        ("GET", ["status"]) => ok(status()),
        (_, ["engines" | "audit" | "status"] | ["usage", _]) => fail(asked, Code::MethodNotAllowed),
        (method, [list]) => match (method, LISTS.iter().any(|(name, _)| name == list)) {
            ("GET", true) => empty(asked),
            (_, true) => fail(asked, Code::MethodNotAllowed),
            (_, false) => fail(asked, Code::RouteNotFound),
        },
        (_, [list, _, ..]) => match LISTS.iter().find(|(name, _)| name == list) {
            Some((_, code)) => fail(asked, *code),
            None => fail(asked, Code::RouteNotFound),
        },
        (_, []) => fail(asked, Code::RouteNotFound),
    }
}

/// What needs no key.
fn public(asked: &Asked, parts: &[&str]) -> Option<Reply> {
    match parts {
        ["errors"] => Some(errors(asked)),
        ["errors", id @ ..] => {
            // One of ours needs no more than its code.
            let id = if let [code] = id { format!("scan-api/{code}") } else { id.join("/") };
            let row = find(&id).first().map(|row| ok(json!(row.info(&Support::default()))));
            Some(row.unwrap_or_else(|| fail(asked, Code::ErrorNotFound)))
        }
        ["openapi.json"] => Some(Reply::json(200, &json!(scanyard_server::openapi(&Support::default())))),
        _ => None,
    }
}

/// The catalogue of an API, or a category of it.
fn errors(asked: &Asked) -> Reply {
    let contract = asked.query("contract").map_or(Ok(Contract::ScanApi), str::parse);
    let category: Result<Option<Category>, ()> = asked.query("category").map(str::parse).transpose();
    let (Ok(contract), Ok(category)) = (contract, category) else { return fail(asked, Code::InvalidParameter) };
    let rows = rows_of(contract).filter(|row| category.is_none_or(|category| row.category == category));
    ok(json!(rows.map(|row| row.info(&Support::default())).collect::<Vec<_>>()))
}

/// A list with nothing in it.
fn empty(asked: &Asked) -> Reply {
    let limit = asked.query("limit").map_or(Ok(LIMIT), str::parse);
    let Ok(limit @ 1..=100) = limit else { return fail(asked, Code::InvalidParameter) };
    let pagination = Pagination {
        page: asked.query("cursor").is_none().then_some(1),
        limit,
        total: 0,
        total_pages: 0,
        total_is_exact: true,
        next_cursor: None,
    };
    Reply::json(200, &json!({ "success": true, "data": [], "pagination": pagination }))
}

fn now() -> i64 {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    i64::try_from(since.as_millis()).unwrap_or(i64::MAX)
}

fn summary() -> Value {
    let mut summary = json!(UsageCounts::default());
    summary["tenantId"] = json!(uuid::Uuid::nil());
    summary["period"] = json!({ "start": Timestamp(now() - DAY_MS), "end": Timestamp(now()) });
    summary["distinctScanTypes"] = json!(0);
    summary["scanTypesUsed"] = json!([]);
    summary
}

fn quota() -> UsageQuota {
    UsageQuota { limit: None, used: 0, remaining: None, reset_at: Timestamp(now() + DAY_MS) }
}

/// Nothing runs here, and nothing could.
fn status() -> Value {
    let part = || json!({ "status": "ok", "since": Timestamp(now()) });
    let with = |mut part: Value, more: Value| {
        if let (Some(part), Some(more)) = (part.as_object_mut(), more.as_object()) {
            part.extend(more.clone());
        }
        part
    };
    json!({ "status": "ok", "api": part(), "database": part(), "queue": with(part(), json!({ "backlog": 0, "maxBacklog": 100_000 })),
        "workers": with(part(), json!({ "processes": 0, "capacity": 0, "running": 0 })),
        "engines": with(part(), json!({ "available": [], "unavailable": [] })) })
}
