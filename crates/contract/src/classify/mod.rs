//! What an answer means: a pure function of what was asked and what came back. Never panics, whatever the bytes.

mod body;
mod rules;

use crate::catalogue::{Row, lookup};
use crate::class::{Kind, Retry};
use crate::contract::{Contract, Service};
use crate::headers::header;
use crate::scan_api::Code;
use crate::wait;
use crate::wire::Detail;
pub use rules::by_status;

use body::Body;
use http::HeaderMap;
use std::time::{Duration, SystemTime};

/// What was asked: the same answer means different things to different requests.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Context<'a> {
    /// The API that was asked.
    pub contract: Contract,
    /// Which of the vendor's services; `None` when that is not known.
    pub service: Option<Service>,
    /// `GET`, …; empty when it is not known.
    pub method: &'a str,
    /// Path of the URL; empty when it is not known.
    pub path: &'a str,
    /// Whether the request acts for another user, as with Tenable's `X-Impersonate`.
    pub is_impersonated: bool,
    /// Whether the request sets a password.
    pub is_password_change: bool,
    /// Whether the request asks for a token or a session: a fresh token cannot help it.
    pub is_sign_in: bool,
    /// Whether the answer is a file, so that a success need not be JSON.
    pub is_download: bool,
}

impl Context<'_> {
    /// A request of which only the API is known.
    pub const fn of(contract: Contract, service: Option<Service>) -> Context<'static> {
        Context {
            contract,
            service,
            method: "",
            path: "",
            is_impersonated: false,
            is_password_change: false,
            is_sign_in: false,
            is_download: false,
        }
    }
}

/// An answer, understood.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Classified {
    /// The class that a program branches on.
    pub kind: Kind,
    /// Whether the same request may be sent again. [`Retry::FreshToken`] only helps a caller that has a token to renew.
    pub retry: Retry,
    /// The catalogue's row; `None` when the contract lists neither the code nor the status.
    pub row: Option<&'static Row>,
    /// The machine-readable code of the body, whether the catalogue knows it or not.
    pub code: Option<String>,
    /// The vendor's text, cleaned and cut; our own words when there is none.
    pub message: String,
    /// Whether `message` is the answer's.
    pub is_quoted: bool,
    /// Faults of single fields, where the answer names them.
    pub details: Vec<Detail>,
    /// What the message is about, such as the id that was not found or the job that is running already.
    pub parameters: Vec<String>,
    /// Quote it to the vendor's support.
    pub request_id: Option<String>,
    /// The wait that the answer states.
    pub wait: Option<Duration>,
}

/// Classifies an answer whose status is not 2xx: by the catalogue's row of its code, else of its status, else by what the
/// status means everywhere.
pub fn classify(context: &Context, status: u16, headers: &HeaderMap, body: &[u8], now: SystemTime) -> Classified {
    let body = Body::read(context.contract, headers, body);
    let request_id = request_id(context.contract, headers, &body);
    let wait = wait::stated(context.contract, context.service, headers, body.object.as_ref(), now);
    let mark = rules::mark(context, status, headers, &body);
    let coded = |code| lookup(context.contract, context.service, status, code);
    let row = match context.contract {
        // Its codes are unique and mean the same with any status.
        Contract::ScanApi => body.code.as_deref().and_then(|code| code.parse::<Code>().ok()).map(Code::row),
        Contract::Tenable | Contract::Zscaler | Contract::ArcticWolf | Contract::Pytenable => {
            // What the body says in a known code is surer than any mark beside it.
            let plain = coded(body.code.as_deref());
            let by_code = plain.filter(|row| row.code.is_some());
            by_code.or_else(|| mark.and_then(|mark| coded(Some(mark)))).or(plain)
        }
    };
    let (kind, retry) = rules::judge(context, status, &body, row, wait);
    let is_quoted = body.message.is_some();
    let message = match body.message {
        Some(message) => message,
        None if context.contract == Contract::ScanApi => {
            format!("an answer with status {status} that is none of the Scan API's")
        }
        None => match row {
            Some(row) => row.message.to_string(),
            None => format!("an answer with status {status} and nothing that says why"),
        },
    };
    Classified {
        kind,
        retry,
        row,
        code: body.code,
        message,
        is_quoted,
        details: body.details,
        parameters: body.parameters,
        request_id,
        wait,
    }
}

/// Finds the failure that hides in a 2xx: an error in the body, or a page for people where JSON was asked for. `None` when
/// the answer is what it says. An empty body is a success.
pub fn classify_success(
    context: &Context,
    status: u16,
    headers: &HeaderMap,
    body: &[u8],
    now: SystemTime,
) -> Option<Classified> {
    if context.is_download || body.iter().all(u8::is_ascii_whitespace) {
        return None;
    }
    if body::is_html(headers, body) {
        let body = Body::read(context.contract, headers, body);
        let page = body.message.unwrap_or_default();
        let message = format!("a success with a page for people in place of data: {page}");
        return Some(Classified {
            kind: Kind::Decode,
            retry: Retry::Never,
            row: None,
            code: None,
            message,
            is_quoted: false,
            details: Vec::new(),
            parameters: Vec::new(),
            request_id: request_id(context.contract, headers, &Body::default()),
            wait: None,
        });
    }
    let hidden = rules::hidden_status(context, status, body)?;
    let mut found = classify(context, hidden, headers, body, now);
    match found.kind {
        Kind::Unknown => found.kind = Kind::Server,
        // The row of a success explains nothing here.
        Kind::Ok | Kind::Created | Kind::Accepted | Kind::NoContent => (found.kind, found.row) = (Kind::Server, None),
        _ => {}
    }
    Some(found)
}

/// The kind of a success, by its status.
pub fn success_kind(status: u16) -> Kind {
    match status {
        201 => Kind::Created,
        202 => Kind::Accepted,
        204 => Kind::NoContent,
        _ => Kind::Ok,
    }
}

/// The longest request id that is kept.
const REQUEST_ID_CHARS: usize = 200;

fn request_id(contract: Contract, headers: &HeaderMap, body: &Body) -> Option<String> {
    let names: &[&str] = match contract {
        Contract::ScanApi => &["x-request-id"],
        Contract::Tenable | Contract::Pytenable => &["x-request-uuid", "x-tio-last-request-uuid", "x-request-id"],
        Contract::Zscaler => &["x-transaction-id", "x-request-id", "x-oneapi-request-id"],
        Contract::ArcticWolf => &["x-request-id", "x-amzn-requestid", "x-correlation-id"],
    };
    let header = || names.iter().find_map(|name| header(headers, name));
    let id = body.request_id.as_deref().or_else(header)?;
    (!id.is_empty()).then(|| body::plain(id, REQUEST_ID_CHARS))
}
