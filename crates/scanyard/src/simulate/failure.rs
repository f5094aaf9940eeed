//! Failures with the bodies and headers that the vendors send, quirks included.

use super::exchange::{Asked, Reply};
use scanyard_contract::catalogue::{find, lookup, rows_of};
use scanyard_contract::wire::Failed;
use scanyard_contract::{Code, Contract, Kind, Row, Service};
use serde_json::{Value, json};

/// The failure that a request or a plan asks for by a status or a code; `None` when the contract has no such code.
pub fn by_name(contract: Contract, asked: &Asked, name: &str) -> Option<Reply> {
    let service = Service::of_url(contract, &asked.host, &asked.path);
    if let Ok(status) = name.parse::<u16>() {
        return (100..=599).contains(&status).then(|| by_status(contract, asked, status));
    }
    let own = |row: &&'static Row| row.service == service;
    let shared = |row: &&'static Row| matches!(row.service, None | Some(Service::Common));
    let coded: Vec<_> = rows_of(contract).filter(|row| row.code == Some(name)).collect();
    let row = coded.iter().copied().find(own).or_else(|| coded.iter().copied().find(shared));
    let row = row
        .or_else(|| coded.first().copied())
        .or_else(|| find(name).into_iter().find(|row| row.contract == contract))?;
    Some(of_row(row, asked))
}

/// What the service of a request answers with this status.
pub fn by_status(contract: Contract, asked: &Asked, status: u16) -> Reply {
    let service = Service::of_url(contract, &asked.host, &asked.path);
    match lookup(contract, service, status, None) {
        Some(row) => of(contract, service, status, row.code, row.message),
        None if contract == Contract::ScanApi => match rows_of(contract).find(|row| row.status == Some(status)) {
            Some(row) => of_row(row, asked),
            None => Reply::json(status, &json!({ "message": "unlisted" })),
        },
        None => {
            let coded = rows_of(contract).find(|row| row.service == service && row.status == Some(status));
            let code = coded.and_then(|row| row.code);
            of(
                contract,
                service,
                status,
                code,
                coded.map_or("An answer that the reference does not list", |row| row.message),
            )
        }
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
    of(row.contract, service, status, row.code, row.message)
}

fn of(contract: Contract, service: Option<Service>, status: u16, code: Option<&'static str>, message: &str) -> Reply {
    match contract {
        Contract::ScanApi => scan_api(code),
        Contract::Tenable | Contract::Pytenable => tenable(status, code, message),
        Contract::Zscaler => zscaler(service, status, code, message),
        Contract::ArcticWolf => arctic_wolf(service, status, code, message),
    }
}

fn scan_api(code: Option<&str>) -> Reply {
    let code = code.and_then(|code| code.parse::<Code>().ok()).unwrap_or(Code::InternalError);
    let row = code.row();
    let retry_after = (row.kind == Kind::RateLimited).then_some(13);
    let body = Failed {
        success: false,
        error: row.message_with(&[("N", "13")]),
        code: code.to_string(),
        request_id: "00000000-0000-7000-8000-000000000001".to_string(),
        retryable: row.retry.is_retryable(),
        retry_after,
        details: Vec::new(),
        help: row.help(),
    };
    let reply = Reply::json(code.status(), &json!(body)).with("x-request-id", body.request_id.clone());
    match retry_after {
        Some(seconds) => reply.with("retry-after", seconds.to_string()),
        None => reply,
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
    let reply = match (service.unwrap_or(Service::Common), status, code) {
        (Service::Common, _, Some("invalid_client")) | (_, _, Some("invalid_client")) => {
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
        (Service::Zia | Service::Cbc, 429, _) => {
            Reply::json(429, &json!({ "message": "Rate Limit (1/SECOND) exceeded", "Retry-After": "1 seconds" }))
        }
        (Service::Zia | Service::Cbc, 409, Some(code)) => Reply::json(409, &json!({ "code": code })),
        (Service::Zia | Service::Cbc, _, Some(code)) => {
            Reply::json(status, &json!({ "code": code, "message": message }))
        }
        (Service::Zia | Service::Cbc, _, None) => Reply::json(status, &json!({ "message": message })),
        (Service::Zpa, _, _) => zpa(status, code, message),
        (Service::Zcc, 400, _) => Reply::empty(400),
        (Service::Zcc, 404, _) => Reply::text(404, "application/json", "404 Not Found"),
        (Service::Zcc, 429, _) => Reply::empty(429).with("x-rate-limit-remaining", "0"),
        (Service::Zcc, _, _) => {
            Reply::json(status, &json!({ "title": phrase(status), "errorCode": null, "errorMessage": message }))
        }
        (Service::Zdx, 429, _) => Reply::empty(429).with("ratelimit-limit", "5").with("ratelimit-remaining", "0"),
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
    };
    with_gateway_headers(reply, status, code)
}

fn zpa(status: u16, code: Option<&str>, message: &str) -> Reply {
    let (code, params): (&str, Value) = match (status, code) {
        (400 | 404, Some("resource.not.found")) => ("resource.not.found", json!(["0"])),
        (409, Some(code)) => (code, json!(["com.zscaler.zpn.model.PolicySet"])),
        (401, None) => ("access.denied", Value::Null),
        (429, _) => ("invalid.toomanyrequests", Value::Null),
        (503, _) => ("retryable.server.error", Value::Null),
        (404, None) => ("resource.not.found", Value::Null),
        (_, code) => (code.unwrap_or(phrase(status)), Value::Null),
    };
    let mut body = json!({ "id": code, "reason": message });
    if !params.is_null() {
        body["params"] = params;
    }
    if status == 429 {
        body["exception"] = json!(code);
        body["reason"] = json!("Exceeded the number of requests allowed");
    }
    match status {
        429 => Reply::json(status, &body).with("retry-after", "13s"),
        503 => Reply::json(status, &body).with("retry-after", "10s"),
        _ => Reply::json(status, &body),
    }
}

/// The gateway tells of its own quota beside the service's refusal.
fn with_gateway_headers(reply: Reply, status: u16, code: Option<&str>) -> Reply {
    let reply = match code {
        Some("STATE_READONLY") => reply.with("x-zscaler-mode", "read-only"),
        Some(_) | None => reply,
    };
    if status != 429 {
        return reply;
    }
    reply
        .with("x-ratelimit-limit", "5000, 5000;w=60")
        .with("x-ratelimit-remaining", "4992")
        .with("x-ratelimit-reset", "34")
}

fn arctic_wolf(service: Option<Service>, status: u16, code: Option<&str>, message: &str) -> Reply {
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
