//! The Scan API itself: for real answers there is `scanyard serve`; here every code can be had, and an empty instance.

use super::exchange::{Asked, Reply};
use super::failure;
use scanyard_contract::{Code, Contract, Support};
use serde_json::{Value, json};

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
    if path == "/errors" {
        let rows = Code::ALL.iter().map(|code| code.row().info(&Support::default()));
        return ok(json!(rows.collect::<Vec<_>>()));
    }
    match asked.header("x-api-key") {
        "" => return fail(asked, Code::MissingApiKey),
        key if !key.starts_with("cix_sk_") => return fail(asked, Code::InvalidApiKey),
        _ => {}
    }
    match (asked.method.as_str(), path) {
        ("GET", "/scans" | "/templates" | "/webhooks") => {
            let pagination = json!({ "page": 1, "limit": 25, "total": 0, "totalPages": 0, "totalIsExact": true });
            Reply::json(200, &json!({ "success": true, "data": [], "pagination": pagination }))
        }
        ("GET", "/engines") => ok(json!([])),
        ("POST", "/scans") if !asked.json().is_object() => fail(asked, Code::InvalidJson),
        ("POST", "/scans") if asked.text("target").is_empty() => fail(asked, Code::MissingRequiredField),
        ("POST", "/scans") => fail(asked, Code::EngineUnavailable),
        ("GET", path) if path.starts_with("/scans/") => fail(asked, Code::ScanNotFound),
        (_, "/scans" | "/templates" | "/webhooks" | "/engines") => fail(asked, Code::MethodNotAllowed),
        _ => fail(asked, Code::RouteNotFound),
    }
}
