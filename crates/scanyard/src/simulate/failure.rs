//! Failures with the bodies and headers that the vendors send, quirks included.

use super::exchange::{Asked, Reply};
use super::scan_api;
use scanyard_contract::catalogue::{find, lookup, rows_of};
use scanyard_contract::{Contract, Row, Service, Source, classify};
use serde_json::json;
use std::time::SystemTime;

/// The failure that a request or a plan asks for by a status or a code; `None` when the contract has no such code.
pub fn by_name(contract: Contract, asked: &Asked, name: &str) -> Option<Reply> {
    let service = Service::of_url(contract, &asked.host, &asked.path);
    if let Ok(status) = name.parse::<u16>() {
        return (100..=599).contains(&status).then(|| by_status(contract, asked, status));
    }
    let own = |row: &&'static Row| row.service == service;
    let shared = |row: &&'static Row| matches!(row.service, None | Some(Service::Common));
    // Several statuses may have a code: the one of the vendor's reference comes first.
    let mut coded: Vec<_> = rows_of(contract).filter(|row| row.code == Some(name)).collect();
    coded.sort_by_key(|row| row.source != Source::Reference);
    let row = coded.iter().copied().find(own).or_else(|| coded.iter().copied().find(shared));
    let row = row
        .or_else(|| coded.first().copied())
        .or_else(|| find(name).into_iter().find(|row| row.contract == contract))?;
    Some(of_row(row, asked))
}

/// What the service of a request answers with this status.
pub fn by_status(contract: Contract, asked: &Asked, status: u16) -> Reply {
    let service = Service::of_url(contract, &asked.host, &asked.path);
    // The only answer of this status that the service's reference shows.
    let shown = (service == Some(Service::Zpa) && status == 409).then_some("api.concurrent.access.error");
    let plain = lookup(contract, service, status, shown);
    // What the service itself says with this status comes before what all of them share: of several answers the one that
    // means what the status means everywhere.
    let own = rows_of(contract).filter(|row| row.service == service && row.status == Some(status));
    let (kind, retry) = classify::by_status(status);
    let coded = own.min_by_key(|row| (row.kind, row.retry.is_retryable()) != (kind, retry.is_retryable()));
    match plain.filter(|row| row.service == service).or(coded).or(plain) {
        Some(row) => of(asked, contract, service, status, row.code, row.message),
        None => of(asked, contract, service, status, None, "An answer that the reference does not list"),
    }
}

/// A row's failure, in the shape of the service that is asked.
pub fn of_row(row: &'static Row, asked: &Asked) -> Reply {
    let asked_service = Service::of_url(row.contract, &asked.host, &asked.path);
    let service = match row.service {
        Some(Service::Common) | None => asked_service.or(row.service),
        Some(service) => Some(service),
    };
    let status = row.status.unwrap_or(400);
    of(asked, row.contract, service, status, row.code, row.message)
}

fn of(
    asked: &Asked,
    contract: Contract,
    service: Option<Service>,
    status: u16,
    code: Option<&'static str>,
    message: &str,
) -> Reply {
    match contract {
        Contract::ScanApi => scan_api::failed(asked, status, code, message),
        Contract::Tenable | Contract::Pytenable => tenable(status, code, message),
        Contract::Zscaler => {
            let reply = zscaler(service, status, code, message);
            if status == 429 { with_quota(reply, service, asked) } else { reply }
        }
        Contract::ArcticWolf => arctic_wolf(service, status, code, message),
    }
}

fn phrase(status: u16) -> &'static str {
    http::StatusCode::from_u16(status).ok().and_then(|status| status.canonical_reason()).unwrap_or("Unknown")
}

fn tenable(status: u16, code: Option<&str>, message: &str) -> Reply {
    match (status, code) {
        (409, Some("active_job_id")) => {
            let job = "00000000-0000-4000-8000-000000000000";
            Reply::json(
                409,
                &json!({ "active_job_id": job, "failure_reason": "An export with these filters is running" }),
            )
        }
        // The edge's own answer: a page, and none of the service's headers.
        (429, None) => {
            let page = "<html><head><title>429 Too Many Requests</title></head><body>Too Many Requests</body></html>";
            Reply::text(429, "text/html", page).with("retry-after", "30").with("server", "tenable.io")
        }
        (429, Some(message)) => {
            Reply::json(429, &json!({ "status": 429, "message": format!("{message}. Wait for it.") }))
        }
        (404, _) => Reply::empty(404),
        (403, _) => Reply::json(403, &json!({ "error": "You are not authorized to perform this request" })),
        (400, Some("password")) => Reply::json(400, &json!({ "error": "Password does not meet the requirements" })),
        (status, _) => {
            Reply::json(status, &json!({ "statusCode": status, "error": phrase(status), "message": message }))
        }
    }
}

fn zscaler(service: Option<Service>, status: u16, code: Option<&str>, message: &str) -> Reply {
    match (service.unwrap_or(Service::Common), status, code) {
        (_, _, Some("invalid_client")) => {
            Reply::json(401, &json!({ "error": "invalid_client", "error_description": "Client authentication failed" }))
        }
        (_, _, Some("ONLY_ONEAPI_SUPPORTED")) => {
            Reply::text(status, "text/plain", "Access is possible only through zscaler oneapi")
        }
        (_, 401, Some("Resource Access Blocked")) => Reply::json(401, &json!({ "message": "Resource Access Blocked" })),
        (Service::Zia | Service::Cbc, 401, None) => {
            Reply::json(401, &json!({ "code": "SESSION_NOT_VALID", "message": "Session is not valid" }))
        }
        (Service::Zia | Service::Cbc, 404 | 415 | 500, None) => Reply::empty(status),
        (Service::Zia | Service::Cbc, 406, None) => Reply::text(406, "text/html", "<html><title>406</title></html>"),
        (Service::Zia, 429, _) => over("2/SECOND", "1 seconds").with("retry-after", "1"),
        (Service::Cbc, 429, _) => over("1/SECOND", "0 seconds"),
        (Service::Zia | Service::Cbc, 409, Some(code)) => Reply::json(409, &json!({ "code": code })),
        (Service::Zia | Service::Cbc, 403, Some(code @ "STATE_READONLY")) => {
            Reply::json(403, &json!({ "code": code, "message": message })).with("x-zscaler-mode", "read-only")
        }
        (Service::Zia | Service::Cbc, _, Some(code)) => {
            Reply::json(status, &json!({ "code": code, "message": message }))
        }
        (Service::Zia | Service::Cbc, _, None) => Reply::json(status, &json!({ "message": message })),
        (Service::Zpa, _, _) => zpa(status, code, message),
        (Service::Zcc, 400, _) => Reply::empty(400),
        (Service::Zcc, 404, _) => Reply::text(404, "application/json", "404 Not Found"),
        (Service::Zcc | Service::Zdx, 429, _) => Reply::empty(429),
        (Service::Zcc, _, _) => {
            Reply::json(status, &json!({ "title": phrase(status), "errorCode": null, "errorMessage": message }))
        }
        (Service::Bi, _, code) => Reply::json(
            status,
            &json!({ "errorCode": code, "errorDetails": message, "timestamp": 1_700_000_000_000_i64 }),
        ),
        (Service::Zcell, _, code) => {
            Reply::json(status, &json!({ "msgId": code, "detail": message, "timestamp": 1_700_000_000_000_i64 }))
        }
        (Service::Graphql, 200, _) => {
            Reply::json(200, &json!({ "data": null, "errors": [{ "message": "no such field" }] }))
        }
        (_, 401, None) => Reply::json(401, &json!({ "detail": "unauthorized", "type": "", "title": "", "status": "" }))
            .with("x-oneapi-api-category", "common"),
        (_, _, code) => Reply::json(status, &json!({ "code": code.unwrap_or(phrase(status)), "message": message })),
    }
}

/// Too many requests, as the portals say it.
fn over(limit: &str, wait: &str) -> Reply {
    Reply::json(429, &json!({ "message": format!("Rate Limit ({limit}) exceeded"), "Retry-After": wait }))
}

fn zpa(status: u16, code: Option<&str>, message: &str) -> Reply {
    // What the vendor sends where a status alone is asked for.
    let code = code.or(match status {
        401 => Some("access.denied"),
        404 => Some("resource.not.found"),
        429 => Some("invalid.toomanyrequests"),
        503 => Some("retryable.server.error"),
        _ => None,
    });
    let row = lookup(Contract::Zscaler, Some(Service::Zpa), status, code).filter(|row| row.code.is_some());
    let reason = match (status, code) {
        (400, Some("resource.not.found")) => "No resource exists with the given id/name :0",
        (404, Some("resource.not.found")) => "No handler found",
        _ => row.map_or(message, |row| row.message),
    };
    let code = code.unwrap_or(phrase(status));
    let mut body = json!({ "id": code, "reason": reason });
    match (status, code) {
        (400, "resource.not.found") => body["params"] = json!(["0"]),
        (409, "api.concurrent.access.error") => body["params"] = json!(["com.zscaler.zpn.model.PolicySet"]),
        (429, code) => body["exception"] = json!(code),
        _ => {}
    }
    match status {
        429 => Reply::json(status, &body).with("retry-after", "13s"),
        503 => Reply::json(status, &body).with("retry-after", "10s"),
        _ => Reply::json(status, &body),
    }
}

/// The quota that a 429 is about, told as the service does: in headers of its own, in the gateway's, or not at all.
fn with_quota(reply: Reply, service: Option<Service>, asked: &Asked) -> Reply {
    let of_gateway = |reply: Reply, limit: &str, remaining: &str, reset: &str| {
        let reply = reply.with("x-ratelimit-limit", limit).with("x-ratelimit-remaining", remaining);
        reply.with("x-ratelimit-reset", reset)
    };
    match service {
        Some(Service::Zcc) => {
            let is_daily = ["/downloadDevices", "/downloadServiceStatus", "/downloadDisableReasons"]
                .iter()
                .any(|end| asked.path.ends_with(end));
            let limit = if is_daily { "3, 3;w=86400, 5000;w=60" } else { "100, 100;w=3600, 5000;w=60" };
            let reply = reply.with("x-rate-limit-remaining", "0").with("x-rate-limit-retry-after-seconds", "60");
            of_gateway(reply, limit, "0", "60")
        }
        Some(Service::Zdx) => {
            let now = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).map_or(0, |time| time.as_secs());
            let reply = reply.with("ratelimit-limit", "5").with("ratelimit-remaining", "0");
            reply.with("ratelimit-reset", (now + 5).to_string())
        }
        Some(Service::Bi) => reply,
        Some(Service::Common) => of_gateway(reply, "500, 500;w=1, 10000;w=60", "0", "1"),
        // Its own quota, not the one that is used up.
        Some(_) | None => of_gateway(reply, "5000, 5000;w=60", "4992", "34"),
    }
}

fn arctic_wolf(service: Option<Service>, status: u16, code: Option<&str>, message: &str) -> Reply {
    let message = match (service, status) {
        (Some(Service::Ticket | Service::Reports), 400) => "The 'limit' parameter must be less than or equal to 100.",
        (Some(Service::Ticket), 401) => "Invalid or expired authentication token.",
        (Some(Service::Ticket), 403) => "Insufficient permissions to access this resource.",
        (Some(Service::Ticket), 404) => "Ticket with ID 12345 was not found.",
        (Some(Service::Ticket | Service::Reports), 500) => {
            "An unexpected error occurred while processing your request."
        }
        (Some(Service::DataRetrieval), 400) => "Missing required parameter: start_time",
        (Some(Service::DataRetrieval), 401) => "Authentication required",
        (Some(Service::DataRetrieval), 403) => "Access denied: insufficient permissions for this organization",
        (Some(Service::DataRetrieval), 404) => "Data source not found",
        (Some(Service::DataRetrieval), 500) => "Unable to process request",
        (Some(Service::Reports), 401) => "User not authorised to create report",
        (Some(Service::Reports), 403) => "User doesn't have proper access",
        (Some(Service::Reports), 409) => "Report generation already in progress",
        _ => message,
    };
    match service {
        Some(Service::Ticket | Service::Reports) => {
            let word = phrase(status).to_ascii_lowercase().replace(' ', "_");
            Reply::json(status, &json!({ "code": code.unwrap_or(&word), "description": message }))
        }
        Some(Service::Organizations) if matches!(status, 401 | 403) => Reply::empty(status),
        Some(Service::Organizations) => {
            let errors = json!([{ "code": 1, "field": "root", "message": message }]);
            Reply::json(status, &json!({ "message": message, "code": status, "errors": errors }))
        }
        Some(Service::DataRetrieval) => Reply::json(status, &json!({ "error": message })),
        _ => Reply::json(status, &json!({ "message": message })),
    }
}
