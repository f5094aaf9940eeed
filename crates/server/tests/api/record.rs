//! What a test asked, as people read it, and what of it is secret.

use axum::body::{Body, Bytes};
use http::{HeaderMap, Method};
use http_body::Body as _;
use http_body_util::BodyExt;
use serde_json::Value;
use std::cell::Cell;

/// The longest line of a request that is shown whole.
const LINE: usize = 160;
/// Names of members that hold a secret, in requests and in answers.
const SECRET_MEMBERS: &[&str] = &[
    "key",
    "secret",
    "password",
    "currentPassword",
    "newPassword",
    "token",
    "accessToken",
    "refreshToken",
    "previousSecret",
];

thread_local! {
    /// Whether the nodes that this thread makes are called over real connections: a test runs on one thread.
    static OVER_HTTP: Cell<bool> = const { Cell::new(false) };
}

/// From now on this test's calls go through a socket.
pub fn go_over_http() {
    OVER_HTTP.set(true);
}

pub fn is_over_http() -> bool {
    OVER_HTTP.get()
}

/// A request, written down before it is sent.
#[derive(Debug, Clone, Default)]
pub struct Asked {
    /// As in a manual: method and path, the headers that matter, the body.
    pub text: String,
    /// What of it nobody may repeat.
    pub secrets: Vec<String>,
}

/// Writes a request down; the body is read and given back, unless it has no end.
pub async fn record(method: &Method, uri: &str, headers: &HeaderMap, body: Body) -> (Asked, Body) {
    let mut asked = Asked { text: shortened(&format!("{method} {uri}")), secrets: Vec::new() };
    for (name, value) in headers {
        let value = value.to_str().unwrap_or("(not ASCII)");
        let shown = match name.as_str() {
            "x-api-key" if value.starts_with("cix_sk_") => "cix_sk_…".to_string(),
            "authorization" => format!("{} …", value.split(' ').next().unwrap_or_default()),
            _ => value.to_string(),
        };
        asked.text.push_str(&shortened(&format!("\n{name}: {shown}")));
        if matches!(name.as_str(), "x-api-key" | "authorization" | "cookie") {
            asked.secrets.extend(value.split([' ', '=', ';']).filter(|word| word.len() >= 20).map(str::to_string));
        }
    }
    if body.size_hint().exact().is_none() {
        asked.text.push_str("\n\n(a body that does not end)");
        return (asked, body);
    }
    let bytes: Bytes = body.collect().await.unwrap().to_bytes();
    if let Ok(mut sent) = serde_json::from_slice::<Value>(&bytes) {
        let found = take_secrets(&mut sent);
        let shown = if found.is_empty() { String::from_utf8_lossy(&bytes).into_owned() } else { sent.to_string() };
        asked.secrets.extend(found);
        asked.text.push_str(&shortened(&format!("\n\n{shown}")));
    } else if !bytes.is_empty() {
        asked.text.push_str(&shortened(&format!("\n\n{}", String::from_utf8_lossy(&bytes))));
    }
    (asked, Body::from(bytes))
}

/// The secrets of a JSON text, each blotted out where it stood.
pub fn take_secrets(value: &mut Value) -> Vec<String> {
    match value {
        Value::Object(members) => {
            let mut found = Vec::new();
            for (name, value) in members {
                match value {
                    Value::String(text) if SECRET_MEMBERS.contains(&name.as_str()) && text.len() >= 8 => {
                        found.push(std::mem::replace(text, "…".to_string()));
                    }
                    value => found.extend(take_secrets(value)),
                }
            }
            found
        }
        Value::Array(items) => items.iter_mut().flat_map(take_secrets).collect(),
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => Vec::new(),
    }
}

/// A line that nobody wants to read to its end.
fn shortened(text: &str) -> String {
    let text = text.replace('\u{1b}', "␛");
    match text.char_indices().nth(LINE) {
        Some((at, _)) if text.len() > 2 * LINE => format!("{}… ({} bytes)", &text[..at], text.trim_start().len()),
        Some(_) | None => text,
    }
}

/// The text without what is another one at every run: ids and ports.
pub fn steady(text: &str) -> String {
    let (mut steady, mut rest) = (String::new(), text);
    while let Some(c) = rest.chars().next() {
        if rest.get(..36).is_some_and(|word| word.contains('-') && uuid::Uuid::parse_str(word).is_ok()) {
            let is_fixed = rest.starts_with("019bc000-0000");
            steady.push_str(if is_fixed { &rest[..36] } else { "<uuid>" });
            rest = &rest[36..];
        } else if let Some(after) =
            rest.strip_prefix("127.0.0.1:").filter(|after| after.starts_with(|c: char| c.is_ascii_digit()))
        {
            steady.push_str("127.0.0.1:<port>");
            rest = after.trim_start_matches(|c: char| c.is_ascii_digit());
        } else {
            steady.push(c);
            rest = &rest[c.len_utf8()..];
        }
    }
    steady
}
