//! What an answer's body says, in any of the vendors' shapes.

use crate::contract::Contract;
use crate::scan_api::Code;
use crate::wire::{Detail, Failed};
use http::HeaderMap;
use http::header::CONTENT_TYPE;
use serde_json::{Map, Value};

/// A larger body is no error's: it is judged by its status.
const MAX_BODY: usize = 1024 * 1024;
/// The most characters of a message.
const MESSAGE_CHARS: usize = 1_000;
/// The most characters of a code.
const CODE_CHARS: usize = 100;
/// The most details and parameters that are kept.
const MAX_ITEMS: usize = 50;
/// How often a JSON document inside a string is opened.
const MAX_DEPTH: usize = 3;

/// Where the vendors put a code.
const CODES: [&str; 6] = ["code", "id", "errorCode", "msgId", "error_code", "exception"];
/// Where they put the text, the most telling first.
const MESSAGES: [&str; 12] = [
    "message",
    "reason",
    "errorMessage",
    "errorMsg",
    "errorDetails",
    "error_msg",
    "error_description",
    "description",
    "detail",
    "failure_reason",
    "error",
    "title",
];

/// A body, read as far as it can be.
#[derive(Debug, Default)]
pub(super) struct Body {
    /// The document, when it is an object or an array that begins with one.
    pub object: Option<Map<String, Value>>,
    pub code: Option<String>,
    pub message: Option<String>,
    pub details: Vec<Detail>,
    pub parameters: Vec<String>,
    pub request_id: Option<String>,
    /// What the Scan API's envelope says about trying again.
    pub is_retryable: Option<bool>,
}

impl Body {
    pub fn read(contract: Contract, headers: &HeaderMap, bytes: &[u8]) -> Body {
        if bytes.len() > MAX_BODY || bytes.iter().all(u8::is_ascii_whitespace) {
            return Body::default();
        }
        if contract == Contract::ScanApi {
            return scan_api(bytes);
        }
        match serde_json::from_slice(bytes) {
            Ok(value) => Body::of(contract, value, 0),
            Err(_) => Body::of_text(headers, bytes),
        }
    }

    fn of(contract: Contract, value: Value, depth: usize) -> Body {
        match value {
            Value::Object(object) => Body::of_object(contract, object, depth),
            Value::Array(items) => match items.into_iter().find(Value::is_object) {
                Some(first) => Body::of(contract, first, depth),
                None => Body::default(),
            },
            Value::String(text) => Body::of_string(contract, &text, depth),
            Value::Null | Value::Bool(_) | Value::Number(_) => Body::default(),
        }
    }

    /// A text, or a document inside one.
    fn of_string(contract: Contract, text: &str, depth: usize) -> Body {
        if depth < MAX_DEPTH
            && text.trim_start().starts_with(['{', '['])
            && let Ok(inner) = serde_json::from_str(text)
        {
            return Body::of(contract, inner, depth + 1);
        }
        Body { message: clean(text), ..Body::default() }
    }

    fn of_object(contract: Contract, object: Map<String, Value>, depth: usize) -> Body {
        let first =
            object.get("errors").and_then(Value::as_array).and_then(|errors| errors.first()).and_then(Value::as_object);
        let mut body = Body {
            code: code(contract, &object).or_else(|| first.and_then(graphql_code)),
            message: message(&object).or_else(|| first.and_then(message)),
            details: details(&object),
            parameters: parameters(&object),
            request_id: object.get("requestId").and_then(Value::as_str).map(str::to_string),
            ..Body::default()
        };
        let nested = ["error", "message"].iter().find_map(|name| match object.get(*name) {
            Some(Value::Object(inner)) if depth < MAX_DEPTH => {
                Some(Body::of_object(contract, inner.clone(), depth + 1))
            }
            Some(Value::String(text)) if text.trim_start().starts_with('{') => {
                let inner = Body::of_string(contract, text, depth);
                inner.object.is_some().then_some(inner)
            }
            Some(_) | None => None,
        });
        if let Some(inner) = nested {
            body.code = inner.code.or(body.code);
            body.message = inner.message.or(body.message);
            body.details.extend(inner.details);
            body.parameters.extend(inner.parameters);
        }
        body.object = Some(object);
        body
    }

    /// Plain text, or a page for people.
    fn of_text(headers: &HeaderMap, bytes: &[u8]) -> Body {
        // Nothing that anybody could read, such as a compressed body.
        if bytes.contains(&0) {
            return Body::default();
        }
        let text = String::from_utf8_lossy(&bytes[..bytes.len().min(64 * 1024)]);
        if is_html(headers, bytes) {
            return Body { message: clean(&page_text(&text)), ..Body::default() };
        }
        // What Zscaler's retired addresses answer, in words alone.
        let code = text.contains("only through zscaler oneapi").then(|| "ONLY_ONEAPI_SUPPORTED".to_string());
        Body { code, message: clean(&text), ..Body::default() }
    }
}

fn scan_api(bytes: &[u8]) -> Body {
    let Ok(failed) = serde_json::from_slice::<Failed>(bytes) else { return scan_api_in_part(bytes) };
    let object = failed.retry_after.map(|seconds| Map::from_iter([("retryAfter".to_string(), Value::from(seconds))]));
    Body {
        object,
        code: Some(failed.code),
        message: Some(failed.error),
        details: failed.details,
        parameters: Vec::new(),
        request_id: Some(failed.request_id),
        is_retryable: Some(failed.retryable),
    }
}

/// An answer that says less than our envelope, or says it as `application/problem+json`: known by its code.
fn scan_api_in_part(bytes: &[u8]) -> Body {
    let body = serde_json::from_slice(bytes).map(|value| Body::of(Contract::ScanApi, value, 0)).unwrap_or_default();
    if body.code.as_deref().is_none_or(|code| code.parse::<Code>().is_err()) {
        return Body::default();
    }
    let retryable = body.object.as_ref().and_then(|object| object.get("retryable"));
    Body { is_retryable: retryable.and_then(Value::as_bool), ..body }
}

/// The code: a word, or a number where the vendor numbers its errors.
fn code(contract: Contract, object: &Map<String, Value>) -> Option<String> {
    let named = CODES.iter().find_map(|name| match object.get(*name) {
        Some(Value::String(code)) => short(code),
        // 0 says that there is no error.
        Some(Value::Number(number)) if *name != "id" && number.as_i64() != Some(0) => Some(number.to_string()),
        Some(_) | None => None,
    });
    named.or_else(|| {
        // The error of OAuth: a word, with its description beside it.
        let word = object.get("error").and_then(Value::as_str).filter(|word| !word.contains([' ', '{']))?;
        let is_oauth = object.contains_key("error_description") || contract == Contract::Zscaler;
        if is_oauth { short(word) } else { None }
    })
}

fn graphql_code(error: &Map<String, Value>) -> Option<String> {
    let extensions = error.get("extensions").and_then(Value::as_object);
    let code = extensions.and_then(|inner| inner.get("code")).or_else(|| error.get("code"))?;
    code.as_str().and_then(short)
}

fn short(code: &str) -> Option<String> {
    let code = plain(code.trim(), CODE_CHARS);
    (!code.is_empty()).then_some(code)
}

/// A text from outside without control characters, cut.
pub(super) fn plain(text: &str, most: usize) -> String {
    let is_plain = text.len() <= most && text.bytes().fold(true, |plain, byte| plain & matches!(byte, b' '..=b'~'));
    if is_plain { text.to_string() } else { text.chars().filter(|c| !c.is_control()).take(most).collect() }
}

fn message(object: &Map<String, Value>) -> Option<String> {
    MESSAGES.iter().find_map(|name| object.get(*name).and_then(Value::as_str).and_then(clean))
}

/// Faults of fields: Tenable's `validation`, Arctic Wolf's `errors`, and the problem document's `details`.
fn details(object: &Map<String, Value>) -> Vec<Detail> {
    let mut found = Vec::new();
    if let Some(validation) = object.get("validation").and_then(Value::as_object) {
        let reason = validation.get("source").and_then(Value::as_str).unwrap_or("request");
        let keys = validation.get("keys").and_then(Value::as_array).into_iter().flatten();
        found.extend(
            keys.filter_map(Value::as_str)
                .map(|key| Detail::field(cut(key), format!("not valid in the {}", cut(reason)))),
        );
    }
    for name in ["errors", "details"] {
        for item in object.get(name).and_then(Value::as_array).into_iter().flatten().take(MAX_ITEMS) {
            let Some(item) = item.as_object() else { continue };
            let Some(reason) = message(item) else { continue };
            let field = item.get("field").and_then(Value::as_str).map(cut);
            found.push(Detail { field, reason, line: None, column: None });
        }
    }
    found.truncate(MAX_ITEMS);
    found
}

/// ZPA's `params`, and the job that Tenable says is running already.
fn parameters(object: &Map<String, Value>) -> Vec<String> {
    let text = |value: &Value| match value {
        Value::String(text) => Some(cut(text)),
        Value::Number(number) => Some(number.to_string()),
        Value::Null | Value::Bool(_) | Value::Array(_) | Value::Object(_) => None,
    };
    let params = object.get("params").and_then(Value::as_array).into_iter().flatten().take(MAX_ITEMS);
    params.filter_map(text).chain(object.get("active_job_id").and_then(text)).collect()
}

/// Whether the answer is a page for people.
pub(super) fn is_html(headers: &HeaderMap, body: &[u8]) -> bool {
    let is_named = headers
        .get(CONTENT_TYPE)
        .and_then(|kind| kind.to_str().ok())
        .is_some_and(|kind| kind.trim_start().to_ascii_lowercase().starts_with("text/html"));
    let start = body.trim_ascii_start();
    let begins = |with: &[u8]| start.get(..with.len()).is_some_and(|first| first.eq_ignore_ascii_case(with));
    // A document of JSON is data, whatever its type says.
    (is_named && !matches!(start.first(), Some(b'{' | b'['))) || begins(b"<!doctype html") || begins(b"<html")
}

/// The title of a page, else its text without tags.
fn page_text(page: &str) -> String {
    let lower = page.to_ascii_lowercase();
    let title =
        lower.find("<title>").map(|at| at + 7).and_then(|from| Some((from, from + lower[from..].find("</title>")?)));
    if let Some((from, to)) = title
        && !page[from..to].trim().is_empty()
    {
        return page[from..to].to_string();
    }
    let mut text = String::new();
    let mut is_tag = false;
    for c in page.chars() {
        match c {
            '<' => is_tag = true,
            '>' => {
                is_tag = false;
                text.push(' ');
            }
            _ if !is_tag => text.push(c),
            _ => {}
        }
    }
    text
}

/// A text from outside in one line, without what hides or reorders text; `None` when nothing is left.
fn clean(text: &str) -> Option<String> {
    let is_clean =
        |text: &[u8]| text.iter().all(|byte| matches!(byte, b' '..=b'~')) && !text.windows(2).any(|two| two == b"  ");
    if text.len() <= MESSAGE_CHARS && is_clean(text.as_bytes()) {
        let text = text.trim();
        return (!text.is_empty()).then(|| text.to_string());
    }
    let mut out = String::new();
    for (index, word) in
        text.split(|c: char| c.is_whitespace() || c.is_control()).filter(|word| !word.is_empty()).enumerate()
    {
        if index > 0 {
            out.push(' ');
        }
        out.extend(word.chars().filter(|c| !crate::fill::is_invisible(*c)));
        if out.len() > MESSAGE_CHARS * 4 {
            break;
        }
    }
    if let Some((end, _)) = out.char_indices().nth(MESSAGE_CHARS) {
        out.truncate(end);
        out.push('…');
    }
    (!out.is_empty()).then_some(out)
}

fn cut(text: &str) -> String {
    crate::fill::clean(text)
}
